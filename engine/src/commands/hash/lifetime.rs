//! Values and deadlines of fields in one go: HGETEX, HSETEX.

use super::fields::{
    NOT_POSITIVE, counted_words, deadline_ms, deadline_words, hdel_words, hset_words, named, repeat_deadline,
};
use crate::command::args::{Base, Unit};
use crate::command::effect::Event;
use crate::command::exec::Opened;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number;
use crate::types::hash::{Hash, Lifetime};

const COST: &str = "O(log N) for each field, N being the number of fields of the hash.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write(
            "HGETEX",
            Arity::AtLeast(5),
            Keys::new(&[
                KeySpec::one(1, KeyAccess::READ_UPDATE).notes("RW and UPDATE because it changes the TTL")
            ]),
        )
        .group(Group::Hash)
        .flags(Flags::FAST)
        .syntax(
            "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] \
             FIELDS numfields field [field ...]",
        )
        .doc("8.0.0", COST, "Returns the values of fields of a hash and sets or drops their deadlines."),
        run: hgetex,
    },
    DataCommand {
        spec: Spec::write("HSETEX", Arity::AtLeast(6), Keys::ONE_UPDATE)
            .group(Group::Hash)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax(
                "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]",
            )
            .doc("8.0.0", COST, "Sets fields of a hash to values and gives them a deadline."),
        run: hsetex,
    },
];

const TIMES: [(&str, (Unit, Base)); 4] = [
    ("EX", (Unit::Seconds, Base::Now)),
    ("PX", (Unit::Milliseconds, Base::Now)),
    ("EXAT", (Unit::Seconds, Base::Epoch)),
    ("PXAT", (Unit::Milliseconds, Base::Epoch)),
];

fn take_time(args: &mut Args<'_>) -> Option<(Unit, Base)> {
    TIMES.into_iter().find(|(name, _)| args.take(name)).map(|(_, time)| time)
}

// ---- HGETEX -------------------------------------------------------------------------------------

fn hgetex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let time = take_time(args).map(|time| (time, args.word()));
    let persists = time.is_none() && args.take("PERSIST");
    let fields = named(args, "HGETEX", NOT_POSITIVE)?;
    let now_ms = exec.now_ms();
    let wanted_ms = match time {
        Some((time, word)) => Some(deadline_ms(word?, time, now_ms, "HGETEX")?),
        None => None,
    };
    let (hash, heap) = (&mut opened.value, exec.heap_mut(&key));
    let mut changed = Vec::new();
    reply.array(fields.len());
    for &field in fields {
        let Some(found) = hash.get(heap, field) else {
            reply.null();
            continue;
        };
        reply.string(found.value.view(heap));
        let had_deadline = found.deadline_ms.is_some();
        match wanted_ms {
            Some(wanted_ms) if wanted_ms <= now_ms => {
                hash.remove(heap, field)?;
            }
            Some(wanted_ms) => {
                hash.set_deadline(heap, field, Some(wanted_ms))?;
            }
            None if persists && had_deadline => {
                hash.set_deadline(heap, field, None)?;
            }
            None => continue,
        }
        changed.push(field);
    }
    if changed.is_empty() {
        return Ok(Outcome::Done);
    }
    match wanted_ms {
        Some(wanted_ms) if wanted_ms <= now_ms => {
            exec.changed(&key, Event::hash("hdel"), || hdel_words(&key, &changed));
        }
        Some(wanted_ms) => {
            exec.changed(&key, Event::hash("hexpire"), || deadline_words(&key, wanted_ms, &changed));
        }
        None => {
            exec.changed(&key, Event::hash("hpersist"), || counted_words("HPERSIST", &key, &[], &changed));
        }
    }
    exec.store(&key, opened)?;
    Ok(Outcome::Done)
}

// ---- HSETEX -------------------------------------------------------------------------------------

/// What HSETEX shall do.
struct Setting<'a> {
    /// FNX and FXX: whether all fields must exist, or none.
    existing: Option<bool>,
    lifetime: Lifetime,
    /// Fields and values.
    pairs: &'a [&'a [u8]],
}

