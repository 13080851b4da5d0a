//! Adding members and changing scores: ZADD, ZINCRBY.

use smallvec::SmallVec;

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number::{self, Double};
use crate::types::zset::Zset;

const ONE_COUNTED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("ZADD", Arity::AtLeast(4), Keys::ONE_UPDATE)
            .element(3)
            .group(Group::SortedSet)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]")
            .doc(
                "1.2.0",
                "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
                "Adds one or more members to a sorted set, or updates their scores. Creates the key if it \
                 doesn't exist.",
            ),
        run: zadd,
    },
    DataCommand {
        spec: Spec::write("ZINCRBY", Arity::Exactly(4), ONE_COUNTED)
            .element(3)
            .group(Group::SortedSet)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key increment member")
            .doc(
                "1.2.0",
                "O(log(N)) where N is the number of elements in the sorted set.",
                "Increments the score of a member in a sorted set.",
            ),
        run: |exec, args, reply| {
            let key = args.key()?;
            // As Redis has it, which takes ZADD's options here, too; they leave no pair.
            let mut options = Options { incr: true, ..Options::default() };
            while options.take(args) {}
            add(exec, &key, args.rest(), options, reply)
        },
    },
];

/// What a command does with members that are there, or are not.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::commands) struct Options {
    pub nx: bool,
    pub xx: bool,
    pub ch: bool,
    gt: bool,
    lt: bool,
    incr: bool,
}

impl Options {
    fn take(&mut self, args: &mut Args<'_>) -> bool {
        // Scores begin with something else, but for infinity.
        if !args.peek().and_then(|word| word.first()).is_some_and(u8::is_ascii_alphabetic) {
            return false;
        }
        let options = [
            ("NX", &mut self.nx),
            ("XX", &mut self.xx),
            ("GT", &mut self.gt),
            ("LT", &mut self.lt),
            ("CH", &mut self.ch),
            ("INCR", &mut self.incr),
        ];
        for (keyword, option) in options {
            if args.take(keyword) {
                *option = true;
                return true;
            }
        }
        false
    }

    /// The score that a member gets, whose score is `old` if it is there; `None` if it is left alone.
    fn score(&self, old: Option<f64>, given: f64) -> Result<Option<f64>, Error> {
        let Some(old) = old else { return Ok((!self.xx).then_some(given)) };
        if self.nx {
            return Ok(None);
        }
        let score = if self.incr { old + given } else { given };
        if score.is_nan() {
            return Err(Error::text("ERR resulting score is not a number (NaN)"));
        }
        let is_refused = self.gt && score <= old || self.lt && score >= old;
        Ok((!is_refused).then_some(score))
    }
}

fn zadd(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut options = Options::default();
    while options.take(args) {}
    add(exec, &key, args.rest(), options, reply)
}

fn add(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    pairs: &[&[u8]],
    options: Options,
    reply: &mut dyn Reply,
) -> CommandResult {
    let Options { nx, xx, gt, lt, incr, .. } = options;
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    } else if nx && xx {
        return Err(Error::text("ERR XX and NX options at the same time are not compatible"));
    } else if nx && (gt || lt) || gt && lt {
        return Err(Error::text("ERR GT, LT, and/or NX options at the same time are not compatible"));
    } else if incr && pairs.len() > 2 {
        return Err(Error::text("ERR INCR option supports a single increment-element pair"));
    }
    let scored = pairs.chunks_exact(2).map(|pair| {
        let score = number::parse_double(pair[0]).ok_or(Error::NotFloat)?;
        Ok((score, pair[1]))
    });
    let scored: SmallVec<[(f64, &[u8]); 4]> = scored.collect::<Result<_, Error>>()?;
    let result = add_scored(exec, key, &scored, options)?;
    match (incr, result.last) {
        (true, Some(score)) => reply.double(score),
        (true, None) => reply.null(),
        (false, _) => reply.count(result.added + if options.ch { result.updated } else { 0 }),
    }
    Ok(Outcome::Done)
}

/// What an addition has done.
#[derive(Debug, Default)]
pub(in crate::commands) struct Added {
    pub added: usize,
    pub updated: usize,
    /// The score of the last member, unless it was left alone.
    last: Option<f64>,
}

