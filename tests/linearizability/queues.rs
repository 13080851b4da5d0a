//! Whether clients that push, pop and wait can have done so at one moment each, in an order that respects real time.
//!
//! No token is pushed to a queue twice, so a history is wrong only if it shows one of a few patterns (after Henzinger, Sezgin
//! and Vafeiadis, Aspect-oriented linearizability proofs, CONCUR 2013): a token from nowhere, twice or lost; one popped
//! before it was pushed; two tokens out of order; or a wait that expired although there was a token at every moment at
//! which it can have ended.

use std::collections::HashMap;

use crate::history::Token;

/// What someone did at one moment between two others, nanoseconds.
#[derive(Debug, Clone)]
pub struct Step {
    pub start: u64,
    pub end: u64,
    pub acts: Vec<Act>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Push {
        queue: usize,
        token: Token,
    },
    Pop {
        queue: usize,
        token: Token,
    },
    /// None of these queues had a token when the wait ended, which was not before this.
    Expired {
        queues: Vec<usize>,
        not_before: u64,
    },
}

/// Which token comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The one that was pushed first.
    Arrival,
    /// The least.
    Number,
}

/// A token's time in a queue: when it was pushed, as the how-manieth of its step, and when it was popped.
#[derive(Debug, Clone, Copy)]
struct Stay {
    token: Token,
    pushed: (u64, u64),
    nth: usize,
    popped: (u64, u64),
}

/// Looks at a history of queues with these orders; `left` is what each of them held at the end, in its order.
///
/// # Errors
/// What is wrong, in words.
pub fn check(history: &[Step], orders: &[Order], left: &[Vec<Token>]) -> Result<(), String> {
    let mut all = Vec::new();
    for (queue, order) in orders.iter().enumerate() {
        let stays = stays(history, queue, &left[queue])?;
        check_order(queue, *order, &stays)?;
        all.push(stays);
    }
    for step in history {
        for act in &step.acts {
            if let Act::Expired { queues, not_before } = act
                && is_never_empty(queues.iter().flat_map(|queue| &all[*queue]), *not_before, step.end)
            {
                return Err(format!("queues {queues:?}: a wait expired beside tokens: {step:?}"));
            }
        }
    }
    Ok(())
}

fn stays(history: &[Step], queue: usize, left: &[Token]) -> Result<Vec<Stay>, String> {
    let mut stays: HashMap<Token, Stay> = HashMap::new();
    for step in history {
        for (nth, act) in step.acts.iter().enumerate() {
            if let Act::Push { queue: to, token } = act
                && *to == queue
            {
                let pushed = (step.start, step.end);
                stays.insert(*token, Stay { token: *token, pushed, nth, popped: (u64::MAX, 0) });
            }
        }
    }
    let pops = history.iter().flat_map(|step| step.acts.iter().map(move |act| (act, (step.start, step.end))));
    let pops = pops.filter_map(|(act, moments)| match act {
        Act::Pop { queue: from, token } if *from == queue => Some((*token, moments)),
        _ => None,
    });
    // What is left goes in its order, when all is over.
    let end = history.iter().map(|step| step.end).max().unwrap_or(0);
    let rest = left.iter().zip(end + 1..).map(|(token, moment)| (*token, (moment, moment)));
    for (token, popped) in pops.chain(rest) {
        let stay = stays.get_mut(&token).ok_or(format!("queue {queue}: token {token} comes from nowhere"))?;
        if stay.popped != (u64::MAX, 0) {
            return Err(format!("queue {queue}: token {token} twice"));
        }
        if popped.1 < stay.pushed.0 {
            return Err(format!("queue {queue}: token {token} before it was pushed"));
        }
        stay.popped = popped;
    }
    match stays.values().find(|stay| stay.popped == (u64::MAX, 0)) {
        Some(stay) => Err(format!("queue {queue}: token {} is lost", stay.token)),
        None => Ok(stays.into_values().collect()),
    }
}

/// No token stays behind while one is popped that comes after it.
fn check_order(queue: usize, order: Order, stays: &[Stay]) -> Result<(), String> {
    for first in stays {
        let comes_first = |second: &&Stay| match order {
            Order::Arrival => {
                let same = first.pushed == second.pushed && first.nth < second.nth;
                same || first.pushed.1 < second.pushed.0
            }
            Order::Number => first.token < second.token && first.pushed.1 < second.popped.0,
        };
        let mut overtaken = stays.iter().filter(comes_first);
        if let Some(second) = overtaken.find(|second| second.popped.1 < first.popped.0) {
            return Err(format!("queue {queue}: out of order: {first:?}, {second:?}"));
        }
    }
    Ok(())
}

