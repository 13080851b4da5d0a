//! Skipped tests give reasons; links lead somewhere.

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

/// In the skip lists of the reference suite, a comment above a group of names is its reason.
pub fn skips(sources: &[Source]) -> Vec<Finding> {
    let lists = sources
        .iter()
        .filter(|source| source.path.starts_with("redis-tests/") && source.path.contains("skip"));
    let mut findings = Vec::new();
    for source in lists.filter(|source| source.path.ends_with(".txt")) {
        let mut has_reason = false;
        for (index, line) in source.text.lines().enumerate() {
            match line.trim() {
                "" => has_reason = false,
                line if line.starts_with('#') => has_reason = line.trim_start_matches('#').trim().len() > 10,
                _ if !has_reason => {
                    findings.push(source.finding(index + 1, "skipped without a reason above it"))
                }
                _ => {}
            }
        }
    }
    findings
}

/// Relative links in Markdown name files or folders of the repository.
pub fn links(sources: &[Source]) -> Vec<Finding> {
    let mut known = BTreeSet::new();
    for source in sources {
        let mut path = source.path.as_str();
        known.insert(path);
        while let Some((folder, _)) = path.rsplit_once('/') {
            known.insert(folder);
            path = folder;
        }
    }
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".md")) {
        for (index, line) in source.text.lines().enumerate() {
            for target in targets(line) {
                let path = resolve(&source.path, target);
                if !known.contains(path.as_str()) {
                    findings.push(source.finding(index + 1, format_args!("{target} leads nowhere")));
                }
            }
        }
    }
    findings
}

/// The relative targets of `[text](target)`, without `#anchor`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
        (!elsewhere).then_some(target)
    })
}

/// `target` as seen from the file `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_need_a_reason() {
        let found = |text: &str| skips(&[Source::new("redis-tests/skip-external.txt", text)]);
        assert_eq!(found("# the server has no such thing\none\ntwo\n"), Vec::<String>::new());
        assert_eq!(
            found("# why\none"),
            ["redis-tests/skip-external.txt:2: skipped without a reason above it"]
        );
        assert_eq!(found("# the server has no such thing\none\n\ntwo").len(), 1);
    }

    #[test]
    fn links_are_resolved_from_their_file() {
        let sources = [
            Source::new("docs/a.md", "[x](b.md) [y](../src/main.rs#L1) [z](https://e.org) [q](c.md)"),
            Source::new("docs/b.md", "[up](../src/)"),
            Source::new("src/main.rs", ""),
        ];
        assert_eq!(links(&sources), ["docs/a.md:1: c.md leads nowhere"]);
    }
}
