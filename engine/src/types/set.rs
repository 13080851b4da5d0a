//! Sets: members ordered by their hash, so that walks are exact and random picks uniform.
//!
//! An element is the member's text; behind one that lies apart stands its hash (u64), which is too dear to be computed
//! again for each comparison.

use std::cmp::Ordering;

use shm::rbtree::{Builder, Form, Hint, Packing, Position, Root, Seek, Tree};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

mod algebra;
mod pick;
#[cfg(test)]
mod tests;

pub use algebra::{Source, intersect, subtract, unite};

use super::Kind;
use super::collection::{Collection, Encodings, Record, flags_of, root_of};
use super::element::{self, Elements, Owned, drop_tree, garbage};
use super::text::{self, INLINE_MAX, Text};
use crate::number;

/// A member on its way into a set or out of it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub text: Text<'a>,
    /// Known only of a member that lies apart; 0 else.
    apart_hash: u64,
}

const HASH_LEN: usize = 8;

impl<'a> Member<'a> {
    /// A member that can become an element. `hash` is asked for if it lies apart.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn store(heap: &mut Heap, bytes: &'a [u8], hasher: StoredHasher) -> Result<Member<'a>, OutOfMemory> {
        let text = Text::store(heap, bytes)?;
        Ok(Member { text, apart_hash: if text.extent().is_some() { hasher.hash(bytes) } else { 0 } })
    }

    /// The hash that members are ordered by.
    #[inline]
    pub fn hash(self, hasher: StoredHasher) -> u64 {
        match self.text {
            Text::Inline(bytes) => hasher.hash(bytes),
            Text::Apart(_) => self.apart_hash,
        }
    }

    /// Bytes that it takes in an element.
    #[inline]
    pub fn encoded_len(self) -> usize {
        self.text.encoded_len() + if self.text.extent().is_some() { HASH_LEN } else { 0 }
    }

    /// Writes it to the start of `out`; returns what is left of `out`.
    #[inline]
    pub fn encode(self, out: &mut [u8]) -> &mut [u8] {
        let rest = self.text.encode(out);
        if self.text.extent().is_none() {
            return rest;
        }
        let (hash, rest) = rest.split_at_mut(HASH_LEN);
        hash.copy_from_slice(&self.apart_hash.to_le_bytes());
        rest
    }

    /// Bytes that the member at the start of `bytes` takes.
    #[inline]
    pub fn len_at(bytes: &[u8]) -> usize {
        let len = match usize::from(bytes[0]) {
            len @ ..=INLINE_MAX => 1 + len,
            _ => Text::len_at(bytes) + HASH_LEN,
        };
        len.min(bytes.len())
    }

    /// The member at the start of `bytes`, and what follows it.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> (Member<'a>, &'a [u8]) {
        let (text, rest) = Text::decode(bytes);
        if text.extent().is_none() {
            return (Member { text, apart_hash: 0 }, rest);
        }
        let (hash, rest) = rest.split_at(HASH_LEN);
        (Member { text, apart_hash: u64::from_le_bytes(hash.try_into().unwrap_or_default()) }, rest)
    }

    /// What follows a member that may be damaged; `None` if it is.
    pub fn sound_rest(bytes: &[u8]) -> Option<&[u8]> {
        let rest = Text::sound_rest(bytes)?;
        if bytes[0] <= INLINE_MAX as u8 { Some(rest) } else { rest.get(HASH_LEN..) }
    }

    /// The same member, given its bytes, without a hold on the heap that it was read from.
    #[inline]
    pub fn spelled<'b>(self, bytes: &'b [u8]) -> Member<'b> {
        let text = self.text.extent().map_or(Text::Inline(bytes), Text::Apart);
        Member { text, apart_hash: self.apart_hash }
    }

    /// The member with its text in another place.
    pub fn moved_to(self, extent: Option<shm::extent::Extent>) -> Member<'a> {
        Member { text: extent.map_or(self.text, Text::Apart), ..self }
    }
}

/// What a member is looked for by: its hash and itself.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'k> {
    /// Matters only where members are in order, see [`Sought::in_form`].
    pub hash: u64,
    pub text: Text<'k>,
}

