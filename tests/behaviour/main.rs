//! What clients see: conversations in the files beside this one, held with Hearth and, where it is
//! installed, with the reference server.
//!
//! A file is a list of exchanges. `> words` sends a command (quotes and escapes as redis-cli takes
//! them); the lines after it, up to the next `>` or empty line, are the reply as redis-cli shows it on
//! a terminal. `#` begins a comment.
//!
//! `a> words` lets another client, named by a letter, ask; `a<` and the lines after it are what it is answered. Directives
//! in comments:
//!
//! - `#? blocked 2` goes on when so many clients wait for keys;
//! - `#! hearth` from here on only for Hearth, with the reason behind it: commands that the reference
//!   server is too old for, and the differences listed in docs/compatibility.md;
//! - `#! all` for both again;
//! - a reply line `~ text` matches any line that contains the text; `~` alone matches any line.

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod conversation;
mod starts;

use std::path::{Path, PathBuf};

use conversation::Conversation;
use support::TestServer;

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
}

fn conversations() -> Vec<Conversation> {
    let mut files = Vec::new();
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour"), &mut files);
    files.sort();
    assert!(!files.is_empty(), "there are conversations to hold");
    files.iter().map(|path| Conversation::read(path)).collect()
}

fn hold_all(server: &TestServer, is_hearth: bool) {
    let mut complaints = Vec::new();
    for conversation in conversations() {
        conversation.hold(server, is_hearth, &mut complaints);
    }
    assert!(complaints.is_empty(), "{} differences:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn hearth_answers_as_written() {
    hold_all(&TestServer::hearth(&["--threads", "1"]), true);
}

#[test]
fn hearth_answers_the_same_on_several_threads() {
    hold_all(&TestServer::hearth(&["--threads", "3"]), true);
}

#[test]
fn the_reference_server_answers_as_written() {
    match TestServer::redis(&[]) {
        Some(server) => hold_all(&server, false),
        None => eprintln!("skipped: redis-server is not installed"),
    }
}
