//! Checking a whole shard: every structure's invariants, and that exactly the blocks they name are
//! allocated.

use std::collections::HashSet;

use shm::garbage::Reclaimer;
use shm::{Corrupt, Handle};

use super::database::Database;
use super::entry::EntryView;
use super::garbage::Sweeper;
use super::slot::slot_of;
use super::space::{Hashes, Keyspace};

impl Keyspace {
    /// Checks everything, between transactions: the heap, each database's index, keys and deadlines, and
    /// what waits to be freed. Reads all keys.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self) -> Result<(), Corrupt> {
        let mut blocks = Vec::new();
        let mut numbers = HashSet::new();
        for (number, database) in Database::all(&self.heap) {
            blocks.push(database.handle().cast());
            check(numbers.insert(number), "two databases of one number", database.handle().raw())?;
            check(self.database(number) == Some(database), "mirror of a database", database.handle().raw())?;
            self.verify_database(database, &mut blocks)?;
        }
        for item in self.heap.garbage_items() {
            Sweeper.blocks(&self.heap, item, &mut |block| blocks.push(block));
        }
        self.heap.verify(blocks)
    }

    fn verify_database(&self, database: Database, blocks: &mut Vec<Handle<()>>) -> Result<(), Corrupt> {
        let heap = &self.heap;
        let mut handles = Vec::new();
        database.index(heap).verify(
            heap,
            &Hashes(self.hasher()),
            &mut |block| {
                blocks.push(block);
                Ok(())
            },
            &mut |entry| {
                handles.push(entry.cast());
                Ok(())
            },
        )?;
        let mut timed = HashSet::new();
        for handle in handles {
            let entry = EntryView::new(heap, handle);
            blocks.push(handle.cast());
            for extent in entry.extents() {
                extent.verify(heap, &mut |block| {
                    blocks.push(block);
                    Ok(())
                })?;
            }
            check(self.slots().contains(slot_of(&entry.key())), "slot of an entry", handle.raw())?;
            timed.extend(entry.deadline_ms().map(|deadline_ms| (deadline_ms, handle)));
        }
        let deadlines = database.deadlines(heap);
        deadlines.verify(heap, &mut |block| {
            blocks.push(block.cast());
            Ok(())
        })?;
        check(deadlines.len() == timed.len(), "number of deadlines", database.handle().raw())?;
        for deadline in deadlines.iter(heap) {
            check(timed.remove(&deadline), "deadline of an entry", deadline.1.raw())?;
        }
        Ok(())
    }
}

fn check(holds: bool, what: &'static str, block: u32) -> Result<(), Corrupt> {
    if holds { Ok(()) } else { Err(Corrupt::Structure { block, what }) }
}
