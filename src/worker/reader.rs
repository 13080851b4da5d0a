//! From bytes to calls: words, rows, the places of keys. What a request has in common with the one before it is not
//! understood a second time.

use std::ops::Range;

use engine::command::{KeyHash, Routing};
use engine::shard::ShardId;
use net::resp::{Limits, Progress, Word};

use super::berths::Berths;
use super::chunk::{Call, Chunk, KEYS_AHEAD};
use super::executor::Executor;
use crate::dispatch::{Placement, Row};
use crate::session::Session;

/// What a reader has found.
pub enum Parsed {
    Request {
        consumed: usize,
    },
    /// Nothing is asked.
    Blank {
        consumed: usize,
    },
    Incomplete {
        missing: usize,
    },
    /// What follows cannot be understood; the session knows.
    Broken,
}

/// Appends the requests of one session to a chunk.
pub struct Reader<'w> {
    pub chunk: &'w mut Chunk,
    pub executor: &'w Executor,
    pub placement: &'w Placement,
    pub berths: &'w Berths,
    pub before: Before,
}

/// What is known from the requests before of the same session: many a pipeline repeats a command, or is about one key. Texts
/// are where they stand in the session's unread input.
#[derive(Default)]
pub struct Before {
    head: Option<Head>,
    /// A command without subcommands.
    name: Option<(Range<usize>, &'static Row)>,
    /// The key of a command on one key.
    key: Option<(Range<usize>, KeyHash, ShardId)>,
}

/// How a request begins: with the number of its words, its name and, if it is repeated, its key.
struct Head {
    /// Up to two bytes behind the last of the words that are known.
    text: Range<usize>,
    words: [Word; 2],
    word_count: usize,
    /// Of a command without subcommands.
    row: &'static Row,
    /// If the second word is known, too: it is the only key.
    key: Option<(KeyHash, ShardId)>,
}

impl Head {
    /// The words that are known.
    #[inline]
    fn known(&self) -> &[Word] {
        if self.key.is_some() { &self.words } else { &self.words[..1] }
    }
}

impl Reader<'_> {
    /// Parses the request that begins `at` bytes into the session's unread input.
    #[inline]
    pub fn next(&mut self, session: &mut Session, at: usize, limits: &Limits) -> Parsed {
        let Reader { chunk, executor, placement, berths, before } = self;
        let input = session.input.unread();
        let unread = &input[at..];
        let is_like = |head: &&Head| unread.starts_with(&input[head.text.clone()]);
        let head = before.head.as_ref().filter(|_| session.parser.is_between()).filter(is_like);
        let first_word = chunk.words.len();
        let progress = match head {
            Some(head) => {
                let known = (head.known(), head.word_count);
                session.parser.next_like(known, unread, limits, &mut chunk.words)
            }
            None => session.parser.next(unread, limits, &mut chunk.words),
        };
        let (consumed, word_count, decoded) = match progress {
            Ok(Progress::Request { consumed, words }) => (consumed, words, None),
            Ok(Progress::Decoded { consumed, words, bytes }) => {
                chunk.decoded.push(bytes);
                (consumed, words, Some(chunk.decoded.len() - 1))
            }
            Ok(Progress::Empty { consumed }) => return Parsed::Blank { consumed },
            Ok(Progress::Incomplete { missing }) => return Parsed::Incomplete { missing },
            Err(error) => {
                session.broken = Some(error);
                return Parsed::Broken;
            }
        };
        let text = match decoded {
            None => unread,
            Some(nth) => &chunk.decoded[nth],
        };
        let words = &chunk.words[first_word..];
        let place_of = |word: Word| at + word.start as usize..at + (word.start + word.len) as usize;
        let row = match (head, &before.name) {
            (Some(head), _) => Some(head.row),
            (None, Some((name, row)))
                if input[name.clone()] == *words[0].of(text) && row.spec.arity.admits(word_count) =>
            {
                Some(*row)
            }
            _ => executor.table.find(word_count, |nth| words[nth].of(text)).ok(),
        };
        let (first_hash, mut shard) = (chunk.hashes.len(), ShardId(0));
        if let Some((hash, same)) = head.and_then(|head| head.key) {
            shard = same;
            chunk.hashes.push(hash);
        } else {
            let (hashes, db) = (&mut chunk.hashes, session.client.db);
            let mut hash_key = |key: &[u8]| {
                let hash = executor.hasher.hash(key);
                let shard = placement.shard_of(hash);
                if hashes.len() < KEYS_AHEAD
                    && let Some(shard) = berths.peek(shard)
                {
                    shard.keyspace.prefetch_bucket(db, hash);
                }
                hashes.push(hash);
                (hash, shard)
            };
            // The key, if it is the second word and that of the request before.
            let mut repeated = None;
            match row.and_then(|row| row.keys.map(|keys| (keys, row.spec.routing))) {
                Some((keys, Routing::OneShard)) => {
                    let word = words[usize::from(keys.first)];
                    let key = word.of(text);
                    match &before.key {
                        Some((text, hash, same)) if input[text.clone()] == *key => {
                            shard = *same;
                            hashes.push(*hash);
                            repeated = (keys.first == 1).then_some((*hash, *same));
                        }
                        _ => {
                            let hash;
                            (hash, shard) = hash_key(key);
                            before.key = decoded.is_none().then_some((place_of(word), hash, shard));
                        }
                    }
                }
                Some((keys, _)) => {
                    keys.places(word_count).for_each(|nth| (_, shard) = hash_key(words[nth].of(text)));
                }
                None => {}
            }
            let plain = row.filter(|row| decoded.is_none() && row.is_plain());
            if head.is_none() {
                before.name = plain.map(|row| (place_of(words[0]), row));
            }
            // A line typed by a human does not begin with the number of its words.
            if let Some(row) = plain
                && (head.is_none() || repeated.is_some())
                && unread[0] == b'*'
            {
                let last = words[usize::from(repeated.is_some())];
                let text = at..place_of(last).end + 2;
                before.head = Some(Head { text, words: [words[0], last], word_count, row, key: repeated });
            }
        }
        let (end, hashes_end) = (at + consumed, chunk.hashes.len());
        chunk.calls.push(Call {
            row,
            start: at,
            end,
            first_word,
            word_count,
            decoded,
            first_hash,
            hashes_end,
            shard,
            hint: None,
        });
        Parsed::Request { consumed }
    }
}
