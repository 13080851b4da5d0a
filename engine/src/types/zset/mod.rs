//! Sorted sets: members ordered by score, then by their bytes.
//!
//! Up to 128 members and 8 KiB are one plain block, in which a member is found by looking at each. More are two trees:
//! the members in order, and from each member's hash to its score. The second is there just while the first one has
//! nodes.
//!
//! A record has one root or two.

mod ahead;
mod packing;
mod ranks;
mod scan;

use std::borrow::Cow;
use std::ops::Range;

use shm::rbtree::{Back, Builder, Form, Iter, Position, Root, Tree};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

pub use self::ahead::Ahead;
pub use self::packing::{ByHash, ByScore, Scored, ordered};
use self::packing::{Hashed, Sought, SoughtHash};
pub use self::ranks::LexBound;
use super::Kind;
use super::collection::{Collection, Encodings, Record, flags_of, root_of};
use super::element::{self, Elements, drop_tree, free_owned};
use super::text::Text;

/// It has had too many or too long members for the small encoding of Redis.
const LARGE: u8 = 1;

/// A sorted set.
#[derive(Debug, Clone, Copy)]
pub struct Zset {
    members: Tree<ByScore>,
    /// Empty unless `members` has nodes.
    hashes: Tree<ByHash>,
    flags: u8,
    hasher: StoredHasher,
}

/// Where a member is, or would be. Good until the set next changes.
pub struct Spot<'k> {
    member: &'k [u8],
    /// Known only if the set has nodes; 0 else.
    hash: u32,
    score: Option<f64>,
    /// Known if the member is there; the start else.
    in_members: Position,
    /// Known of a set with nodes, unless `is_shared`; the start else.
    in_hashes: Position,
    /// Another member has the same hash, and this one is not there.
    is_shared: bool,
}

impl Spot<'_> {
    /// The score, if the member is there.
    #[inline]
    pub fn score(&self) -> Option<f64> {
        self.score
    }

    /// How many members stand before it, if it is there.
    #[inline]
    pub fn rank(&self, heap: &Heap) -> Option<usize> {
        self.score.map(|_| self.in_members.rank(heap))
    }
}

impl Zset {
    // ---- finding ----------------------------------------------------------------------------

