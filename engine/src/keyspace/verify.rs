//! Does everything in a shard agree with everything else?

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use shm::garbage::Reclaimer;
use shm::{Corrupt, Handle, Heap};

use super::database::{Database, Queue};
use super::entry::{self, Entry, EntryView};
use super::garbage::Sweeper;
use super::space::{Hashes, Keyspace};

impl Keyspace {
    /// Checks the whole shard, between transactions: databases, index, entries, deadlines, long values,
    /// what waits to be freed, and that the heap has no other blocks than theirs. Reads everything;
    /// changes nothing. O(bytes).
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self) -> Result<(), Corrupt> {
        let heap = self.heap();
        let claims = RefCell::new(Claims::new(heap));
        let mut numbers = HashSet::new();
        let mut next = Database::first(heap);
        while let Some(database) = next {
            let record = database.handle();
            claims.borrow_mut().claim(record)?;
            let number = database.number(heap);
            let is_known = numbers.insert(number) && self.database(number) == Some(database);
            expect(is_known, "number of a database", record)?;
            self.verify_database(database, &claims)?;
            next = database.next(heap);
        }
        if let Some((_, database)) = self.databases().find(|(number, _)| !numbers.contains(number)) {
            return Err(Corrupt::Dangling { block: database.handle().raw() });
        }
        let sweeper = Sweeper { hasher: self.hasher().of_elements() };
        for item in heap.garbage_items() {
            // Counted below, where one that is named twice is found.
            sweeper.blocks(heap, item, &mut |block| claims.borrow_mut().named.push(block));
        }
        heap.verify(claims.into_inner().named)
    }

    fn verify_database(&self, database: Database, claims: &RefCell<Claims>) -> Result<(), Corrupt> {
        let heap = self.heap();
        let mut expected = [BTreeSet::new(), BTreeSet::new()];
        let mut found = Vec::new();
        let Some(index) = database.checked_index(heap) else {
            return Err(Corrupt::Structure { what: "root of an index", block: database.handle().raw() });
        };
        index.verify(
            heap,
            &Hashes(self.hasher()),
            &mut |block| claims.borrow_mut().claim(block),
            &mut |entry| {
                let entry: Handle<Entry> = entry.cast();
                claims.borrow_mut().claim(entry)?;
                found.push(entry);
                let hasher = self.hasher().of_elements();
                entry::verify(heap, entry, hasher, &mut |block| claims.borrow_mut().claim(block))
            },
        )?;
        for entry in found {
            let view = EntryView::new(heap, entry);
            let slot = self.hasher().hash(&view.key()).slot();
            expect(self.slots().contains(slot), "slot of a key", entry)?;
            let times = view.times();
            for (queue, expected) in Queue::ALL.into_iter().zip(&mut expected) {
                expected.extend(times.in_queue(queue).map(|time_ms| (time_ms, entry)));
            }
        }
        for (queue, expected) in Queue::ALL.into_iter().zip(expected) {
            let deadlines = database.deadlines(heap, queue);
            deadlines.verify(heap, &mut |node| claims.borrow_mut().claim(node))?;
            let ordered = deadlines.iter(heap).eq(expected);
            expect(ordered, "deadlines and those of the entries", database.handle())?;
        }
        Ok(())
    }
}

/// Which blocks are allocated, and which of them were named.
struct Claims {
    unnamed: HashSet<u32>,
    named: Vec<Handle<()>>,
}

impl Claims {
    fn new(heap: &Heap) -> Claims {
        Claims { unnamed: heap.allocated_blocks().map(Handle::raw).collect(), named: Vec::new() }
    }

    /// Names a block; refuses one that is not there, or named already.
    fn claim<T: ?Sized>(&mut self, block: Handle<T>) -> Result<(), Corrupt> {
        if self.unnamed.remove(&block.raw()) {
            self.named.push(block.cast());
            return Ok(());
        }
        Err(match self.named.contains(&block.cast()) {
            true => Corrupt::Shared { block: block.raw() },
            false => Corrupt::Dangling { block: block.raw() },
        })
    }
}

fn expect<T: ?Sized>(holds: bool, what: &'static str, block: Handle<T>) -> Result<(), Corrupt> {
    if holds { Ok(()) } else { Err(Corrupt::Structure { what, block: block.raw() }) }
}
