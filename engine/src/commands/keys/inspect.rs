//! What the server knows of a key besides its value: TYPE, OBJECT, MEMORY USAGE.

use shm::stored_hash::StoredHasher;

use crate::command::{
    Args, Arity, Categories, CommandResult, DataCommand, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::keyspace::EntryView;
use crate::types::Kind;
use crate::types::collection::Encodings;

const KEY_AFTER_SUBCOMMAND: Keys = Keys::new(&[KeySpec::one(2, KeyAccess::LOOK)]);

const fn object(name: &'static str, since: &'static str, summary: &'static str) -> Spec {
    Spec::read(name, Arity::Exactly(3), KEY_AFTER_SUBCOMMAND)
        .categories(Categories::KEYSPACE)
        .syntax("key")
        .doc(since, "O(1)", summary)
        .tips(&["nondeterministic_output"])
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("TYPE", Arity::Exactly(2), Keys::ONE_LOOK).flags(Flags::FAST).syntax("key").doc(
            "1.0.0",
            "O(1)",
            "Returns the type of the value of a key.",
        ),
        run: type_of,
    },
    DataCommand {
        spec: object("OBJECT|ENCODING", "2.2.3", "Returns the name of a value's internal form."),
        run: |exec, args, reply| {
            inspect(exec, args, reply, |entry, site, reply| {
                let encoding = entry.encoding(site.hasher, &site.encodings);
                reply.bulk(encoding.as_bytes());
            })
        },
    },
    DataCommand {
        spec: object("OBJECT|REFCOUNT", "2.2.3", "Returns how many share a value."),
        run: |exec, args, reply| inspect(exec, args, reply, |entry, _, reply| reply.integer(refcount(entry))),
    },
    DataCommand {
        spec: object("OBJECT|IDLETIME", "2.2.3", "Returns for how many seconds a key has not been used."),
        run: |exec, args, reply| {
            inspect(exec, args, reply, |entry, site, reply| reply.integer(entry.idle_s(site.now_ms) as i64))
        },
    },
    DataCommand {
        spec: object("OBJECT|FREQ", "4.0.0", "Returns the logarithmic access counter of a key."),
        run: |exec, args, reply| inspect(exec, args, reply, |_, _, reply| reply.error(&NOT_LFU)),
    },
    DataCommand {
        spec: Spec::read("MEMORY|USAGE", Arity::AtLeast(3), KEY_AFTER_SUBCOMMAND)
            .group(Group::Server)
            .syntax("key [SAMPLES count]")
            .doc(
                "4.0.0",
                "O(N), N being the number of blocks of a long value.",
                "Returns the memory that a key takes.",
            ),
        run: memory_usage,
    },
];

const NOT_LFU: Error = Error::text(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

fn type_of(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let name = exec.look(&args.key()?)?.map_or("none", |entry| entry.kind().name());
    reply.status(name);
    Ok(Outcome::Done)
}

/// What else an answer may depend on.
struct Site {
    now_ms: u64,
    hasher: StoredHasher,
    encodings: Encodings,
}

fn inspect(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    show: fn(&EntryView<'_>, &Site, &mut dyn Reply),
) -> CommandResult {
    let key = args.key()?;
    let site =
        Site { now_ms: exec.now_ms(), hasher: exec.element_hasher(), encodings: exec.caller().encodings };
    match exec.look(&key)? {
        Some(entry) => show(&entry, &site, reply),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

/// Nothing is shared here; Redis shares the integers below 10000 and says so with this number.
fn refcount(entry: &EntryView<'_>) -> i64 {
    const SHARED: i64 = i32::MAX as i64;
    match entry.kind() {
        Kind::String if !entry.is_raw() && matches!(entry.string().integer(), Some(0..10_000)) => SHARED,
        _ => 1,
    }
}

fn memory_usage(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    while !args.is_empty() {
        if !args.take("SAMPLES") || args.is_empty() {
            return Err(Error::Syntax);
        }
        if args.integer()? < 0 {
            return Err(Error::Syntax);
        }
    }
    // Neither an access nor a hit or a miss.
    match exec.place(&key)? {
        Some(place) => {
            let hasher = exec.element_hasher();
            reply.count(exec.view(&key, &place).memory_bytes(hasher));
        }
        None => reply.null(),
    }
    Ok(Outcome::Done)
}
