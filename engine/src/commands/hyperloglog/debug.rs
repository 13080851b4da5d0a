//! A look inside: PFDEBUG, PFSELFTEST.

use super::form_of;
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec,
    Keys, Outcome, Reply, Spec,
};
use crate::keyspace::{Place, Value};
use crate::types::hyperloglog::{self, Form, Sketch, Union};

const SECOND: Keys = Keys::new(&[KeySpec::one(2, KeyAccess::COUNT)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("PFDEBUG", Arity::Exactly(3), SECOND)
            .group(Group::HyperLogLog)
            .flags(Flags::DENYOOM.union(Flags::ADMIN))
            .syntax("subcommand key")
            .doc("2.8.9", "N/A", "Internal commands for debugging HyperLogLog values.")
            .internal(),
        run: pfdebug,
    },
    DataCommand {
        spec: Spec::plain("PFSELFTEST", Arity::Exactly(1)).group(Group::HyperLogLog).flags(Flags::ADMIN).doc(
            "2.8.9",
            "N/A",
            "An internal command for testing HyperLogLog values.",
        ),
        run: pfselftest,
    },
];

fn pfdebug(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let subcommand = args.word()?;
    let key = args.key()?;
    let place = exec.string_to_write(&key)?.ok_or(Error::text("ERR The specified key does not exist"))?;
    let form = form_of(exec, &key, &place)?;
    let is = |name: &str| subcommand.eq_ignore_ascii_case(name.as_bytes());
    exec.mark_raw(&key, &place)?;
    if is("GETREG") {
        let mut union = Union::default();
        union.add(form, &exec.view(&key, &place).string().contiguous())?;
        if form == Form::Sparse {
            make_dense(exec, &key, place)?;
        }
        reply.array(union.ranks().len());
        union.ranks().iter().for_each(|rank| reply.integer(i64::from(*rank)));
    } else if is("DECODE") {
        if form != Form::Sparse {
            return Err(Error::text("ERR HLL encoding is not sparse"));
        }
        let string = exec.view(&key, &place).string().contiguous();
        reply.bulk(hyperloglog::describe(&string).as_bytes());
    } else if is("ENCODING") {
        reply.status(form.name());
    } else if is("TODENSE") {
        if form == Form::Sparse {
            make_dense(exec, &key, place)?;
        }
        reply.integer(i64::from(form == Form::Sparse));
    } else {
        return Err(Error::repeating("ERR Unknown PFDEBUG subcommand '", subcommand, "'"));
    }
    Ok(Outcome::Done)
}

/// Gives a sparse HyperLogLog the dense form. As in Redis, nobody is told but replicas.
fn make_dense(exec: &mut Exec<'_, '_>, key: &Key<'_>, place: Place) -> Result<(), Error> {
    let string = exec.view(key, &place).string().contiguous().into_owned();
    let mut sketch = Sketch::from_string(Form::Sparse, string, exec.caller().hll_sparse_len_max);
    sketch.make_dense()?;
    exec.put_raw_string(key, Some(place), Value::Pieces(&[sketch.string()]), Deadline::Keep)?;
    exec.repeat(key, || words(&[b"PFDEBUG", b"TODENSE", key.bytes]));
    Ok(())
}

fn pfselftest(exec: &mut Exec<'_, '_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    hyperloglog::self_test(exec.caller().random)
        .map_err(|found| Error::Other(format!("ERR TESTFAILED {found}").into()))?;
    reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn forms_are_shown_and_changed() {
        check(
            "> PFADD k a b c
             (integer) 1
             > PFDEBUG ENCODING k
             sparse
             > pfdebug decode k
             \"Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603\"
             > PFCOUNT k
             (integer) 3
             > PFDEBUG TODENSE k
             (integer) 1
             ! - PFDEBUG TODENSE k
             > PFDEBUG TODENSE k
             (integer) 0
             ! none
             > PFCOUNT k
             (integer) 3
             ! none
             > PFDEBUG DECODE k
             (error) ERR HLL encoding is not sparse
             > PFDEBUG ENCODING k
             dense
             > PFDEBUG NONSENSE k
             (error) ERR Unknown PFDEBUG subcommand 'NONSENSE'
             > PFDEBUG ENCODING nothing
             (error) ERR The specified key does not exist
             > PFDEBUG ENCODING
             (error) ERR wrong number of arguments for 'pfdebug' command
             > SET s x
             OK
             > PFDEBUG NONSENSE s
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.",
        );
    }

    #[test]
    fn registers_are_listed() {
        let mut session = Session::new(1);
        session.run("PFADD k a b c");
        session.take_effects();
        let registers = session.run("PFDEBUG GETREG k");
        let registers: Vec<&str> = registers.lines().collect();
        assert_eq!(registers.len(), 16_384);
        assert_eq!(registers[8436], " 8437) (integer) 1");
        assert_eq!(registers[12_711], "12712) (integer) 2");
        assert_eq!(registers.iter().filter(|line| !line.ends_with("(integer) 0")).count(), 3);
        assert_eq!(session.take_effects().len(), 1);
        assert_eq!(session.run("PFDEBUG ENCODING k"), "dense");
        assert_eq!(registers.join("\n"), session.run("PFDEBUG GETREG k"));
    }

    #[test]
    fn the_self_test_passes() {
        let mut session = Session::new(1);
        assert_eq!(session.run("PFSELFTEST"), "OK");
    }
}
