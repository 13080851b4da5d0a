//! The first page of a segment: who it is, and how to read the rest.
//!
//! ```text
//!   0  magic "HEARTHSG"                     80  node, 20 bytes
//!   8  form of this part u16                100  zero u32
//!  10  kind u8: 0 shard, 1 control          104  boot id, 16 bytes
//!  11  granule shift u8                     120  made at, ms since 1970 u64
//!  12  layout version u32                   128  CRC-64/XZ of the 128 bytes before u64
//!  16  layout hash u64                      136  zero up to 192
//!  24  feature bits u64                     192  length in bytes u64     ┐ words that change, each
//!  32  key of the stored hash, 16 bytes     200  life u64                │ valid at every moment;
//!  48  stored-hash function u32             208  state u64               │ 192 to 256 is one
//!  52  shard u32                            216  huge-page bytes u64     │ cache line
//!  56  shard count u32                      224  stopped at, ms u64      ┘
//!  60  first slot u16, end of slots u16     256  zero up to 4096
//!  64  data set, 16 bytes
//! ```
//! All numbers are little-endian. The first 136 bytes are **frozen**: their form never changes, so that an
//! older or newer program can always tell what it has before it; they are written once, when the segment is
//! made. Every flipped byte of them is detected. A change of anything else raises the layout version.

use std::ops::Range;

use crc::{CRC_64_XZ, Crc};

use super::error::Flaw;
use super::identity::{BootId, DataSetId, NodeId};
use super::layout::LAYOUT_VERSION;
use crate::heap::HEADER_LEN;
use crate::stored_hash::FUNCTION_ID;

/// Bytes of the frozen part, checksum included.
pub const FROZEN_LEN: usize = 136;
/// What the header and its file store, for the layout hash.
pub(crate) const STORED: &str = "header 4096: frozen 136, length u64 @192, life u64, state u64, huge u64, stopped u64; \
                                 segment: header, heap";

const MAGIC: u64 = u64::from_le_bytes(*b"HEARTHSG");
const FORM: u16 = 1;
const CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);
const KNOWN_FEATURES: u64 = 0;

/// Offsets of the words that change.
pub(crate) mod word {
    pub(crate) const LENGTH: usize = 192;
    pub(crate) const LIFE: usize = 200;
    pub(crate) const STATE: usize = 208;
    pub(crate) const HUGE: usize = 216;
    pub(crate) const STOPPED_AT: usize = 224;
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One shard's heap.
    Shard,
    /// What the shards of a node share.
    Control,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Shard => "a shard's segment",
            Kind::Control => "a control segment",
        }
    }
}

/// A decoded header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// log2 of the bytes a handle counts.
    pub granule_shift: u8,
    pub layout_version: u32,
    pub layout_hash: u64,
    pub features: u64,
    pub hash_key: [u8; 16],
    pub hash_function: u32,
    pub shard: u32,
    pub shard_count: u32,
    pub slots: Range<u16>,
    pub data_set: DataSetId,
    pub node: NodeId,
    pub boot: BootId,
    pub made_at_unix_ms: u64,
    /// The words that change, as they were when the header was read.
    pub words: Words,
}

/// The part of a header that changes while the segment is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Words {
    /// Bytes in use; the file is at least as long.
    pub length: u64,
    /// The incarnation of the server that served it last: 1 for the first.
    pub life: u64,
    /// Shard: 0 until its heap exists, then 1. Control: 0 while the data set is being made, then 1.
    pub state: u64,
    /// Bytes obtained on huge pages.
    pub huge_bytes: u64,
    /// Control: when the server was stopped in order, 0 if it was not.
    pub stopped_at_unix_ms: u64,
}

