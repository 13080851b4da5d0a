//! Which sources can be served now.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll};

use super::wakers::Waker;

/// Events taken from the system at once.
const EVENTS_MAX: usize = 1024;

const WAKER: mio::Token = mio::Token(usize::MAX);

/// A registered source. Never reused: a later source with the same index has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    index: u32,
    generation: u32,
}

impl Token {
    /// Small and dense, for a table of connections beside the reactor's: unique among the sources that are
    /// registered now.
    #[inline]
    pub fn index(self) -> usize {
        self.index as usize
    }

    fn to_mio(self) -> mio::Token {
        mio::Token((self.generation as usize) << 32 | self.index as usize)
    }

    fn from_mio(token: mio::Token) -> Self {
        Token { index: token.0 as u32, generation: (token.0 >> 32) as u32 }
    }
}

/// A source that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub token: Token,
    /// Bytes, the end or an error can be read.
    pub readable: bool,
    /// There is room to write, or writing will report an error.
    pub writable: bool,
    /// The peer sends no more, or the connection is broken. Stays set: read until the end itself is read,
    /// because no further event will tell.
    pub hangup: bool,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    registered: bool,
    /// In the ready list.
    queued: bool,
    readable: bool,
    writable: bool,
    hangup: bool,
    wants_write: bool,
}

/// The sources of one worker.
#[derive(Debug)]
pub struct Reactor {
    poll: Poll,
    events: Events,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Each registered source at most once, in the order in which they became ready.
    ready: VecDeque<Token>,
    /// How many of `ready` belong to this turn; what is kept ready goes behind them.
    turn_left: usize,
    waker: Arc<Waker>,
}

impl Reactor {
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(mio::Waker::new(poll.registry(), WAKER)?));
        Ok(Reactor {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            slots: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            turn_left: 0,
            waker,
        })
    }

    /// What other threads wake this reactor with.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Starts watching a source for something to read.
    pub fn register(&mut self, source: &mut (impl Source + ?Sized)) -> io::Result<Token> {
        let index = match self.free.last() {
            Some(index) => *index,
            None => u32::try_from(self.slots.len()).expect("fewer descriptors than 2^32"),
        };
        let generation = self.slots.get(index as usize).map_or(0, |slot| slot.generation);
        let token = Token { index, generation };
        self.poll.registry().register(source, token.to_mio(), Interest::READABLE)?;
        match self.free.pop() {
            Some(_) => self.slots[index as usize].registered = true,
            None => self.slots.push(Slot { registered: true, ..Slot::default() }),
        }
        Ok(token)
    }

    /// Stops watching a source; its token is dead from here on. The source can then go to another reactor.
    pub fn deregister(&mut self, token: Token, source: &mut (impl Source + ?Sized)) -> io::Result<()> {
        let slot = self.slot(token).expect("the token of a registered source");
        let generation = slot.generation.wrapping_add(1);
        *slot = Slot { generation, ..Slot::default() };
        self.free.push(token.index);
        self.poll.registry().deregister(source)
    }

    /// Whether to report room to write, besides something to read: to be asked for when the system did not
    /// take all that was written, and taken back when it has. If there is room already it is reported too.
    pub fn want_write(
        &mut self,
        token: Token,
        source: &mut (impl Source + ?Sized),
        wanted: bool,
    ) -> io::Result<()> {
        let slot = self.slot(token).expect("the token of a registered source");
        if std::mem::replace(&mut slot.wants_write, wanted) == wanted {
            return Ok(());
        }
        let interest = if wanted { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        self.poll.registry().reregister(source, token.to_mio(), interest)
    }

    /// Reports a source as readable again in the next turn: it was not drained, or it was left alone for a
    /// while and is to be read again. A dead token stays dead.
    pub fn keep_ready(&mut self, token: Token) {
        if let Some(slot) = self.slot(token) {
            slot.readable = true;
            self.enqueue(token);
        }
    }

    /// Begins a turn: takes the system's events, sleeping until there are some, the waker is used or
    /// `timeout` (`None`: none) has passed. Does not sleep while sources are ready, nor if `idle` says that
    /// there is other work.
    ///
    /// `idle` is asked once others can see that this worker dozes. It must look at every inbox whose senders
    /// use [`wake_if_asleep`](super::Wake::wake_if_asleep), and ask for room in every outgoing ring for which
    /// messages are left over.
    pub fn wait(&mut self, timeout: Option<Duration>, idle: impl FnOnce() -> bool) -> io::Result<()> {
        let may_sleep = self.ready.is_empty() && timeout != Some(Duration::ZERO);
        let polled = if may_sleep {
            self.waker.doze().announce();
            let timeout = if idle() { timeout } else { Some(Duration::ZERO) };
            let polled = self.poll.poll(&mut self.events, timeout);
            self.waker.doze().retract();
            polled
        } else {
            self.poll.poll(&mut self.events, Some(Duration::ZERO))
        };
        match polled {
            Ok(()) => self.collect(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        self.turn_left = self.ready.len();
        Ok(())
    }

    /// The next source of this turn, each at most once.
    #[inline]
    pub fn next_ready(&mut self) -> Option<Ready> {
        while self.turn_left > 0 {
            self.turn_left -= 1;
            let token = self.ready.pop_front()?;
            if let Some(slot) = self.slot(token) {
                slot.queued = false;
                return Some(Ready {
                    token,
                    readable: std::mem::take(&mut slot.readable),
                    writable: std::mem::take(&mut slot.writable),
                    hangup: slot.hangup,
                });
            }
        }
        None
    }

    fn collect(&mut self) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let token = Token::from_mio(event.token());
            // The waker's token has no slot. A source deregistered since the system noted its event has
            // another generation.
            let Some(slot) = self.slot(token) else { continue };
            let hangup = event.is_read_closed() || event.is_error();
            slot.hangup |= hangup;
            slot.readable |= event.is_readable() || hangup;
            slot.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            self.enqueue(token);
        }
        self.events = events;
    }

    fn enqueue(&mut self, token: Token) {
        if let Some(slot) = self.slot(token)
            && !std::mem::replace(&mut slot.queued, true)
        {
            self.ready.push_back(token);
        }
    }

    fn slot(&mut self, token: Token) -> Option<&mut Slot> {
        self.slots
            .get_mut(token.index as usize)
            .filter(|slot| slot.registered && slot.generation == token.generation)
    }
}
