//! Hashes: fields with values, ordered by the hash of the field, so that walks are exact and random picks uniform.
//! A field may have a deadline; a second tree, which is there only while some field has one, orders these.
//!
//! ```text
//!  0  flags, u8
//!  1  root of the fields, u64
//!  9  root of the deadlines, u64     these two only while there are deadlines
//! 17  the earliest of them, u64
//! ```
//! The earliest deadline is in the record so that whoever finds the entry sees at once whether something is due.

mod due;
mod field;

use std::borrow::Cow;
use std::collections::BTreeSet;

use shm::rbtree::{Builder, Form, Glance, Hint, Packing, Position, Root, Seek, Tree};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

pub use self::due::Dues;
#[cfg(test)]
pub use self::field::testing;
pub use self::field::{FIELD_DEADLINE_MS_MAX, Field, Fields};
use super::Kind;
use super::collection::{Collection, Encodings, Record, flags_of, root_of};
use super::element::{self, Elements, drop_tree, free_owned};
use super::set::{Member, Sought, cursor_start, walk};
use super::text::{INLINE_MAX, Text, free_extent};

/// It has had too many fields, or too long ones, for the small encoding of Redis.
const LARGE: u8 = 1;
/// A field has had a deadline.
const TIMED: u8 = 2;

/// What a write does to a field's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// The field will have none.
    Unlimited,
    /// The field keeps what it has; a new one has none.
    Kept,
    /// Unix milliseconds, at most [`FIELD_DEADLINE_MS_MAX`].
    Until(u64),
}

/// A field as others give it: name, value, deadline.
pub type Given<'a> = (&'a [u8], &'a [u8], Option<u64>);

/// A hash.
#[derive(Debug, Clone, Copy)]
pub struct Hash {
    fields: Tree<Fields>,
    dues: Tree<Dues>,
    /// That of `dues`.
    earliest_ms: Option<u64>,
    flags: u8,
    /// The longest text that was set since it was opened.
    longest: usize,
}

/// The earliest deadline of a field, given the record of a hash.
#[inline]
pub fn earliest_ms_in(record: &[u8]) -> Option<u64> {
    let word = record.get(17..25)?;
    Some(u64::from_le_bytes(word.try_into().unwrap_or_default()))
}

impl Hash {
    fn packing(&self) -> Fields {
        self.fields.packing()
    }

    #[inline]
    fn find(&self, heap: &Heap, position: &mut Position, name: &[u8]) -> bool {
        let hash = if self.fields.root().form() == Form::Tree { self.packing().hash(name) } else { 0 };
        self.fields.find_from(heap, position, Sought { hash, text: Text::Inline(name) })
    }

    /// See [`Tree::is_deep`].
    #[inline]
    pub fn is_deep(&self) -> bool {
        self.fields.is_deep()
    }

