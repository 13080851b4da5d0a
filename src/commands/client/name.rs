//! What a connection says about itself: SETNAME, GETNAME, SETINFO, ID.

use engine::command::{Args, Arity, CommandResult, Error, Outcome, Reply};

use super::own;
use crate::client::Client;
use crate::commands::context::Context;
use crate::commands::row::ServerCommand;

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: own("CLIENT|SETNAME", Arity::Exactly(3)).syntax("connection-name").doc(
            "2.6.9",
            "O(1)",
            "Gives the connection a name.",
        ),
        run: |context, args, reply| {
            set_name(context.client, checked(args.word()?)?);
            reply.ok();
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: own("CLIENT|GETNAME", Arity::Exactly(2)).doc(
            "2.6.9",
            "O(1)",
            "Returns the name of the connection.",
        ),
        run: |context, _, reply| {
            let name = &context.client.name;
            reply.bulk_or_null((!name.is_empty()).then_some(name));
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: own("CLIENT|SETINFO", Arity::Exactly(4)).syntax("<LIB-NAME libname | LIB-VER libver>").doc(
            "7.2.0",
            "O(1)",
            "Says which library the connection is used by.",
        ),
        run: set_info,
    },
    ServerCommand {
        spec: own("CLIENT|ID", Arity::Exactly(2)).doc("5.0.0", "O(1)", "Returns the connection's number."),
        run: |context, _, reply| {
            reply.integer(context.client.id as i64);
            Ok(Outcome::Done)
        },
    },
];

const BAD_NAME: Error =
    Error::text("ERR Client names cannot contain spaces, newlines or special characters.");

/// A name that can stand in CLIENT LIST: what is printed, without blanks.
pub(in crate::commands) fn checked(name: &[u8]) -> Result<&[u8], Error> {
    if is_plain(name) { Ok(name) } else { Err(BAD_NAME) }
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

/// An empty name is none.
pub(in crate::commands) fn set_name(client: &mut Client, name: &[u8]) {
    client.name = name.into();
}

fn set_info(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let option = args.word()?;
    let value = args.word()?;
    let (field, name) = match &*option.to_ascii_lowercase() {
        b"lib-name" => (&mut context.client.lib_name, "lib-name"),
        b"lib-ver" => (&mut context.client.lib_ver, "lib-ver"),
        _ => return Err(Error::repeating("ERR Unrecognized option '", option, "'")),
    };
    if !is_plain(value) {
        let reason = format!("ERR {name} cannot contain spaces, newlines or special characters.");
        return Err(Error::Other(reason.into()));
    }
    *field = value.into();
    reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn names_and_libraries() {
        check(
            r#"
            > CLIENT GETNAME
            (nil)
            > CLIENT SETNAME me
            OK
            > CLIENT GETNAME
            "me"
            > CLIENT SETNAME "a\nb"
            (error) ERR Client names cannot contain spaces, newlines or special characters.
            > CLIENT SETNAME ""
            OK
            > CLIENT GETNAME
            (nil)
            > CLIENT SETINFO LIB-NAME redis-py(hiredis)
            OK
            > CLIENT SETINFO lib-ver 5.0
            OK
            > CLIENT SETINFO lib-ver "5 0"
            (error) ERR lib-ver cannot contain spaces, newlines or special characters.
            > CLIENT SETINFO lib-x 5
            (error) ERR Unrecognized option 'lib-x'
            > CLIENT INFO
            ~ lib-name=redis-py(hiredis) lib-ver=5.0
            > CLIENT ID
            (integer) 1
            "#,
        );
    }
}
