//! Memory asked for before it is needed: buckets while requests are parsed, then entries, then the nodes of large
//! collections.

use shm::rbtree::Seek;

use super::entry::EntryView;
use super::{Keyspace, Kind};
use crate::command::KeyHash;
use crate::types::collection::Collection;
use crate::types::hash::Hash;
use crate::types::set::Set;
use crate::types::zset::{Ahead, Zset};

/// A collection of which the nodes are worth asking for.
#[derive(Clone, Copy)]
pub enum Wide {
    Set(Set),
    Hash(Hash),
    Zset(Zset),
}

/// A search in such a collection. Good until the collection next changes.
pub enum Search<'h> {
    /// It ends with a hint for the command.
    ByHash(Seek<'h>),
    /// It asks for memory, and nothing else.
    Member(Ahead),
}

impl Keyspace {
    /// Asks for the cache lines that a lookup will want first.
    #[inline]
    pub fn prefetch_bucket(&self, db: u32, hash: KeyHash) {
        if let Some(db) = self.database(db) {
            db.index(&self.heap).prefetch_bucket(&self.heap, hash.0);
        }
    }

    /// Asks for the entry's first cache lines, once its bucket has arrived.
    #[inline]
    pub fn prefetch_entry(&self, db: u32, hash: KeyHash) {
        if let Some(db) = self.database(db)
            && let Some(handle) = db.index(&self.heap).candidate(&self.heap, hash.0)
        {
            self.heap.prefetch(handle, 0);
            self.heap.prefetch(handle, 64);
        }
    }

    /// What is under a key, once its entry has arrived, if it is a large collection. It may be another key's: then a hint
    /// is of no use, as it is about another root.
    #[inline]
    pub fn wide(&self, db: u32, hash: KeyHash) -> Option<Wide> {
        let entry = self.database(db)?.index(&self.heap).candidate(&self.heap, hash.0)?.cast();
        let (view, hasher) = (EntryView::new(&self.heap, entry), self.hasher().of_elements());
        match view.kind() {
            Kind::Set => Some(Set::open(view.record(), hasher)).filter(Set::is_deep).map(Wide::Set),
            Kind::Hash => Some(Hash::open(view.record(), hasher)).filter(Hash::is_deep).map(Wide::Hash),
            Kind::Zset => Some(Zset::open(view.record(), hasher)).filter(Zset::is_wide).map(Wide::Zset),
            _ => None,
        }
    }

    /// The beginning of a search for an element.
    #[inline]
    pub fn search(&self, wide: &Wide, element: &[u8]) -> Option<Search<'_>> {
        match wide {
            Wide::Set(set) => Some(Search::ByHash(set.seek_ahead(&self.heap, element))),
            Wide::Hash(hash) => Some(Search::ByHash(hash.seek_ahead(&self.heap, element))),
            Wide::Zset(zset) => zset.ahead(&self.heap, element).map(Search::Member),
        }
    }

    /// One step of a search for a member. `false` at its end.
    #[inline]
    pub fn go_on(&self, ahead: &mut Ahead) -> bool {
        ahead.step(&self.heap)
    }
}
