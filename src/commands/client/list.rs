//! CLIENT LIST and CLIENT INFO.

use std::fmt::Write;

use engine::command::{Args, Arity, CommandResult, Error, Outcome, Reply};
use engine::number;

use super::filter::{ClientKind, Filter};
use super::{all, own};
use crate::client::Client;
use crate::commands::context::{Context, Later};
use crate::commands::row::ServerCommand;
use crate::commands::survey::{ClientView, Fate, Survey, WorkerView};

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: all("CLIENT|LIST", Arity::AtLeast(2))
            .syntax("[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]")
            .doc("2.4.0", "O(N), N being the number of connections.", "Lists connections.")
            .tips(&["nondeterministic_output"]),
        run: list,
    },
    ServerCommand {
        spec: own("CLIENT|INFO", Arity::Exactly(2))
            .doc("6.2.0", "O(N), N being the number of connections.", "Tells about the connection.")
            .tips(&["nondeterministic_output"]),
        run: info,
    },
];

const BAD_ID: Error = Error::text("ERR Invalid client ID");

fn list(context: &mut Context<'_>, args: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let mut filter = Filter::default();
    if args.left() == 2 && args.take("TYPE") {
        filter.kind = Some(ClientKind::parse(args.word()?)?);
    } else if args.left() > 1 && args.take("ID") {
        let id = |word: &&[u8]| number::parse_i64(word).map(|id| id as u64).ok_or(BAD_ID);
        filter.ids = Some(args.rest().iter().map(id).collect::<Result<_, _>>()?);
    } else {
        args.end()?;
    }
    list_those(context, filter);
    Ok(Outcome::Done)
}

fn info(context: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let filter = Filter { ids: Some(vec![context.client.id]), ..Filter::default() };
    list_those(context, filter);
    Ok(Outcome::Done)
}

fn list_those(context: &mut Context<'_>, filter: Filter) {
    let now_ms = context.now_ms;
    context.later(Later::Survey(Box::new(Lines { filter, now_ms, lines: Vec::new() })));
}

/// Collects a line for each client meant.
struct Lines {
    filter: Filter,
    now_ms: u64,
    /// With the client's number.
    lines: Vec<(u64, String)>,
}

impl Survey for Lines {
    fn worker(&mut self, worker: &mut dyn WorkerView) {
        worker.clients(&mut |view| {
            if self.filter.admits(view.client, self.now_ms) {
                self.lines.push((view.client.id, line(&view, self.now_ms)));
            }
            Fate::Spare
        });
    }

    fn finish(mut self: Box<Self>, reply: &mut dyn Reply) {
        let asked = self.filter.ids.unwrap_or_default();
        // As asked for, else as they came.
        self.lines.sort_by_key(|(id, _)| (asked.iter().position(|asked| asked == id), *id));
        let text: String = self.lines.iter().map(|(_, line)| line.as_str()).collect();
        reply.verbatim("txt", text.as_bytes());
    }
}

/// A client in Redis's words, with a line break.
fn line(view: &ClientView<'_>, now_ms: u64) -> String {
    let (client, buffers) = (&*view.client, &view.buffers);
    let since = |at_ms: u64| now_ms.saturating_sub(at_ms) / 1000;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let events = if buffers.output_blocked { "rw" } else { "r" };
    let command = client.last_command.map_or("NULL".into(), |spec| spec.name.to_ascii_lowercase());
    // Redis counts what does not fit into the reply buffer that each client has.
    let omem = if buffers.output_blocked { buffers.output_len } else { 0 };
    let mut line = String::with_capacity(400);
    // Writing to a String cannot fail.
    let _ = write!(
        line,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 multi={} ",
        client.id,
        client.ends.peer,
        client.ends.local,
        client.ends.fd,
        text(&client.name),
        since(client.connected_ms),
        since(client.active_ms),
        flags(client),
        client.db,
        client.multi_len().map_or(-1, |len| len as i64),
    );
    let _ = write!(
        line,
        "qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp=0 obl={} oll=0 omem={} tot-mem={} events={events} ",
        buffers.query_len,
        buffers.query_free,
        buffers.args_len,
        client.multi_bytes(),
        buffers.reply_room,
        buffers.output_len,
        omem,
        buffers.memory_bytes,
    );
    let _ = writeln!(
        line,
        "cmd={command} user=default redir=-1 resp={} lib-name={} lib-ver={}",
        view.protocol.version(),
        text(&client.lib_name),
        text(&client.lib_ver),
    );
    line
}

/// A letter for each thing that is particular about a client.
fn flags(client: &Client) -> String {
    let is_broken = client.watching.as_ref().is_some_and(|watching| watching.ticket.is_broken());
    let letters = [
        (client.multi_len().is_some(), 'x'),
        (client.is_blocked, 'b'),
        (is_broken, 'd'),
        (client.close_after_reply, 'c'),
        (client.ends.is_unix, 'U'),
        (client.no_evict, 'e'),
        (client.no_touch, 'T'),
    ];
    let flags: String = letters.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter).collect();
    if flags.is_empty() { "N".into() } else { flags }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};

    #[test]
    fn clients_of_all_workers_are_listed_in_the_order_of_their_numbers() {
        let mut rig = Rig::new(&[]);
        for _ in 0..4 {
            rig.connect();
        }
        let ids = |reply: String| -> Vec<u64> {
            let lines = reply.split("\\n").filter_map(|line| line.split("id=").nth(1));
            lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
        };
        assert_eq!(ids(rig.run("CLIENT LIST")), [1, 2, 3, 4, 5]);
        assert_eq!(ids(rig.run("CLIENT LIST ID 5 77 2")), [5, 2]);
        assert_eq!(ids(rig.run("CLIENT LIST TYPE normal")), [1, 2, 3, 4, 5]);
        assert_eq!(ids(rig.run("CLIENT LIST TYPE pubsub")), [0_u64; 0]);
        assert_eq!(ids(rig.run("CLIENT INFO")), [1]);
    }

    #[test]
    fn a_line_has_every_field_that_redis_shows() {
        let mut rig = Rig::new(&[]);
        rig.client(0).name = (*b"me").into();
        rig.client(0).no_evict = true;
        rig.client(0).ends.is_unix = true;
        rig.pass(61_000);
        let line = rig.run("CLIENT INFO");
        let fields: Vec<&str> =
            line.trim_matches('"').split(' ').map(|field| field.split('=').next().unwrap()).collect();
        let expected = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem \
                        rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver";
        assert_eq!(fields, expected.split_ascii_whitespace().collect::<Vec<_>>());
        for part in [" name=me age=61 idle=61 flags=Ue db=0 ", " cmd=client|info ", " resp=2 "] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn bad_questions_are_refused() {
        check(
            r#"
            > CLIENT LIST TYPE foo
            (error) ERR Unknown client type 'foo'
            > CLIENT LIST TYPE
            (error) ERR syntax error
            > CLIENT LIST TYPE normal ID 1
            (error) ERR syntax error
            > CLIENT LIST ID
            (error) ERR syntax error
            > CLIENT LIST ID 1 x
            (error) ERR Invalid client ID
            > CLIENT LIST ID -1
            ""
            > CLIENT LIST FOO
            (error) ERR syntax error
            > CLIENT INFO x
            (error) ERR wrong number of arguments for 'client|info' command
            "#,
        );
    }
}