impl<'k> Sought<'k> {
    /// What finds `bytes` in a tree of this form: the hash is computed only where it is needed.
    #[inline]
    pub fn in_form(form: Form, bytes: &'k [u8], hasher: StoredHasher) -> Sought<'k> {
        let hash = if form == Form::Tree { hasher.hash(bytes) } else { 0 };
        Sought { hash, text: Text::Inline(bytes) }
    }

    /// Where it stands relative to a member.
    #[inline]
    pub fn compare(self, heap: &Heap, member: Member<'_>, hasher: StoredHasher) -> Ordering {
        self.hash.cmp(&member.hash(hasher)).then_with(|| self.text.compare(heap, member.text))
    }
}

/// How the members of a set are packed.
#[derive(Debug, Clone, Copy)]
pub struct Members(StoredHasher);

impl Members {
    pub fn new(hasher: StoredHasher) -> Members {
        Members(hasher)
    }
}

impl Packing for Members {
    type Key<'k> = Sought<'k>;
    type Item<'i> = Member<'i>;

    const HASHED: bool = true;
    /// Half of a node is looked through for a member, as a rule.
    const NODE_LEN: usize = 640;

    #[inline]
    fn encoded_len(self, item: Member<'_>) -> usize {
        item.encoded_len()
    }

    #[inline]
    fn encode(self, item: Member<'_>, _: u64, out: &mut [u8]) {
        item.encode(out);
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        Member::len_at(bytes)
    }

    #[inline]
    fn decode(self, bytes: &[u8], _: u64) -> Member<'_> {
        Member::decode(bytes).0
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        Member::sound_rest(bytes).is_some_and(<[u8]>::is_empty)
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        Sought { hash: item.hash(self.0), text: item.text }
    }

    #[inline]
    fn compare(self, heap: &Heap, key: Sought<'_>, item: Member<'_>) -> Ordering {
        key.compare(heap, item, self.0)
    }

    #[inline]
    fn hash_of(self, item: Member<'_>) -> u64 {
        item.hash(self.0)
    }

    #[inline]
    fn hash_of_key(self, key: Sought<'_>) -> u64 {
        key.hash
    }

    #[inline]
    fn matches(self, heap: &Heap, key: Sought<'_>, item: Member<'_>) -> bool {
        item.text.same(heap, key.text)
    }

    #[inline]
    fn scan(self, heap: &Heap, key: Sought<'_>, elements: &[u8], _: u64) -> Option<(usize, usize)> {
        let shape = |rest: &[u8]| match usize::from(rest[0]) {
            len @ ..=INLINE_MAX => (0, 1 + len),
            _ => (0, Member::len_at(rest)),
        };
        text::scan(elements, key.text, shape, |element| self.matches(heap, key, Member::decode(element).0))
    }
}

impl Elements for Members {
    const GARBAGE: u8 = garbage::SET;

    #[inline]
    fn owned(item: Member<'_>) -> Owned {
        [item.text.extent(), None]
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        item.moved_to(owned[0])
    }
}

/// It has had members that are no integers, or too many.
const NOT_INTSET: u8 = 1;

/// A set.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    tree: Tree<Members>,
    flags: u8,
    hasher: StoredHasher,
}

impl Set {
    #[inline]
    fn find(&self, heap: &Heap, position: &mut Position, bytes: &[u8]) -> bool {
        self.tree.find_from(heap, position, Sought::in_form(self.tree.root().form(), bytes, self.hasher))
    }

    /// See [`Tree::is_deep`].
    #[inline]
    pub fn is_deep(&self) -> bool {
        self.tree.is_deep()
    }

