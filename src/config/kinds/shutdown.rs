//! `shutdown-on-sigint`, `shutdown-on-sigterm`: with which options of SHUTDOWN a signal ends the server.

use std::fmt;

/// The options, none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags {
    /// Write a snapshot even without save points.
    pub save: bool,
    /// Do not write a snapshot, and do not keep the data.
    pub nosave: bool,
    /// Do not wait for replicas.
    pub now: bool,
    /// Go on although writing the snapshot failed.
    pub force: bool,
}

impl ShutdownFlags {
    pub(in crate::config) fn parse(words: &[&[u8]]) -> Result<Self, String> {
        let mut flags = Self::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"default" => {}
                b"save" => flags.save = true,
                b"nosave" => flags.nosave = true,
                b"now" => flags.now = true,
                b"force" => flags.force = true,
                _ => return Err(Self::refusal()),
            }
        }
        if words.is_empty() {
            return Err(Self::refusal());
        }
        if flags.save && flags.nosave {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
        }
        Ok(flags)
    }

    fn refusal() -> String {
        "argument(s) must be one of the following: default, save, nosave, now, force".into()
    }
}

impl fmt::Display for ShutdownFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [("save", self.save), ("nosave", self.nosave), ("now", self.now), ("force", self.force)];
        let set: Vec<&str> = words.iter().filter(|(_, on)| *on).map(|(word, _)| *word).collect();
        if set.is_empty() { f.write_str("default") } else { super::super::value::join(f, &set) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
        ShutdownFlags::parse(&words).map(|flags| flags.to_string())
    }

    #[test]
    fn words_come_back_in_one_order() {
        for (given, shown) in [
            ("default", "default"),
            ("now now save", "save now"),
            ("nosave force now", "nosave now force"),
            ("default NOW", "now"),
        ] {
            assert_eq!(parse(given), Ok(shown.into()));
        }
    }

    #[test]
    fn unknown_words_and_contradictions_are_refused() {
        let known = "argument(s) must be one of the following: default, save, nosave, now, force";
        assert_eq!(parse("later"), Err(known.into()));
        assert_eq!(parse(""), Err(known.into()));
        let both = "shutdown options SAVE and NOSAVE can't be used simultaneously";
        assert_eq!(parse("save nosave"), Err(both.into()));
    }
}
