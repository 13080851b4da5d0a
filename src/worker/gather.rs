//! From a socket to a chunk of requests: read, parse, look up, ask for the memory.

use std::ops::Range;

use engine::command::{KeyHash, Routing};
use engine::shard::ShardId;
use net::buffer::FillEnd;
use net::reactor::Ready;
use net::resp::{Limits, Progress, Word};

use super::batch::SessionKey;
use super::berths::Berths;
use super::chunk::{Call, Chunk, KEYS_AHEAD, Part};
use super::executor::Executor;
use super::{Stage, Worker};
use crate::config::Settings;
use crate::dispatch::{Placement, Row};
use crate::session::Session;

/// How much of one session a turn takes before the next session is served.
struct Budget {
    bytes: usize,
    calls: usize,
}

const BUDGET_BYTES: usize = 64 * 1024;
const BUDGET_CALLS: usize = 1024;
/// A long word that is on its way may take so much of a turn.
const BUDGET_LONG_WORD: usize = 1024 * 1024;

/// What clients may send.
#[derive(Debug, Default)]
pub struct InputLimits {
    known: Limits,
    /// Of clients that have still to log in.
    stranger: Limits,
}

impl InputLimits {
    pub fn of(settings: &Settings) -> InputLimits {
        let known = Limits {
            bulk_len_max: usize::try_from(settings.bulk_bytes_max).unwrap_or(usize::MAX),
            request_len_max: usize::try_from(settings.query_buffer_bytes_max).unwrap_or(usize::MAX),
            ..Limits::default()
        };
        InputLimits { stranger: known.clone().for_stranger(true), known }
    }
}

/// Why parsing stopped.
enum Stop {
    /// The chunk is full, or the next request must not be parsed before those before it have run.
    RunFirst,
    /// No whole request is left, and nothing more can be read for now; or nothing more can be understood.
    Drained,
    /// The session has had its share of this turn.
    Budget,
    /// The connection is broken.
    Gone,
}

enum Parsed {
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

impl Worker {
    /// Serves every session that is ready, once.
    pub(super) fn serve_ready(&mut self) {
        let again = self.sessions.begin_again();
        for &key in &again {
            self.sessions[key].again = false;
            self.gather(key);
        }
        self.sessions.end_again(again);
        while let Some(ready) = self.reactor.next_ready() {
            let Some(key) = self.sessions.by_token(ready.token) else { continue };
            self.note_ready(key, ready);
            self.gather(key);
        }
        self.run_chunk();
    }

    /// Notes what the system says.
    fn note_ready(&mut self, key: SessionKey, ready: Ready) {
        let session = &mut self.sessions[key];
        if let Some(link) = &mut session.link {
            link.readable |= ready.readable;
            link.hangup |= ready.hangup;
            if ready.hangup && session.parked.is_some() {
                return self.close(key);
            }
        }
        if ready.writable {
            session.out.unblock();
            self.sessions.touch(key);
        }
    }

    /// Reads and runs what one session has sent, up to its share of the turn.
    fn gather(&mut self, key: SessionKey) {
        if self.sessions[key].in_chunk {
            self.run_chunk();
        }
        let mut budget = Budget { bytes: BUDGET_BYTES, calls: BUDGET_CALLS };
        while self.sessions[key].takes_requests() && self.stage == Stage::Serving {
            match self.parse(key, &mut budget) {
                Stop::RunFirst => self.run_chunk(),
                Stop::Budget => return self.sessions.serve_again(key),
                Stop::Drained => return,
                Stop::Gone => {
                    self.run_chunk();
                    return self.close(key);
                }
            }
        }
    }

