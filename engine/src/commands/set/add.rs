//! More members: SADD.

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("SADD", Arity::AtLeast(3), Keys::new(&[KeySpec::one(1, KeyAccess::APPEND)]))
        .element(2)
        .group(Group::Set)
        .flags(Flags::DENYOOM.union(Flags::FAST))
        .syntax("key member [member ...]")
        .doc("1.0.0", "O(log S) for each member, S being the size of the set.", "Adds members to a set."),
    run: sadd,
}];

fn sadd(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let members = args.rest();
    let mut opened = exec.collection_to_write::<Set>(&key)?;
    let mut hint = exec.hint();
    let heap = exec.heap_mut(&key);
    let mut added = 0;
    for member in members {
        added += usize::from(opened.value.add(heap, member, hint.take())?);
    }
    if added > 0 {
        exec.changed(&key, Event::set("sadd"), || words(&[&[b"SADD", key.bytes], members].concat()));
        exec.store(&key, opened)?;
    }
    reply.count(added);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn only_new_members_count() {
        check(
            "> SADD s a b a
             (integer) 2
             ! sadd SADD s a b a
             > SADD s a
             (integer) 0
             ! none
             > SADD s b c
             (integer) 1
             ! sadd SADD s b c
             > SADD s \"\"
             (integer) 1
             > SCARD s
             (integer) 4
             > TYPE s
             set
             > PEXPIRE s 10
             (integer) 1
             > SADD s d
             (integer) 1
             > PTTL s
             (integer) 10
             ... 10 ms
             > SADD s e
             (integer) 1
             ! expired DEL s
             ! sadd SADD s e
             > SMEMBERS s
             1) \"e\"",
        );
    }

    #[test]
    fn refusals() {
        check(
            "> SADD s
             (error) ERR wrong number of arguments for 'sadd' command
             > SET k v
             OK
             > SADD k a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             ! none
             > GET k
             \"v\"",
        );
    }

    #[test]
    fn the_encoding_is_that_of_redis_at_this_size() {
        let mut session = Session::new(1);
        session.check(
            "> SADD s 1 -2 9223372036854775807
             (integer) 3
             > OBJECT ENCODING s
             \"intset\"
             > SADD s 01
             (integer) 1
             > OBJECT ENCODING s
             \"hashtable\"
             > SREM s 01
             (integer) 1
             > OBJECT ENCODING s
             \"hashtable\"",
        );
        for number in 0..512_u32 {
            session.run(&format!("SADD many {number}"));
        }
        session.check(
            "> OBJECT ENCODING many
             \"intset\"
             > SADD many 512
             (integer) 1
             > OBJECT ENCODING many
             \"hashtable\"",
        );
    }

    #[test]
    fn members_of_any_length_are_told_apart() {
        let mut session = Session::new(1);
        for len in [0, 1, 246, 247, 248, 249, 16_384, 100_000] {
            let (member, other) = (vec![b'x'; len], [vec![b'x'; len], vec![b'y']].concat());
            assert_eq!(session.call(&[b"SADD", b"s", &member, &other]), "(integer) 2", "{len}");
            assert_eq!(session.call(&[b"SADD", b"s", &other, &member]), "(integer) 0");
            assert_eq!(session.call(&[b"SISMEMBER", b"s", &member]), "(integer) 1");
        }
        assert_eq!(session.run("SCARD s"), "(integer) 16");
        session.verify();
    }

    /// Members of 10 to 30 bytes.
    fn member(number: usize) -> Vec<u8> {
        let mut member = format!("{number:08}:").into_bytes();
        member.resize(10 + number * 7 % 21, b'm');
        member
    }

    #[test]
    fn a_member_costs_little_beside_its_own_bytes() {
        for (members, bytes_max) in [(100, 4.0), (1000, 6.0)] {
            const SETS: usize = 20;
            let mut session = Session::new(1);
            session.run("SADD first x");
            let (before, mut own) = (session.heap_mut(0).used_bytes(), 0);
            for set in 0..SETS {
                let key = format!("set:{set}");
                for number in 0..members + set {
                    let member = member(1000 * set + number);
                    own += member.len();
                    session.call(&[b"SADD", key.as_bytes(), &member]);
                }
            }
            let used = session.heap_mut(0).used_bytes() - before;
            let count: usize = (0..SETS).map(|set| members + set).sum();
            let beside = (used as f64 - own as f64) / count as f64;
            println!("{members} members: {beside:.2} bytes beside each");
            assert!(beside < bytes_max, "{beside}");
        }
    }
}
