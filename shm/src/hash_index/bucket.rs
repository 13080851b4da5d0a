//! One cache line of the index: twelve handles, twelve one-byte tags, and what a lookup needs to know
//! to stop early.
//!
//! ```text
//! 0                              48           60      64
//! ├ 12 × handle u32 (0: free) ───┼ 12 × tag ──┼ meta ─┤
//! meta, little endian: bits 0..12   lane holds an entry displaced from its home bucket
//!                      bits 12..16  zero
//!                      bits 16..32  spill classes: class c has entries at home here that live elsewhere
//! ```
//! Tag and displaced bit of a free lane are left over from whatever was there; they mean nothing.

use super::Entry;
use crate::Handle;

/// Bytes of a bucket.
pub(super) const BUCKET_LEN: usize = 64;
/// Entries that a bucket holds.
pub(super) const LANES: usize = 12;
/// Where the tags begin; they and the meta word are stored together.
pub(super) const TAGS_AT: usize = LANES * 4;
/// Where the meta word begins.
pub(super) const META_AT: usize = 60;

const ALL_LANES: u32 = (1 << LANES) - 1;

/// A set of lanes, one bit each, taken lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lanes(u32);

impl Lanes {
    /// The lowest lane of the set.
    #[inline]
    pub(super) fn first(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    /// How many lanes.
    #[inline]
    pub(super) fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let lane = self.first()?;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

/// The meta word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta(pub(super) u32);

impl Meta {
    /// The word with a lane marked as displaced or as at home.
    pub(super) fn with_displaced(self, lane: usize, displaced: bool) -> Meta {
        Meta(self.0 & !(1 << lane) | u32::from(displaced) << lane)
    }

    /// The word with a spill class present or absent.
    pub(super) fn with_spill(self, class: u8, present: bool) -> Meta {
        let bit = 16 + u32::from(class);
        Meta(self.0 & !(1 << bit) | u32::from(present) << bit)
    }

    /// The spill classes present.
    #[inline]
    pub(super) fn spills(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Bits that no layout uses yet.
    pub(super) fn reserved(self) -> u32 {
        self.0 & 0xF000
    }
}

/// A bucket's bytes, read.
#[derive(Clone, Copy)]
pub(super) struct Bucket<'a>(&'a [u8; BUCKET_LEN]);

impl<'a> Bucket<'a> {
    /// The bucket numbered `index` of a span's bytes.
    #[inline]
    pub(super) fn of(span: &'a [u8], index: usize) -> Bucket<'a> {
        Bucket::from_line(&span[index * BUCKET_LEN..][..BUCKET_LEN])
    }

    /// The bucket in `line`, which is [`BUCKET_LEN`] bytes.
    #[inline]
    pub(super) fn from_line(line: &'a [u8]) -> Bucket<'a> {
        // The slice is cut to this length by every caller.
        Bucket(line.first_chunk().expect("a bucket is 64 bytes"))
    }

    /// The entry in a lane.
    #[inline]
    pub(super) fn entry(self, lane: usize) -> Option<Handle<Entry>> {
        let [a, b, c, d] = [0, 1, 2, 3].map(|byte| self.0[lane * 4 + byte]);
        Handle::from_raw(u32::from_le_bytes([a, b, c, d]))
    }

    #[inline]
    pub(super) fn tag(self, lane: usize) -> u8 {
        self.0[TAGS_AT + lane]
    }

    #[inline]
    pub(super) fn meta(self) -> Meta {
        Meta((self.upper_word() >> 32) as u32)
    }

    /// Whether the entry in a lane is at home elsewhere.
    pub(super) fn is_displaced(self, lane: usize) -> bool {
        self.meta().0 >> lane & 1 != 0
    }

    /// Lanes in use.
    #[inline]
    pub(super) fn used(self) -> Lanes {
        let mut used = 0;
        for lane in 0..LANES {
            used |= u32::from(self.entry(lane).is_some()) << lane;
        }
        Lanes(used)
    }

    /// The first free lane.
    #[inline]
    pub(super) fn free(self) -> Option<usize> {
        (0..LANES).find(|&lane| self.entry(lane).is_none())
    }

    /// Lanes whose tag is `tag`, of entries at home here. Free lanes may be among them.
    #[inline]
    pub(super) fn at_home(self, tag: u8) -> Lanes {
        Lanes(self.tagged(tag) & !self.meta().0)
    }

    /// Lanes whose tag is `tag`, of entries displaced to here. Free lanes may be among them.
    #[inline]
    pub(super) fn displaced(self, tag: u8) -> Lanes {
        Lanes(self.tagged(tag) & self.meta().0)
    }

    /// Lanes in use whose entries are at home elsewhere (`true`) or here (`false`).
    pub(super) fn used_where(self, displaced: bool) -> Lanes {
        let marks = if displaced { self.meta().0 } else { !self.meta().0 };
        Lanes(self.used().0 & marks)
    }

    #[inline]
    fn tagged(self, tag: u8) -> u32 {
        equal_bytes(self.lower_word(), self.upper_word(), tag) & ALL_LANES
    }

    #[inline]
    fn lower_word(self) -> u64 {
        word(self.0, TAGS_AT)
    }

    #[inline]
    fn upper_word(self) -> u64 {
        word(self.0, TAGS_AT + 8)
    }
}

#[inline]
fn word(line: &[u8; BUCKET_LEN], start: usize) -> u64 {
    // In bounds for both starts used; the compiler sees it.
    u64::from_le_bytes(*line[start..].first_chunk().expect("eight bytes"))
}

/// Bit i is set when byte i of the sixteen equals `byte`.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
fn equal_bytes(lower: u64, upper: u64, byte: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

    #[target_feature(enable = "sse2")]
    fn compare(lower: u64, upper: u64, byte: u8) -> u32 {
        let bytes = _mm_set_epi64x(upper.cast_signed(), lower.cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()))).cast_unsigned()
    }
    // SAFETY: this form is compiled only for processors that have SSE2, as the `cfg` above says.
    unsafe { compare(lower, upper, byte) }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use equal_bytes_portable as equal_bytes;

/// [`equal_bytes`] within words, for processors without a form of their own.
#[cfg_attr(all(target_arch = "x86_64", target_feature = "sse2"), cfg(test))]
#[inline]
fn equal_bytes_portable(lower: u64, upper: u64, byte: u8) -> u32 {
    const LOW_SEVEN: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    /// Gathers the lowest bit of each byte into the top byte of the product.
    const GATHER: u64 = 0x0102_0408_1020_4080;

    let pattern = u64::from(byte) * 0x0101_0101_0101_0101;
    let eight = |word: u64| {
        let differences = word ^ pattern;
        // The sum carries into a byte's top bit unless its low seven bits are zero; no carry leaves a byte.
        let zero_bytes = !(((differences & LOW_SEVEN) + LOW_SEVEN) | differences | LOW_SEVEN);
        (zero_bytes >> 7).wrapping_mul(GATHER) >> 56
    };
    (eight(lower) | eight(upper) << 8) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator for reproducible bytes.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state ^ *state >> 29
    }

    #[test]
    fn both_forms_of_the_comparison_agree_with_the_definition() {
        let mut state = 7;
        for round in 0..if cfg!(miri) { 100u32 } else { 20_000 } {
            let few = u64::from(round % 3).wrapping_sub(1) | 0x0303_0303_0303_0303;
            let (lower, upper) = (next(&mut state) & few, next(&mut state) & few);
            let bytes: Vec<u8> = lower.to_le_bytes().into_iter().chain(upper.to_le_bytes()).collect();
            for byte in [bytes[round as usize % 16], 0, 1, 0x7F, 0x80, 0xFF, next(&mut state) as u8] {
                let expected = (0..16).map(|at| u32::from(bytes[at] == byte) << at).sum::<u32>();
                assert_eq!(equal_bytes(lower, upper, byte), expected, "{bytes:x?} {byte:x}");
                assert_eq!(equal_bytes_portable(lower, upper, byte), expected, "{bytes:x?} {byte:x}");
            }
        }
    }

    #[test]
    fn a_line_is_read_as_it_is_drawn() {
        let mut line = [0u8; BUCKET_LEN];
        line[4..8].copy_from_slice(&77u32.to_le_bytes());
        line[44..48].copy_from_slice(&78u32.to_le_bytes());
        line[TAGS_AT + 1] = 9;
        line[TAGS_AT + 11] = 9;
        let meta = Meta(0).with_displaced(11, true).with_spill(3, true);
        line[META_AT..].copy_from_slice(&meta.0.to_le_bytes());
        let bucket = Bucket::of(&line, 0);
        assert_eq!(bucket.entry(1).map(Handle::raw), Some(77));
        assert_eq!(bucket.entry(0), None);
        assert_eq!(bucket.used().collect::<Vec<_>>(), [1, 11]);
        assert_eq!(bucket.free(), Some(0));
        assert_eq!(bucket.at_home(9).collect::<Vec<_>>(), [1]);
        assert_eq!(bucket.displaced(9).collect::<Vec<_>>(), [11]);
        assert_eq!(bucket.at_home(0).count(), 10, "free lanes still carry their tags");
        assert_eq!(bucket.used_where(true).first(), Some(11));
        assert_eq!(bucket.meta().spills(), 1 << 3);
        assert_eq!(meta.with_displaced(11, false).with_spill(3, false), Meta(0));
    }
}
