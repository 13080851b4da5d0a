//! What a compiler cannot hold. Each rule is a function over the sources that returns findings.

mod arrows;
mod documents;
mod names;
mod source;
mod style;

use crate::run::{Failed, Runner};
use source::Source;

/// A finding: `file:line: what is wrong`.
type Finding = String;

/// Looks through all sources.
type Rule = fn(&[Source]) -> Vec<Finding>;

/// The rules, by the name of the step.
const RULES: [(&str, Rule); 8] = [
    ("tidy: arrows between crates", arrows::crates),
    ("tidy: arrows between rooms", arrows::rooms),
    ("tidy: command names", names::compared),
    ("tidy: where unsafe is", style::unsafe_code),
    ("tidy: file sizes", style::sizes),
    ("tidy: TODOs", style::todos),
    ("tidy: skipped tests", documents::skips),
    ("tidy: links", documents::links),
];

pub fn chore(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    let sources = source::all(runner.root());
    let mut failed = Vec::new();
    for (name, rule) in RULES {
        if runner.findings(name, &rule(&sources)).is_err() {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failed(failed.join(", "))) }
}
