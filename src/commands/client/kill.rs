//! CLIENT KILL and CLIENT UNBLOCK.

use engine::command::{Args, Arity, CommandResult, Error, Outcome, Reply};
use engine::number;

use super::all;
use super::filter::{Filter, text};
use crate::commands::context::{Context, Later};
use crate::commands::row::ServerCommand;
use crate::commands::survey::{Fate, Survey, WorkerView};

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: all("CLIENT|KILL", Arity::AtLeast(3))
            .syntax(
                "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] \
                 [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE seconds]>",
            )
            .doc("2.4.0", "O(N), N being the number of connections.", "Closes connections."),
        run: kill,
    },
    ServerCommand {
        spec: all("CLIENT|UNBLOCK", Arity::AtLeast(3)).syntax("client-id [TIMEOUT | ERROR]").doc(
            "5.0.0",
            "O(1)",
            "Ends the wait of a blocked connection.",
        ),
        run: unblock,
    },
];

fn kill(context: &mut Context<'_>, args: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let (filter, wants_count) = if args.left() == 1 {
        (Filter { peer: Some(text(args.word()?)), ..Filter::default() }, false)
    } else {
        (Filter::parse(args, context.client.id)?, true)
    };
    let survey = Kill { filter, wants_count, now_ms: context.now_ms, killed: 0 };
    context.later(Later::Survey(Box::new(survey)));
    Ok(Outcome::Done)
}

struct Kill {
    filter: Filter,
    /// The newer form answers with a number, the older one must have found its client.
    wants_count: bool,
    now_ms: u64,
    killed: usize,
}

impl Survey for Kill {
    fn worker(&mut self, worker: &mut dyn WorkerView) {
        worker.clients(&mut |view| {
            if !self.filter.admits(view.client, self.now_ms) {
                return Fate::Spare;
            }
            self.killed += 1;
            Fate::Kill
        });
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        match (self.wants_count, self.killed) {
            (true, killed) => reply.count(killed),
            (false, 0) => reply.error_line(b"ERR No such client"),
            (false, _) => reply.ok(),
        }
    }
}

fn unblock(context: &mut Context<'_>, args: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let id = args.word()?;
    let error = match (args.is_empty() || args.take("TIMEOUT"), args.take("ERROR")) {
        (true, _) => None,
        (_, true) => Some(&b"UNBLOCKED client unblocked via CLIENT UNBLOCK"[..]),
        _ => return Err(Error::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    args.end()?;
    let id = number::parse_i64(id).ok_or(Error::NotInteger)?;
    context.later(Later::Survey(Box::new(Unblock { id, error, found: false })));
    Ok(Outcome::Done)
}

struct Unblock {
    id: i64,
    error: Option<&'static [u8]>,
    found: bool,
}

impl Survey for Unblock {
    fn worker(&mut self, worker: &mut dyn WorkerView) {
        worker.clients(&mut |view| {
            if i64::try_from(view.client.id) != Ok(self.id) || !view.client.is_blocked {
                return Fate::Spare;
            }
            self.found = true;
            Fate::EndWait { error: self.error }
        });
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.integer(i64::from(self.found));
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};

    #[test]
    fn those_who_meet_all_conditions_go() {
        let mut rig = Rig::new(&[]);
        for _ in 0..5 {
            rig.connect();
        }
        let peer = rig.client(3).ends.peer.clone();
        rig.client(4).connected_ms -= 100_000;
        for (command, reply, gone) in [
            ("CLIENT KILL ID 3", "(integer) 1", vec![3]),
            ("CLIENT KILL ID 3", "(integer) 0", vec![3]),
            ("CLIENT KILL ID 1", "(integer) 0", vec![3]),
            ("CLIENT KILL ID 2 TYPE replica", "(integer) 0", vec![3]),
            (&format!("CLIENT KILL ADDR {peer} LADDR 1.2.3.4:5"), "(integer) 0", vec![3]),
            (&format!("CLIENT KILL {peer}"), "OK", vec![3, 4]),
            ("CLIENT KILL MAXAGE 90", "(integer) 1", vec![3, 4, 5]),
            ("CLIENT KILL USER default SKIPME yes", "(integer) 2", vec![2, 3, 4, 5, 6]),
            ("CLIENT KILL ID 1 SKIPME no", "(integer) 1", vec![1, 2, 3, 4, 5, 6]),
        ] {
            assert_eq!(rig.run(command), reply, "{command}");
            assert_eq!(rig.gone(), gone, "{command}");
        }
        assert!(rig.client(0).close_after_reply, "the asking client still gets its answer");
    }

    #[test]
    fn bad_conditions_are_refused() {
        check(
            r#"
            > CLIENT KILL
            (error) ERR wrong number of arguments for 'client|kill' command
            > CLIENT KILL 1.2.3.4:5
            (error) ERR No such client
            > CLIENT KILL ID
            (error) ERR No such client
            > CLIENT KILL ID x
            (error) ERR client-id should be greater than 0
            > CLIENT KILL ID -1
            (error) ERR client-id should be greater than 0
            > CLIENT KILL ID 999
            (integer) 0
            > CLIENT KILL TYPE foo
            (error) ERR Unknown client type 'foo'
            > CLIENT KILL FOO bar
            (error) ERR syntax error
            > CLIENT KILL TYPE normal ID
            (error) ERR syntax error
            > CLIENT KILL SKIPME foo ID 1
            (error) ERR syntax error
            > CLIENT KILL USER nouser
            (error) ERR No such user 'nouser'
            "#,
        );
    }

    #[test]
    fn nobody_is_blocked() {
        check(
            r#"
            > CLIENT UNBLOCK 99
            (integer) 0
            > CLIENT UNBLOCK 99 timeout
            (integer) 0
            > CLIENT UNBLOCK x
            (error) ERR value is not an integer or out of range
            > CLIENT UNBLOCK 1 FOO
            (error) ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
            "#,
        );
    }
}
