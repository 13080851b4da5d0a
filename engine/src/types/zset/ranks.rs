//! Ranges of scores and of members as ranges of ranks.

use std::ops::{Bound, Range};

use shm::Heap;
use shm::rbtree::Form;

use super::packing::{Sought, ordered};
use super::{Scored, Zset};
use crate::types::text::Text;

/// An end of a range of members in the order of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member.
    Lowest,
    /// After every member.
    Highest,
    Included(&'a [u8]),
    Excluded(&'a [u8]),
}

impl LexBound<'_> {
    /// Whether a range that begins here has come to this member.
    fn begins_before(self, heap: &Heap, member: Text<'_>) -> bool {
        match self {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::Included(bytes) => member.compare(heap, Text::Inline(bytes)).is_ge(),
            LexBound::Excluded(bytes) => member.compare(heap, Text::Inline(bytes)).is_gt(),
        }
    }

    /// Whether a range that ends here still has this member.
    fn ends_after(self, heap: &Heap, member: Text<'_>) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(bytes) => member.compare(heap, Text::Inline(bytes)).is_le(),
            LexBound::Excluded(bytes) => member.compare(heap, Text::Inline(bytes)).is_lt(),
        }
    }
}

impl Zset {
    /// The ranks of the members with scores between two bounds. O(log n).
    pub fn ranks_by_score(&self, heap: &Heap, from: Bound<f64>, to: Bound<f64>) -> Range<usize> {
        let before = |score: f64| self.members.lower_bound(heap, Sought::Before(ordered(score)));
        let after = |score: f64| self.members.lower_bound(heap, Sought::After(ordered(score)));
        let start = match from {
            Bound::Included(score) => before(score),
            Bound::Excluded(score) => after(score),
            Bound::Unbounded => 0,
        };
        let end = match to {
            Bound::Included(score) => after(score),
            Bound::Excluded(score) => before(score),
            Bound::Unbounded => self.members.len(),
        };
        start..end.max(start)
    }

    /// The ranks of the members between two bounds, if all have the same score. O(log n) in a large set. If scores
    /// differ, Redis's result depends on the encoding: in a small set it is what is met from the beginning, or with
    /// `from_end` from the end.
    pub fn ranks_by_lex(
        &self,
        heap: &Heap,
        from: LexBound<'_>,
        to: LexBound<'_>,
        from_end: bool,
    ) -> Range<usize> {
        if self.members.root().form() == Form::Plain {
            return self.ranks_met(heap, from, to, from_end);
        }
        let lower = |bytes| self.members.lower_bound(heap, Sought::AnyScore(Text::Inline(bytes)));
        let upper = |bytes| self.members.upper_bound(heap, Sought::AnyScore(Text::Inline(bytes)));
        let all = self.members.len();
        let start = match from {
            LexBound::Lowest => 0,
            LexBound::Highest => all,
            LexBound::Included(bytes) => lower(bytes),
            LexBound::Excluded(bytes) => upper(bytes),
        };
        let end = match to {
            LexBound::Lowest => 0,
            LexBound::Highest => all,
            LexBound::Included(bytes) => upper(bytes),
            LexBound::Excluded(bytes) => lower(bytes),
        };
        start..end.max(start)
    }

    fn ranks_met(&self, heap: &Heap, from: LexBound<'_>, to: LexBound<'_>, from_end: bool) -> Range<usize> {
        let all = self.members.len();
        let begun = |item: &Scored<'_>| from.begins_before(heap, item.text);
        let going_on = |item: &Scored<'_>| to.ends_after(heap, item.text);
        let (first, last) = (self.members.first(heap), self.members.last(heap));
        if !last.is_some_and(|item| begun(&item)) || !first.is_some_and(|item| going_on(&item)) {
            return 0..0;
        }
        if from_end {
            let end = all - self.members.back(heap).take_while(|item| !going_on(item)).count();
            end - self.back_from(heap, end).take_while(begun).count()..end
        } else {
            let start = self.members.iter(heap).take_while(|item| !begun(item)).count();
            start..start + self.iter_from(heap, start).take_while(going_on).count()
        }
    }
}
