//! How a dialogue begins, and begins again: HELLO, AUTH, RESET.

use std::hint::black_box;

use engine::command::{Args, Arity, CommandResult, Error, Flags, Group, InMulti, Outcome, Reply, Spec};
use engine::number;

use super::client::name::{self, set_name};
use super::context::Context;
use super::row::ServerCommand;
use crate::client::{Client, Protocol, ReplyMode};
use crate::config::REDIS_VERSION;

const ANYBODY: Flags = Flags::LOADING
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NOSCRIPT)
    .union(Flags::NO_AUTH)
    .union(Flags::ALLOW_BUSY);

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: Spec::plain("HELLO", Arity::AtLeast(1))
            .group(Group::Connection)
            .flags(ANYBODY)
            .syntax("[protover [AUTH username password] [SETNAME clientname]]")
            .doc("6.0.0", "O(1)", "Handshakes with the server: protocol, password, name."),
        run: hello,
    },
    ServerCommand {
        spec: Spec::plain("AUTH", Arity::AtLeast(2))
            .group(Group::Connection)
            .flags(ANYBODY)
            .syntax("[username] password")
            .doc("1.0.0", "O(1)", "Logs the connection in."),
        run: auth,
    },
    ServerCommand {
        spec: Spec::plain("RESET", Arity::Exactly(1))
            .group(Group::Connection)
            .flags(ANYBODY)
            .in_multi(InMulti::AtOnce)
            .doc("6.2.0", "O(1)", "Makes the connection as it was when it was new."),
        run: reset,
    },
];

const BAD_VERSION: Error = Error::text("ERR Protocol version is not an integer or out of range");
const UNKNOWN_VERSION: Error = Error::text("NOPROTO unsupported protocol version");
const NOT_LOGGED_IN: Error = Error::text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
     <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);
const WRONG_PASSWORD: Error = Error::text("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: Error = Error::text(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
     configuration is correct?",
);

