//! Members in steps: SSCAN.

use crate::command::args::ScanOptions;
use crate::command::{Args, Arity, CommandResult, DataCommand, Exec, Group, Keys, Outcome, Reply, Spec};
use crate::types::set::Set;
use crate::types::text::Text;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("SSCAN", Arity::AtLeast(3), Keys::ONE)
        .group(Group::Set)
        .syntax("key cursor [MATCH pattern] [COUNT count]")
        .doc("2.8.0", "O(count) for each call.", "Iterates over the members of a set.")
        .tips(&["nondeterministic_output"]),
    run: sscan,
}];

fn sscan(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let cursor = args.cursor()?;
    let Some(set) = exec.read_collection::<Set>(&key)? else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let options = ScanOptions::parse(args)?;
    let heap = exec.heap(&key);
    let mut found: Vec<Text<'_>> = Vec::new();
    let cursor = set.scan(heap, cursor, options.count, |member| {
        if options.wants_all() || options.wants(&member.view(heap).contiguous()) {
            found.push(member);
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(found.len());
    found.iter().for_each(|member| reply.string(member.view(heap)));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::testing::{Session, check};

    #[test]
    fn small_sets_are_passed_in_one_step() {
        check(
            "> SSCAN s 0
             1) \"0\"
             2) (empty array)
             > SADD s one two three
             (integer) 3
             > SSCAN s 0 COUNT 1
             1) \"0\"
             2) 1) \"one\"
             2) \"two\"
             3) \"three\"
             > SSCAN s 0 MATCH t* count 5
             1) \"0\"
             2) 1) \"two\"
             2) \"three\"
             > SSCAN s 0 MATCH *
             1) \"0\"
             2) 1) \"one\"
             2) \"two\"
             3) \"three\"",
        );
    }

    #[test]
    fn options_that_do_not_fit() {
        check(
            "> SSCAN s x
             (error) ERR invalid cursor
             # a key that does not exist hides bad options
             > SSCAN s 0 COUNT
             1) \"0\"
             2) (empty array)
             > SADD s a
             (integer) 1
             > SSCAN s 0 COUNT
             (error) ERR syntax error
             > SSCAN s 0 COUNT 0
             (error) ERR syntax error
             > SSCAN s 0 COUNT ten
             (error) ERR value is not an integer or out of range
             > SSCAN s 0 TYPE set
             (error) ERR syntax error
             > SSCAN s
             (error) ERR wrong number of arguments for 'sscan' command
             > SET k v
             OK
             > SSCAN k 0
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SSCAN k x
             (error) ERR invalid cursor",
        );
    }

    #[test]
    fn large_sets_are_passed_exactly_once() {
        let mut session = Session::new(1);
        for number in 0..2000 {
            session.run(&format!("SADD s {number}"));
        }
        let (mut cursor, mut seen, mut steps) = ("0".to_owned(), HashSet::new(), 0);
        loop {
            let reply = session.run(&format!("SSCAN s {cursor} COUNT 50 MATCH *7*"));
            let mut texts = reply.split('"').skip(1).step_by(2).map(str::to_owned);
            cursor = texts.next().expect("a cursor");
            assert!(texts.all(|member| member.contains('7') && seen.insert(member)), "met twice");
            steps += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(steps, 40);
        assert_eq!(seen.len(), (0..2000).filter(|number: &u32| number.to_string().contains('7')).count());
    }
}