impl<'a> Setting<'a> {
    fn parse(args: &mut Args<'a>, now_ms: u64) -> Result<Setting<'a>, Error> {
        let (mut existing, mut lifetime) = (None, None);
        while !args.take("FIELDS") {
            let existence = [("FNX", false), ("FXX", true)].into_iter().find(|(name, _)| args.take(name));
            if let Some((_, wanted)) = existence {
                if existing.replace(wanted).is_some() {
                    return Err(Error::text("ERR Only one of FXX or FNX arguments can be specified"));
                }
                continue;
            }
            let time = take_time(args);
            if time.is_none() && !args.take("KEEPTTL") {
                return Err(match args.peek() {
                    Some(word) => Error::repeating("ERR unknown argument: ", word, ""),
                    None => Error::WrongArity("HSETEX".into()),
                });
            }
            if lifetime.is_some() {
                return Err(Error::text(
                    "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                ));
            }
            lifetime = Some(match time {
                None => Lifetime::Kept,
                Some(time) => {
                    let word = args.word().map_err(|_| Error::text("ERR missing expire time"))?;
                    Lifetime::Until(deadline_ms(word, time, now_ms, "HSETEX")?)
                }
            });
        }
        let pairs = counted_pairs(args)?;
        Ok(Setting { existing, lifetime: lifetime.unwrap_or(Lifetime::Unlimited), pairs })
    }
}

/// The words after FIELDS: the number of pairs, and as many pairs.
fn counted_pairs<'a>(args: &mut Args<'a>) -> Result<&'a [&'a [u8]], Error> {
    let wrong_arity = || Error::WrongArity("HSETEX".into());
    if args.left() < 3 {
        return Err(wrong_arity());
    }
    let count = number::parse_i64(args.word()?).and_then(|count| i32::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(Error::text("ERR invalid number of fields"))?;
    if args.left() != 2 * count as usize {
        return Err(wrong_arity());
    }
    Ok(args.rest())
}

fn hsetex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, now_ms) = (args.key()?, exec.now_ms());
    let Setting { existing, lifetime, pairs } = Setting::parse(args, now_ms)?;
    let opened = exec.collection_to_write::<Hash>(&key)?;
    let heap = exec.heap(&key);
    let exists = |pair: &[&[u8]]| opened.value.get(heap, pair[0]).is_some();
    let is_set = existing.is_none_or(|wanted| pairs.chunks_exact(2).all(|pair| exists(pair) == wanted));
    if is_set {
        match lifetime {
            Lifetime::Until(deadline_ms) if deadline_ms <= now_ms => delete_all(exec, &key, opened, pairs)?,
            _ => set_all(exec, &key, opened, lifetime, pairs)?,
        }
    }
    reply.integer(i64::from(is_set));
    Ok(Outcome::Done)
}

fn set_all(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    mut opened: Opened<Hash>,
    lifetime: Lifetime,
    pairs: &[&[u8]],
) -> Result<(), Error> {
    let (hash, heap) = (&mut opened.value, exec.heap_mut(key));
    let mut kept = Vec::new();
    for pair in pairs.chunks_exact(2) {
        if lifetime == Lifetime::Kept
            && let Some(deadline_ms) = hash.get(heap, pair[0]).and_then(|field| field.deadline_ms)
        {
            kept.push((pair[0], deadline_ms));
        }
        hash.set(heap, pair[0], pair[1], lifetime)?;
    }
    exec.changed(key, Event::hash("hset"), || hset_words(key, pairs));
    if let Lifetime::Until(deadline_ms) = lifetime {
        let fields: Vec<&[u8]> = pairs.iter().step_by(2).copied().collect();
        exec.changed(key, Event::hash("hexpire"), || deadline_words(key, deadline_ms, &fields));
    }
    for (field, deadline_ms) in kept {
        repeat_deadline(exec, key, deadline_ms, &[field]);
    }
    exec.store(key, opened)?;
    Ok(())
}

