//! Values as bytes: DUMP, RESTORE, RESTORE-ASKING.

use crate::codec;
use crate::command::effect::Event;
use crate::command::{
    Args, Arity, Categories, CommandResult, DataCommand, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::keyspace::{Lifetime, del_words};
use crate::number;

const OVERWRITTEN: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::OVERWRITE)]);

const fn restoring(name: &'static str, since: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(4), OVERWRITTEN)
        .flags(Flags::DENYOOM)
        .categories(Categories::DANGEROUS.union(Categories::KEYSPACE))
        .syntax("key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]")
        .doc(since, "O(N log N), N being the number of the value's elements.", summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("DUMP", Arity::Exactly(2), Keys::ONE)
            .syntax("key")
            .doc(
                "2.6.0",
                "O(N), N being the length of the value.",
                "Returns the value of a key in serialized form.",
            )
            .tips(&["nondeterministic_output"]),
        run: dump,
    },
    DataCommand {
        spec: restoring("RESTORE", "2.6.0", "Makes a key of a value in serialized form."),
        run: restore,
    },
    DataCommand {
        spec: restoring("RESTORE-ASKING", "3.0.0", "RESTORE into a slot that is on its way to this node.")
            .group(Group::Server)
            .flags(Flags::ASKING),
        run: restore,
    },
];

