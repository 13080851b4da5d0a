//! Elements in: PFADD.

use smallvec::SmallVec;

use super::form_of;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec,
    Keys, Outcome, Reply, Spec,
};
use crate::keyspace::{Place, Value};
use crate::types::hyperloglog::{self, Form, Mark, OUTDATED, OUTDATED_AT, Sketch};

const ONE_ADDED_TO: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::APPEND)]);

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("PFADD", Arity::AtLeast(2), ONE_ADDED_TO)
        .group(Group::HyperLogLog)
        .flags(Flags::DENYOOM.union(Flags::FAST))
        .syntax("key [element [element ...]]")
        .doc(
            "2.8.9",
            "O(1) to add every element.",
            "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
        ),
    run: pfadd,
}];

/// Elements that have raised a register.
type Added<'a> = SmallVec<[&'a [u8]; 8]>;

fn pfadd(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let elements = args.rest();
    let place = exec.string_to_write(&key)?;
    let is_new = place.is_none();
    let added = match place {
        None => add_to(exec, &key, None, elements)?,
        Some(place) => match form_of(exec, &key, &place)? {
            Form::Dense => add_in_place(exec, &key, place, elements)?,
            Form::Sparse => add_to(exec, &key, Some(place), elements)?,
        },
    };
    let is_changed = is_new || !added.is_empty();
    if is_changed {
        exec.changed(&key, Event::string("pfadd"), || {
            let mut command = words(&[b"PFADD", key.bytes]);
            command.extend(words(&added));
            command
        });
    }
    reply.integer(i64::from(is_changed));
    Ok(Outcome::Done)
}

/// Adds to a sparse HyperLogLog or to a new one: it is written as a whole.
fn add_to<'a>(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    place: Option<Place>,
    elements: &[&'a [u8]],
) -> Result<Added<'a>, Error> {
    let len_max = exec.caller().hll_sparse_len_max;
    let mut sketch = match &place {
        Some(place) => {
            let string = exec.view(key, place).string().contiguous().into_owned();
            Sketch::from_string(Form::Sparse, string, len_max)
        }
        None => Sketch::new(len_max),
    };
    let mut added = Added::new();
    for element in elements {
        if sketch.add(Mark::of(element))? {
            added.push(element);
        }
    }
    match place {
        Some(place) if added.is_empty() => exec.mark_raw(key, &place)?,
        place => {
            exec.put_raw_string(key, place, Value::Pieces(&[sketch.string()]), Deadline::Keep)?;
        }
    }
    Ok(added)
}

