//! Random members out of a set: SPOP.

use super::MEMBERS_PER_COMMAND;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::keyspace::del_words;
use crate::number;
use crate::random::Random;
use crate::types::collection::Collection;
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("SPOP", Arity::AtLeast(2), Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE)]))
        .group(Group::Set)
        .flags(Flags::FAST)
        .syntax("key [count]")
        .doc(
            "1.0.0",
            "O(log S) for each member, at most O(S), S being the size of the set.",
            "Removes random members from a set and returns them; a set without members is deleted.",
        )
        .tips(&["nondeterministic_output"]),
    run: spop,
}];

const POPPED: Event = Event::set("spop");

fn spop(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    match args.left() {
        0 => pop_one(exec, &key, reply),
        1 => {
            let count = number::parse_i64(args.word()?).and_then(|count| usize::try_from(count).ok());
            pop_many(exec, &key, count.ok_or(Error::NotPositive)?, reply)
        }
        _ => Err(Error::Syntax),
    }
}

fn pop_one(exec: &mut Exec<'_, '_>, key: &Key<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut opened = exec.collection_to_write::<Set>(key)?;
    if !opened.exists() {
        reply.null();
        return Ok(Outcome::Done);
    }
    let set = &mut opened.value;
    let rank = Random::new(exec.caller().random).below(set.len());
    let heap = exec.heap(key);
    let mut position = set.seek(heap, rank);
    reply.string(set.item(heap, &position).view(heap));
    exec.changed_seeing(key, Some(POPPED), |heap| {
        words(&[b"SREM", key.bytes, &set.item(heap, &position).view(heap).contiguous()])
    });
    set.remove_here(exec.heap_mut(key), &mut position)?;
    exec.store(key, opened)?;
    Ok(Outcome::Done)
}

fn pop_many(exec: &mut Exec<'_, '_>, key: &Key<'_>, count: usize, reply: &mut dyn Reply) -> CommandResult {
    let mut opened = exec.collection_to_write::<Set>(key)?;
    let len = opened.value.len();
    if count == 0 || len == 0 {
        reply.set(0);
        return Ok(Outcome::Done);
    }
    if count >= len {
        let heap = exec.heap(key);
        reply.set(len);
        opened.value.iter(heap).for_each(|member| reply.string(member.view(heap)));
        let all = opened.take(exec.element_hasher());
        all.discard(exec.heap_mut(key))?;
        exec.changed(key, POPPED, || del_words(key.bytes));
    } else {
        let ranks = Random::new(exec.caller().random).distinct(len, count);
        let set = &mut opened.value;
        reply.set(count);
        set.visit_ranks(exec.heap(key), &ranks, |member| reply.string(member));
        for (nth, ranks) in ranks.chunks(MEMBERS_PER_COMMAND).enumerate() {
            exec.changed_seeing(key, (nth == 0).then_some(POPPED), |heap| {
                let mut command = words(&[b"SREM", key.bytes]);
                set.visit_ranks(heap, ranks, |member| command.push(member.contiguous().into()));
                command
            });
        }
        set.remove_ranks(exec.heap_mut(key), &ranks)?;
    }
    exec.store(key, opened)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::testing::{Session, check};

    #[test]
    fn members_are_taken() {
        check(
            "> SPOP s
             (nil)
             ! none
             > SPOP s 3
             (empty array)
             > SADD s a
             (integer) 1
             > SPOP s 0
             (empty array)
             ! none
             > SPOP s
             \"a\"
             ! spop SREM s a
             ! del
             > SADD s a b
             (integer) 2
             > SPOP s 2
             1) \"a\"
             2) \"b\"
             ! spop DEL s
             ! del
             > SADD s a b
             (integer) 2
             > SPOP s 100
             1) \"a\"
             2) \"b\"
             > EXISTS s
             (integer) 0",
        );
    }

    #[test]
    fn refusals() {
        check(
            "> SPOP s -1
             (error) ERR value is out of range, must be positive
             > SPOP s ten
             (error) ERR value is out of range, must be positive
             > SPOP s 1 2
             (error) ERR syntax error
             > SPOP
             (error) ERR wrong number of arguments for 'spop' command
             > SET k v
             OK
             > SPOP k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SPOP k 0
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn a_set_where_there_are_sets() {
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> SPOP s 1
             (empty set)
             > SADD s a
             (integer) 1
             > SPOP s 1
             1~ \"a\"",
        );
    }

    /// Members of a reply or of a command.
    fn members(text: &str) -> HashSet<String> {
        text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_left_was_not_taken_and_effects_name_what_was() {
        for len in [5_usize, 128, 129, 3000] {
            for count in [1, 2, len / 3, len / 2, len - 1] {
                let mut session = Session::new(1);
                for number in 0..len {
                    // Some of them lie apart.
                    let member = if number % 7 == 0 { "x".repeat(300) } else { String::new() };
                    session.run(&format!("SADD s {member}{number}"));
                }
                session.take_effects();
                let taken = members(&session.run(&format!("SPOP s {count}")));
                assert_eq!(taken.len(), count);
                let effects = session.take_effects();
                assert_eq!(effects.iter().filter(|effect| effect.event.is_some()).count(), 1);
                assert!(effects.iter().all(|effect| effect.command.len() <= 1026));
                let named = effects.iter().flat_map(|effect| &effect.command[2..]);
                let named: HashSet<String> =
                    named.map(|member| String::from_utf8_lossy(member).into_owned()).collect();
                assert_eq!(named, taken);
                let left = members(&session.run("SMEMBERS s"));
                assert_eq!(left.len(), len - count);
                assert!(left.is_disjoint(&taken));
                session.verify();
            }
        }
    }
}
