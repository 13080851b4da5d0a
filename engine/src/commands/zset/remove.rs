//! Removing members: ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use super::interval::{By, Interval};
use super::owned;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::zset::Zset;

const ONE_CUT: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::TRIM)]);

const fn range_row(name: &'static str) -> Spec {
    Spec::write(name, Arity::Exactly(4), ONE_CUT).group(Group::SortedSet)
}

const COST: &str = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements \
                    removed by the operation.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("ZREM", Arity::AtLeast(3), ONE_CUT)
.element(2)
            .group(Group::SortedSet)
            .flags(Flags::FAST)
            .syntax("key member [member ...]")
            .doc(
                "1.2.0",
                "O(M*log(N)) with N being the number of elements in the sorted set and M the number of \
                 elements to be removed.",
                "Removes one or more members from a sorted set. Deletes the sorted set if all members were \
                 removed.",
            ),
        run: zrem,
    },
    DataCommand {
        spec: range_row("ZREMRANGEBYRANK").syntax("key start stop").doc(
            "2.0.0",
            COST,
            "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members \
             were removed.",
        ),
        run: |exec, args, reply| remove_range(exec, args, reply, By::Rank, "zremrangebyrank"),
    },
    DataCommand {
        spec: range_row("ZREMRANGEBYSCORE").syntax("key min max").doc(
            "1.2.0",
            COST,
            "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members \
             were removed.",
        ),
        run: |exec, args, reply| remove_range(exec, args, reply, By::Score, "zremrangebyscore"),
    },
    DataCommand {
        spec: range_row("ZREMRANGEBYLEX").syntax("key min max").doc(
            "2.8.9",
            COST,
            "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all \
             members were removed.",
        ),
        run: |exec, args, reply| remove_range(exec, args, reply, By::Lex, "zremrangebylex"),
    },
];

fn zrem(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Zset>(&key)?;
    let is_heard = exec.is_heard(&key);
    let mut told = if is_heard { words(&[b"ZREM", key.bytes]) } else { Vec::new() };
    let mut removed = 0;
    for member in args.rest() {
        let heap = exec.heap_mut(&key);
        let mut spot = opened.value.find(heap, member);
        if spot.score().is_some() {
            opened.value.remove(heap, &mut spot)?;
            removed += 1;
            if is_heard {
                told.extend(words(&[member]));
            }
        }
    }
    if removed > 0 {
        exec.changed(&key, Event::sorted_set("zrem"), || told);
        exec.store(&key, opened)?;
    }
    reply.count(removed);
    Ok(Outcome::Done)
}

fn remove_range(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    by: By,
    event: &'static str,
) -> CommandResult {
    let key = args.key()?;
    let ends = [args.word()?, args.word()?];
    let interval = Interval::parse(by, ends[0], ends[1])?;
    let mut opened = exec.collection_to_write::<Zset>(&key)?;
    let is_heard = exec.is_heard(&key);
    let heap = exec.heap_mut(&key);
    let ranks = interval.ranks(&opened.value, heap, false);
    let removed = ranks.len();
    if removed > 0 {
        let told = match by {
            _ if !is_heard => Vec::new(),
            // Ranks are others when it is repeated.
            By::Rank => {
                let gone = opened.value.iter_from(heap, ranks.start).take(removed);
                words(&[b"ZREM", key.bytes])
                    .into_iter()
                    .chain(gone.map(|item| owned(heap, item.text)))
                    .collect()
            }
            By::Score => words(&[b"ZREMRANGEBYSCORE", key.bytes, ends[0], ends[1]]),
            By::Lex => words(&[b"ZREMRANGEBYLEX", key.bytes, ends[0], ends[1]]),
        };
        opened.value.remove_range(heap, ranks)?;
        exec.changed(&key, Event::sorted_set(event), || told);
        exec.store(&key, opened)?;
    }
    reply.count(removed);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn members_are_removed() {
        check(
            "> ZADD z 1 a 2 b 3 c
             (integer) 3
             > ZREM z b nobody b
             (integer) 1
             ! zrem ZREM z b
             > ZREM z nobody
             (integer) 0
             ! none
             > ZREM z a c
             (integer) 2
             ! zrem ZREM z a c
             ! del
             > EXISTS z
             (integer) 0
             > ZREM z a
             (integer) 0
             > SET s v
             OK
             > ZREM s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn ranges_are_removed() {
        check(
            "> ZADD z 1 a 2 b 3 c 4 d 5 e
             (integer) 5
             > ZREMRANGEBYRANK z 1 -4
             (integer) 1
             ! zremrangebyrank ZREM z b
             > ZREMRANGEBYRANK z 7 9
             (integer) 0
             ! none
             > ZREMRANGEBYSCORE z (3 4
             (integer) 1
             ! zremrangebyscore ZREMRANGEBYSCORE z (3 4
             > ZREMRANGEBYLEX z [a (e
             (integer) 2
             ! zremrangebylex ZREMRANGEBYLEX z [a (e
             > ZREMRANGEBYRANK z 0 -1
             (integer) 1
             ! zremrangebyrank ZREM z e
             ! del
             > ZREMRANGEBYRANK z 0 -1
             (integer) 0
             > ZREMRANGEBYRANK z a 1
             (error) ERR value is not an integer or out of range
             > ZREMRANGEBYSCORE z a 1
             (error) ERR min or max is not a float
             > ZREMRANGEBYLEX z a 1
             (error) ERR min or max not valid string range item",
        );
    }

    /// Around the forms: one block, nodes, one block again.
    #[test]
    fn ranges_of_many_members_are_removed() {
        for (from, to) in [(0, 898), (0, 498), (10, 20), (400, 899), (1, 898), (0, 999), (950, 999)] {
            let mut session = Session::new(1);
            for nth in 0..1000 {
                session.run(&format!("ZADD z {} m{nth}", nth % 7));
            }
            let expected = to - from + 1;
            assert_eq!(
                session.run(&format!("ZREMRANGEBYRANK z {from} {to}")),
                format!("(integer) {expected}")
            );
            session.verify();
            assert_eq!(session.run("ZCARD z"), format!("(integer) {}", 1000 - expected));
        }
    }
}