/// Adds to a dense HyperLogLog: only the registers that rise are written.
fn add_in_place<'a>(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    place: Place,
    elements: &[&'a [u8]],
) -> Result<Added<'a>, Error> {
    let mut added = Added::new();
    for element in elements {
        let mark = Mark::of(element);
        let at = hyperloglog::dense_place(mark.index);
        let register = exec.view(key, &place).string().read(at);
        if let Some(raised) = hyperloglog::raise_dense(register, mark) {
            exec.write_string(key, Some(place), at, &raised)?;
            added.push(element);
        }
    }
    let [estimate] = exec.view(key, &place).string().read(OUTDATED_AT);
    if !added.is_empty() && estimate & OUTDATED == 0 {
        exec.write_string(key, Some(place), OUTDATED_AT, &[estimate | OUTDATED])?;
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn elements_are_added_once() {
        check(
            r#"> PFADD k a b a
             (integer) 1
             ! pfadd PFADD k a b
             > PFADD k b a
             (integer) 0
             ! none
             > PFADD k a c
             (integer) 1
             ! pfadd PFADD k c
             > GET k
             "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ"
             > PFCOUNT k
             (integer) 3
             > PFADD empty
             (integer) 1
             ! pfadd PFADD empty
             > PFADD empty
             (integer) 0
             ! none
             > GET empty
             "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff""#,
        );
    }

    /// Elements of all lengths up to two words of the hash, and the registers that Redis gives them.
    #[test]
    fn registers_are_those_of_redis() {
        check(
            "> PFADD v0 \"\"
             (integer) 1
             > PFDEBUG DECODE v0
             \"Z:5938 v:2,1 Z:10445\"
             > PFADD v1 a
             (integer) 1
             > PFDEBUG DECODE v1
             \"Z:12711 v:2,1 Z:3672\"
             > PFADD v2 ab
             (integer) 1
             > PFDEBUG DECODE v2
             \"Z:719 v:1,1 Z:15664\"
             > PFADD v3 abc
             (integer) 1
             > PFDEBUG DECODE v3
             \"Z:9474 v:1,1 Z:6909\"
             > PFADD v4 abcd
             (integer) 1
             > PFDEBUG DECODE v4
             \"Z:11070 v:8,1 Z:5313\"
             > PFADD v5 abcde
             (integer) 1
             > PFDEBUG DECODE v5
             \"Z:3726 v:4,1 Z:12657\"
             > PFADD v6 abcdef
             (integer) 1
             > PFDEBUG DECODE v6
             \"Z:13647 v:2,1 Z:2736\"
             > PFADD v7 abcdefg
             (integer) 1
             > PFDEBUG DECODE v7
             \"Z:5634 v:2,1 Z:10749\"
             > PFADD v8 abcdefgh
             (integer) 1
             > PFDEBUG DECODE v8
             \"Z:1383 v:1,1 Z:15000\"
             > PFADD v9 abcdefghi
             (integer) 1
             > PFDEBUG DECODE v9
             \"Z:6903 v:1,1 Z:9480\"
             > PFADD v10 abcdefghij
             (integer) 1
             > PFDEBUG DECODE v10
             \"Z:12228 v:1,1 Z:4155\"
             > PFADD v11 abcdefghijk
             (integer) 1
             > PFDEBUG DECODE v11
             \"Z:14121 v:1,1 Z:2262\"
             > PFADD v12 abcdefghijkl
             (integer) 1
             > PFDEBUG DECODE v12
             \"Z:9695 v:5,1 Z:6688\"
             > PFADD v13 abcdefghijklm
             (integer) 1
             > PFDEBUG DECODE v13
             \"Z:9157 v:1,1 Z:7226\"
             > PFADD v14 abcdefghijklmn
             (integer) 1
             > PFDEBUG DECODE v14
             \"Z:5697 v:2,1 Z:10686\"
             > PFADD v15 abcdefghijklmno
             (integer) 1
             > PFDEBUG DECODE v15
             \"Z:12377 v:4,1 Z:4006\"
             > PFADD v16 abcdefghijklmnop
             (integer) 1
             > PFDEBUG DECODE v16
             \"Z:9328 v:1,1 Z:7055\"
             > PFADD v17 abcdefghijklmnopq
             (integer) 1
             > PFDEBUG DECODE v17
             \"Z:4271 v:1,1 Z:12112\"",
        );
    }

    #[test]
    fn both_forms_keep_the_deadline() {
        check(
            "> PFADD k a
             (integer) 1
             > PEXPIRE k 50
             (integer) 1
             > PFADD k b
             (integer) 1
             > PTTL k
             (integer) 50
             > PFDEBUG TODENSE k
             (integer) 1
             > PFADD k c
             (integer) 1
             > PTTL k
             (integer) 50
             > PFADD k b
             (integer) 0
             > PFCOUNT k
             (integer) 3
             ... 50 ms
             > PFCOUNT k
             (integer) 0",
        );
    }

    #[test]
    fn the_sparse_form_has_a_longest_length() {
        let mut session = Session::new(1);
        session.caller.hll_sparse_len_max = 22;
        session.check(
            "> PFADD k a
             (integer) 1
             > STRLEN k
             (integer) 21
             > PFADD k b
             (integer) 1
             > PFDEBUG ENCODING k
             dense
             > PFADD k a b
             (integer) 0
             > PFADD k c
             (integer) 1
             > PFCOUNT k
             (integer) 3
             > PFADD k d
             (integer) 1
             ! pfadd PFADD k d
             > PFCOUNT k
             (integer) 4",
        );
        session.caller.hll_sparse_len_max = 0;
        session.check(
            "> PFADD n a
             (integer) 1
             > PFDEBUG ENCODING n
             dense
             > PFADD empty
             (integer) 1
             > PFDEBUG ENCODING empty
             sparse",
        );
    }

    #[test]
    fn what_is_no_hyperloglog() {
        check(
            r#"> SET k foo
             OK
             > PFADD k a
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.
             > SET k "HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
             OK
             > PFADD k a
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.
             > SET k "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
             OK
             > PFCOUNT k
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.
             > SET k "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x10"
             OK
             > PFADD k a
             (error) INVALIDOBJ Corrupted HLL object detected
             > PFCOUNT k
             (error) INVALIDOBJ Corrupted HLL object detected
             > SET k "HYLL\x01\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
             OK
             > OBJECT ENCODING k
             "embstr"
             > PFCOUNT k
             (integer) 7
             > OBJECT ENCODING k
             "raw""#,
        );
    }
}
