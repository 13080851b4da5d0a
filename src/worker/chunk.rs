//! The requests that are run together: parsed from one or more sessions' input, their memory asked for in advance.

use engine::command::KeyHash;
use engine::shard::ShardId;
use net::resp::Word;
use shm::rbtree::Hint;

use super::batch::SessionKey;
use crate::dispatch::Row;

/// Requests that are run as one chunk: enough to hide the latency of memory, few enough for the first-level cache.
pub const CHUNK_LEN: usize = 64;

/// Keys of which the memory is asked for in advance: as many as the second-level cache holds with what else it needs.
pub const KEYS_AHEAD: usize = 256;

/// See the module. Requests of one session stand together, in their order.
#[derive(Debug, Default)]
pub struct Chunk {
    pub calls: Vec<Call>,
    pub words: Vec<Word>,
    /// Texts of inline requests whose quotes had to be resolved.
    pub decoded: Vec<Vec<u8>>,
    pub parts: Vec<Part>,
    /// Of the keys of all calls.
    pub hashes: Vec<KeyHash>,
}

/// The requests of one session.
#[derive(Debug)]
pub struct Part {
    pub session: SessionKey,
    /// The first of its calls; they end where the next part's begin.
    pub first_call: usize,
    /// How many bytes of the session's unread input the calls take, blanks between and behind them included.
    pub parsed_len: usize,
}

/// One request.
#[derive(Debug)]
pub struct Call {
    /// `None`: to be refused.
    pub row: Option<&'static Row>,
    /// Where its text begins and ends in the session's unread input.
    pub start: usize,
    pub end: usize,
    pub first_word: usize,
    pub word_count: usize,
    /// In `Chunk::decoded`, if its words are ranges of that.
    pub decoded: Option<usize>,
    /// Where the hashes of its keys begin and end in `Chunk::hashes`. None are there if its row does not say where
    /// they stand.
    pub first_hash: usize,
    pub hashes_end: usize,
    /// The shard of its last key: of the one key of a one-shard command.
    pub shard: ShardId,
    /// Where the search in advance for the element that it names first has ended.
    pub hint: Option<Hint>,
}

impl Chunk {
    #[inline]
    pub fn is_full(&self) -> bool {
        self.calls.len() >= CHUNK_LEN || self.hashes.len() >= KEYS_AHEAD
    }

    pub fn clear(&mut self) {
        self.calls.clear();
        self.words.clear();
        self.decoded.clear();
        self.parts.clear();
        self.hashes.clear();
    }

    /// The hashes of a call's keys, in their order.
    #[inline]
    pub fn hashes(&self, call: &Call) -> &[KeyHash] {
        &self.hashes[call.first_hash..call.hashes_end]
    }

    /// The text and the words of a call; `unread` is its session's input.
    #[inline]
    pub fn text<'c>(&'c self, call: &Call, unread: &'c [u8]) -> (&'c [u8], &'c [Word]) {
        let text = match call.decoded {
            None => &unread[call.start..],
            Some(nth) => &self.decoded[nth],
        };
        (text, &self.words[call.first_word..][..call.word_count])
    }
}
