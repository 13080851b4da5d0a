//! What a key can hold.

/// What a key holds. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    String = 0,
    List = 1,
    Set = 2,
    Zset = 3,
    Hash = 4,
    Stream = 5,
}

/// By code.
const NAMES: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

impl Kind {
    /// The name that TYPE answers.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// As it is stored.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code, if there is one.
    #[inline]
    pub const fn from_code(code: u8) -> Option<Kind> {
        Some(match code {
            0 => Kind::String,
            1 => Kind::List,
            2 => Kind::Set,
            5 => Kind::Stream,
            3 => Kind::Zset,
            4 => Kind::Hash,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_kinds() {
        for code in 0..=u8::MAX {
            assert!(Kind::from_code(code).is_none_or(|kind| kind.code() == code));
        }
        for kind in [Kind::String, Kind::List, Kind::Set, Kind::Stream] {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
    }
}
