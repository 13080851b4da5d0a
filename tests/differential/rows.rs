//! Rows of the command table: what COMMAND INFO says of each command that both servers have.

use crate::support::{Client, Value};

/// A field of a row that may differ, with both texts.
struct Difference {
    command: &'static str,
    field: &'static str,
    theirs: &'static str,
    ours: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        command: "command|getkeys",
        field: "arity",
        theirs: "-4",
        ours: "-3",
        reason: "Redis 7.2 takes a command without arguments",
    },
    Difference {
        command: "command|getkeysandflags",
        field: "arity",
        theirs: "-4",
        ours: "-3",
        reason: "Redis 7.2 takes a command without arguments",
    },
    Difference {
        command: "msetnx",
        field: "tips",
        theirs: "[request_policy:multi_shard response_policy:agg_min]",
        ours: "[]",
        reason: "later versions have none: it cannot be split",
    },
    Difference {
        command: "zrank",
        field: "arity",
        theirs: "3",
        ours: "-3",
        reason: "Redis 7.2 takes WITHSCORE",
    },
    Difference {
        command: "zrevrank",
        field: "arity",
        theirs: "3",
        ours: "-3",
        reason: "Redis 7.2 takes WITHSCORE",
    },
    Difference {
        command: "randomkey",
        field: "tips",
        theirs: "[nondeterministic_output request_policy:all_shards]",
        ours: "[nondeterministic_output request_policy:all_shards response_policy:special]",
        reason: "later versions have one more",
    },
];

const FIELDS: [&str; 9] =
    ["name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specifications"];

/// All differences between rows of commands that both servers have, as `command, field: theirs; ours`.
pub fn differences(redis: &mut Client, hearth: &mut Client) -> Vec<String> {
    let names: Vec<String> = hearth.run("COMMAND").items().into_iter().flat_map(names_of).collect();
    assert!(names.len() > 100, "all commands and subcommands: {}", names.len());
    let (mut found, mut compared) = (Vec::new(), 0);
    for name in names {
        let Some(theirs) = fields_of(redis, &name) else { continue };
        compared += 1;
        let ours = fields_of(hearth, &name).unwrap_or_default();
        if ours.len() != theirs.len() {
            found.push(format!("{name}: {} fields; {}", theirs.len(), ours.len()));
        }
        for ((field, theirs), ours) in FIELDS.iter().zip(theirs).zip(ours) {
            if theirs != ours && !is_known(&name, field, &theirs, &ours) {
                found.push(format!("{name}, {field}: {theirs}; {ours}"));
            }
        }
    }
    assert!(compared > 100, "commands that both have: {compared}");
    found
}

fn is_known(name: &str, field: &str, theirs: &str, ours: &str) -> bool {
    DIFFERENCES.iter().any(|known| {
        known.command == name && known.field == field && known.theirs == theirs && known.ours == ours
    })
}

/// The name of a row, and those of its subcommands.
fn names_of(row: Value) -> Vec<String> {
    let mut fields = row.items();
    let subcommands = fields.pop().map_or(Vec::new(), Value::items);
    let names = subcommands.into_iter().flat_map(names_of);
    std::iter::once(fields[0].text()).chain(names).collect()
}

/// The fields of a row as text; `None` if the server has no such command.
fn fields_of(client: &mut Client, name: &str) -> Option<Vec<String>> {
    let row = client.call(&["COMMAND", "INFO", name]).items().remove(0);
    let Value::Array(mut fields) = row else { return None };
    fields.truncate(FIELDS.len());
    Some(fields.into_iter().map(unordered).collect())
}

fn unordered(value: Value) -> String {
    match value {
        Value::Array(items) => {
            // Sets of words have no order; lists and pairs have one.
            let is_set = !items.iter().any(|item| matches!(item, Value::Array(_) | Value::Integer(_)));
            let mut items: Vec<String> = items.into_iter().map(unordered).collect();
            if is_set {
                items.sort();
            }
            format!("[{}]", items.join(" "))
        }
        Value::Integer(number) => number.to_string(),
        other => other.text(),
    }
}
