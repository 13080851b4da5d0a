//! Whole values out: GET, MGET, STRLEN, DIGEST.

use crate::command::args::digest_text;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::keyspace::Kind;

const ALL_READ: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::READ)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("GET", Arity::Exactly(2), Keys::ONE)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("1.0.0", "O(1)", "Returns the string value of a key."),
        run: get,
    },
    DataCommand {
        spec: Spec::read("MGET", Arity::AtLeast(2), ALL_READ)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key [key ...]")
            .doc(
                "1.0.0",
                "O(N) where N is the number of keys to retrieve.",
                "Atomically returns the string values of one or more keys.",
            )
            .tips(&["request_policy:multi_shard"]),
        run: mget,
    },
    DataCommand {
        spec: Spec::read("STRLEN", Arity::Exactly(2), Keys::ONE_LOOK)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("2.2.0", "O(1)", "Returns the length of a string value."),
        run: strlen,
    },
    DataCommand {
        spec: Spec::read("DIGEST", Arity::Exactly(2), Keys::ONE)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key")
            .doc(
                "8.4.0",
                "O(N) where N is the length of the string value.",
                "Returns the XXH3 hash of a string value.",
            ),
        run: digest,
    },
];

fn get(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    match exec.read_string(&args.key()?)? {
        Some(value) => reply.string(value),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

fn mget(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.array(args.left());
    while !args.is_empty() {
        match exec.read(&args.key()?)? {
            Some(entry) if entry.kind() == Kind::String => reply.string(entry.string()),
            _ => reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn strlen(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let len = exec.read_string(&args.key()?)?.map_or(0, |value| value.len());
    reply.count(len);
    Ok(Outcome::Done)
}

fn digest(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    match exec.read_string(&args.key()?)? {
        Some(value) => reply.bulk(&digest_text(value.digest())),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn values_come_out_as_they_went_in() {
        check(
            "> SET k \"a\\x00\\xff\"
             OK
             > GET k
             \"a\\x00\\xff\"
             ! none
             > STRLEN k
             (integer) 3
             > SET empty \"\"
             OK
             > MGET k nothing empty k
             1) \"a\\x00\\xff\"
             2) (nil)
             3) \"\"
             4) \"a\\x00\\xff\"
             > STRLEN empty
             (integer) 0
             > STRLEN nothing
             (integer) 0
             > GET nothing
             (nil)
             > MGET
             (error) ERR wrong number of arguments for 'mget' command",
        );
    }

    #[test]
    fn values_of_every_size() {
        let mut session = Session::new(1);
        for len in [1, 100, 127, 128, 255, 256, 257, 16_000, 16_383, 16_384, 40_000, 3 << 20] {
            let value: Vec<u8> = (0..len).map(|at: usize| (at * 31 % 251) as u8).collect();
            assert_eq!(session.call(&[b"SET", b"k", &value]), "OK", "{len}");
            assert_eq!(session.call(&[b"GET", b"k"]), crate::testing::quoted(&value), "{len}");
            assert_eq!(session.run("STRLEN k"), format!("(integer) {len}"));
        }
    }

    /// The digests are those of the reference implementation of XXH3.
    #[test]
    fn digests() {
        check(
            "> DIGEST nothing
             (nil)
             > SET k \"\"
             OK
             > DIGEST k
             \"2d06800538d394c2\"
             > SET k v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd
             OK
             > DIGEST k
             \"00006c38adf31777\"
             > DIGEST
             (error) ERR wrong number of arguments for 'digest' command",
        );
    }

    #[test]
    fn the_digest_does_not_depend_on_where_the_value_lies() {
        let mut session = Session::new(1);
        let value = [7_u8; 100_000];
        session.call(&[b"SET", b"k", &value]);
        assert_eq!(session.run("DIGEST k"), "\"11b328c9d584c63b\"");
    }

    #[test]
    fn reads_count_hits_and_misses() {
        let mut session = Session::new(3);
        session.run("SET k v");
        session.run("MGET k nothing k");
        session.run("STRLEN k");
        session.run("GET nothing");
        let stats = session.take_stats();
        assert_eq!((stats.hits, stats.misses), (3, 2));
    }
}
