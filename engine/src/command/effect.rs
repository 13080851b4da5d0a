//! What a write means to others: the canonical form of each change, for the binlog, replicas, key
//! events and client-side caches.
//!
//! Effects are collected while a transaction runs and handed to the sink only after its commit. They
//! speak in absolute terms: deadlines, chosen members, final values.

/// The classes of key events, as `notify-keyspace-events` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventClass {
    Generic,
    String,
    List,
    Set,
    Hash,
    SortedSet,
    Stream,
    Expired,
    Evicted,
    New,
}

/// A key event: what happened to a key, e.g. `set`, `expire`, `rename_from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub class: EventClass,
    pub name: &'static str,
}

impl Event {
    pub const fn generic(name: &'static str) -> Event {
        Event { class: EventClass::Generic, name }
    }
    pub const fn string(name: &'static str) -> Event {
        Event { class: EventClass::String, name }
    }
    pub const fn list(name: &'static str) -> Event {
        Event { class: EventClass::List, name }
    }
    pub const fn set(name: &'static str) -> Event {
        Event { class: EventClass::Set, name }
    }
    pub const EXPIRED: Event = Event { class: EventClass::Expired, name: "expired" };
    pub const DEL: Event = Event::generic("del");
}

/// One committed change of one key (or of a whole database, when `key` is empty and `event` is none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub db: u32,
    pub key: Box<[u8]>,
    /// None for a change that notifies nobody (it is part of another event's change).
    pub event: Option<Event>,
    /// The canonical command; empty for an event that changes nothing by itself.
    pub command: Vec<Box<[u8]>>,
    /// The shard's transaction that it is part of: effects with the same number were committed together (those of
    /// an EXEC are), and are to be repeated together.
    pub unit: u64,
}

/// Effects of a shard: those of committed transactions, waiting to be taken, and behind them those of
/// the transaction that runs.
#[derive(Debug, Default)]
pub struct EffectLog {
    listening: bool,
    effects: Vec<Effect>,
    changes: u64,
    /// How much of both is committed.
    sealed: (usize, u64),
    /// The number of the transaction that was the last to record an effect.
    unit: u64,
}

impl EffectLog {
    /// Starts or stops keeping effects; changes are always counted.
    pub fn listen(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// Records a change; `command` is called only if somebody listens.
    #[inline]
    pub fn record(
        &mut self,
        db: u32,
        key: &[u8],
        event: Option<Event>,
        command: impl FnOnce() -> Vec<Box<[u8]>>,
    ) {
        self.changes += 1;
        if self.listening {
            let unit = self.unit();
            self.effects.push(Effect { db, key: key.into(), event, command: command(), unit });
        }
    }

    /// Records an event that changes nothing by itself.
    #[inline]
    pub fn announce(&mut self, db: u32, key: &[u8], event: Event) {
        if self.listening {
            let unit = self.unit();
            self.effects.push(Effect { db, key: key.into(), event: Some(event), command: Vec::new(), unit });
        }
    }

    /// The number of the running transaction; a new one with its first effect.
    fn unit(&mut self) -> u64 {
        if self.effects.len() == self.sealed.0 {
            self.unit += 1;
        }
        self.unit
    }

    /// The transaction has committed: what it recorded will be delivered.
    #[inline]
    pub fn seal(&mut self) {
        self.sealed = (self.effects.len(), self.changes);
    }

    /// The transaction was taken back: forgets what it recorded.
    pub fn forget_unsealed(&mut self) {
        self.effects.truncate(self.sealed.0);
        self.changes = self.sealed.1;
    }

    /// Takes the number of committed changes; effects stay.
    pub fn take_changes(&mut self) -> u64 {
        debug_assert_eq!(self.sealed.1, self.changes, "between transactions");
        self.sealed.1 = 0;
        std::mem::take(&mut self.changes)
    }

    /// Takes the committed effects and their number out. Must not be called inside a transaction.
    #[inline]
    pub fn take(&mut self) -> (Vec<Effect>, u64) {
        debug_assert_eq!(self.sealed.0, self.effects.len());
        self.sealed = (0, 0);
        (std::mem::take(&mut self.effects), std::mem::take(&mut self.changes))
    }
}

/// The words of a canonical command.
pub fn words(words: &[&[u8]]) -> Vec<Box<[u8]>> {
    words.iter().map(|&word| word.into()).collect()
}
