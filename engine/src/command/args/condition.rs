//! Whether to write at all: NX, XX, and comparisons with the value that is there.

use super::Args;
use crate::command::error::Error;
use crate::types::string::StringView;

/// A comparison with a string value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison<'a> {
    /// IFEQ.
    Equal(&'a [u8]),
    /// IFNE.
    NotEqual(&'a [u8]),
    /// IFDEQ: with its digest, in hexadecimal.
    DigestEqual(&'a [u8]),
    /// IFDNE.
    DigestNotEqual(&'a [u8]),
}

/// Hexadecimal digits of a digest.
pub const DIGEST_LEN: usize = 16;

/// A value's digest in hexadecimal: XXH3 with 64 bits, all digits, in lower case.
pub fn digest_text(digest: u64) -> [u8; DIGEST_LEN] {
    std::array::from_fn(|at| b"0123456789abcdef"[(digest >> (4 * (DIGEST_LEN - 1 - at))) as usize & 0xF])
}

impl<'a> Comparison<'a> {
    /// Takes IFEQ, IFNE, IFDEQ or IFDNE with its word; `None`, and nothing taken, when the next word is
    /// another one or its own is missing.
    pub fn take(args: &mut Args<'a>) -> Option<Comparison<'a>> {
        type Make<'a> = fn(&'a [u8]) -> Comparison<'a>;
        let keywords: [(&str, Make<'a>); 4] = [
            ("IFEQ", Comparison::Equal),
            ("IFNE", Comparison::NotEqual),
            ("IFDEQ", Comparison::DigestEqual),
            ("IFDNE", Comparison::DigestNotEqual),
        ];
        let mut ahead = *args;
        let (_, make) = keywords.into_iter().find(|(keyword, _)| ahead.take(keyword))?;
        let operand = ahead.word().ok()?;
        *args = ahead;
        Some(make(operand))
    }

    /// Whether a key that does not exist passes.
    pub fn admits_missing(&self) -> bool {
        matches!(self, Comparison::NotEqual(_) | Comparison::DigestNotEqual(_))
    }

    /// Whether this value passes. O(length).
    ///
    /// # Errors
    /// A digest of another length than [`DIGEST_LEN`]. As in Redis only the length is looked at: what is
    /// not hexadecimal equals no digest.
    pub fn admits(&self, value: StringView<'_>) -> Result<bool, Error> {
        let digest_matches = |operand: &[u8]| {
            if operand.len() != DIGEST_LEN {
                return Err(Error::text("ERR must be exactly 16 hexadecimal characters"));
            }
            Ok(digest_text(value.digest()).eq_ignore_ascii_case(operand))
        };
        match self {
            Comparison::Equal(operand) => Ok(value.equals(operand)),
            Comparison::NotEqual(operand) => Ok(!value.equals(operand)),
            Comparison::DigestEqual(operand) => digest_matches(operand),
            Comparison::DigestNotEqual(operand) => digest_matches(operand).map(|matches| !matches),
        }
    }

    fn is_same_option(&self, other: &Comparison<'_>) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// On what a write depends. Options exclude each other, but the same one may be repeated: its last word
/// counts, as in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition<'a> {
    #[default]
    Always,
    /// NX: the key must not exist.
    Missing,
    /// XX: the key must exist.
    Present,
    /// IFEQ and its kin.
    Compares(Comparison<'a>),
}

impl<'a> Condition<'a> {
    /// Takes NX or XX. Takes nothing, and returns false, when the next word is another one or does not
    /// go together with what was said before.
    pub fn take_existence(&mut self, args: &mut Args<'a>) -> bool {
        for (keyword, meaning) in [("NX", Condition::Missing), ("XX", Condition::Present)] {
            if (*self == Condition::Always || *self == meaning) && args.take(keyword) {
                *self = meaning;
                return true;
            }
        }
        false
    }

    /// Takes NX, XX, IFEQ, IFNE, IFDEQ or IFDNE; otherwise as [`Condition::take_existence`].
    pub fn take(&mut self, args: &mut Args<'a>) -> bool {
        if self.take_existence(args) {
            return true;
        }
        let mut ahead = *args;
        let Some(comparison) = Comparison::take(&mut ahead) else { return false };
        let fits = match self {
            Condition::Always => true,
            Condition::Compares(said) => said.is_same_option(&comparison),
            Condition::Missing | Condition::Present => false,
        };
        if fits {
            *self = Condition::Compares(comparison);
            *args = ahead;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::KeyHasher;

    fn check(options: &str, expected: Option<Condition<'_>>) {
        let hasher = KeyHasher::new([0; 16]);
        let words: Vec<&[u8]> = std::iter::once("SET").chain(options.split(' ')).map(str::as_bytes).collect();
        let (mut args, mut condition) = (Args::new(&words, &hasher), Condition::default());
        let all_taken = loop {
            if args.is_empty() {
                break true;
            }
            if !condition.take(&mut args) {
                break false;
            }
        };
        assert_eq!(all_taken.then_some(condition), expected, "{options}");
    }

    #[test]
    fn conditions_exclude_each_other() {
        check("nx", Some(Condition::Missing));
        check("NX NX", Some(Condition::Missing));
        check("XX", Some(Condition::Present));
        check("ifeq a", Some(Condition::Compares(Comparison::Equal(b"a"))));
        check("IFEQ a IFEQ b", Some(Condition::Compares(Comparison::Equal(b"b"))));
        check("IFDNE a", Some(Condition::Compares(Comparison::DigestNotEqual(b"a"))));
        for options in ["NX XX", "XX NX", "IFEQ", "IFEQ a NX", "NX IFEQ a", "IFEQ a IFNE b", "IFDEQ a IFEQ a"]
        {
            check(options, None);
        }
    }

    #[test]
    fn values_and_digests_are_compared() {
        let value = StringView::Inline(
            b"v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd",
        );
        let admits = |comparison: Comparison<'_>| comparison.admits(value);
        assert_eq!(admits(Comparison::Equal(b"v")), Ok(false));
        assert_eq!(admits(Comparison::NotEqual(b"v")), Ok(true));
        assert_eq!(admits(Comparison::DigestEqual(b"00006c38adf31777")), Ok(true));
        assert_eq!(admits(Comparison::DigestEqual(b"00006C38ADF31777")), Ok(true));
        assert_eq!(admits(Comparison::DigestNotEqual(b"00006c38adf31777")), Ok(false));
        assert_eq!(admits(Comparison::DigestNotEqual(b"not hexadecimal!")), Ok(true));
        for operand in [&b"6c38adf31777"[..], b"000006c38adf31777", b""] {
            assert!(admits(Comparison::DigestEqual(operand)).is_err());
            assert!(admits(Comparison::DigestNotEqual(operand)).is_err());
        }
    }
}
