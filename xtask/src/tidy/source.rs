//! The files of the repository, as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file.
#[derive(Debug)]
pub struct Source {
    /// Relative to the root, parts separated by `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// For Rust: the text with the insides of comments and strings blanked out, lines kept.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blank_comments_and_strings(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Is it there for tests only?
    pub fn is_test(&self) -> bool {
        let inside = |folder: &str| self.path.contains(&format!("/{folder}/"));
        self.path.ends_with("/tests.rs")
            || self.path.starts_with("tests/")
            || inside("tests")
            || inside("benches")
    }

    /// Number and code of each line in front of the file's own `mod tests {`.
    pub fn production_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.code.lines().collect();
        let is_test_module = |index: usize| {
            lines[index].trim() == "#[cfg(test)]"
                && lines[index + 1..].iter().find(|line| !line.trim().starts_with("#[")).is_some_and(|line| {
                    line.trim_start().starts_with("mod ") && line.trim_end().ends_with('{')
                })
        };
        let end = (0..lines.len()).find(|&index| is_test_module(index)).unwrap_or(lines.len());
        let kept = if self.is_test() { 0 } else { end };
        lines.into_iter().take(kept).enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The line of the original text, counted from 1.
    pub fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number - 1).unwrap_or_default()
    }

    /// A finding about a line.
    pub fn finding(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Every text file below `root`, except what git ignores.
pub fn all(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.sort();
    let source = |path: &PathBuf| {
        let text = fs::read_to_string(path).ok()?;
        let relative = path.strip_prefix(root).ok()?.to_str()?.to_owned();
        Some(Source::new(&relative, &text))
    };
    paths.iter().filter_map(source).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !matches!(name, "target" | ".git" | "cache" | "corpus" | "artifacts" | "__pycache__") {
                collect(&path, paths);
            }
        } else {
            paths.push(path);
        }
    }
}

/// Replaces what is inside comments, strings and character literals by blanks.
fn blank_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match &bytes[at..] {
            [b'/', b'/', ..] => {
                bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |n| at + n)
            }
            [b'/', b'*', ..] => end_of_block_comment(bytes, at),
            [b'"', ..] => end_of_string(bytes, at + 1),
            [b'r', rest @ ..] if starts_raw_string(rest) && !continues_word(bytes, at) => {
                end_of_raw_string(bytes, at)
            }
            [b'\'', b'\\', ..] => {
                let close = bytes[at + 3..].iter().position(|&byte| byte == b'\'');
                close.map_or(bytes.len(), |n| at + 3 + n + 1)
            }
            [b'\'', _, b'\'', ..] => at + 3,
            _ => {
                at += 1;
                continue;
            }
        };
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn continues_word(bytes: &[u8], at: usize) -> bool {
    // `br"…"` is a string, `for"` is not.
    let before = bytes[..at].strip_suffix(b"b").unwrap_or(&bytes[..at]);
    before.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn starts_raw_string(behind_r: &[u8]) -> bool {
    let hashes = behind_r.iter().take_while(|&&byte| byte == b'#').count();
    behind_r.get(hashes) == Some(&b'"')
}

fn end_of_raw_string(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let body = at + 1 + hashes + 1;
    let found = bytes[body..].windows(close.len()).position(|window| window == close);
    found.map_or(bytes.len(), |n| body + n + close.len())
}

fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_block_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_lines_kept() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */\n d */ e", "a             \n      e"),
            (r#"x("a\"b") y"#, r"x(      ) y"),
            (r##"x(r#"a"b"#) y"##, r"x(        ) y"),
            (r#"br"a" for"b""#, r"b     for   "),
            ("'\"' 'a '\\'' b'\\\\'", "    'a      b    "),
            ("&'a str", "&'a str"),
        ] {
            assert_eq!(blank_comments_and_strings(text), code, "{text}");
        }
    }

    #[test]
    fn the_test_module_is_no_production_code() {
        let source = Source::new("src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n");
        assert_eq!(source.production_lines().collect::<Vec<_>>(), [(1, "fn a() {}")]);
        let source = Source::new("src/a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n");
        assert_eq!(source.production_lines().count(), 3);
        assert_eq!(Source::new("src/a/tests.rs", "fn a() {}").production_lines().count(), 0);
    }
}
