//! Where unsafe code is, how long files are, what a TODO says.

use super::Finding;
use super::source::Source;

/// Files and folders that may contain `unsafe`.
const UNSAFE: [&str; 9] = [
    "shm/src/region.rs",
    "shm/src/handle.rs",
    "shm/src/cell.rs",
    "shm/src/hash_index/bucket.rs",
    "shm/src/alloc/",
    "shm/src/segment/",
    "shm/src/owner.rs",
    "net/src/ring.rs",
    "net/src/rdma/verbs.rs",
];

/// A file this long holds two things.
const LINES_MAX: usize = 900;

pub fn unsafe_code(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.is_rust() && !UNSAFE.iter().any(|path| source.path.starts_with(path)))
    {
        for (number, line) in source.code.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if words.any(|word| word == "unsafe") {
                findings.push(source.finding(number + 1, "unsafe code does not belong here"));
            }
        }
    }
    findings
}

pub fn sizes(sources: &[Source]) -> Vec<Finding> {
    let long = |source: &&Source| source.is_rust() && source.text.lines().count() >= LINES_MAX;
    let finding =
        |source: &Source| source.finding(source.text.lines().count(), "this is too long for one file");
    sources.iter().filter(long).map(finding).collect()
}

pub fn todos(sources: &[Source]) -> Vec<Finding> {
    let conditions = [" when ", " once ", " until ", " as soon as ", " if "];
    let mut findings = Vec::new();
    // This folder talks about them.
    for source in
        sources.iter().filter(|source| source.is_rust() && !source.path.starts_with("xtask/src/tidy/"))
    {
        for (index, line) in source.text.lines().enumerate().filter(|(_, line)| line.contains("// TODO")) {
            if !conditions.iter().any(|condition| line.contains(condition)) {
                findings.push(source.finding(index + 1, "a TODO must say when it is due"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_found_in_code_only() {
        let found = |path: &str, text: &str| unsafe_code(&[Source::new(path, text)]).len();
        assert_eq!(found("engine/src/a.rs", "unsafe { x() }"), 1);
        assert_eq!(found("engine/src/a.rs", "// unsafe\n#![forbid(unsafe_code)]\nlet x = \"unsafe\";"), 0);
        assert_eq!(found("shm/src/cell.rs", "unsafe { x() }"), 0);
        assert_eq!(found("shm/src/rbtree/node.rs", "unsafe fn x() {}"), 1);
    }

    #[test]
    fn long_files_are_found() {
        assert_eq!(sizes(&[Source::new("src/a.rs", &"\n".repeat(899))]).len(), 0);
        assert_eq!(sizes(&[Source::new("src/a.rs", &"\n".repeat(900))]).len(), 1);
    }

    #[test]
    fn a_reminder_says_when_it_is_due() {
        let found = |text: &str| todos(&[Source::new("src/a.rs", text)]).len();
        assert_eq!(found("x(); // TODO: faster"), 1);
        assert_eq!(found("// TODO when replicas exist: send it"), 0);
    }
}
