//! Who may import whom.

use super::Finding;
use super::source::Source;

/// Crates that each crate's sources may not name.
const CRATES: [(&str, &[&str]); 4] = [
    ("shm/src/", &["engine", "net", "hearth"]),
    ("engine/src/", &["net", "hearth"]),
    ("net/src/", &["shm", "engine", "hearth"]),
    ("xtask/src/", &["shm", "engine", "net", "hearth"]),
];

/// Rooms of the server, highest first; a room may import those in later groups.
const SERVER_ROOMS: [&[&str]; 11] = [
    &["server"],
    &["worker"],
    &["session"],
    &["dispatch"],
    &["commands"],
    &["cluster"],
    &["replication", "script", "pubsub"],
    &["snapshot", "binlog"],
    &["telemetry", "acl", "tracking"],
    &["client"],
    &["config"],
];

/// Rooms of the server that may use the network.
const NET_ROOMS: [&str; 5] = ["server", "worker", "session", "replication", "cluster"];

/// Rooms of the engine, highest first.
const ENGINE_ROOMS: [&[&str]; 9] = [
    &["table"],
    &["txn"],
    &["shard"],
    &["commands"],
    &["command"],
    &["keyspace"],
    &["codec"],
    &["effect", "types"],
    &["glob", "number"],
];

/// Arrows that point upward on purpose: from, to, why.
const EXCEPTIONS: [(&str, &str, &str); 1] =
    [("engine/src/keyspace", "command", "Key and effects are words of the language of commands")];

pub fn crates(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, forbidden) in CRATES {
        for source in sources.iter().filter(|source| source.path.starts_with(folder) && source.is_rust()) {
            for (number, line) in source.code.lines().enumerate() {
                for name in forbidden.iter().filter(|name| names_crate(line, name)) {
                    findings.push(source.finding(number + 1, format_args!("must not know {name}")));
                }
            }
        }
    }
    findings
}

pub fn rooms(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, order) in [("src/", SERVER_ROOMS.as_slice()), ("engine/src/", ENGINE_ROOMS.as_slice())] {
        for source in sources.iter().filter(|source| source.path.starts_with(folder) && source.is_rust()) {
            let module = module_path(&source.path[folder.len()..]);
            let Some(room) = module.first().copied() else { continue };
            for (number, line) in source.production_lines() {
                for other in imported_rooms(line, &module) {
                    if !may_import(order, room, &other) && !is_exception(folder, room, &other) {
                        findings.push(source.finding(number, format_args!("{room} must not import {other}")));
                    }
                }
                if folder == "src/"
                    && level(order, room).is_some()
                    && !NET_ROOMS.contains(&room)
                    && names_crate(line, "net")
                {
                    findings.push(source.finding(number, format_args!("{room} must not use the network")));
                }
            }
        }
    }
    findings
}

fn level(order: &[&[&str]], room: &str) -> Option<usize> {
    order.iter().position(|group| group.contains(&room))
}

fn may_import(order: &[&[&str]], room: &str, other: &str) -> bool {
    match (level(order, room), level(order, other)) {
        (Some(own), Some(others)) => room == other || own < others,
        // What is no room, such as a macro at the root or `main.rs`, is free.
        _ => true,
    }
}

fn is_exception(folder: &str, room: &str, other: &str) -> bool {
    EXCEPTIONS.iter().any(|(from, to, _)| *from == format!("{folder}{room}") && *to == other)
}

/// `a/b/mod.rs` and `a/b.rs` are both module `a::b`.
fn module_path(path: &str) -> Vec<&str> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(path, "lib" | "main" | "mod") { Vec::new() } else { path.split('/').collect() }
}

