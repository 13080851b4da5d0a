//! The commands of one connection that are under way: asked, and not all answered.
//!
//! Commands that run elsewhere are answered when they come back, in any order; those that run here in the
//! meantime are answered at once. Replies leave in the order of the commands all the same:
//! ```text
//! asked     GET a   GET b   GET c   GET d            a, c: another worker's; b, d: ours
//! answers   waiting "b"     waiting "d"              b and d lie in the stash
//! a is answered: a and b leave;  then c is answered: c and d leave
//! ```
//! An answer that is next in line goes straight to the output; others are kept in the stash until it is
//! their turn.

/// A command's place in the order of its connection. Wraps around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seq(u32);

/// See the module.
#[derive(Debug, Default)]
pub struct Flight {
    /// The place of the first command that is under way: `answers[left]`.
    first: u32,
    /// How many of `answers` have left.
    left: usize,
    answers: Vec<Answer>,
    /// Bytes of answers whose turn has not come, in no order.
    stash: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Awaited {
        /// The client does not want to hear it.
        muted: bool,
    },
    Stashed {
        start: usize,
        len: usize,
    },
}

/// The stash's memory is kept up to this size between flights.
const STASH_KEPT: usize = 16 * 1024;
/// So many answers may have left before those behind them move to the front.
const LEFT_MAX: usize = 1024;

impl Flight {
    /// Whether nothing is under way: the next reply may go straight to the output.
    #[inline]
    pub fn is_landed(&self) -> bool {
        self.answers.is_empty()
    }

    /// How many commands are under way, answered ones in the stash counted.
    pub fn len(&self) -> usize {
        self.answers.len() - self.left
    }

    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The place of the next command.
    pub fn end(&self) -> Seq {
        Seq(self.first.wrapping_add(self.len() as u32))
    }

    /// Whether the answers to all commands before a place have left.
    pub fn has_come_to(&self, place: Seq) -> bool {
        // Fewer than 2^31 commands are under way.
        self.first.wrapping_sub(place.0) as i32 >= 0
    }

    /// Bytes that wait in the stash.
    pub fn stashed_len(&self) -> usize {
        self.stash.len()
    }

    pub fn capacity(&self) -> usize {
        self.stash.capacity() + self.answers.capacity() * size_of::<Answer>()
    }

    /// A command has gone out; its answer will come to the place returned. One that is `muted` is swallowed.
    #[inline]
    pub fn expect(&mut self, muted: bool) -> Seq {
        let seq = self.end();
        self.answers.push(Answer::Awaited { muted });
        seq
    }

    /// A command is answered here and now, behind others that are not: `write` appends its reply.
    #[inline]
    pub fn stash<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        debug_assert!(!self.is_landed(), "nothing to wait behind");
        let start = self.stash.len();
        let result = write(&mut self.stash);
        self.answers.push(Answer::Stashed { start, len: self.stash.len() - start });
        result
    }

    /// The answer to the command at `seq`. Moves what may leave now to `out`.
    ///
    /// # Panics
    /// If no answer is awaited there: every command is answered once.
    #[inline]
    pub fn answer(&mut self, seq: Seq, reply: &[u8], out: &mut Vec<u8>) {
        let ahead = seq.0.wrapping_sub(self.first) as usize;
        let Some(answer @ &mut Answer::Awaited { muted }) = self.answers.get_mut(self.left + ahead) else {
            panic!("an answer nobody waits for")
        };
        let reply = if muted { &[] } else { reply };
        if ahead == 0 {
            out.extend_from_slice(reply);
            self.land(out);
        } else {
            *answer = Answer::Stashed { start: self.stash.len(), len: reply.len() };
            self.stash.extend_from_slice(reply);
        }
    }

    /// The first answer has left; moves those that are next in line to `out`.
    #[inline]
    fn land(&mut self, out: &mut Vec<u8>) {
        let behind = &self.answers[self.left + 1..];
        let mut count = 1;
        for answer in behind {
            let Answer::Stashed { start, len } = *answer else { break };
            out.extend_from_slice(&self.stash[start..start + len]);
            count += 1;
        }
        self.left += count;
        self.first = self.first.wrapping_add(count as u32);
        if self.left == self.answers.len() {
            self.left = 0;
            self.answers.clear();
            self.stash.clear();
            if self.stash.capacity() > STASH_KEPT {
                self.stash = Vec::new();
            }
        } else if self.left >= LEFT_MAX {
            self.answers.drain(..self.left);
            self.left = 0;
        }
    }

    /// Gives memory back; nothing is under way.
    pub fn shrink(&mut self) {
        debug_assert!(self.is_landed());
        (self.stash, self.answers) = (Vec::new(), Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_leave_in_the_order_of_the_commands() {
        let (mut flight, mut out) = (Flight::default(), Vec::new());
        assert!(flight.is_landed());
        let a = flight.expect(false);
        flight.stash(|stash| stash.extend_from_slice(b"b"));
        let c = flight.expect(false);
        flight.stash(|stash| stash.extend_from_slice(b"d"));
        let e = flight.expect(true);
        flight.answer(c, b"ccc", &mut out);
        assert_eq!(out, b"");
        flight.answer(a, b"a", &mut out);
        assert_eq!(out, b"abcccd");
        assert!(!flight.is_landed());
        flight.answer(e, b"e", &mut out);
        assert_eq!(out, b"abcccd");
        assert!(flight.is_landed());
        assert_eq!(flight.stashed_len(), 0);
    }

    #[test]
    #[should_panic(expected = "nobody waits for")]
    fn an_answer_comes_once() {
        let (mut flight, mut out) = (Flight::default(), Vec::new());
        flight.expect(false);
        let seq = flight.expect(false);
        flight.answer(seq, b"x", &mut out);
        flight.answer(seq, b"x", &mut out);
    }

    #[test]
    fn any_order_of_arrival_gives_the_order_of_asking_across_the_wrap() {
        let mut random = 88_172_645_463_325_252_u64;
        let mut next = move |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        let mut flight = Flight { first: u32::MAX - 500, ..Flight::default() };
        let (mut out, mut expected, mut under_way) = (Vec::new(), Vec::new(), Vec::new());
        assert!(flight.has_come_to(flight.end()));
        let late = Seq(flight.first.wrapping_add(1000));
        for number in 0..3000_u32 {
            assert_eq!(flight.has_come_to(late), out.len() >= 4 * 1000, "after {} replies", out.len() / 4);
            let reply = number.to_le_bytes();
            expected.extend_from_slice(&reply);
            if next(2) == 0 && !flight.is_landed() {
                flight.stash(|stash| stash.extend_from_slice(&reply));
            } else {
                under_way.push((flight.expect(false), reply));
            }
            while !under_way.is_empty() && next(3) == 0 {
                let (seq, reply) = under_way.swap_remove(next(under_way.len()));
                flight.answer(seq, &reply, &mut out);
            }
        }
        for (seq, reply) in under_way {
            flight.answer(seq, &reply, &mut out);
        }
        assert!(flight.is_landed());
        assert_eq!(out, expected);
    }
}