    /// A search for a field, in advance.
    #[inline]
    pub fn seek_ahead<'h>(&self, heap: &'h Heap, name: &[u8]) -> Seek<'h> {
        self.fields.seek_hash(heap, self.packing().hash(name))
    }

    /// The field with this name, if it is where a search in advance has ended.
    #[inline]
    fn glance(&self, heap: &Heap, name: &[u8], hint: &Hint) -> Option<Glance> {
        debug_assert_eq!(hint.hash(), self.packing().hash(name), "a hint for another field");
        self.fields.glance(heap, hint, Sought { hash: hint.hash(), text: Text::Inline(name) })
    }

    // ---- reading ----------------------------------------------------------------------------

    /// The field with this name. O(log n).
    #[inline]
    pub fn get<'h>(&self, heap: &'h Heap, name: &[u8]) -> Option<Field<'h>> {
        self.get_hinted(heap, name, None)
    }

    /// [`Hash::get`] after a search in advance.
    #[inline]
    pub fn get_hinted<'h>(&self, heap: &'h Heap, name: &[u8], hint: Option<Hint>) -> Option<Field<'h>> {
        if let Some(glance) = hint.and_then(|hint| self.glance(heap, name, &hint)) {
            return Some(self.fields.item_at(heap, &glance));
        }
        if self.fields.is_empty() {
            return None;
        }
        let mut position = Position::START;
        let found = self.find(heap, &mut position, name);
        found.then(|| self.fields.item(heap, &position))
    }

    /// The field with `rank` others before it, below the number of fields. O(log n).
    pub fn at<'h>(&self, heap: &'h Heap, rank: usize) -> Option<Field<'h>> {
        self.fields.at(heap, rank)
    }

    /// All fields, in the order of the walk.
    pub fn iter<'h>(&self, heap: &'h Heap) -> impl Iterator<Item = Field<'h>> + use<'h> {
        self.fields.iter(heap)
    }

    /// Visits fields from `cursor` on, 0 at first: at least `count` if there are as many. Returns where to go on, 0
    /// after the last. A field that stays throughout a walk is visited exactly once.
    pub fn scan<'h>(&self, heap: &'h Heap, cursor: u64, count: usize, visit: impl FnMut(Field<'h>)) -> u64 {
        let Some(start) = cursor_start(cursor) else { return 0 };
        if self.fields.root().form() == Form::Tree {
            return walk(
                self.fields.by_hash(heap, start).map(|(hash, _, field)| (hash, field)),
                count,
                visit,
            );
        }
        // In one step, in the order of arrival: only a walk that began when there were more has another start.
        let packing = self.packing();
        self.iter(heap)
            .filter(|field| start == 0 || packing.hash_of_name(field.name) >= start)
            .for_each(visit);
        0
    }

    /// The earliest deadline of a field.
    #[inline]
    pub fn earliest_ms(&self) -> Option<u64> {
        self.earliest_ms
    }

    /// Whether at a time no field is left, nor therefore the hash. O(log n), or O(n) if fields share their deadline and
    /// the hash of their names.
    pub fn is_over(&self, heap: &Heap, now_ms: u64) -> bool {
        match self.dues.last(heap) {
            Some((last_ms, _)) if last_ms <= now_ms => {
                self.dues.len() == self.len() || self.iter(heap).all(|field| !field.is_live(now_ms))
            }
            _ => false,
        }
    }

    // ---- changing ---------------------------------------------------------------------------

    /// Sets a field. Returns whether it is new. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn set(
        &mut self,
        heap: &mut Heap,
        name: &[u8],
        value: &[u8],
        lifetime: Lifetime,
    ) -> Result<bool, OutOfMemory> {
        self.set_hinted(heap, name, value, lifetime, None)
    }

    /// [`Hash::set`] after a search in advance.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn set_hinted(
        &mut self,
        heap: &mut Heap,
        name: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        hint: Option<Hint>,
    ) -> Result<bool, OutOfMemory> {
        self.longest = self.longest.max(name.len()).max(value.len());
        if let Some(hint) = hint
            && self.overwrite(heap, name, value, lifetime, &hint)?
        {
            return Ok(false);
        }
        let mut position = Position::START;
        let found = self.find(heap, &mut position, name);
        if found {
            let old = self.fields.item(heap, &position);
            let (own_name, old_value, old_ms) = (old.name.spelled(name), old.value.extent(), old.deadline_ms);
            let deadline_ms = match lifetime {
                Lifetime::Unlimited => None,
                Lifetime::Kept => old_ms,
                Lifetime::Until(deadline_ms) => Some(deadline_ms),
            };
            let value = Text::store(heap, value)?;
            self.fields.replace_here(heap, &mut position, Field { name: own_name, value, deadline_ms })?;
            if let Some(extent) = old_value {
                free_extent(heap, extent)?;
            }
            self.move_due(heap, name, old_ms, deadline_ms)?;
            return Ok(false);
        }
        let deadline_ms = match lifetime {
            Lifetime::Unlimited | Lifetime::Kept => None,
            Lifetime::Until(deadline_ms) => Some(deadline_ms),
        };
        let field = Field {
            name: Member::store(heap, name, self.packing().0)?,
            value: Text::store(heap, value)?,
            deadline_ms,
        };
        self.fields.insert_here(heap, &mut position, field)?;
        self.move_due(heap, name, None, deadline_ms)?;
        Ok(true)
    }

    /// Writes a value over one of the same length, if the field is where a search in advance has ended and has no
    /// deadline. Returns whether that is done.
    #[inline]
    fn overwrite(
        &self,
        heap: &mut Heap,
        name: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        hint: &Hint,
    ) -> Result<bool, OutOfMemory> {
        let Some(glance) = self.glance(heap, name, hint) else { return Ok(false) };
        let old = self.fields.item_at(heap, &glance);
        match (old.value, old.deadline_ms, lifetime) {
            (Text::Inline(own), None, Lifetime::Unlimited | Lifetime::Kept) if own.len() == value.len() => {}
            _ => return Ok(false),
        }
        let field = Field { name: old.name.spelled(name), value: Text::Inline(value), deadline_ms: None };
        self.fields.overwrite(heap, &glance, field)
    }

    /// Gives a field another deadline, or none. Returns whether there is such a field. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn set_deadline(
        &mut self,
        heap: &mut Heap,
        name: &[u8],
        deadline_ms: Option<u64>,
    ) -> Result<bool, OutOfMemory> {
        let mut position = Position::START;
        let found = self.find(heap, &mut position, name);
        if !found {
            return Ok(false);
        }
        let old = self.fields.item(heap, &position);
        if old.deadline_ms == deadline_ms {
            return Ok(true);
        }
        let (own_name, old_ms) = (old.name.spelled(name), old.deadline_ms);
        // Out of the heap, which is about to change.
        let mut bytes = [0; INLINE_MAX];
        let value = match old.value {
            Text::Inline(own) => {
                let copy = &mut bytes[..own.len()];
                copy.copy_from_slice(own);
                Text::Inline(copy)
            }
            Text::Apart(extent) => Text::Apart(extent),
        };
        self.fields.replace_here(heap, &mut position, Field { name: own_name, value, deadline_ms })?;
        self.move_due(heap, name, old_ms, deadline_ms)?;
        Ok(true)
    }

    /// Removes a field. Returns whether it was there. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn remove(&mut self, heap: &mut Heap, name: &[u8]) -> Result<bool, OutOfMemory> {
        if self.fields.is_empty() {
            return Ok(false);
        }
        let mut position = Position::START;
        let found = self.find(heap, &mut position, name);
        if found {
            let old = self.fields.item(heap, &position);
            let (owned, old_ms) = (Fields::owned(old), old.deadline_ms);
            self.fields.remove_here(heap, &mut position)?;
            free_owned(heap, owned)?;
            self.move_due(heap, name, old_ms, None)?;
        }
        Ok(found)
    }

    /// Removes fields whose deadline has passed, up to about `limit` of them; `gone` is told their names.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn remove_due(
        &mut self,
        heap: &mut Heap,
        now_ms: u64,
        limit: usize,
        mut gone: impl FnMut(Cow<'_, [u8]>),
    ) -> Result<(), OutOfMemory> {
        let due = self.dues.upper_bound(heap, (now_ms, u64::MAX)).min(limit);
        for rank in 0..due {
            let (deadline_ms, hash) = self.dues.at(heap, rank).expect("a rank below the length");
            for rank in self.ranks_of_due(heap, hash, deadline_ms).into_iter().rev() {
                let mut position = self.fields.seek(heap, rank);
                let field = self.fields.item(heap, &position);
                gone(field.name.text.view(heap).contiguous());
                let owned = Fields::owned(field);
                self.fields.remove_here(heap, &mut position)?;
                free_owned(heap, owned)?;
            }
        }
        let passed = self.dues.remove_range(heap, 0..due)?;
        drop_tree(heap, passed)?;
        self.note_earliest(heap);
        Ok(())
    }

    // ---- deadlines --------------------------------------------------------------------------

    /// A field has come, gone or changed, and its deadline with it.
    #[inline]
    fn move_due(
        &mut self,
        heap: &mut Heap,
        name: &[u8],
        old_ms: Option<u64>,
        new_ms: Option<u64>,
    ) -> Result<(), OutOfMemory> {
        if old_ms == new_ms {
            Ok(())
        } else {
            self.move_due_of(heap, self.packing().hash(name), old_ms, new_ms)
        }
    }

    fn move_due_of(
        &mut self,
        heap: &mut Heap,
        hash: u64,
        old_ms: Option<u64>,
        new_ms: Option<u64>,
    ) -> Result<(), OutOfMemory> {
        if let Some(old_ms) = old_ms
            && self.ranks_of_due(heap, hash, old_ms).is_empty()
        {
            let was_there = self.dues.remove(heap, (old_ms, hash))?;
            assert!(was_there, "the deadline of a field is in the tree");
        }
        if let Some(new_ms) = new_ms {
            self.dues.insert(heap, (new_ms, hash))?;
            self.flags |= TIMED;
        }
        self.note_earliest(heap);
        Ok(())
    }

    fn note_earliest(&mut self, heap: &Heap) {
        self.earliest_ms = self.dues.first(heap).map(|(deadline_ms, _)| deadline_ms);
    }

    /// The ranks, ascending, of the fields with this deadline whose names have this hash. Nearly always one at most.
    fn ranks_of_due(&self, heap: &Heap, hash: u64, deadline_ms: u64) -> Vec<usize> {
        let mut ranks: Vec<usize> = self
            .fields
            .by_hash(heap, hash)
            .take_while(|(other, _, _)| *other == hash)
            .filter_map(|(_, rank, field)| (field.deadline_ms == Some(deadline_ms)).then_some(rank))
            .collect();
        ranks.sort_unstable();
        ranks
    }

    /// A hash of fields, each of which comes once, in any order, that remembers what [`Hash::history`] said.
    /// O(n log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn build(
        heap: &mut Heap,
        hasher: StoredHasher,
        history: u8,
        fields: &[Given<'_>],
    ) -> Result<Hash, OutOfMemory> {
        let mut hash = Hash::empty(hasher);
        hash.flags = history & (LARGE | TIMED);
        if fields.len() <= Fields::PLAIN_COUNT {
            for (name, value, deadline_ms) in fields {
                hash.set(heap, name, value, deadline_ms.map_or(Lifetime::Unlimited, Lifetime::Until))?;
            }
            return Ok(hash);
        }
        let packing = Fields(hasher);
        let mut ordered: Vec<(u64, Given<'_>)> =
            fields.iter().map(|field| (packing.hash(field.0), *field)).collect();
        ordered.sort_unstable();
        let mut builder = Builder::new(packing);
        let mut dues = BTreeSet::new();
        for (name_hash, (name, value, deadline_ms)) in ordered {
            hash.longest = hash.longest.max(name.len()).max(value.len());
            let field = Field {
                name: Member::store(heap, name, hasher)?,
                value: Text::store(heap, value)?,
                deadline_ms,
            };
            builder.push(heap, field)?;
            dues.extend(deadline_ms.map(|deadline_ms| (deadline_ms, name_hash)));
        }
        hash.fields = Tree::new(builder.finish(heap)?, packing);
        if !dues.is_empty() {
            hash.flags |= TIMED;
            let mut builder = Builder::new(Dues);
            dues.into_iter().try_for_each(|due| builder.push(heap, due))?;
            hash.dues = Tree::new(builder.finish(heap)?, Dues);
            hash.note_earliest(heap);
        }
        Ok(hash)
    }

    /// What it once was and its fields do not show.
    pub fn history(&self) -> u8 {
        self.flags
    }
}