    /// Looks for a member. O(log n).
    #[inline]
    pub fn find<'k>(&self, heap: &Heap, member: &'k [u8]) -> Spot<'k> {
        let (in_members, in_hashes) = (Position::START, Position::START);
        let mut spot = Spot { member, hash: 0, score: None, in_members, in_hashes, is_shared: false };
        match self.members.root().form() {
            Form::Empty => {}
            Form::Plain => self.find_in_plain(heap, &mut spot),
            Form::Tree => self.find_by_hash(heap, &mut spot),
        }
        spot
    }

    fn find_in_plain(&self, heap: &Heap, spot: &mut Spot<'_>) {
        let mut members = self.members.iter(heap).enumerate();
        if let Some((rank, item)) = members.find(|(_, item)| item.text.equals(heap, spot.member)) {
            spot.score = Some(item.score);
            spot.in_members = self.members.seek(heap, rank);
        }
    }

    fn find_by_hash(&self, heap: &Heap, spot: &mut Spot<'_>) {
        spot.hash = upper_half(self.hasher.hash(spot.member));
        let sought = SoughtHash { hash: spot.hash, score: None };
        if !self.hashes.find_from(heap, &mut spot.in_hashes, sought) {
            return;
        }
        let score = self.hashes.item(heap, &spot.in_hashes).score;
        spot.score = self.find_with_score(heap, spot.member, score, &mut spot.in_members);
        if spot.score.is_none() {
            self.find_among_equal_hashes(heap, spot);
        }
    }

    /// Looks for the member with this score; returns the score as it is stored if there is one.
    #[inline]
    fn find_with_score(
        &self,
        heap: &Heap,
        member: &[u8],
        score: f64,
        position: &mut Position,
    ) -> Option<f64> {
        let sought = Sought::Member(ordered(score), Text::Inline(member));
        let found = self.members.find_from(heap, position, sought);
        found.then(|| self.members.item(heap, position).score)
    }

    #[cold]
    fn find_among_equal_hashes(&self, heap: &Heap, spot: &mut Spot<'_>) {
        let first = self.hashes.find(heap, SoughtHash { hash: spot.hash, score: Some(0) }).0;
        let rank = first.rank(heap);
        let of_hash = self.hashes.iter_from(heap, first).take_while(|item| item.hash == spot.hash);
        for (nth, item) in of_hash.enumerate() {
            spot.in_members = Position::START;
            spot.score = self.find_with_score(heap, spot.member, item.score, &mut spot.in_members);
            if spot.score.is_some() {
                spot.in_hashes = self.hashes.seek(heap, rank + nth);
                return;
            }
        }
        spot.is_shared = true;
    }

    /// The score of a member. O(log n).
    #[inline]
    pub fn score(&self, heap: &Heap, member: &[u8]) -> Option<f64> {
        self.find(heap, member).score
    }

    /// The member with `rank` others before it, below the number of members. O(log n).
    pub fn at<'h>(&self, heap: &'h Heap, rank: usize) -> Option<Scored<'h>> {
        self.members.at(heap, rank)
    }

    /// The members from a rank on.
    pub fn iter_from<'h>(&self, heap: &'h Heap, rank: usize) -> Iter<'h, ByScore> {
        self.members.iter_from(heap, self.members.seek(heap, rank))
    }

    /// The members before a rank, from the last of them to the first.
    pub fn back_from<'h>(&self, heap: &'h Heap, rank: usize) -> Back<'h, ByScore> {
        self.members.back_from(heap, self.members.seek(heap, rank))
    }

    // ---- changing ---------------------------------------------------------------------------

    /// Adds a member that is not there. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn add(
        &mut self,
        heap: &mut Heap,
        spot: &mut Spot<'_>,
        score: f64,
        limits: &Encodings,
    ) -> Result<(), OutOfMemory> {
        debug_assert!(spot.score.is_none() && !score.is_nan());
        let member = spot.member;
        if self.members.len() as u64 >= limits.zset_max_listpack_entries
            || member.len() as u64 > limits.zset_max_listpack_value
        {
            self.flags |= LARGE;
        }
        let score = self.as_kept(score);
        let text = Text::store(heap, member)?;
        let place = &mut spot.in_members;
        *place = Position::START;
        self.members.find_from(heap, place, Sought::Member(ordered(score), Text::Inline(member)));
        self.members.insert_here(heap, place, Scored { score, text })?;
        if self.members.root().form() != Form::Tree {
            return Ok(());
        }
        if self.hashes.is_empty() {
            return self.build_hashes(heap);
        }
        let place = &mut spot.in_hashes;
        if spot.is_shared {
            *place = Position::START;
            let sought = SoughtHash { hash: spot.hash, score: Some(ordered(score)) };
            self.hashes.find_from(heap, place, sought);
        }
        self.hashes.insert_here(heap, place, Hashed { hash: spot.hash, score })
    }

    /// Gives a member that is there another score. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn set_score(&mut self, heap: &mut Heap, spot: &mut Spot<'_>, score: f64) -> Result<(), OutOfMemory> {
        debug_assert!(spot.score.is_some() && !score.is_nan());
        let score = self.as_kept(score);
        let stored = self.members.item(heap, &spot.in_members).text.extent();
        let text = stored.map_or(Text::Inline(spot.member), Text::Apart);
        self.members.rekey_here(heap, &mut spot.in_members, Scored { score, text })?;
        if self.hashes.is_empty() || self.members.root().form() != Form::Tree {
            return self.drop_hashes_of_plain(heap);
        }
        self.hashes.rekey_here(heap, &mut spot.in_hashes, Hashed { hash: spot.hash, score })
    }

    /// Removes a member that is there. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn remove(&mut self, heap: &mut Heap, spot: &mut Spot<'_>) -> Result<(), OutOfMemory> {
        debug_assert!(spot.score.is_some());
        let owned = ByScore::owned(self.members.item(heap, &spot.in_members));
        self.members.remove_here(heap, &mut spot.in_members)?;
        free_owned(heap, owned)?;
        if self.hashes.is_empty() || self.members.root().form() != Form::Tree {
            return self.drop_hashes_of_plain(heap);
        }
        self.hashes.remove_here(heap, &mut spot.in_hashes)
    }

    /// Removes the members of a range of ranks. O(log n) for each of them, or O(n) if they are many.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn remove_range(&mut self, heap: &mut Heap, ranks: Range<usize>) -> Result<(), OutOfMemory> {
        let gone = self.members.remove_range(heap, ranks)?;
        if self.members.root().form() != Form::Tree {
            self.drop_hashes_of_plain(heap)?;
        } else if gone.len() > (self.members.len() / 4).min(ONE_BY_ONE_MAX) {
            let hashes = std::mem::replace(&mut self.hashes, Tree::new(Root::EMPTY, ByHash));
            drop_tree(heap, hashes)?;
            self.build_hashes(heap)?;
        } else {
            for item in self.hashed(heap, &gone) {
                let sought = SoughtHash { hash: item.hash, score: Some(ordered(item.score)) };
                self.hashes.remove(heap, sought)?;
            }
        }
        drop_tree(heap, gone)
    }

    /// Whether Redis would not use its small encoding for it.
    #[inline]
    pub fn is_large(&self) -> bool {
        self.flags & LARGE != 0
    }

    /// Whether Redis would not use its small encoding for these members.
    pub fn would_be_large(members: &[(f64, Cow<'_, [u8]>)], limits: &Encodings) -> bool {
        let is_long =
            |(_, member): &(f64, Cow<'_, [u8]>)| member.len() as u64 > limits.zset_max_listpack_value;
        members.len() as u64 > limits.zset_max_listpack_entries || members.iter().any(is_long)
    }

    /// A sorted set of members, each of which comes once, in any order; see [`Zset::is_large`]. O(n log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn build(
        heap: &mut Heap,
        hasher: StoredHasher,
        mut members: Vec<(f64, Cow<'_, [u8]>)>,
        is_large: bool,
    ) -> Result<Zset, OutOfMemory> {
        members.sort_unstable_by(|(score, member), (other_score, other)| {
            ordered(*score).cmp(&ordered(*other_score)).then_with(|| member.cmp(other))
        });
        let mut zset = Zset { flags: if is_large { LARGE } else { 0 }, ..Zset::empty(hasher) };
        if members.len() <= PLAIN_COUNT {
            for (rank, (score, member)) in members.iter().enumerate() {
                let item = Scored { score: zset.as_kept(*score), text: Text::store(heap, member)? };
                zset.members.insert_at(heap, rank, item)?;
            }
        } else {
            let mut builder = Builder::new(ByScore);
            for (score, member) in &members {
                let item = Scored { score: zset.as_kept(*score), text: Text::store(heap, member)? };
                builder.push(heap, item)?;
            }
            zset.members = Tree::new(builder.finish(heap)?, ByScore);
        }
        if zset.members.root().form() == Form::Tree {
            zset.build_hashes(heap)?;
        }
        Ok(zset)
    }

    /// A score as it is kept: the small encoding of Redis does not know the sign of zero.
    #[inline]
    fn as_kept(&self, score: f64) -> f64 {
        if self.is_large() { score } else { score + 0.0 }
    }

    // ---- the second tree --------------------------------------------------------------------

    /// Hashes and scores of the elements of a tree.
    fn hashed(&self, heap: &Heap, members: &Tree<ByScore>) -> Vec<Hashed> {
        let hash = |text: Text<'_>| upper_half(self.hasher.hash(&text.view(heap).contiguous()));
        members.iter(heap).map(|item| Hashed { hash: hash(item.text), score: item.score }).collect()
    }

    /// Makes the second tree from the first one.
    fn build_hashes(&mut self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        let mut all = self.hashed(heap, &self.members);
        all.sort_unstable_by_key(|item| (item.hash, ordered(item.score)));
        let mut builder = Builder::new(ByHash);
        for item in all {
            builder.push(heap, item)?;
        }
        self.hashes = Tree::new(builder.finish(heap)?, ByHash);
        Ok(())
    }

    /// Drops the second tree if the first one has no nodes.
    fn drop_hashes_of_plain(&mut self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        if self.hashes.is_empty() || self.members.root().form() == Form::Tree {
            return Ok(());
        }
        drop_tree(heap, std::mem::replace(&mut self.hashes, Tree::new(Root::EMPTY, ByHash)))
    }
}

/// Up to so many hashes are removed one by one. The undo log holds what that changes, but nothing of a new tree.
const ONE_BY_ONE_MAX: usize = 1 << 18;

/// Up to so many members are put into a plain block one by one.
const PLAIN_COUNT: usize = 128;

#[inline]
fn upper_half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Collection for Zset {
    const KIND: Kind = Kind::Zset;

    fn empty(hasher: StoredHasher) -> Zset {
        let (members, hashes) = (Tree::new(Root::EMPTY, ByScore), Tree::new(Root::EMPTY, ByHash));
        Zset { members, hashes, flags: 0, hasher }
    }

    #[inline]
    fn open(record: &[u8], hasher: StoredHasher) -> Zset {
        let members = Tree::new(Root::decode(root_of(record, 0)), ByScore);
        let hashes = Tree::new(Root::decode(root_of(record, 1)), ByHash);
        Zset { members, hashes, flags: flags_of(record), hasher }
    }

    #[inline]
    fn record(&self) -> Record {
        let (members, hashes) = (self.members.root().encode(), self.hashes.root().encode());
        if self.hashes.is_empty() {
            Record::new(self.flags, &[members])
        } else {
            Record::new(self.flags, &[members, hashes])
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.members.len()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    #[inline]
    fn note_size(&mut self, limits: &Encodings) {
        if self.len() as u64 > limits.zset_max_listpack_entries {
            self.flags |= LARGE;
        }
    }

    fn encoding(&self, _: &Heap, _: &Encodings) -> &'static str {
        if self.is_large() { "skiplist" } else { "listpack" }
    }

    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        drop_tree(heap, self.members)?;
        drop_tree(heap, self.hashes)
    }

    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        element::verify(heap, &self.members, false, visit)?;
        element::verify(heap, &self.hashes, false, visit)?;
        let damage = |what| Err(Corrupt::Structure { what, block: self.members.root().encode() as u32 });
        if (self.members.root().form() == Form::Tree) == self.hashes.is_empty() {
            return damage("a sorted set without its hashes, or hashes of a small one");
        }
        let key = |item: &Hashed| (item.hash, ordered(item.score));
        let mut expected: Vec<_> = match self.hashes.is_empty() {
            true => return Ok(()),
            false => self.hashed(heap, &self.members).iter().map(key).collect(),
        };
        expected.sort_unstable();
        match self.hashes.iter(heap).map(|item| key(&item)).eq(expected) {
            true => Ok(()),
            false => damage("hashes that are not those of the members"),
        }
    }

    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        // Places of the second tree follow those of the first one.
        let members = self.members.len();
        if from < members {
            let next = element::relocate(heap, &mut self.members, from, nodes, moves)?;
            return Ok(next.or((!self.hashes.is_empty()).then_some(members)));
        }
        if from - members >= self.hashes.len() {
            return Ok(None);
        }
        let next = element::relocate(heap, &mut self.hashes, from - members, nodes, moves)?;
        Ok(next.map(|next| members + next))
    }
}
