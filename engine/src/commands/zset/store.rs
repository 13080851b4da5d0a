//! Results as the sorted set of another key; ZRANGESTORE.

use std::borrow::Cow;

use super::range::{Query, Said};
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::types::zset::{Scored, Zset};

const TO_AND_FROM: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::OVERWRITE), KeySpec::one(2, KeyAccess::READ)]);

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("ZRANGESTORE", Arity::AtLeast(5), TO_AND_FROM)
        .group(Group::SortedSet)
        .flags(Flags::DENYOOM)
        .syntax("dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]")
        .doc(
            "6.2.0",
            "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements \
             stored into the destination key.",
            "Stores a range of members from sorted set in a key.",
        ),
    run: zrangestore,
}];

/// Members with their scores that lie in private memory, or in a heap.
pub(in crate::commands) type Members<'h> = Vec<(f64, Cow<'h, [u8]>)>;

/// Stores members, each of which comes once, as the value of a key, over whatever is there. Without members the key is
/// deleted. Returns how many there are.
pub(in crate::commands) fn store(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    members: Members<'_>,
    event: &'static str,
) -> Result<usize, Error> {
    let count = members.len();
    if count == 0 {
        if let Some(place) = exec.place(key)? {
            exec.remove(key, &place)?;
            exec.changed(key, Event::DEL, || words(&[b"DEL", key.bytes]));
        }
        return Ok(0);
    }
    let is_large = Zset::would_be_large(&members, &exec.caller().encodings);
    let hasher = exec.element_hasher();
    let zset = Zset::build(exec.heap_mut(key), hasher, members, is_large)?;
    exec.replace(key, zset)?;
    if let Some(place) = exec.place(key)? {
        exec.arrived_in(exec.db(), key, Event::sorted_set(event), place.entry());
    }
    Ok(count)
}

fn zrangestore(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (to, from) = (args.key()?, args.key()?);
    let query = Query::parse(args, Said::STORES)?;
    let mut members = Members::new();
    if let Some(zset) = exec.read_collection::<Zset>(&from)? {
        let heap = exec.heap(&from);
        let ranks = query.ranks(&zset, heap);
        // Copied: the heap that they lie in may be the one that is about to change.
        let copied =
            |item: Scored<'_>| (item.score, Cow::Owned(item.text.view(heap).contiguous().into_owned()));
        members.extend(zset.iter_from(heap, ranks.start).take(ranks.len()).map(copied));
    }
    reply.count(store(exec, &to, members, "zrangestore")?);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn ranges_are_stored() {
        check(
            "> ZADD z 1 a 2 b 3 c
             (integer) 3
             > SET to v EX 100
             OK
             > ZRANGESTORE to z 0 1
             (integer) 2
             > ZRANGE to 0 -1 WITHSCORES
             1) \"a\"
             2) \"1\"
             3) \"b\"
             4) \"2\"
             > TTL to
             (integer) -1
             > ZRANGESTORE to z 3 2 BYSCORE REV LIMIT 0 1
             (integer) 1
             > ZRANGE to 0 -1
             1) \"c\"
             > ZRANGESTORE z z [b + BYLEX
             (integer) 2
             > ZRANGE z 0 -1
             1) \"b\"
             2) \"c\"
             > ZRANGESTORE to z 5 6
             (integer) 0
             ! del DEL to
             > EXISTS to
             (integer) 0
             > ZRANGESTORE to nothing 0 -1
             (integer) 0
             ! none
             > ZRANGESTORE to z 0 -1 WITHSCORES
             (error) ERR syntax error
             > SET s v
             OK
             > ZRANGESTORE to s 0 -1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn large_ranges_are_stored_with_their_hashes() {
        let mut session = Session::new(3);
        for nth in 0..500 {
            session.run(&format!("ZADD z {nth} member:{nth}"));
        }
        assert_eq!(session.run("ZRANGESTORE to z 50 449"), "(integer) 400");
        assert_eq!(session.run("ZSCORE to member:100"), "\"100\"");
        assert_eq!(session.run("OBJECT ENCODING to"), "\"skiplist\"");
        assert_eq!(session.run("ZRANGESTORE to z 50 60"), "(integer) 11");
        assert_eq!(session.run("OBJECT ENCODING to"), "\"listpack\"");
        session.verify();
    }
}