    /// A search for a member, in advance.
    #[inline]
    pub fn seek_ahead<'h>(&self, heap: &'h Heap, bytes: &[u8]) -> Seek<'h> {
        self.tree.seek_hash(heap, self.hasher.hash(bytes))
    }

    /// Whether a member is where a search in advance has ended.
    #[inline]
    fn is_at(&self, heap: &Heap, bytes: &[u8], hint: &Hint) -> bool {
        debug_assert_eq!(hint.hash(), self.hasher.hash(bytes), "a hint for another member");
        let sought = Sought { hash: hint.hash(), text: Text::Inline(bytes) };
        self.tree.glance(heap, hint, sought).is_some()
    }

    /// Whether it has a member. O(log n).
    #[inline]
    pub fn contains(&self, heap: &Heap, bytes: &[u8], hint: Option<Hint>) -> bool {
        hint.is_some_and(|hint| self.is_at(heap, bytes, &hint))
            || !self.tree.is_empty() && self.find(heap, &mut { Position::START }, bytes)
    }

    /// [`Set::contains`] of a member whose hash is known.
    fn contains_hashed(&self, heap: &Heap, bytes: &[u8], hash: u64) -> bool {
        !self.tree.is_empty() && self.tree.find(heap, Sought { hash, text: Text::Inline(bytes) }).1
    }

    fn hasher(&self) -> StoredHasher {
        self.hasher
    }

    /// Whether members are in order. If not, their hashes do not matter.
    fn is_ordered(&self) -> bool {
        self.tree.root().form() == Form::Tree
    }

    /// Adds a member. Returns whether it is new. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn add(&mut self, heap: &mut Heap, bytes: &[u8], hint: Option<Hint>) -> Result<bool, OutOfMemory> {
        if hint.is_some_and(|hint| self.is_at(heap, bytes, &hint)) {
            return Ok(false);
        }
        let mut position = Position::START;
        let found = self.find(heap, &mut position, bytes);
        if found {
            return Ok(false);
        }
        let member = Member::store(heap, bytes, self.hasher)?;
        self.tree.insert_here(heap, &mut position, member)?;
        if self.flags & NOT_INTSET == 0 && number::parse_i64(bytes).is_none() {
            self.flags |= NOT_INTSET;
        }
        Ok(true)
    }

    /// Removes a member. Returns whether it was there. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn remove(&mut self, heap: &mut Heap, bytes: &[u8]) -> Result<bool, OutOfMemory> {
        if self.tree.is_empty() {
            return Ok(false);
        }
        let mut position = Position::START;
        let found = self.find(heap, &mut position, bytes);
        if found {
            self.remove_here(heap, &mut position)?;
        }
        Ok(found)
    }

    /// Where the member stands that has `rank` others before it, below the number of members. O(log n).
    #[inline]
    pub fn seek(&self, heap: &Heap, rank: usize) -> Position {
        self.tree.seek(heap, rank)
    }

    /// The member at a place.
    #[inline]
    pub fn item<'h>(&self, heap: &'h Heap, position: &Position) -> Text<'h> {
        self.tree.item(heap, position).text
    }

    /// Removes the member at a place.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn remove_here(&mut self, heap: &mut Heap, position: &mut Position) -> Result<(), OutOfMemory> {
        let owned = Members::owned(self.tree.item(heap, position));
        self.tree.remove_here(heap, position)?;
        element::free_owned(heap, owned)
    }

    /// The member with `rank` others before it, below the number of members. O(log n).
    pub fn at<'h>(&self, heap: &'h Heap, rank: usize) -> Option<Text<'h>> {
        self.tree.at(heap, rank).map(|member| member.text)
    }

    /// Removes the member with `rank` others before it. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn remove_at(&mut self, heap: &mut Heap, rank: usize) -> Result<(), OutOfMemory> {
        let mut position = self.tree.seek(heap, rank);
        self.remove_here(heap, &mut position)
    }

    /// What its encoding remembers of its past.
    pub fn history(&self) -> u8 {
        self.flags
    }

    /// The set with the past of another.
    pub fn with_history(mut self, history: u8) -> Set {
        self.flags |= history & NOT_INTSET;
        self
    }

    /// All members, in the order of the walk.
    pub fn iter<'h>(&self, heap: &'h Heap) -> impl Iterator<Item = Text<'h>> + use<'h> {
        self.tree.iter(heap).map(|member| member.text)
    }

    /// Visits members from `cursor` on, 0 at first: at least `count` if there are as many. Returns where to go on, 0
    /// after the last. A member that stays throughout a walk is visited exactly once.
    pub fn scan<'h>(&self, heap: &'h Heap, cursor: u64, count: usize, visit: impl FnMut(Text<'h>)) -> u64 {
        let Some(start) = cursor_start(cursor) else { return 0 };
        if self.is_ordered() {
            return walk(
                self.tree.by_hash(heap, start).map(|(hash, _, member)| (hash, member.text)),
                count,
                visit,
            );
        }
        // In one step, in the order of arrival: only a walk that began when there were more has another start.
        let hasher = self.hasher;
        let left = self.tree.iter(heap).filter(|member| start == 0 || member.hash(hasher) >= start);
        left.map(|member| member.text).for_each(visit);
        0
    }

    /// A set of members, each of which comes once, in any order. O(n log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn build(heap: &mut Heap, hasher: StoredHasher, members: &[&[u8]]) -> Result<Set, OutOfMemory> {
        let mut set = Set::empty(hasher);
        if members.len() <= Members::PLAIN_COUNT {
            for member in members {
                set.add(heap, member, None)?;
            }
            return Ok(set);
        }
        let mut ordered: Vec<(u64, &[u8])> =
            members.iter().map(|member| (hasher.hash(member), *member)).collect();
        ordered.sort_unstable();
        let mut builder = Builder::new(Members(hasher));
        for (_, bytes) in ordered {
            let member = Member::store(heap, bytes, hasher)?;
            builder.push(heap, member)?;
            if set.flags & NOT_INTSET == 0 && number::parse_i64(bytes).is_none() {
                set.flags |= NOT_INTSET;
            }
        }
        set.tree = Tree::new(builder.finish(heap)?, Members(hasher));
        Ok(set)
    }
}

