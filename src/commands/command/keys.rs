//! COMMAND GETKEYS and COMMAND GETKEYSANDFLAGS: where the keys of a request are.

use engine::command::{Args, Arity, CommandResult, Error, Flags, KeyAccess, Outcome, Reply};

use super::describe::statuses;
use super::row;
use crate::commands::context::Context;
use crate::commands::row::ServerCommand;

const SYNTAX: &str = "command [arg [arg ...]]";

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: row("COMMAND|GETKEYS", Arity::AtLeast(3)).syntax(SYNTAX).doc(
            "2.8.13",
            "O(N), N being the number of arguments.",
            "Finds the keys of a request.",
        ),
        run: |context, args, reply| {
            let keys = keys(context, args)?;
            reply.array(keys.len());
            keys.iter().for_each(|(key, _)| reply.bulk(key));
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: row("COMMAND|GETKEYSANDFLAGS", Arity::AtLeast(3)).syntax(SYNTAX).doc(
            "7.0.0",
            "O(N), N being the number of arguments.",
            "Finds the keys of a request and what it does with them.",
        ),
        run: keys_and_flags,
    },
];

const NO_SUCH_COMMAND: Error = Error::text("ERR Invalid command specified");
const NO_KEYS: Error = Error::text("ERR The command has no key arguments");
const BAD_COUNT: Error = Error::text("ERR Invalid number of arguments specified for command");
const UNCLEAR: Error = Error::text("ERR Invalid arguments specified for command");

fn keys<'a>(context: &Context<'_>, args: &mut Args<'a>) -> Result<Vec<(&'a [u8], KeyAccess)>, Error> {
    let words = args.rest();
    let spec = context.catalogue.find_request(words).ok_or(NO_SUCH_COMMAND)?;
    if spec.keys.specs.is_empty() {
        return Err(NO_KEYS);
    }
    if !spec.arity.admits(words.len()) {
        return Err(BAD_COUNT);
    }
    let mut keys = Vec::new();
    let walked = spec.keys.walk(words, |index, access| keys.push((words[index], access)));
    if walked.is_err() || keys.is_empty() && !spec.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Err(UNCLEAR);
    }
    Ok(keys)
}

fn keys_and_flags(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let words = args.rest();
    let keys = keys(context, args)?;
    reply.array(keys.len());
    for (key, access) in keys {
        reply.array(2);
        reply.bulk(key);
        statuses(reply, access.names_in(words).map(str::to_owned));
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn keys_are_found() {
        check(
            r#"
            > COMMAND GETKEYS mset a 1 b 2
            1) "a"
            2) "b"
            > COMMAND GETKEYS object encoding x
            1) "x"
            > COMMAND GETKEYS OBJECT FOO x
            (error) ERR Invalid command specified
            > COMMAND GETKEYS
            (error) ERR wrong number of arguments for 'command|getkeys' command
            > COMMAND GETKEYS foo
            (error) ERR Invalid command specified
            > COMMAND GETKEYS ping
            (error) ERR The command has no key arguments
            > COMMAND GETKEYS get a b
            (error) ERR Invalid number of arguments specified for command
            > COMMAND GETKEYS msetex x a 1
            (error) ERR Invalid arguments specified for command
            "#,
        );
    }

    #[test]
    fn what_is_done_with_them_may_depend_on_the_options() {
        check(
            r#"
            > COMMAND GETKEYSANDFLAGS mset a 1 b 2
            1) 1) "a"
            2) 1) OW
            2) update
            2) 1) "b"
            2) 1) OW
            2) update
            > COMMAND GETKEYSANDFLAGS set a 1
            1) 1) "a"
            2) 1) OW
            2) update
            > COMMAND GETKEYSANDFLAGS set a 1 nx get
            1) 1) "a"
            2) 1) RW
            2) access
            3) update
            "#,
        );
    }
}