/// Reads the header at the start of `bytes`. Says only whether this is one and what it says; whether it
/// fits is for its check.
pub fn decode_header(bytes: &[u8]) -> Result<Header, Flaw> {
    let at = Fields { bytes };
    let (magic, seen) = (MAGIC.to_le_bytes(), bytes.len().min(8));
    if bytes[..seen] != magic[..seen] {
        return Err(Flaw::Foreign);
    }
    if bytes.len() < HEADER_LEN {
        return Err(Flaw::Truncated { found: bytes.len() as u64, needed: HEADER_LEN as u64 });
    }
    let (stored, computed) = (at.u64(128), CHECKSUM.checksum(&bytes[..128]));
    if stored != computed {
        return Err(Flaw::Corrupt { stored, computed });
    }
    if at.u16(8) != FORM {
        return Err(Flaw::OtherForm { found: at.u16(8), ours: FORM });
    }
    let kind = match bytes[10] {
        0 => Kind::Shard,
        1 => Kind::Control,
        other => return Err(Flaw::Impossible { field: "kind", value: other.into() }),
    };
    if bytes[11] > 63 {
        return Err(Flaw::Impossible { field: "granule shift", value: bytes[11].into() });
    }
    if at.u16(60) > at.u16(62) {
        return Err(Flaw::Impossible { field: "first slot", value: at.u16(60).into() });
    }
    if at.u32(100) != 0 {
        return Err(Flaw::Impossible { field: "filler", value: at.u32(100).into() });
    }
    Ok(Header {
        kind,
        granule_shift: bytes[11],
        layout_version: at.u32(12),
        layout_hash: at.u64(16),
        features: at.u64(24),
        hash_key: at.array(32),
        hash_function: at.u32(48),
        shard: at.u32(52),
        shard_count: at.u32(56),
        slots: at.u16(60)..at.u16(62),
        data_set: DataSetId(at.array(64)),
        node: NodeId(at.array(80)),
        boot: BootId(at.array(104)),
        made_at_unix_ms: at.u64(120),
        words: Words {
            length: at.u64(word::LENGTH),
            life: at.u64(word::LIFE),
            state: at.u64(word::STATE),
            huge_bytes: at.u64(word::HUGE),
            stopped_at_unix_ms: at.u64(word::STOPPED_AT),
        },
    })
}

impl Header {
    /// The first 256 bytes of a file with this header; the rest of the page is zero.
    pub fn encode(&self) -> [u8; 256] {
        let mut bytes = [0; 256];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC.to_le_bytes());
        put(8, &FORM.to_le_bytes());
        put(10, &[if self.kind == Kind::Shard { 0 } else { 1 }, self.granule_shift]);
        put(12, &self.layout_version.to_le_bytes());
        put(16, &self.layout_hash.to_le_bytes());
        put(24, &self.features.to_le_bytes());
        put(32, &self.hash_key);
        put(48, &self.hash_function.to_le_bytes());
        put(52, &self.shard.to_le_bytes());
        put(56, &self.shard_count.to_le_bytes());
        put(60, &self.slots.start.to_le_bytes());
        put(62, &self.slots.end.to_le_bytes());
        put(64, &self.data_set.0);
        put(80, &self.node.0);
        put(104, &self.boot.0);
        put(120, &self.made_at_unix_ms.to_le_bytes());
        put(word::LENGTH, &self.words.length.to_le_bytes());
        put(word::LIFE, &self.words.life.to_le_bytes());
        put(word::STATE, &self.words.state.to_le_bytes());
        put(word::HUGE, &self.words.huge_bytes.to_le_bytes());
        put(word::STOPPED_AT, &self.words.stopped_at_unix_ms.to_le_bytes());
        let checksum = CHECKSUM.checksum(&bytes[..128]);
        bytes[128..FROZEN_LEN].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Whether this program, whose layout hash is `layout_hash`, can read what follows the header, and
    /// whether the machine still is in the start in which it was written.
    pub fn check_program(&self, layout_hash: u64, boot: BootId) -> Result<(), Flaw> {
        let unknown = self.features & !KNOWN_FEATURES;
        if unknown != 0 {
            return Err(Flaw::UnknownFeatures { unknown });
        }
        if (self.layout_version, self.layout_hash) != (LAYOUT_VERSION, layout_hash) {
            return Err(Flaw::OtherLayout {
                found_version: self.layout_version,
                found_hash: self.layout_hash,
                our_version: LAYOUT_VERSION,
                our_hash: layout_hash,
            });
        }
        if self.hash_function != FUNCTION_ID {
            return Err(Flaw::OtherHash { found: self.hash_function, ours: FUNCTION_ID });
        }
        if self.boot != boot {
            return Err(Flaw::OtherBoot { found: self.boot, now: boot });
        }
        Ok(())
    }

    /// Whether this is the file of the kind wanted.
    pub fn check_kind(&self, expected: Kind) -> Result<(), Flaw> {
        if self.kind == expected {
            return Ok(());
        }
        Err(Flaw::OtherKind { found: self.kind.name(), expected: expected.name() })
    }

