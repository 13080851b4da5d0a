//! Walks in steps: HSCAN.

use crate::command::args::ScanOptions;
use crate::command::{Args, Arity, CommandResult, DataCommand, Exec, Group, Keys, Outcome, Reply, Spec};
use crate::types::hash::Hash;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("HSCAN", Arity::AtLeast(3), Keys::ONE)
        .group(Group::Hash)
        .syntax("key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
        .doc("2.8.0", "O(count) for each call.", "Iterates over the fields of a hash.")
        .tips(&["nondeterministic_output"]),
    run: hscan,
}];

fn hscan(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, cursor) = (args.key()?, args.cursor()?);
    let hash = exec.read_collection::<Hash>(&key)?;
    let Some(hash) = hash else {
        // Redis does not look at the options then.
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let mut with_values = true;
    let options = ScanOptions::parse_beside(args, |args| {
        let taken = args.take("NOVALUES");
        with_values &= !taken;
        taken
    })?;
    let heap = exec.heap(&key);
    let mut found = Vec::new();
    let next = hash.scan(heap, cursor, options.count, |field| {
        if options.wants_all() || options.wants(&field.name.text.view(heap).contiguous()) {
            found.push(field);
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(if with_values { 2 * found.len() } else { found.len() });
    for field in found {
        reply.string(field.name.text.view(heap));
        if with_values {
            reply.string(field.value.view(heap));
        }
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn options() {
        check(
            "> HSET h a 1 b 2 c 3
             (integer) 3
             > HSCAN h 0
             1) \"0\"
             2) 1) \"a\"
                2) \"1\"
                3) \"b\"
                4) \"2\"
                5) \"c\"
                6) \"3\"
             ! none
             > HSCAN h 0 MATCH [bc] COUNT 1 NOVALUES
             1) \"0\"
             2) 1) \"b\"
                2) \"c\"
             > HSCAN h 0 match x
             1) \"0\"
             2) (empty array)
             > HSCAN nothing 0 BOGUS
             1) \"0\"
             2) (empty array)
             > HSCAN nothing x
             (error) ERR invalid cursor
             > HSCAN h 0 BOGUS
             (error) ERR syntax error
             > HSCAN h 0 MATCH
             (error) ERR syntax error
             > HSCAN h 0 TYPE hash
             (error) ERR syntax error
             > HSCAN h 0 COUNT 0
             (error) ERR syntax error
             > HSCAN h 0 COUNT x
             (error) ERR value is not an integer or out of range
             > SET s v
             OK
             > HSCAN s 0 BOGUS
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    /// The names that a walk in steps of `count` returns, sorted.
    fn walked(session: &mut Session, count: usize, mut between: impl FnMut(&mut Session)) -> Vec<String> {
        let (mut cursor, mut names) = ("0".to_owned(), Vec::new());
        loop {
            let reply = session.run(&format!("HSCAN h {cursor} COUNT {count} NOVALUES"));
            let mut texts = reply.split('"').skip(1).step_by(2).map(str::to_owned);
            cursor = texts.next().expect("a cursor");
            names.extend(texts);
            if cursor == "0" {
                names.sort();
                return names;
            }
            between(session);
        }
    }

    #[test]
    fn a_field_that_stays_is_returned_exactly_once() {
        let mut session = Session::new(1);
        let mut expected: Vec<String> = (0..500).map(|nth| format!("stays{nth}")).collect();
        expected.sort();
        for name in &expected {
            session.run(&format!("HSET h {name} v"));
        }
        for count in [1, 7, 100, 499, 1000] {
            let mut names = walked(&mut session, count, |_| ());
            names.retain(|name| name.starts_with("stays"));
            assert_eq!(names, expected);
            let mut nth = 0;
            let mut names = walked(&mut session, count, |session| {
                for _ in 0..5 {
                    session.run(&format!("HSET h comes{nth} v"));
                    session.run(&format!("HDEL h comes{}", nth - 3));
                    nth += 1;
                }
            });
            names.retain(|name| name.starts_with("stays"));
            assert_eq!(names, expected, "{count}");
        }
    }
}