impl Collection for Hash {
    const KIND: Kind = Kind::Hash;

    fn empty(hasher: StoredHasher) -> Hash {
        Hash {
            fields: Tree::new(Root::EMPTY, Fields(hasher)),
            dues: Tree::new(Root::EMPTY, Dues),
            earliest_ms: None,
            flags: 0,
            longest: 0,
        }
    }

    #[inline]
    fn open(record: &[u8], hasher: StoredHasher) -> Hash {
        Hash {
            fields: Tree::new(Root::decode(root_of(record, 0)), Fields(hasher)),
            dues: Tree::new(Root::decode(root_of(record, 1)), Dues),
            earliest_ms: earliest_ms_in(record),
            flags: flags_of(record),
            longest: 0,
        }
    }

    #[inline]
    fn record(&self) -> Record {
        let fields = self.fields.root().encode();
        match self.earliest_ms {
            None => Record::new(self.flags, &[fields]),
            Some(earliest_ms) => Record::new(self.flags, &[fields, self.dues.root().encode(), earliest_ms]),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.fields.len()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    #[inline]
    fn note_size(&mut self, limits: &Encodings) {
        if self.len() as u64 > limits.hash_max_listpack_entries
            || self.longest as u64 > limits.hash_max_listpack_value
        {
            self.flags |= LARGE;
        }
    }

    fn encoding(&self, _: &Heap, _: &Encodings) -> &'static str {
        match (self.flags & LARGE, self.flags & TIMED) {
            (0, 0) => "listpack",
            (0, _) => "listpackex",
            _ => "hashtable",
        }
    }

    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        drop_tree(heap, self.fields)?;
        drop_tree(heap, self.dues)
    }

    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        element::verify(heap, &self.fields, false, visit)?;
        element::verify(heap, &self.dues, false, visit)?;
        let packing = self.packing();
        let dues: BTreeSet<(u64, u64)> = self
            .iter(heap)
            .filter_map(|field| Some((field.deadline_ms?, packing.hash_of_name(field.name))))
            .collect();
        let earliest_ms = dues.first().map(|(deadline_ms, _)| *deadline_ms);
        if earliest_ms != self.earliest_ms || !self.dues.iter(heap).eq(dues) {
            let block = self.fields.root().encode() as u32;
            return Err(Corrupt::Structure { what: "deadlines of fields", block });
        }
        Ok(())
    }

    /// The fields come first, then the deadlines.
    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        let len = self.len();
        if from < len {
            let next = element::relocate(heap, &mut self.fields, from, nodes, moves)?;
            return Ok(next.or((!self.dues.is_empty()).then_some(len)));
        }
        let next = element::relocate(heap, &mut self.dues, from - len, nodes, moves)?;
        Ok(next.map(|rank| len + rank))
    }
}
