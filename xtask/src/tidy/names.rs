//! Commands are told apart by their row, never by their name.

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

/// Rooms that see requests and have no business with names.
const ROOMS: [&str; 9] = [
    "src/dispatch/",
    "src/session/",
    "src/worker/",
    "src/server/",
    "src/client/",
    "engine/src/txn/",
    "engine/src/shard/",
    "engine/src/keyspace/",
    "engine/src/types/",
];

/// Constructors of rows; their first argument is the name.
const ROWS: [&str; 5] =
    ["Spec::read(\"", "Spec::write(\"", "Spec::server(\"", "Spec::connection(\"", "Spec::new(\""];

pub fn compared(sources: &[Source]) -> Vec<Finding> {
    let names = names(sources);
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| ROOMS.iter().any(|room| source.path.starts_with(room))) {
        for (number, _) in source.production_lines().filter(|(_, code)| compares(code)) {
            for name in
                literals(source.line(number)).filter(|literal| names.contains(&literal.to_ascii_uppercase()))
            {
                findings
                    .push(source.finding(number, format_args!("compares with the command name {name:?}")));
            }
        }
    }
    findings
}

/// All names in rows.
fn names(sources: &[Source]) -> BTreeSet<String> {
    let rows = sources.iter().filter(|source| source.is_rust() && !source.path.starts_with("xtask/"));
    let in_text = |text: &str| -> Vec<String> {
        let starts = ROWS.iter().flat_map(|row| text.match_indices(row).map(|(at, row)| at + row.len()));
        starts
            .filter_map(|at| text[at..].split_once('"'))
            .map(|(name, _)| name.to_ascii_uppercase())
            .collect()
    };
    rows.flat_map(|source| in_text(&source.text)).collect()
}

fn compares(code: &str) -> bool {
    ["==", "!=", "=>", "eq_ignore_ascii_case", "matches!", "starts_with", "ends_with"]
        .iter()
        .any(|operator| code.contains(operator))
}

/// What stands between double quotes.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comparing_with_a_known_name_is_wrong() {
        let row = Source::new("engine/src/commands/a.rs", "spec: Spec::read(\"GET\", Arity::Exactly(2)),");
        let check = |path: &str, line: &str| {
            compared(&[Source::new(row.path.as_str(), &row.text), Source::new(path, line)])
        };
        assert_eq!(
            check("src/dispatch/a.rs", "if name == b\"get\" {"),
            ["src/dispatch/a.rs:1: compares with the command name \"get\""]
        );
        assert_eq!(check("src/session/a.rs", "    b\"GET\" => x,").len(), 1);
        assert_eq!(check("src/session/a.rs", "effects.push(b\"GET\");").len(), 0);
        assert_eq!(check("src/dispatch/a.rs", "if word == b\"WITHSCORES\" {").len(), 0);
        assert_eq!(check("engine/src/commands/b.rs", "b\"GET\" => options.get = true,").len(), 0);
        assert_eq!(check("src/dispatch/a.rs", "// if name == \"GET\"").len(), 0);
    }
}
