//! Requests that travel from the worker of their clients to the worker of their shards, and come back as
//! replies, in the same box.

use engine::command::KeyHash;
use engine::shard::ShardId;
use net::resp::Word;

use crate::client::Protocol;
use crate::dispatch::WorkerId;
use crate::session::Seq;

/// A session's place in its worker's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionKey(pub u32);

/// What of its client a request takes along.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    pub db: u32,
    pub protocol: Protocol,
    pub no_touch: bool,
}

/// Where a reply belongs: a client of worker `worker`, and the place among its commands.
#[derive(Debug, Clone, Copy)]
pub struct ReturnTo {
    pub worker: WorkerId,
    pub session: SessionKey,
    pub seq: Seq,
}

/// What to do, besides the words of the request.
#[derive(Debug, Clone, Copy)]
pub struct Errand {
    pub session: SessionKey,
    pub seq: Seq,
    pub row: u16,
    /// The one shard that it needs; the first of several.
    pub shard: ShardId,
    /// The hash of its one key; `None` if it has several.
    pub hash: Option<KeyHash>,
    pub guest: Guest,
}

/// One request in a batch.
#[derive(Debug)]
pub struct Request {
    pub errand: Errand,
    /// Where its text begins; a batch is full long before 4 GiB.
    bytes_at: u32,
    first_word: u32,
    word_count: u32,
    pub reply: Option<Reply>,
}

/// Where in the batch a reply lies.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub start: usize,
    pub len: usize,
}

/// A batch of requests of one worker's clients.
#[derive(Debug)]
pub struct Batch {
    /// Whose clients ask.
    pub origin: WorkerId,
    pub requests: Vec<Request>,
    pub texts: Texts,
    pub replies: Vec<u8>,
}

/// The words of requests.
#[derive(Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    words: Vec<Word>,
}

impl Texts {
    /// The text of a request and its words in it.
    #[inline]
    pub fn of(&self, request: &Request) -> (&[u8], &[Word]) {
        let words = &self.words[request.first_word as usize..][..request.word_count as usize];
        (&self.bytes[request.bytes_at as usize..], words)
    }
}

/// A batch is sent off when it has so many requests …
const REQUESTS_FULL: usize = 256;
/// … or so many bytes of text.
const BYTES_FULL: usize = 64 * 1024;
/// Buffers up to this size are kept for the next use.
const BYTES_KEPT: usize = 128 * 1024;

impl Batch {
    pub fn new(origin: WorkerId) -> Box<Batch> {
        Box::new(Batch { origin, requests: Vec::new(), texts: Texts::default(), replies: Vec::new() })
    }

    /// Appends a request. `text` begins with the request's first byte.
    #[inline]
    pub fn push(&mut self, errand: Errand, text: &[u8], words: &[Word]) {
        self.requests.push(Request {
            errand,
            bytes_at: u32::try_from(self.texts.bytes.len()).expect("no request follows so long a one"),
            first_word: self.texts.words.len() as u32,
            word_count: words.len() as u32,
            reply: None,
        });
        // Up to the last word's end: what frames it is not needed any more.
        let len = words.last().map_or(0, |word| word.start as usize + word.len as usize);
        self.texts.bytes.extend_from_slice(&text[..len]);
        self.texts.words.extend_from_slice(words);
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.requests.len() >= REQUESTS_FULL || self.texts.bytes.len() >= BYTES_FULL
    }

    /// Empties the batch for another use, with its memory unless that has grown large.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.texts.words.clear();
        for bytes in [&mut self.texts.bytes, &mut self.replies] {
            bytes.clear();
            if bytes.capacity() > BYTES_KEPT {
                *bytes = Vec::new();
            }
        }
    }
}
