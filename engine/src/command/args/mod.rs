//! The words of a request, read from left to right.

mod condition;
pub mod count;
mod expiry;
mod scan;
pub mod timeout;

pub use condition::{Comparison, Condition, DIGEST_LEN, digest_text};
pub use expiry::{Base, ExpireTime, Expiry, Unit};
pub use scan::ScanOptions;

use super::error::Error;
use super::key::{Key, KeyHash, KeyHasher};
use super::keys::KeyRow;
use crate::number;

/// A cursor over the words after the command's name. Copy it to look ahead.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    words: &'a [&'a [u8]],
    next: usize,
    hasher: &'a KeyHasher,
    /// The keys whose hashes routing has computed already, in their order, and where they stand.
    hashed: Option<(KeyRow, &'a [KeyHash])>,
}

impl<'a> Args<'a> {
    /// `words[0]` is the command's name; reading starts after it.
    pub fn new(words: &'a [&'a [u8]], hasher: &'a KeyHasher) -> Args<'a> {
        Args { words, next: 1, hasher, hashed: None }
    }

    /// Hands on the hashes of the first keys in `row`, so that they are not computed twice.
    #[inline]
    pub fn with_key_hashes(mut self, row: KeyRow, hashes: &'a [KeyHash]) -> Args<'a> {
        self.hashed = Some((row, hashes));
        self
    }

    /// Starts after `skip` words instead of one: 2 for a subcommand.
    pub fn starting_at(mut self, skip: usize) -> Args<'a> {
        self.next = skip;
        self
    }

    /// All words, the command's name first.
    pub fn words(&self) -> &'a [&'a [u8]] {
        self.words
    }

    /// The words not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [&'a [u8]] {
        &self.words[self.next.min(self.words.len())..]
    }

    /// How many words are left.
    #[inline]
    pub fn left(&self) -> usize {
        self.words.len().saturating_sub(self.next)
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// The next word, without taking it.
    #[inline]
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.words.get(self.next).copied()
    }

    /// The next word; a syntax error when there is none.
    #[inline]
    pub fn word(&mut self) -> Result<&'a [u8], Error> {
        let word = self.peek().ok_or(Error::Syntax)?;
        self.next += 1;
        Ok(word)
    }

    /// The next word as a key.
    #[inline]
    pub fn key(&mut self) -> Result<Key<'a>, Error> {
        let index = self.next;
        let bytes = self.word()?;
        let hash = self.hashed.and_then(|(row, hashes)| hashes.get(row.nth(index)?));
        Ok(match hash {
            Some(hash) => Key { bytes, hash: *hash },
            None => self.hasher.key(bytes),
        })
    }

    /// Computes the hash of any bytes as a key.
    pub fn key_of<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.hasher.key(bytes)
    }

    /// The next word as an integer: "value is not an integer or out of range" otherwise.
    pub fn integer(&mut self) -> Result<i64, Error> {
        number::parse_i64(self.word()?).ok_or(Error::NotInteger)
    }

    /// The next word as the number of one of `count` databases.
    ///
    /// # Errors
    /// [`Error::NotInteger`], a number that 32 bits do not hold, or [`Error::DbOutOfRange`].
    pub fn database(&mut self, count: u32) -> Result<u32, Error> {
        let number = i32::try_from(self.integer()?).map_err(|_| {
            Error::text("ERR value is out of range, value must between -2147483648 and 2147483647")
        })?;
        u32::try_from(number).ok().filter(|db| *db < count).ok_or(Error::DbOutOfRange)
    }

    /// The next word as a floating-point number: "value is not a valid float" otherwise.
    pub fn float(&mut self) -> Result<f64, Error> {
        number::parse_f64(self.word()?).ok_or(Error::NotFloat)
    }

    /// Takes the next word if it is `keyword`, in any case.
    #[inline]
    pub fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()));
        self.next += usize::from(found);
        found
    }

    /// The next `count` words, and those after them; `None` when there are fewer.
    pub fn split(&self, count: usize) -> Option<(Args<'a>, Args<'a>)> {
        let middle = self.next.checked_add(count).filter(|&middle| middle <= self.words.len())?;
        Some((Args { words: &self.words[..middle], ..*self }, Args { next: middle, ..*self }))
    }

    /// A syntax error if words are left.
    pub fn end(&self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Syntax) }
    }
}