/// Adds members to the sorted set of a key and records what has changed.
pub(in crate::commands) fn add_scored(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    members: &[(f64, &[u8])],
    options: Options,
) -> Result<Added, Error> {
    let limits = exec.caller().encodings;
    let mut opened = exec.collection_to_write::<Zset>(key)?;
    let mut result = Added::default();
    if !opened.exists() && options.xx {
        return Ok(result);
    }
    let is_heard = exec.is_heard(key);
    let mut told = if is_heard { words(&[b"ZADD", key.bytes]) } else { Vec::new() };
    for (given, member) in members {
        let heap = exec.heap_mut(key);
        let mut spot = opened.value.find(heap, member);
        let old = spot.score();
        result.last = options.score(old, *given)?;
        let Some(score) = result.last else { continue };
        match old {
            None => {
                opened.value.add(heap, &mut spot, score, &limits)?;
                result.added += 1;
            }
            Some(old) if old == score => continue,
            Some(_) => {
                opened.value.set_score(heap, &mut spot, score)?;
                result.updated += 1;
            }
        }
        if is_heard {
            told.extend(words(&[Double::new(score).as_bytes(), member]));
        }
    }
    if result.added + result.updated > 0 {
        let event = Event::sorted_set(if options.incr { "zincr" } else { "zadd" });
        exec.changed(key, event, || told);
        exec.store(key, opened)?;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn members_are_added_and_given_other_scores() {
        check(
            "> ZADD z 1 a 2.5 b
             (integer) 2
             ! zadd ZADD z 1 a 2.5 b
             > ZADD z 1 a 3 b -inf c
             (integer) 1
             ! zadd ZADD z 3 b -inf c
             > ZADD z CH 1 a 4 b 0.1 d
             (integer) 2
             ! zadd ZADD z 4 b 0.10000000000000001 d
             > ZADD z 1 a
             (integer) 0
             ! none
             > ZADD z 5 twice 6 twice
             (integer) 1
             ! zadd ZADD z 5 twice 6 twice
             > ZRANGE z 0 -1 WITHSCORES
             1) \"c\"
             2) \"-inf\"
             3) \"d\"
             4) \"0.10000000000000001\"
             5) \"a\"
             6) \"1\"
             7) \"b\"
             8) \"4\"
             9) \"twice\"
             10) \"6\"
             > ZADD z -0 zero
             (integer) 1
             > ZSCORE z zero
             \"0\"
             > SET s v
             OK
             > ZADD s 1 a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn options_say_which_members_change() {
        check(
            "> ZADD z XX 1 a
             (integer) 0
             ! none
             > EXISTS z
             (integer) 0
             > ZADD z NX 1 a
             (integer) 1
             > ZADD z nx ch 2 a 3 b
             (integer) 1
             ! zadd ZADD z 3 b
             > ZADD z XX CH 5 a 1 c
             (integer) 1
             ! zadd ZADD z 5 a
             > ZADD z GT CH 4 a 6 b 7 c
             (integer) 2
             ! zadd ZADD z 6 b 7 c
             > ZADD z XX LT CH 4 a 6 b 8 c 1 d
             (integer) 1
             ! zadd ZADD z 4 a
             > ZADD z INCR 1.5 a
             \"5.5\"
             ! zincr ZADD z 5.5 a
             > ZADD z INCR 0 a
             \"5.5\"
             ! none
             > ZADD z INCR GT -1 a
             (nil)
             > ZADD z NX INCR 1 a
             (nil)
             > ZADD z XX INCR 1 nobody
             (nil)
             > ZADD nothing XX INCR 1 nobody
             (nil)
             > ZADD z NX XX 1 a
             (error) ERR XX and NX options at the same time are not compatible
             > ZADD z NX GT 1 a
             (error) ERR GT, LT, and/or NX options at the same time are not compatible
             > ZADD z GT LT 1 a
             (error) ERR GT, LT, and/or NX options at the same time are not compatible
             > ZADD z INCR 1 a 2 b
             (error) ERR INCR option supports a single increment-element pair
             > ZADD z 1 a 2
             (error) ERR syntax error
             > ZADD z NX CH INCR
             (error) ERR syntax error
             > ZADD z CH 1 a x b
             (error) ERR value is not a valid float
             > ZADD z nan a
             (error) ERR value is not a valid float
             > ZADD z 1e400 a
             (error) ERR value is not a valid float",
        );
    }

    #[test]
    fn scores_are_incremented() {
        check(
            "> ZINCRBY z NX a
             (error) ERR syntax error
             > ZINCRBY z 1.25 a
             \"1.25\"
             ! zincr ZADD z 1.25 a
             > ZINCRBY z -2.25 a
             \"-1\"
             > ZINCRBY z +inf a
             \"inf\"
             > ZINCRBY z -inf a
             (error) ERR resulting score is not a number (NaN)
             > ZINCRBY z one a
             (error) ERR value is not a valid float
             > ZINCRBY z 1 a more
             (error) ERR wrong number of arguments for 'zincrby' command",
        );
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> ZINCRBY z 0.5 a
             (double) 0.5
             > ZADD z XX INCR 1 b
             (nil)",
        );
    }

    #[test]
    fn the_encoding_is_that_of_redis_and_stays_large() {
        let mut session = Session::new(1);
        session.caller.encodings.zset_max_listpack_entries = 3;
        session.caller.encodings.zset_max_listpack_value = 5;
        session.check(
            "> ZADD z 1 a 2 b 3 c
             (integer) 3
             > OBJECT ENCODING z
             \"listpack\"
             > ZADD z 4 d
             (integer) 1
             > OBJECT ENCODING z
             \"skiplist\"
             > ZADD z -0 zero
             (integer) 1
             > ZSCORE z zero
             \"-0\"
             > ZREM z a b c d
             (integer) 4
             > OBJECT ENCODING z
             \"skiplist\"
             > ZADD y 1 longer
             (integer) 1
             > OBJECT ENCODING y
             \"skiplist\"",
        );
    }
}