    /// Whether this is the segment of shard `shard` in the data set that `control` describes.
    pub fn check_place(&self, control: &Header, shard: u32, slots: Range<u16>) -> Result<(), Flaw> {
        if self.data_set != control.data_set {
            return Err(Flaw::OtherDataSet { found: self.data_set, expected: control.data_set });
        }
        if (self.shard, self.shard_count) != (shard, control.shard_count) {
            return Err(Flaw::WrongShard {
                found: self.shard,
                found_count: self.shard_count,
                expected: shard,
                expected_count: control.shard_count,
            });
        }
        if self.slots != slots {
            return Err(Flaw::WrongSlots {
                found_start: self.slots.start,
                found_end: self.slots.end,
                expected_start: slots.start,
                expected_end: slots.end,
            });
        }
        if self.hash_key != control.hash_key || self.granule_shift != control.granule_shift {
            let value = self.granule_shift.into();
            return Err(Flaw::Impossible { field: "hash key or granule shift", value });
        }
        if self.words.life > control.words.life {
            return Err(Flaw::FromTheFuture { found: self.words.life, known: control.words.life });
        }
        Ok(())
    }

    /// Whether the words that change can be true of a file of `file_len` bytes, of which lengths are
    /// multiples of `step`.
    pub(crate) fn check_words(&self, file_len: u64, step: u64) -> Result<(), Flaw> {
        let Words { length, state, .. } = self.words;
        if length > file_len {
            return Err(Flaw::Truncated { found: file_len, needed: length });
        }
        if length < HEADER_LEN as u64 || !length.is_multiple_of(step) {
            return Err(Flaw::Impossible { field: "length", value: length });
        }
        if state > 1 {
            return Err(Flaw::Impossible { field: "state", value: state });
        }
        Ok(())
    }
}