    /// Appends one session's requests to the chunk.
    fn parse(&mut self, key: SessionKey, budget: &mut Budget) -> Stop {
        let asks_password = self.settings.password.is_some();
        let Worker { sessions, chunk, executor, placement, berths, input_limits, spares, .. } = self;
        sessions.touch(key);
        let session = &mut sessions[key];
        let first_call = chunk.calls.len();
        let mut parsed_len = 0;
        let mut before = Before::default();
        let stop = loop {
            if chunk.is_full() {
                break Stop::RunFirst;
            }
            if budget.calls == 0 {
                break Stop::Budget;
            }
            let stranger = asks_password && !session.client.authenticated;
            let limits = if stranger { &input_limits.stranger } else { &input_limits.known };
            match parse_one(session, parsed_len, limits, chunk, &mut before, executor, placement, berths) {
                Parsed::Request { consumed } => {
                    parsed_len += consumed;
                    budget.calls -= 1;
                    if stranger {
                        // Logging in changes the limits for what follows.
                        break Stop::RunFirst;
                    }
                }
                Parsed::Blank { consumed } => parsed_len += consumed,
                Parsed::Broken => break Stop::Drained,
                Parsed::Incomplete { missing } => {
                    if session.input.capacity() == 0 {
                        session.input = spares.input();
                    }
                    if let Some(stop) = read(session, missing, budget, executor) {
                        break stop;
                    }
                }
            }
        };
        if parsed_len > 0 {
            chunk.parts.push(Part { session: key, first_call, parsed_len });
            session.in_chunk = true;
        }
        stop
    }
}

/// What is known from the requests before of the same session: many a pipeline repeats a command, or is about one key. Texts
/// are where they stand in the session's unread input.
#[derive(Default)]
struct Before {
    /// A command without subcommands.
    name: Option<(Range<usize>, &'static Row)>,
    /// The key of a command on one key.
    key: Option<(Range<usize>, KeyHash, ShardId)>,
}

/// Parses the request that begins `at` bytes into the session's unread input.
#[inline]
#[allow(clippy::too_many_arguments)]
fn parse_one(
    session: &mut Session,
    at: usize,
    limits: &Limits,
    chunk: &mut Chunk,
    before: &mut Before,
    executor: &Executor,
    placement: &Placement,
    berths: &Berths,
) -> Parsed {
    let unread = &session.input.unread()[at..];
    let first_word = chunk.words.len();
    let (consumed, word_count, decoded) = match session.parser.next(unread, limits, &mut chunk.words) {
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
    let input = session.input.unread();
    let place_of = |word: Word| at + word.start as usize..at + (word.start + word.len) as usize;
    let row = match &before.name {
        Some((name, row))
            if input[name.clone()] == *words[0].of(text) && row.spec.arity.admits(word_count) =>
        {
            Some(*row)
        }
        _ => {
            let row = executor.table.find(word_count, |nth| words[nth].of(text)).ok();
            let is_named = |row: &&Row| decoded.is_none() && row.is_plain();
            before.name = row.filter(is_named).map(|row| (place_of(words[0]), row));
            row
        }
    };
    let (first_hash, mut shard) = (chunk.hashes.len(), ShardId(0));
    if let Some(row) = row
        && let Some(keys) = row.keys
    {
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
        if row.spec.routing != Routing::OneShard {
            keys.places(word_count).for_each(|nth| (_, shard) = hash_key(words[nth].of(text)));
        } else {
            let word = words[usize::from(keys.first)];
            let key = word.of(text);
            match &before.key {
                Some((text, hash, same)) if input[text.clone()] == *key => {
                    shard = *same;
                    hashes.push(*hash);
                }
                _ => {
                    let hash;
                    (hash, shard) = hash_key(key);
                    before.key = decoded.is_none().then_some((place_of(word), hash, shard));
                }
            }
        }
    }
    let (end, hashes_end) = (at + consumed, chunk.hashes.len());
    let call = Call {
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
    };
    chunk.calls.push(call);
    Parsed::Request { consumed }
}

/// Reads more of a session's input. `None`: there is more to parse.
fn read(session: &mut Session, missing: usize, budget: &mut Budget, executor: &Executor) -> Option<Stop> {
    let Some(link) = &mut session.link else { return Some(Stop::Drained) };
    if !link.readable {
        return Some(Stop::Drained);
    }
    if budget.bytes == 0 {
        return Some(Stop::Budget);
    }
    if missing > budget.bytes {
        // Memory for a long word is obtained at once; what is not touched costs nothing.
        session.input.reserve(missing);
        budget.bytes = missing.min(BUDGET_LONG_WORD);
    }
    let Ok((len, end)) = session.input.fill(&mut *link.transport, budget.bytes, link.hangup) else {
        return Some(Stop::Gone);
    };
    budget.bytes = budget.bytes.saturating_sub(len);
    session.client.traffic.read_bytes += len as u64;
    session.client.active_ms = executor.now_ms;
    executor.counters.net_input_bytes.add(len as u64);
    executor.counters.reads.add(1);
    link.readable = end == FillEnd::Budget;
    session.ends_with_input |= end == FillEnd::Closed;
    (len == 0).then_some(Stop::Drained)
}