/// Whether some token was there at every moment from `from` to `to`.
fn is_never_empty<'s>(stays: impl Iterator<Item = &'s Stay>, from: u64, to: u64) -> bool {
    // Surely there from the reply to the push until the request to pop.
    let mut sure: Vec<(u64, u64)> = stays.map(|stay| (stay.pushed.1, stay.popped.0)).collect();
    sure.retain(|(since, until)| since < until && *until > from && *since < to);
    sure.sort_unstable();
    let mut covered = from;
    for (since, until) in sure {
        if since >= covered {
            return false;
        }
        covered = covered.max(until);
        if covered > to {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps as their start, end and acts: `+0:1` pushes 1 to queue 0, `-0:1` pops it, `?01:5` finds queues 0 and 1 empty
    /// at 5 or later.
    fn verdict(order: Order, steps: &[(u64, u64, &str)], left: &[Token]) -> String {
        let act = |word: &str| {
            let (kind, rest) = word.split_at(1);
            let (queues, number) = rest.split_once(':').expect("queues and a number");
            let queues: Vec<usize> =
                queues.chars().map(|digit| digit.to_digit(10).expect("a digit") as usize).collect();
            let number: u32 = number.parse().expect("a number");
            match kind {
                "+" => Act::Push { queue: queues[0], token: number },
                "-" => Act::Pop { queue: queues[0], token: number },
                _ => Act::Expired { queues, not_before: u64::from(number) },
            }
        };
        let steps = steps.iter().map(|(start, end, acts)| Step {
            start: *start,
            end: *end,
            acts: acts.split_ascii_whitespace().map(act).collect(),
        });
        let found = check(&steps.collect::<Vec<_>>(), &[order; 2], &[left.to_vec(), Vec::new()]);
        found.map_or_else(|complaint| complaint, |()| "fine".into())
    }

    #[test]
    fn what_can_have_happened_passes() {
        for (steps, left) in [
            (&[(0, 1, "+0:1 +0:2"), (2, 3, "-0:1"), (2, 3, "-0:2")][..], &[][..]),
            (&[(0, 1, "+0:1"), (2, 3, "-0:1 +1:1"), (4, 5, "-1:1")], &[]),
            // Pushed in either order, so popped in either.
            (&[(0, 9, "+0:1"), (0, 9, "+0:2"), (10, 11, "-0:1"), (12, 13, "-0:2")], &[]),
            // Woken by a push that has no reply yet.
            (&[(0, 9, "-0:1"), (5, 10, "+0:1")], &[]),
            // Between a pop and the next push there may have been nothing.
            (&[(0, 1, "+0:1"), (2, 9, "?0:8"), (5, 6, "-0:1"), (7, 10, "+0:2")], &[2]),
            (&[(0, 1, "+0:1"), (2, 3, "?1:2")], &[1]),
        ] {
            assert_eq!(verdict(Order::Arrival, steps, left), "fine", "{steps:?}");
        }
        assert_eq!(
            verdict(Order::Number, &[(0, 1, "+0:2"), (2, 9, "+0:1"), (3, 4, "-0:2"), (10, 11, "-0:1")], &[]),
            "fine"
        );
    }

    #[test]
    fn what_cannot_is_found() {
        for (steps, left, complaint) in [
            (&[(0, 1, "+0:1"), (2, 3, "-0:1"), (2, 3, "-0:1")][..], &[][..], "twice"),
            (&[(0, 1, "+0:1"), (2, 3, "-0:1")], &[1], "twice"),
            (&[(0, 1, "+0:1")], &[], "lost"),
            (&[(0, 1, "-0:1")], &[], "nowhere"),
            (&[(0, 1, "-0:1"), (2, 3, "+0:1")], &[], "before"),
            (&[(0, 1, "+0:1"), (2, 3, "+0:2"), (4, 5, "-0:2"), (6, 7, "-0:1")], &[], "out of order"),
            (&[(0, 1, "+0:1 +0:2"), (4, 5, "-0:2")], &[1], "out of order"),
            // Nobody was woken: the token was there from before the end of the wait on.
            (&[(0, 9, "?0:8"), (2, 3, "+0:1"), (10, 11, "-0:1")], &[], "expired"),
            // One token or the other was there all the time.
            (
                &[(0, 1, "+0:1"), (2, 20, "?01:4"), (7, 8, "+1:2"), (10, 11, "-0:1"), (30, 31, "-1:2")],
                &[],
                "expired",
            ),
        ] {
            let found = verdict(Order::Arrival, steps, left);
            assert!(found.contains(complaint), "{steps:?}: {found}");
        }
        let overtaken = &[(0, 1, "+0:2"), (0, 1, "+0:1"), (3, 4, "-0:2"), (5, 6, "-0:1")];
        assert!(verdict(Order::Number, overtaken, &[]).contains("out of order"));
    }
}