fn dump(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (hasher, limits) = (exec.element_hasher(), exec.caller().encodings);
    match exec.read(&key)? {
        Some(entry) => reply.bulk(&codec::dump(entry.stored(), hasher, &limits)),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

const BUSY: Error = Error::text("BUSYKEY Target key name already exists.");
const BAD_TTL: Error = Error::text("ERR Invalid TTL value, must be >= 0");
const BAD_IDLE: Error = Error::text("ERR Invalid IDLETIME value, must be >= 0");
const BAD_FREQUENCY: Error = Error::text("ERR Invalid FREQ value, must be >= 0 and <= 255");

/// What stands behind the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_s: Option<u64>,
    /// Accepted: accesses are not counted.
    frequency: Option<i64>,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Options, Error> {
        let mut options = Options::default();
        while !args.is_empty() {
            let has_number = args.left() > 1;
            if args.take("REPLACE") {
                options.replace = true;
            } else if args.take("ABSTTL") {
                options.absolute = true;
            } else if has_number && options.frequency.is_none() && args.take("IDLETIME") {
                options.idle_s = Some(u64::try_from(args.integer()?).map_err(|_| BAD_IDLE)?);
            } else if has_number && options.idle_s.is_none() && args.take("FREQ") {
                let frequency = args.integer()?;
                options.frequency = Some(frequency).filter(|frequency| (0..=255).contains(frequency));
                options.frequency.ok_or(BAD_FREQUENCY)?;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

fn restore(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, ttl, payload) = (args.key()?, args.word()?, args.word()?);
    let options = Options::parse(args)?;
    let place = exec.place_to_write(&key)?;
    if place.is_some() && !options.replace {
        return Err(BUSY);
    }
    let ttl = number::parse_i64(ttl).ok_or(Error::NotInteger)?;
    if ttl < 0 {
        return Err(BAD_TTL);
    }
    let value = codec::open(payload).map_err(|refusal| Error::Other(refusal.to_string().into()))?;
    let now_ms = exec.now_ms();
    let deadline_ms = match ttl {
        0 => None,
        // A time past the end of numbers is long ago, as in Redis.
        _ if !options.absolute => Some(u64::try_from(ttl.wrapping_add(now_ms as i64)).unwrap_or(0)),
        _ => Some(ttl.unsigned_abs()),
    };
    if deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) {
        if let Some(place) = &place {
            exec.remove(&key, place)?;
            exec.changed(&key, Event::DEL, || del_words(key.bytes));
        }
    } else {
        let life = Lifetime { deadline_ms, idle_s: options.idle_s };
        let entry = exec.put_restored(&key, place, &value, life)?;
        let db = exec.db();
        exec.arrived_in(db, &key, Event::generic("restore"), entry);
    }
    reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use crate::codec::{VERSION, seal};
    use crate::testing::{Session, check, quoted};

    /// A payload as a word.
    fn payload(body: &[u8]) -> String {
        let mut payload = body.to_vec();
        seal(&mut payload, VERSION);
        quoted(&payload)
    }

    #[test]
    fn values_are_dumped_as_redis_dumps_them() {
        check(
            r#"
            > SET k 12
            OK
            > DUMP k
            "\x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5"
            ! none
            > SET k v
            OK
            > DUMP k
            "\x00\x01v\n\x00\x91\b\xce\xb2\x198\x8a\xce"
            > DUMP nothing
            (nil)
            "#,
        );
    }

    #[test]
    fn keys_are_restored_with_their_deadlines() {
        let value = payload(b"\x00\x01v");
        check(&format!(
            r#"
            > RESTORE k 0 {value}
            OK
            ! restore SET k v
            > RESTORE k 0 {value}
            (error) BUSYKEY Target key name already exists.
            ! none
            > RESTORE k 5000 {value} REPLACE
            OK
            ! restore SET k v PXAT 1005000
            > RESTORE k 1700000000000 {value} absttl replace
            OK
            ! restore SET k v PXAT 1700000000000
            > PTTL k
            (integer) 1699999000000
            > RESTORE k 1000000 {value} ABSTTL REPLACE
            OK
            ! del DEL k
            > RESTORE k 1 {value} ABSTTL
            OK
            ! none
            > RESTORE k 9223372036854775807 {value}
            OK
            ! none
            > RESTORE-ASKING k 10 {value}
            OK
            ! restore SET k v PXAT 1000010
            ... 10 ms
            > RESTORE k 0 {value}
            OK
            > GET k
            "v"
            "#
        ));
    }

    #[test]
    fn collections_are_restored() {
        let (list, integers) = (payload(b"\x01\x02\x01a\xc0\x07"), payload(b"\x02\x02\xc0\x01\xc0\x02"));
        let (mixed, again) = (payload(b"\x02\x02\xc0\x01\x01x"), payload(b"\x01\x02\x01a\x017"));
        check(&format!(
            r#"
            > RESTORE l 0 {list}
            OK
            ! restore RESTORE l 0 {again} REPLACE ABSTTL
            > TYPE l
            list
            > OBJECT ENCODING l
            "quicklist"
            > RESTORE i 0 {integers}
            OK
            > OBJECT ENCODING i
            "intset"
            > RESTORE i 0 {mixed} REPLACE
            OK
            > OBJECT ENCODING i
            "hashtable"
            > COPY l copy
            (integer) 1
            > RENAME copy other
            OK
            > TYPE other
            list
            "#
        ));
    }

    #[test]
    fn encodings_follow_the_content() {
        let mut session = Session::new(1);
        session.caller.encodings.set_max_intset_entries = 2;
        let (two, three) =
            (payload(b"\x02\x02\xc0\x01\xc0\x02"), payload(b"\x02\x03\xc0\x01\xc0\x02\xc0\x03"));
        session.check(&format!(
            r#"
            > RESTORE two 0 {two}
            OK
            > OBJECT ENCODING two
            "intset"
            > RESTORE three 0 {three}
            OK
            > OBJECT ENCODING three
            "hashtable"
            "#
        ));
    }

    #[test]
    fn copies_have_the_encoding_of_the_value() {
        for shards in [1, 3] {
            let mut session = Session::new(shards);
            let two = payload(b"\x02\x02\xc0\x01\xc0\x02");
            session.caller.encodings.set_max_intset_entries = 1;
            session.run(&format!("RESTORE two 0 {two}"));
            session.caller.encodings.set_max_intset_entries = 512;
            for nth in 0..8 {
                session.check(&format!(
                    "> COPY two copy:{nth}
                     (integer) 1
                     > RENAME copy:{nth} other:{nth}
                     OK
                     > OBJECT ENCODING other:{nth}
                     \"hashtable\"
                     > RESTORE fresh:{nth} 0 {two}
                     OK
                     > OBJECT ENCODING fresh:{nth}
                     \"intset\""
                ));
            }
        }
    }

    #[test]
    fn options_are_looked_at_before_the_key_and_the_key_before_the_payload() {
        let value = payload(b"\x00\x01v");
        check(&format!(
            r#"
            > SET k v
            OK
            > RESTORE k 0 x FOO
            (error) ERR syntax error
            > RESTORE k 0 x IDLETIME
            (error) ERR syntax error
            > RESTORE k 0 x IDLETIME x
            (error) ERR value is not an integer or out of range
            > RESTORE k 0 x IDLETIME -1
            (error) ERR Invalid IDLETIME value, must be >= 0
            > RESTORE k 0 x FREQ 256
            (error) ERR Invalid FREQ value, must be >= 0 and <= 255
            > RESTORE k 0 x FREQ -1
            (error) ERR Invalid FREQ value, must be >= 0 and <= 255
            > RESTORE k 0 x FREQ 7 IDLETIME 1
            (error) ERR syntax error
            > RESTORE k 0 x IDLETIME 1 FREQ 7
            (error) ERR syntax error
            > RESTORE k -1 x
            (error) BUSYKEY Target key name already exists.
            > RESTORE k -1 x REPLACE
            (error) ERR Invalid TTL value, must be >= 0
            > RESTORE k x x REPLACE
            (error) ERR value is not an integer or out of range
            > RESTORE k 0 x REPLACE
            (error) ERR DUMP payload version or checksum are wrong
            > RESTORE new 0 {value} FREQ 255
            OK
            > RESTORE new 0 {value} IDLETIME 1000 IDLETIME 3000 REPLACE
            OK
            > OBJECT IDLETIME new
            (integer) 3000
            > RESTORE new 0 {value} IDLETIME 9223372036854775807 REPLACE
            OK
            > OBJECT IDLETIME new
            (integer) 16777215
            "#
        ));
    }

    #[test]
    fn what_is_malformed_leaves_everything_as_it_was() {
        for body in [
            &b""[..],
            b"\x00\x05v",
            b"\x01\x00",
            b"\x02\x02\x01a\x01a",
            b"\x09\x01\xff",
            b"\x12\x01\x02\x01a",
            b"\x12\x01\x03\x01a",
            b"\x0f\x01",
        ] {
            let bad = payload(body);
            check(&format!(
                "> SET k v
                 OK
                 > RESTORE k 0 {bad} REPLACE
                 (error) ERR Bad data format
                 ! none
                 > GET k
                 \"v\"
                 > RESTORE new 0 {bad}
                 (error) ERR Bad data format
                 ! none
                 > EXISTS new
                 (integer) 0"
            ));
        }
    }

    /// Values of all types and forms.
    const BODIES: [&[u8]; 13] = [
        b"\x00\xc3\x09\x2a\x01aa\xe0\x1d\x00\x01aa",
        b"\x01\x04\x01a\xc0\x07\x00\x03end",
        b"\x02\x04\x01a\xc0\x07\x00\x03end",
        b"\x03\x02\x01a\x031.5\x01b\xfe",
        b"\x04\x02\x01f\x01v\x01g\xc0\x07",
        b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f",
        b"\x0a\x10\x10\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\xf3\x02\x01z\xff",
        b"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00\x05\x00",
        b"\x10\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff",
        b"\x11\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x07\x01\xff",
        b"\x12\x02\x02\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff\x01\x05plain",
        b"\x14\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff",
        b"\x18\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01f\x01v\x05\x01g\x01w",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Whatever a payload holds under a sound seal: an error, and everything is as it was; or a sound value.
        #[test]
        fn damaged_payloads_do_no_harm(
            body in select(BODIES.to_vec()),
            flips in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in prop::option::of(any::<Index>()),
        ) {
            let mut payload = body.to_vec();
            for (at, mask) in flips {
                let at = at.index(payload.len());
                payload[at] ^= mask;
            }
            if let Some(cut) = cut {
                payload.truncate(cut.index(body.len() + 1));
            }
            seal(&mut payload, VERSION);
            let mut session = Session::new(1);
            session.run("SET k before");
            let before = session.run("DUMP k");
            match &*session.call(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]) {
                "OK" => {
                    session.run("COPY k other");
                    prop_assert_eq!(session.run("DUMP k"), session.run("DUMP other"));
                }
                error => {
                    prop_assert_eq!(error, "(error) ERR Bad data format");
                    prop_assert_eq!(session.run("DUMP k"), before);
                }
            }
            session.verify();
        }
    }
}
