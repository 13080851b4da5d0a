//! Chores, as `cargo xtask NAME`. `cargo xtask help` lists them.
#![forbid(unsafe_code)]

mod chores;
mod mutants;
mod run;
mod tidy;

use std::process::ExitCode;

use run::{Failed, Runner};

/// Name, what it does, and the function.
type Chore = (&'static str, &'static str, fn(&mut Runner, &[String]) -> Result<(), Failed>);

const CHORES: [Chore; 13] = [
    (
        "test",
        "everything a change must pass: tools, check, crash tests, clients, suite, a few mutants, loom, sanitizer",
        chores::test,
    ),
    ("check", "format, clippy, tests, docs, tidy", chores::check),
    (
        "tidy",
        "what a compiler cannot hold: arrows between rooms, where unsafe is, sizes, reasons",
        tidy::chore,
    ),
    ("tools", "install what tests need: redis-server, redis-tools, tcl, redis-py", chores::tools),
    ("clients", "the scripts in tests/clients against the built server", chores::clients),
    (
        "suite",
        "the Tcl suite of Redis against the built server [UNIT …] (redis-tests/run.py --help)",
        chores::suite,
    ),
    ("crash", "every crash and panic of every write, and a long kill -9 soak", chores::crash),
    ("mutants", "every broken form of the code must fail a test [--sample N] [NAME …]", mutants::chore),
    ("loom", "what threads share, in all interleavings", chores::loom),
    ("asan", "the crates with unsafe code under AddressSanitizer (nightly)", chores::asan),
    ("valgrind", "the cores on heap memory under valgrind, where it is installed", chores::valgrind),
    ("miri", "the cores on heap memory under Miri, where it is installed (nightly)", chores::miri),
    ("fuzz", "every fuzz target for a while [SECONDS] (nightly, cargo-fuzz)", chores::fuzz),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "help".into());
    let rest: Vec<String> = arguments.collect();
    let Some((_, _, chore)) = CHORES.iter().find(|(known, _, _)| *known == name) else {
        println!("cargo xtask NAME\n");
        for (name, what, _) in CHORES {
            println!("  {name:9} {what}");
        }
        return if name == "help" { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    let mut runner = Runner::new();
    let outcome = chore(&mut runner, &rest);
    runner.summary();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("\nxtask {name}: {failed}");
            ExitCode::FAILURE
        }
    }
}