/// Little-endian fields of a buffer known to be long enough.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|index| self.bytes[at + index])
    }
    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }
    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Header {
        Header {
            kind: Kind::Shard,
            granule_shift: 3,
            layout_version: LAYOUT_VERSION,
            layout_hash: 0x1122_3344_5566_7788,
            features: 0,
            hash_key: *b"0123456789abcdef",
            hash_function: FUNCTION_ID,
            shard: 3,
            shard_count: 8,
            slots: 6144..8192,
            data_set: DataSetId([5; 16]),
            node: NodeId([6; 20]),
            boot: BootId([7; 16]),
            made_at_unix_ms: 1_700_000_000_000,
            words: Words { length: 131_072, life: 2, state: 1, huge_bytes: 0, stopped_at_unix_ms: 0 },
        }
    }

    fn page(header: &Header) -> Vec<u8> {
        let mut page = header.encode().to_vec();
        page.resize(HEADER_LEN, 0);
        page
    }

    #[test]
    fn encodes_as_documented() {
        let page = page(&Header { layout_version: 1, ..sample() });
        assert_eq!(&page[..8], b"HEARTHSG");
        assert_eq!(page[8..12], [1, 0, 0, 3]);
        assert_eq!(page[52..64], [3, 0, 0, 0, 8, 0, 0, 0, 0, 24, 0, 32]);
        assert_eq!(page[64..84], [[5; 16].as_slice(), &[6; 4]].concat());
        assert_eq!(page[100..104], [0; 4]);
        assert_eq!(page[192..200], [0, 0, 2, 0, 0, 0, 0, 0]);
        // Frozen: a change of these bytes breaks every older and newer program.
        assert_eq!(page[128..136], [153, 189, 143, 110, 218, 181, 15, 97]);
    }

    #[test]
    fn every_flipped_bit_of_the_frozen_part_is_noticed() {
        let good = page(&sample());
        for bit in 0..FROZEN_LEN * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let flaw = decode_header(&bad).expect_err("a flipped bit");
            assert!(matches!(flaw, Flaw::Foreign | Flaw::Corrupt { .. }), "bit {bit}: {flaw}");
        }
    }

    #[test]
    fn every_short_file_is_noticed() {
        let good = page(&sample());
        for len in 0..HEADER_LEN {
            let flaw = decode_header(&good[..len]).expect_err("too short");
            assert_eq!(flaw, Flaw::Truncated { found: len as u64, needed: 4096 });
        }
    }

    #[test]
    fn the_way_to_a_wrong_file_is_told() {
        let control = Header { kind: Kind::Control, ..sample() };
        let check = |header: Header, expected: Flaw| {
            let found = header
                .check_kind(Kind::Shard)
                .and_then(|()| header.check_program(0x1122_3344_5566_7788, BootId([7; 16])))
                .and_then(|()| header.check_place(&control, 3, 6144..8192))
                .and_then(|()| header.check_words(131_072, 65_536));
            assert_eq!(found, Err(expected));
        };
        assert_eq!(sample().check_place(&control, 3, 6144..8192), Ok(()));
        check(control.clone(), Flaw::OtherKind { found: "a control segment", expected: "a shard's segment" });
        check(Header { features: 2, ..sample() }, Flaw::UnknownFeatures { unknown: 2 });
        check(
            Header { layout_hash: 1, ..sample() },
            Flaw::OtherLayout {
                found_version: LAYOUT_VERSION,
                found_hash: 1,
                our_version: LAYOUT_VERSION,
                our_hash: 0x1122_3344_5566_7788,
            },
        );
        check(Header { hash_function: 9, ..sample() }, Flaw::OtherHash { found: 9, ours: FUNCTION_ID });
        let boot = BootId([8; 16]);
        check(Header { boot, ..sample() }, Flaw::OtherBoot { found: boot, now: BootId([7; 16]) });
        let data_set = DataSetId([9; 16]);
        check(
            Header { data_set, ..sample() },
            Flaw::OtherDataSet { found: data_set, expected: DataSetId([5; 16]) },
        );
        check(
            Header { shard: 4, ..sample() },
            Flaw::WrongShard { found: 4, found_count: 8, expected: 3, expected_count: 8 },
        );
        check(
            Header { slots: 0..8192, ..sample() },
            Flaw::WrongSlots { found_start: 0, found_end: 8192, expected_start: 6144, expected_end: 8192 },
        );
        check(
            Header { granule_shift: 4, ..sample() },
            Flaw::Impossible { field: "hash key or granule shift", value: 4 },
        );
        let words = |change: fn(&mut Words)| {
            let mut header = sample();
            change(&mut header.words);
            header
        };
        check(words(|words| words.life = 3), Flaw::FromTheFuture { found: 3, known: 2 });
        check(words(|words| words.length = 196_608), Flaw::Truncated { found: 131_072, needed: 196_608 });
        check(words(|words| words.length = 0), Flaw::Impossible { field: "length", value: 0 });
        check(words(|words| words.length = 65_537), Flaw::Impossible { field: "length", value: 65_537 });
        check(words(|words| words.state = 2), Flaw::Impossible { field: "state", value: 2 });
    }

    fn headers() -> impl Strategy<Value = Header> {
        let numbers = (0..64u8, any::<u32>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<u64>());
        let place = (any::<u32>(), any::<u32>(), any::<u16>(), any::<u16>());
        let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 20]>(), any::<[u8; 16]>());
        let words = any::<[u64; 5]>();
        (any::<bool>(), numbers, place, ids, words).prop_map(|(control, numbers, place, ids, words)| Header {
            kind: if control { Kind::Control } else { Kind::Shard },
            granule_shift: numbers.0,
            layout_version: numbers.1,
            layout_hash: numbers.2,
            features: numbers.3,
            hash_key: ids.0,
            hash_function: numbers.4,
            shard: place.0,
            shard_count: place.1,
            slots: place.2.min(place.3)..place.2.max(place.3),
            data_set: DataSetId(ids.1),
            node: NodeId(ids.2),
            boot: BootId(ids.3),
            made_at_unix_ms: numbers.5,
            words: Words {
                length: words[0],
                life: words[1],
                state: words[2],
                huge_bytes: words[3],
                stopped_at_unix_ms: words[4],
            },
        })
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(header in headers()) {
            prop_assert_eq!(decode_header(&page(&header)), Ok(header));
        }

        #[test]
        fn decoding_anything_does_not_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..5000), marked in any::<bool>(), summed in any::<bool>(),
        ) {
            if marked && bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
            }
            if summed && bytes.len() >= FROZEN_LEN {
                let checksum = CHECKSUM.checksum(&bytes[..128]);
                bytes[128..FROZEN_LEN].copy_from_slice(&checksum.to_le_bytes());
            }
            if let Ok(header) = decode_header(&bytes) {
                prop_assert_eq!(&header.encode()[..FROZEN_LEN], &bytes[..FROZEN_LEN]);
            }
        }
    }
}
