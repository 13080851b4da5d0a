//! `client-output-buffer-limit`: how much unread output a client of each class may pile up.

use std::fmt;

use super::super::units::parse_bytes;
use super::lenient_integer;

/// The limit of one class; 0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Past this many bytes the client is disconnected at once.
    pub hard_bytes: u64,
    /// Past this many bytes for `soft_seconds` the client is disconnected.
    pub soft_bytes: u64,
    /// How long the soft limit may be exceeded.
    pub soft_seconds: u32,
}

/// The limits of the three classes of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Subscribers of at least one channel or pattern.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// `self` with the classes named in `words` replaced: groups of class, hard, soft, seconds.
    pub(in crate::config) fn with(mut self, words: &[&[u8]]) -> Result<Self, String> {
        let (groups, []) = words.as_chunks::<4>() else {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        };
        for &[class, hard, soft, seconds] in groups {
            let limit = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut self.normal,
                b"slave" | b"replica" => &mut self.replica,
                b"pubsub" => &mut self.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            let parsed = || {
                Some(OutputLimit {
                    hard_bytes: parse_bytes(hard)?,
                    soft_bytes: parse_bytes(soft)?,
                    soft_seconds: u32::try_from(lenient_integer(seconds)?).ok()?,
                })
            };
            *limit = parsed()
                .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        Ok(self)
    }

    /// Each class with its name and limit, in the order Redis lists them.
    pub(in crate::config) fn classes(&self) -> [(&'static str, OutputLimit); 3] {
        [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)]
    }
}

impl fmt::Display for OutputLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = self.classes().map(|(class, limit)| {
            format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        });
        super::super::value::join(f, &classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
        OutputLimits::default().with(&words).map(|limits| limits.to_string())
    }

    #[test]
    fn classes_not_named_keep_their_limit() {
        assert_eq!(with("replica 1mb 2kb 3"), Ok("normal 0 0 0 slave 1048576 2048 3 pubsub 0 0 0".into()));
        assert_eq!(with("NORMAL 1 2 3 normal 4 5 6"), Ok("normal 4 5 6 slave 0 0 0 pubsub 0 0 0".into()));
        assert_eq!(with(""), Ok("normal 0 0 0 slave 0 0 0 pubsub 0 0 0".into()));
    }

    #[test]
    fn mistakes_are_told_apart() {
        for (text, refusal) in [
            ("normal 1", "Wrong number of arguments in buffer limit configuration."),
            ("foo 1 2 3", "Invalid client class specified in buffer limit configuration."),
            ("master 1 2 3", "Invalid client class specified in buffer limit configuration."),
            ("normal a 2 3", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal 1 2 -3", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
        ] {
            assert_eq!(with(text), Err(refusal.into()), "{text:?}");
        }
    }
}
