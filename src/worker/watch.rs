//! WATCH and UNWATCH: a client's ticket goes to the shards of the keys that it watches, and is taken from there.
//!
//! ```text
//! WATCH a b     the keys are noted with the client, then a visitor brings the ticket to each shard; OK
//! UNWATCH       the keys are taken from the client, whose next ticket is another; each shard is told in its time
//! EXEC          the same, but the shards are held
//! ```
//! Messages to a worker and whatever waits for a shard keep their order, so a shard hears of the end of a watch
//! after its beginning. A connection that is closed ends its watches when its last command is answered.

use engine::command::{Error, Exec, KeyHasher, Next, Reply, Visitor};
use engine::keyspace::watch::WatchTicket;
use engine::shard::ShardId;

use super::Worker;
use super::batch::SessionKey;
use super::berths::Waiting;
use super::message::{Message, Unwatch};
use super::run::guest;
use crate::client::Watching;

/// Brings a ticket to the shards of the keys.
struct Registrar {
    ticket: WatchTicket,
    db: u32,
    hasher: KeyHasher,
    /// The last is the next.
    shards: Vec<(ShardId, Vec<Box<[u8]>>)>,
}

impl Registrar {
    fn next(&self) -> Next {
        if cfg!(hearth_mutant = "watch_one_shard") { Next::Finished } else { self.first() }
    }
}

impl Visitor for Registrar {
    fn first(&self) -> Next {
        self.shards.last().map_or(Next::Finished, |(shard, _)| Next::Shard(usize::from(shard.0)))
    }

    fn visit(&mut self, _: usize, exec: &mut Exec<'_, '_>) -> Result<Next, Error> {
        let (_, keys) = self.shards.pop().expect("a shard where keys are watched");
        for key in &keys {
            // What has expired is gone before it is watched: its end is no change.
            exec.place_in(self.db, &self.hasher.key(key))?;
        }
        for keyspace in exec.keyspaces() {
            keys.iter().for_each(|key| keyspace.watches_mut().add(self.db, key, &self.ticket));
        }
        Ok(self.next())
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.ok();
    }
}

impl Worker {
    /// A client watches more keys of its database.
    pub(super) fn begin_watch(&mut self, key: SessionKey, row: u16, keys: &[Box<[u8]>]) {
        let Worker { sessions, executor, placement, .. } = self;
        let client = &mut sessions[key].client;
        let counters = &executor.counters;
        let watching = client.watching.get_or_insert_with(|| {
            counters.clients_watching.add(1);
            Box::default()
        });
        let mut by_shard = Vec::new();
        for key in keys.iter().filter(|key| watching.add(client.db, key)) {
            counters.watched_keys.add(1);
            by_shard.push((placement.shard_of(executor.hasher.hash(key)), key.clone()));
        }
        by_shard.sort_by_key(|(shard, _)| *shard);
        let shards = by_shard.chunk_by(|one, next| one.0 == next.0).rev();
        let shards = shards.map(|keys| (keys[0].0, keys.iter().map(|(_, key)| key.clone()).collect()));
        let registrar = Registrar {
            ticket: watching.ticket.clone(),
            db: client.db,
            hasher: executor.hasher,
            shards: shards.collect(),
        };
        let return_to = self.expect(key);
        let guest = guest(&self.sessions[key]);
        self.tour(row, guest, return_to, Box::new(registrar));
    }

    /// A client watches its keys no longer: tells the shards.
    pub(super) fn unwatch(&mut self, watching: Box<Watching>) {
        self.note_unwatched(&watching);
        let shard_of = |key: &[u8]| self.placement.shard_of(self.executor.hasher.hash(key));
        let placed = watching.keys().map(|(db, key)| (shard_of(key), db, key));
        let mut keys: Vec<(ShardId, u32, &[u8])> = placed.collect();
        keys.sort_by_key(|(shard, ..)| *shard);
        for keys in keys.chunk_by(|one, next| one.0 == next.0) {
            let (shard, ticket) = (keys[0].0, watching.ticket.clone());
            let keys = keys.iter().map(|&(_, db, key)| (db, key.into())).collect();
            self.forget_watch(Box::new(Unwatch { shard, ticket, keys }));
        }
    }

    /// Counts a client less that watches, and its keys.
    pub(super) fn note_unwatched(&self, watching: &Watching) {
        self.executor.counters.clients_watching.subtract(1);
        self.executor.counters.watched_keys.subtract(watching.len() as u64);
    }

    /// Keys of one shard are watched no longer.
    pub(super) fn forget_watch(&mut self, unwatch: Box<Unwatch>) {
        let owner = self.placement.owner(unwatch.shard);
        if owner != self.id {
            return self.links.send(owner, Message::Unwatch(unwatch));
        }
        let Some(shard) = self.berths.at_home(unwatch.shard) else {
            return self.berths.queue(unwatch.shard, Waiting::Unwatch(unwatch));
        };
        for (db, key) in &unwatch.keys {
            shard.keyspace.watches_mut().remove(*db, key, &unwatch.ticket);
        }
    }
}