fn hello(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut protocol = None;
    if !args.is_empty() {
        protocol = Some(match number::parse_i64(args.word()?).ok_or(BAD_VERSION)? {
            2 => Protocol::Resp2,
            3 => Protocol::Resp3,
            _ => return Err(UNKNOWN_VERSION),
        });
    }
    let (mut login, mut client_name) = (None, None);
    while let Some(option) = args.peek() {
        if args.left() > 2 && args.take("AUTH") {
            login = Some((args.word()?, args.word()?));
        } else if args.left() > 1 && args.take("SETNAME") {
            client_name = Some(name::checked(args.word()?)?);
        } else {
            return Err(Error::repeating("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    if let Some((user, password)) = login {
        log_in(context, user, password)?;
    }
    if !context.client.authenticated && context.node.config.settings().password.is_some() {
        return Err(NOT_LOGGED_IN);
    }
    if let Some(client_name) = client_name {
        set_name(context.client, client_name);
    }
    if let Some(protocol) = protocol {
        context.set_protocol(protocol);
    }
    reply.map(7);
    for (field, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.integer(i64::from(context.protocol().version()));
    reply.bulk(b"id");
    reply.integer(context.client.id as i64);
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
    Ok(Outcome::Done)
}

fn auth(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    match *args.rest() {
        [password] => {
            if context.node.config.settings().password.is_none() {
                return Err(NO_PASSWORD);
            }
            log_in(context, DEFAULT_USER, password)?;
        }
        [user, password] => log_in(context, user, password)?,
        _ => return Err(Error::Syntax),
    }
    reply.ok();
    Ok(Outcome::Done)
}

/// The only user there is.
pub(super) const DEFAULT_USER: &[u8] = b"default";

/// Without a password, any will do.
fn log_in(context: &mut Context<'_>, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let settings = context.node.config.settings();
    let fits = settings.password.as_deref().is_none_or(|expected| is_same(expected, password));
    if user != DEFAULT_USER || !fits {
        return Err(WRONG_PASSWORD);
    }
    context.client.authenticated = true;
    Ok(())
}

/// Takes as long for a wrong password as for the right one of the same length: who measures learns nothing.
fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let byte = |at: usize| expected.get(at).copied().unwrap_or_default();
    let differences =
        given.iter().enumerate().fold(0, |all, (at, given)| black_box(all | (byte(at) ^ given)));
    differences == 0 && expected.len() == given.len()
}

fn reset(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let authenticated = context.node.config.settings().password.is_none();
    let Client { name, db, no_evict, no_touch, reply_mode, .. } = &mut *context.client;
    (*name, *db, *no_evict, *no_touch, *reply_mode) = (Box::default(), 0, false, false, ReplyMode::On);
    context.client.authenticated = authenticated;
    context.client.multi = None;
    context.unwatch();
    context.set_protocol(Protocol::Resp2);
    reply.status("RESET");
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};

    #[test]
    fn hello_shakes_hands() {
        check(
            r#"
            > HELLO 3 SETNAME first SETNAME me
            1# "server" => "redis"
            2# "version" => "7.2.4"
            3# "proto" => (integer) 3
            4# "id" => (integer) 1
            5# "mode" => "standalone"
            6# "role" => "master"
            7# "modules" => (empty array)
            > CLIENT GETNAME
            "me"
            > HELLO 4
            (error) NOPROTO unsupported protocol version
            > HELLO x
            (error) ERR Protocol version is not an integer or out of range
            > HELLO 2 AUTH a
            (error) ERR Syntax error in HELLO option 'AUTH'
            > HELLO 2 SETNAME
            (error) ERR Syntax error in HELLO option 'SETNAME'
            > HELLO 2 SETNAME "a b"
            (error) ERR Client names cannot contain spaces, newlines or special characters.
            > HELLO 2 FOO
            (error) ERR Syntax error in HELLO option 'FOO'
            > HELLO 2 AUTH nobody x
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > DEBUG PROTOCOL true
            (true)
            > RESET
            RESET
            > CLIENT GETNAME
            (nil)
            > DEBUG PROTOCOL true
            (integer) 1
            "#,
        );
    }

    #[test]
    fn without_a_password_any_will_do_for_the_default_user() {
        check(
            r#"
            > AUTH x
            (error) ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
            > AUTH default x
            OK
            > AUTH nobody x
            (error) WRONGPASS invalid username-password pair or user is disabled.
            > AUTH a b c
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn a_password_is_asked_for() {
        let mut rig = Rig::new(&["--requirepass", "secret"]);
        for (command, expected) in [
            ("AUTH wrong", "(error) WRONGPASS invalid username-password pair or user is disabled."),
            ("AUTH secret1", "(error) WRONGPASS invalid username-password pair or user is disabled."),
            ("AUTH \"\"", "(error) WRONGPASS invalid username-password pair or user is disabled."),
            (
                "HELLO 2 AUTH default secre",
                "(error) WRONGPASS invalid username-password pair or user is disabled.",
            ),
        ] {
            assert_eq!(rig.run(command), expected, "{command}");
            assert!(!rig.client(0).authenticated);
        }
        assert!(rig.run("HELLO 3").starts_with("(error) NOAUTH HELLO must be called with"));
        assert_eq!(rig.run("AUTH secret"), "OK");
        assert!(rig.client(0).authenticated);
        assert_eq!(rig.run("RESET"), "RESET");
        assert!(!rig.client(0).authenticated);
        assert!(rig.run("HELLO 2 AUTH default secret").contains("\"proto\""));
        assert!(rig.client(0).authenticated);
        assert_eq!(rig.run("CONFIG SET requirepass other"), "OK");
        assert!(rig.client(0).authenticated, "who is in stays in");
        assert_eq!(rig.run("AUTH other"), "OK");
        rig.client(0).authenticated = false;
        assert_eq!(rig.run("CONFIG SET requirepass \"\""), "OK");
        assert!(rig.run("HELLO").contains("\"proto\""), "nobody has to log in any more");
    }
}
