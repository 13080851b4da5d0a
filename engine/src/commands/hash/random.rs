//! Fields at random: HRANDFIELD.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, Keys, Outcome, Reply, Spec,
};
use crate::random::Random;
use crate::types::collection::Collection;
use crate::types::hash::{Field, Hash};

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("HRANDFIELD", Arity::AtLeast(2), Keys::ONE)
        .group(Group::Hash)
        .syntax("key [count [WITHVALUES]]")
        .doc(
            "6.2.0",
            "O(N log N), N being the number of fields returned.",
            "Returns random fields of a hash.",
        )
        .tips(&["nondeterministic_output"]),
    run: hrandfield,
}];

/// The most fields that are drawn with repetition: what a reply can hold at all.
const REPEATED_MAX: u64 = 1 << 28;

fn hrandfield(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    if args.is_empty() {
        return one(exec, &key, reply);
    }
    let count = args.integer()?;
    if count == i64::MIN {
        return Err(Error::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let with_values = args.take("WITHVALUES");
    args.end()?;
    let too_far = if with_values { i64::MAX as u64 / 2 } else { i64::MAX as u64 };
    if count.unsigned_abs() > too_far || count < 0 && count.unsigned_abs() > REPEATED_MAX {
        return Err(Error::text("ERR value is out of range"));
    }
    let mut random = Random::new(exec.caller().random);
    let hash = exec.read_collection::<Hash>(&key)?;
    let heap = exec.heap(&key);
    let Some(hash) = hash else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let show = |rank: usize, reply: &mut dyn Reply| {
        let field: Field<'_> = hash.at(heap, rank).expect("a rank below the length");
        if with_values && reply.is_resp3() {
            reply.array(2);
        }
        reply.string(field.name.text.view(heap));
        if with_values {
            reply.string(field.value.view(heap));
        }
    };
    let open = |fields: usize, reply: &mut dyn Reply| {
        reply.array(if with_values && !reply.is_resp3() { 2 * fields } else { fields });
    };
    let wanted = count.unsigned_abs() as usize;
    if count < 0 {
        open(wanted, reply);
        (0..wanted).for_each(|_| show(random.below(hash.len()), reply));
    } else {
        let chosen = random.distinct(hash.len(), wanted);
        open(chosen.len(), reply);
        chosen.into_iter().for_each(|rank| show(rank, reply));
    }
    Ok(Outcome::Done)
}

fn one(exec: &mut Exec<'_, '_>, key: &Key<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut random = Random::new(exec.caller().random);
    let hash = exec.read_collection::<Hash>(key)?;
    let heap = exec.heap(key);
    match hash.and_then(|hash| hash.at(heap, random.below(hash.len()))) {
        Some(field) => reply.string(field.name.text.view(heap)),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::testing::{Session, check};

    #[test]
    fn counts_and_values() {
        check(
            "> HRANDFIELD nothing
             (nil)
             > HRANDFIELD nothing 3 WITHVALUES
             (empty array)
             > HSET h a 1
             (integer) 1
             > HRANDFIELD h
             \"a\"
             ! none
             > HRANDFIELD h 5 withvalues
             1) \"a\"
             2) \"1\"
             > HRANDFIELD h -2
             1) \"a\"
             2) \"a\"
             > HRANDFIELD h -2 WITHVALUES
             1) \"a\"
             2) \"1\"
             3) \"a\"
             4) \"1\"
             > HRANDFIELD h 0 WITHVALUES
             (empty array)
             > HRANDFIELD h x
             (error) ERR value is not an integer or out of range
             > HRANDFIELD h 1 VALUES
             (error) ERR syntax error
             > HRANDFIELD h 1 WITHVALUES more
             (error) ERR syntax error
             > HRANDFIELD h -9223372036854775808
             (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
             > HRANDFIELD h 4611686018427387904 WITHVALUES
             (error) ERR value is out of range
             > HRANDFIELD h 4611686018427387904
             1) \"a\"
             > HRANDFIELD h -4611686018427387903
             (error) ERR value is out of range
             > SET s v
             OK
             > HRANDFIELD s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HRANDFIELD s 1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> HSET h a 1
             (integer) 1
             > HRANDFIELD h 1 WITHVALUES
             1) 1) \"a\"
                2) \"1\"",
        );
    }

    #[test]
    fn fields_are_equally_likely_and_different_where_they_must_be() {
        for fields in [5, 300] {
            let mut session = Session::new(1);
            for nth in 0..fields {
                session.run(&format!("HSET h f{nth} {nth}"));
            }
            let mut seen = BTreeMap::<String, usize>::new();
            let mut note = |reply: &str| {
                let names = reply.split('"').skip(1).step_by(2).map(str::to_owned);
                let mut names: Vec<String> = names.collect();
                names.iter().for_each(|name| *seen.entry(name.clone()).or_default() += 1);
                names.sort();
                names
            };
            for _ in 0..100 {
                note(&session.run("HRANDFIELD h"));
                assert_eq!(note(&session.run(&format!("HRANDFIELD h -{fields}"))).len(), fields);
                for count in [1, fields / 2, fields - 1, fields, fields + 1] {
                    let mut names = note(&session.run(&format!("HRANDFIELD h {count}")));
                    names.dedup();
                    assert_eq!(names.len(), count.min(fields));
                }
            }
            assert_eq!(seen.len(), fields);
            let (least, most) = (seen.values().min(), seen.values().max());
            assert!(least > Some(&300) && most < Some(&550), "{least:?} {most:?}");
        }
    }
}
