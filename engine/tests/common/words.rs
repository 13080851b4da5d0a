//! Requests and values.

use engine::testing::words_of;

use super::Bytes;

/// So many bytes, no two neighbours alike, different for each `first`.
pub fn of_len(len: usize, first: u8) -> Bytes {
    (0..len).map(|at| first.wrapping_add(at as u8)).collect()
}

pub fn word(text: impl ToString) -> Bytes {
    text.to_string().into_bytes()
}

/// The words of a request, written as a line.
pub fn line(text: &str) -> Vec<Bytes> {
    words_of(text).expect("closed quotes")
}

/// Words by reference, as a session takes them.
pub fn words(words: &[Bytes]) -> Vec<&[u8]> {
    words.iter().map(Vec::as_slice).collect()
}