/// Sets fields that are gone in the same moment.
fn delete_all(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    mut opened: Opened<Hash>,
    pairs: &[&[u8]],
) -> Result<(), Error> {
    let (hash, heap) = (&mut opened.value, exec.heap_mut(key));
    for field in pairs.iter().step_by(2) {
        hash.remove(heap, field)?;
    }
    let fields: Vec<&[u8]> = pairs.iter().step_by(2).copied().collect();
    exec.announce(key, Event::hash("hset"));
    exec.changed(key, Event::hash("hdel"), || hdel_words(key, &fields));
    if !opened.exists() {
        exec.announce(key, Event::DEL);
    }
    exec.store(key, opened)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn hgetex_sets_and_drops_deadlines() {
        check(
            "> HSET h a 1 b 2 c 3
             (integer) 3
             > HGETEX h FIELDS 2 a x
             1) \"1\"
             2) (nil)
             ! none
             > HGETEX h EX 10 FIELDS 3 a x b
             1) \"1\"
             2) (nil)
             3) \"2\"
             ! hexpire HPEXPIREAT h 1010000 FIELDS 2 a b
             > HGETEX h PXAT 1000010 FIELDS 1 a
             1) \"1\"
             ! hexpire HPEXPIREAT h 1000010 FIELDS 1 a
             > HGETEX h persist FIELDS 3 b c x
             1) \"2\"
             2) \"3\"
             3) (nil)
             ! hpersist HPERSIST h FIELDS 1 b
             > HGETEX h PERSIST FIELDS 1 b
             1) \"2\"
             ! none
             > HPTTL h FIELDS 2 a b
             1) (integer) 10
             2) (integer) -1
             ... 10 ms
             > HGETEX h EX 5 FIELDS 2 a c
             1) (nil)
             2) \"3\"
             ! hexpired HDEL h a
             ! hexpire HPEXPIREAT h 1005010 FIELDS 1 c
             > HGETEX h PX 0 FIELDS 2 c b
             1) \"3\"
             2) \"2\"
             ! hdel HDEL h c b
             ! del
             > HGETEX h EX 5 FIELDS 2 a c
             1) (nil)
             2) (nil)
             ! none",
        );
    }

    #[test]
    fn what_hgetex_refuses() {
        check(
            "> HSET h a 1
             (integer) 1
             > HGETEX h FIELDS 1
             (error) ERR wrong number of arguments for 'hgetex' command
             > HGETEX h EX 10 FIELDS
             (error) ERR wrong number of arguments for 'hgetex' command
             > HGETEX h XFIELDX 1 a
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HGETEX h PXAT 1 1
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HGETEX h PERSIST 1 FIELDS 1 a
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HGETEX h FIELDS 2 a
             (error) ERR The `numfields` parameter must match the number of arguments
             > HGETEX h FIELDS 0 a
             (error) ERR Number of fields must be a positive integer
             > HGETEX h FIELDS 9223372036854775808 a
             (error) ERR Number of fields must be a positive integer
             > HGETEX h EX bla FIELDS 1 a
             (error) ERR value is not an integer or out of range
             > HGETEX h PX -1 FIELDS 1 a
             (error) ERR invalid expire time, must be >= 0
             > HGETEX h EX 281474976710656 FIELDS 1 a
             (error) ERR invalid expire time in 'hgetex' command
             > SET s v
             OK
             > HGETEX s FIELDS 1 a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn hsetex_sets_values_and_deadlines() {
        check(
            "> HSETEX h FIELDS 2 a 1 b 2
             (integer) 1
             ! hset HSET h a 1 b 2
             > HSETEX h EX 10 FIELDS 2 b 3 c 4
             (integer) 1
             ! hset HSET h b 3 c 4
             ! hexpire HPEXPIREAT h 1010000 FIELDS 2 b c
             > HSETEX h KEEPTTL FIELDS 3 a 5 b 6 d 7
             (integer) 1
             ! hset HSET h a 5 b 6 d 7
             ! - HPEXPIREAT h 1010000 FIELDS 1 b
             > HPTTL h FIELDS 4 a b c d
             1) (integer) -1
             2) (integer) 10000
             3) (integer) 10000
             4) (integer) -1
             > HSETEX h FIELDS 1 b 8
             (integer) 1
             > HPTTL h FIELDS 1 b
             1) (integer) -1
             ... 10000 ms
             > HGETALL h
             1) \"a\"
             2) \"5\"
             3) \"b\"
             4) \"8\"
             5) \"d\"
             6) \"7\"
             ! hexpired HDEL h c",
        );
    }

    #[test]
    fn hsetex_asks_whether_fields_exist() {
        check(
            "> HSETEX h FXX FIELDS 1 a 1
             (integer) 0
             ! none
             > HSETEX h FNX PX 10 FIELDS 1 a 1
             (integer) 1
             > HSETEX h FNX FIELDS 2 b 1 a 2
             (integer) 0
             ! none
             > HSETEX h PX 20 fxx FIELDS 2 a 2 a 3
             (integer) 1
             > HSETEX h FXX FIELDS 2 a 2 b 3
             (integer) 0
             > HGET h a
             \"3\"
             ... 20 ms
             > HSETEX h FXX FIELDS 1 a 1
             (integer) 0
             ! hexpired DEL h
             ! del
             > EXISTS h
             (integer) 0",
        );
    }

    #[test]
    fn hsetex_of_a_time_that_has_passed_deletes() {
        check(
            "> HSETEX h PX 0 FIELDS 2 a 1 b 2
             (integer) 1
             ! hset
             ! hdel HDEL h a b
             ! del
             > EXISTS h
             (integer) 0
             > HSET h a 1 c 3
             (integer) 2
             > HSETEX h PXAT 1 FIELDS 2 a 1 b 2
             (integer) 1
             ! hset
             ! hdel HDEL h a b
             > HGETALL h
             1) \"c\"
             2) \"3\"
             > HSETEX h PXAT 1 FXX FIELDS 1 c 1
             (integer) 1
             ! hset
             ! hdel HDEL h c
             ! del",
        );
    }

    #[test]
    fn what_hsetex_refuses() {
        check(
            "> HSETEX h FIELDS 2 a b
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h FIELDS 2 a b c
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h FIELDS 2 a b c d e
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h FIELDS 3 a b c d
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h FIELDS 1 a b unknown
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h EX 10 FXX FIELDS
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h nx FIELDS 1 a b
             (error) ERR unknown argument: nx
             > HSETEX h FXX FNX EX 100 FIELDS 1 a b
             (error) ERR Only one of FXX or FNX arguments can be specified
             > HSETEX h FXX FXX FIELDS 1 a b
             (error) ERR Only one of FXX or FNX arguments can be specified
             > HSETEX h EX 100 PX 1000 FIELDS 1 a b
             (error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
             > HSETEX h KEEPTTL KEEPTTL FIELDS 1 a b
             (error) ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
             > HSETEX h FXX FXX EX
             (error) ERR wrong number of arguments for 'hsetex' command
             > HSETEX h FXX KEEPTTL a EX
             (error) ERR unknown argument: a
             > HSETEX h ex FIELDS 1 a b
             (error) ERR value is not an integer or out of range
             > HSETEX h EXAT -1 1 a b
             (error) ERR invalid expire time, must be >= 0
             > HSETEX h EXAT 281474976710656 1 a b
             (error) ERR invalid expire time in 'hsetex' command
             > HSETEX h FIELDS x a b
             (error) ERR invalid number of fields
             > HSETEX h FIELDS 0 a b
             (error) ERR invalid number of fields
             > HSETEX h FIELDS 2147483648 a b
             (error) ERR invalid number of fields
             > SET s v
             OK
             > HSETEX s FIELDS 1 a b
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