/// The first parts of the paths in `line` that start at the crate's root or reach it through `super`.
fn imported_rooms(line: &str, module: &[&str]) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in line.match_indices("crate::").filter(|(at, _)| !inside_word(line, *at)) {
        rooms.extend(first_parts(&line[at + "crate::".len()..]));
    }
    let mut rest = line;
    while let Some(at) = rest.find("super::") {
        let starts_path = !inside_word(rest, at);
        let mut supers = 0;
        rest = &rest[at..];
        while let Some(behind) = rest.strip_prefix("super::") {
            supers += 1;
            rest = behind;
        }
        if starts_path && supers >= module.len() {
            rooms.extend(first_parts(rest));
        }
    }
    rooms
}

/// `a::b` begins with `a`; `{a, b::{c, d}, e}` with `a`, `b` and `e`.
fn first_parts(path: &str) -> Vec<String> {
    let word =
        |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            other if depth == 0 => parts.last_mut().expect("never empty").push(other),
            _ => {}
        }
    }
    parts.iter().map(|part| word(part.trim())).filter(|part| !part.is_empty()).collect()
}

fn inside_word(line: &str, at: usize) -> bool {
    line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Does a path in `line` start with the crate `name`?
fn names_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let starts = |(at, _): (usize, &str)| {
        // `::net` and `crate::net` are something else unless the path begins there.
        !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    };
    line.match_indices(&path).any(starts) || line.trim() == format!("use {name};")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<Finding> {
        let sources = [Source::new(path, text)];
        [crates(&sources), rooms(&sources)].concat()
    }

    #[test]
    fn crates_know_only_those_to_their_right() {
        assert_eq!(findings("shm/src/a.rs", "use engine::glob;"), ["shm/src/a.rs:1: must not know engine"]);
        assert_eq!(
            findings("net/src/a/b.rs", "\nlet x = shm::Heap::new();"),
            ["net/src/a/b.rs:2: must not know shm"]
        );
        assert_eq!(findings("engine/src/lib.rs", "use shm::Heap; // net::x"), Vec::<String>::new());
        assert_eq!(findings("engine/src/a.rs", "use std::net::IpAddr;"), Vec::<String>::new());
    }

    #[test]
    fn rooms_import_to_their_right() {
        for (path, line, found) in [
            ("src/config/a.rs", "use crate::telemetry::log;", "config must not import telemetry"),
            ("src/telemetry/mod.rs", "use crate::config::Settings;", ""),
            (
                "src/session/a.rs",
                "use crate::{client, server::{Server, x}};",
                "session must not import server",
            ),
            ("src/snapshot/a.rs", "let x = crate::binlog::y();", "snapshot must not import binlog"),
            (
                "src/config/table/mod.rs",
                "use super::super::dispatch::Row;",
                "config must not import dispatch",
            ),
            ("src/config/table/tls.rs", "use super::super::setting::Setting;", ""),
            ("src/dispatch/table.rs", "use net::resp::Encoder;", "dispatch must not use the network"),
            ("src/session/wire.rs", "use net::resp::Encoder;", ""),
            ("src/config/a.rs", "use std::net::IpAddr;", ""),
            ("src/main.rs", "use hearth::server;", ""),
            ("engine/src/types/a.rs", "use crate::keyspace::Space;", "types must not import keyspace"),
            ("engine/src/commands/set/a.rs", "use crate::txn::run;", "commands must not import txn"),
            ("engine/src/keyspace/a.rs", "use crate::command::Key;", ""),
        ] {
            let expected = if found.is_empty() { vec![] } else { vec![format!("{path}:1: {found}")] };
            assert_eq!(findings(path, line), expected, "{path} {line}");
        }
    }

    #[test]
    fn tests_may_import_anything() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    use crate::server::Server;\n}\n";
        assert_eq!(findings("src/config/a.rs", text), Vec::<String>::new());
        assert_eq!(findings("src/config/a/tests.rs", "use crate::server::Server;"), Vec::<String>::new());
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(first_parts("{a, b::{c, d}, e::f}"), ["a", "b", "e"]);
        assert_eq!(first_parts("a::b;"), ["a"]);
        assert_eq!(module_path("config/table/mod.rs"), ["config", "table"]);
        assert_eq!(module_path("lib.rs"), Vec::<&str>::new());
    }
}
