//! Sorted sets.

pub(super) mod add;
mod algebra;
mod algebra_store;
mod interval;
mod pop;
mod random;
mod range;
mod rank;
mod remove;
mod scan;
mod size;
pub(super) mod store;
mod wait;

use shm::Heap;

use crate::command::{DataCommand, Error, Reply};
use crate::types::text::Text;
use crate::types::zset::Scored;

pub(super) const FAMILY: &[&[DataCommand]] = &[
    add::COMMANDS,
    algebra::COMMANDS,
    algebra_store::COMMANDS,
    pop::COMMANDS,
    random::COMMANDS,
    range::COMMANDS,
    rank::COMMANDS,
    remove::COMMANDS,
    scan::COMMANDS,
    size::COMMANDS,
    store::COMMANDS,
    wait::COMMANDS,
];

const OUT_OF_RANGE: Error = Error::text("ERR value is out of range");

/// How members are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// Without scores.
    Plain,
    /// Each followed by its score.
    Flat,
    /// Each with its score in an array of its own (RESP2: as [`Listing::Flat`]).
    Pairs,
    /// In such arrays also in RESP2.
    Nested,
    /// Each followed by its score, as part of an array that is open already.
    Bare,
}

impl Listing {
    fn with_scores(with_scores: bool) -> Listing {
        if with_scores { Listing::Pairs } else { Listing::Plain }
    }

    /// Opens a list of so many members.
    fn open(self, reply: &mut dyn Reply, members: usize) {
        let is_flat = match self {
            Listing::Bare => return,
            Listing::Plain | Listing::Nested => false,
            Listing::Flat => true,
            Listing::Pairs => !reply.is_resp3(),
        };
        reply.array(if is_flat { 2 * members } else { members });
    }

    fn item(self, reply: &mut dyn Reply, heap: &Heap, item: Scored<'_>) {
        self.member(reply, item.score, |reply| reply.string(item.text.view(heap)));
    }

    fn bytes(self, reply: &mut dyn Reply, score: f64, member: &[u8]) {
        self.member(reply, score, |reply| reply.bulk(member));
    }

    fn member(self, reply: &mut dyn Reply, score: f64, member: impl FnOnce(&mut dyn Reply)) {
        if self == Listing::Nested || self == Listing::Pairs && reply.is_resp3() {
            reply.array(2);
        }
        member(reply);
        if self != Listing::Plain {
            reply.double(score);
        }
    }
}

/// A word of an effect.
fn owned(heap: &Heap, text: Text<'_>) -> Box<[u8]> {
    text.view(heap).contiguous().into()
}
