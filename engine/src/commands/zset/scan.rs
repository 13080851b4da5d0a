//! Members bit by bit: ZSCAN.

use crate::command::args::ScanOptions;
use crate::command::{Args, Arity, CommandResult, DataCommand, Exec, Group, Keys, Outcome, Reply, Spec};
use crate::number::Double;
use crate::types::zset::Zset;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("ZSCAN", Arity::AtLeast(3), Keys::ONE)
        .group(Group::SortedSet)
        .syntax("key cursor [MATCH pattern] [COUNT count]")
        .doc(
            "2.8.0",
            "O(log(N)) for every call, more where many members share a score. O(N) for a complete iteration, \
             including enough command calls for the cursor to return back to 0. N is the number of elements \
             inside the collection.",
            "Iterates over members and scores of a sorted set.",
        )
        .tips(&["nondeterministic_output"]),
    run: zscan,
}];

fn zscan(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let cursor = args.cursor()?;
    let mut found = Vec::new();
    let mut next = 0;
    if let Some(zset) = exec.read_collection::<Zset>(&key)? {
        let options = ScanOptions::parse(args)?;
        let heap = exec.heap(&key);
        next = zset.scan(heap, cursor, options.count, |item| {
            if options.wants_all() || options.wants(&item.text.view(heap).contiguous()) {
                found.push(item);
            }
        });
    }
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(2 * found.len());
    for item in found {
        reply.string(item.text.view(exec.heap(&key)));
        reply.bulk(Double::new(item.score).as_bytes());
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::testing::{Session, check};

    #[test]
    fn small_sets_come_at_once() {
        check(
            "> ZADD z 1 a 2.5 b
             (integer) 2
             > ZSCAN z 0
             1) \"0\"
             2) 1) \"a\"
                2) \"1\"
                3) \"b\"
                4) \"2.5\"
             > ZSCAN z 0 MATCH b* COUNT 1
             1) \"0\"
             2) 1) \"b\"
                2) \"2.5\"
             > ZSCAN nothing 0 BOGUS
             1) \"0\"
             2) (empty array)
             > ZSCAN z x
             (error) ERR invalid cursor
             > ZSCAN z 0 COUNT 0
             (error) ERR syntax error
             > ZSCAN z 0 COUNT x
             (error) ERR value is not an integer or out of range
             > ZSCAN z 0 TYPE string
             (error) ERR syntax error
             > SET s v
             OK
             > ZSCAN s 0
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    /// All members with scores, each of which must come once.
    fn walk(session: &mut Session, mut change: impl FnMut(&mut Session)) -> BTreeMap<String, usize> {
        let (mut cursor, mut seen) = ("0".to_owned(), BTreeMap::new());
        loop {
            let reply = session.run(&format!("ZSCAN z {cursor}"));
            let mut texts = reply.split('"').skip(1).step_by(2).map(str::to_owned);
            cursor = texts.next().expect("a cursor");
            texts.step_by(2).for_each(|member| *seen.entry(member).or_default() += 1);
            if cursor == "0" {
                return seen;
            }
            change(session);
        }
    }

    #[test]
    fn members_that_stay_come_once_whatever_becomes_of_their_scores() {
        for scores in [1, 3, 5000] {
            let mut session = Session::new(1);
            for nth in 0..2000 {
                session.run(&format!("ZADD z {} stays:{nth}", nth % scores));
                session.run(&format!("ZADD z {} goes:{nth}", nth % scores));
            }
            let mut round = 0;
            let seen = walk(&mut session, |session| {
                for nth in (0..2000).skip(round % 7).step_by(97) {
                    session
                        .run(&format!("ZINCRBY z {} stays:{nth}", if nth % 2 == 0 { 1000 } else { -1000 }));
                    session.run(&format!("ZREM z goes:{nth}"));
                    session.run(&format!("ZADD z 3 new:{nth}:{round}"));
                }
                round += 1;
            });
            let stayed = seen.iter().filter(|(member, _)| member.starts_with("stays"));
            assert!(stayed.clone().all(|(_, times)| *times == 1));
            assert_eq!(stayed.count(), 2000);
        }
    }

    #[test]
    fn a_walk_goes_on_in_a_set_that_has_become_small() {
        let mut session = Session::new(1);
        for nth in 0..1000 {
            session.run(&format!("ZADD z 7 m:{nth}"));
        }
        let seen = walk(&mut session, |session| {
            for nth in 50..1000 {
                session.run(&format!("ZREM z m:{nth}"));
            }
        });
        assert!((0..50).all(|nth| seen.get(&format!("m:{nth}")) == Some(&1)));
    }
}
