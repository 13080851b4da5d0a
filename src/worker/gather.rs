//! From a socket to a chunk of requests: read, parse, look up, ask for the memory.

use net::buffer::FillEnd;
use net::reactor::Ready;
use net::resp::Limits;

use super::batch::SessionKey;
use super::chunk::Part;
use super::executor::Executor;
use super::reader::{Before, Parsed, Reader};
use super::{Stage, Worker};
use crate::config::Settings;
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
        let mut reader = Reader { chunk, executor, placement, berths, before: Before::default() };
        let stop = loop {
            if reader.chunk.is_full() {
                break Stop::RunFirst;
            }
            if budget.calls == 0 {
                break Stop::Budget;
            }
            let stranger = asks_password && !session.client.authenticated;
            let limits = if stranger { &input_limits.stranger } else { &input_limits.known };
            match reader.next(session, parsed_len, limits) {
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
