//! `notify-keyspace-events`: which classes of events are published, and on which channels.

use std::fmt;

/// A set of event classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u32);

impl EventClasses {
    /// Publish on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// Publish on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// Commands of no particular type: DEL, EXPIRE, RENAME …
    pub const GENERIC: Self = Self(1 << 2);
    /// String commands.
    pub const STRING: Self = Self(1 << 3);
    /// List commands.
    pub const LIST: Self = Self(1 << 4);
    /// Set commands.
    pub const SET: Self = Self(1 << 5);
    /// Hash commands.
    pub const HASH: Self = Self(1 << 6);
    /// Sorted-set commands.
    pub const SORTED_SET: Self = Self(1 << 7);
    /// A key whose time had come.
    pub const EXPIRED: Self = Self(1 << 8);
    /// A key removed to make room.
    pub const EVICTED: Self = Self(1 << 9);
    /// Stream commands.
    pub const STREAM: Self = Self(1 << 10);
    /// A lookup that found nothing; not part of `A`.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// Module types.
    pub const MODULE: Self = Self(1 << 12);
    /// A key that did not exist before; not part of `A`.
    pub const NEW_KEY: Self = Self(1 << 13);

    const ALL: Self = Self(
        Self::GENERIC.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::SET.0
            | Self::HASH.0
            | Self::SORTED_SET.0
            | Self::EXPIRED.0
            | Self::EVICTED.0
            | Self::STREAM.0
            | Self::MODULE.0,
    );

    /// The letters of the classes in `A`, in the order they are written back.
    const LETTERS: [(u8, Self); 10] = [
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::SORTED_SET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
    ];

    /// Are all classes of `other` in this set?
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(in crate::config) fn parse(letters: &[u8]) -> Result<Self, String> {
        letters.iter().try_fold(Self::default(), |set, &letter| {
            let class = match letter {
                b'A' => Self::ALL,
                b'K' => Self::KEYSPACE,
                b'E' => Self::KEYEVENT,
                b'm' => Self::KEY_MISS,
                b'n' => Self::NEW_KEY,
                _ => Self::LETTERS
                    .iter()
                    .find(|(known, _)| *known == letter)
                    .map(|(_, class)| *class)
                    .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?,
            };
            Ok(Self(set.0 | class.0))
        })
    }
}

impl fmt::Display for EventClasses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.contains(Self::ALL);
        let mut letters = String::new();
        if all {
            letters.push('A');
        } else {
            let set = Self::LETTERS.iter().filter(|(_, class)| self.contains(*class));
            letters.extend(set.map(|(letter, _)| char::from(*letter)));
            if self.contains(Self::NEW_KEY) {
                letters.push('n');
            }
        }
        for (letter, class) in [('K', Self::KEYSPACE), ('E', Self::KEYEVENT), ('m', Self::KEY_MISS)] {
            if self.contains(class) {
                letters.push(letter);
            }
        }
        // Behind an `A` the class comes last, so that nothing is lost when the text is read again.
        if all && self.contains(Self::NEW_KEY) {
            letters.push('n');
        }
        f.write_str(&letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_back_in_one_order() {
        for (given, shown) in [
            ("", ""),
            ("KEA", "AKE"),
            ("K", "K"),
            ("$g", "g$"),
            ("xmn", "xnm"),
            ("gxE$lshztdmnK", "g$lshzxtdnKEm"),
            ("gsetA", "A"),
            ("gxeE$lshztdK", "AKE"),
            ("An", "An"),
        ] {
            let classes = EventClasses::parse(given.as_bytes()).unwrap();
            assert_eq!(classes.to_string(), shown, "{given:?}");
            assert_eq!(EventClasses::parse(shown.as_bytes()), Ok(classes));
        }
    }

    #[test]
    fn all_leaves_out_the_two_costly_classes() {
        let all = EventClasses::parse(b"A").unwrap();
        assert!(all.contains(EventClasses::MODULE) && all.contains(EventClasses::STREAM));
        assert!(!all.contains(EventClasses::KEY_MISS) && !all.contains(EventClasses::NEW_KEY));
    }

    #[test]
    fn unknown_letters_are_refused() {
        for letters in ["q", "K E", "k"] {
            let refusal = EventClasses::parse(letters.as_bytes()).unwrap_err();
            assert_eq!(refusal, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        }
    }
}