/// Bits of a hash that a cursor holds. A cursor is these bits plus one, at most 2^52.
const CURSOR_BITS: u32 = 52;

/// The least hash of what a walk has not met before `cursor`; `None` for what no walk hands out.
pub fn cursor_start(cursor: u64) -> Option<u64> {
    match cursor {
        0 => Some(0),
        1..=0x10_0000_0000_0000 => Some((cursor - 1) << (u64::BITS - CURSOR_BITS)),
        _ => None,
    }
}

/// A step of a walk: visits at least `count` of `elements`, which come with their hashes, ascending. Returns the cursor to
/// go on from, 0 after the last. Elements with equal cursor bits go out together, so that a cursor never stands between
/// them.
pub fn walk<T>(elements: impl Iterator<Item = (u64, T)>, count: usize, mut visit: impl FnMut(T)) -> u64 {
    let mut last = None;
    for (visited, (hash, element)) in elements.enumerate() {
        let here = hash >> (u64::BITS - CURSOR_BITS);
        if visited >= count && last != Some(here) {
            return here + 1;
        }
        visit(element);
        last = Some(here);
    }
    0
}

impl Collection for Set {
    const KIND: Kind = Kind::Set;

    fn empty(hasher: StoredHasher) -> Set {
        Set { tree: Tree::new(Root::EMPTY, Members(hasher)), flags: 0, hasher }
    }

    #[inline]
    fn open(record: &[u8], hasher: StoredHasher) -> Set {
        let tree = Tree::new(Root::decode(root_of(record, 0)), Members(hasher));
        Set { tree, flags: flags_of(record), hasher }
    }

    #[inline]
    fn record(&self) -> Record {
        Record::new(self.flags, &[self.tree.root().encode()])
    }

    #[inline]
    fn len(&self) -> usize {
        self.tree.len()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    #[inline]
    fn note_size(&mut self, limits: &Encodings) {
        if self.len() as u64 > limits.set_max_intset_entries {
            self.flags |= NOT_INTSET;
        }
    }

    fn encoding(&self, _: &Heap, _: &Encodings) -> &'static str {
        if self.flags & NOT_INTSET == 0 { "intset" } else { "hashtable" }
    }

    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        drop_tree(heap, self.tree)
    }

    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        element::verify(heap, &self.tree, false, visit)
    }

    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        element::relocate(heap, &mut self.tree, from, nodes, moves)
    }
}
