//! The union of several: PFMERGE.

use super::form_of;
use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::keyspace::Value;
use crate::types::hyperloglog::{Form, Sketch, Union};

const DESTINATION_AND_SOURCES: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::READ_APPEND), KeySpec::range(2, -1, 1, KeyAccess::READ)]);

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("PFMERGE", Arity::AtLeast(2), DESTINATION_AND_SOURCES)
        .group(Group::HyperLogLog)
        .flags(Flags::DENYOOM)
        .syntax("destkey [sourcekey [sourcekey ...]]")
        .doc(
            "2.8.9",
            "O(N) to merge N HyperLogLogs, but with high constant times.",
            "Merges one or more HyperLogLog values into a single key.",
        ),
    run: pfmerge,
}];

fn pfmerge(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut all = *args;
    let to = args.key()?;
    let (mut union, mut is_any_dense) = (Union::default(), false);
    while !all.is_empty() {
        let key = all.key()?;
        let Some(place) = exec.string_to_read(&key)? else { continue };
        let form = form_of(exec, &key, &place)?;
        is_any_dense |= form == Form::Dense;
        union.add(form, &exec.view(&key, &place).string().contiguous())?;
    }
    let len_max = exec.caller().hll_sparse_len_max;
    let place = exec.string_to_write(&to)?;
    let mut sketch = match &place {
        Some(place) => {
            let form = form_of(exec, &to, place)?;
            Sketch::from_string(form, exec.view(&to, place).string().contiguous().into_owned(), len_max)
        }
        None => Sketch::new(len_max),
    };
    if is_any_dense {
        sketch.make_dense()?;
    }
    sketch.add_union(&union)?;
    let db = exec.db();
    let entry = exec.put_raw_string(&to, place, Value::Pieces(&[sketch.string()]), Deadline::Keep)?;
    exec.arrived_in(db, &to, Event::string("pfadd"), entry);
    reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn registers_are_raised_to_the_highest() {
        check(
            r#"> PFADD a a
             (integer) 1
             > PFADD b b c
             (integer) 1
             > PFMERGE to a b nothing
             OK
             ! pfadd SET to "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ"
             > PFCOUNT to
             (integer) 3
             > PFADD more d
             (integer) 1
             > PEXPIRE to 50
             (integer) 1
             > PFMERGE to more
             OK
             > PFCOUNT to
             (integer) 4
             > PTTL to
             (integer) 50
             > PFMERGE fresh
             OK
             ! pfadd SET fresh "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
             > PFCOUNT fresh
             (integer) 0"#,
        );
    }

    #[test]
    fn one_dense_source_makes_the_result_dense() {
        check(
            "> PFADD a a
             (integer) 1
             > PFADD b b
             (integer) 1
             > PFDEBUG TODENSE b
             (integer) 1
             > PFMERGE to a
             OK
             > PFDEBUG ENCODING to
             sparse
             > PFMERGE to b
             OK
             > PFDEBUG ENCODING to
             dense
             > PFMERGE b a
             OK
             > PFCOUNT b
             (integer) 2
             > STRLEN b
             (integer) 12304",
        );
    }

    #[test]
    fn what_is_no_hyperloglog() {
        check(
            r#"> PFADD a a
             (integer) 1
             > SET s x
             OK
             > PFMERGE s a
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.
             > PFMERGE to a s
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.
             > APPEND a hello
             (integer) 26
             > PFMERGE to a
             (error) INVALIDOBJ Corrupted HLL object detected
             > EXISTS to
             (integer) 0"#,
        );
    }
}
