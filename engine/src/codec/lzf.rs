//! LZF, the compression of strings in dumps: a stream of runs of literal bytes and of references to what was written
//! before.
//!
//! ```text
//! 000nnnnn               n + 1 literal bytes follow
//! lllddddd dddddddd      l + 2 bytes (l: 1 to 6) from d + 1 bytes back
//! 111ddddd nnnnnnnn ..d  n + 9 bytes from d + 1 bytes back
//! ```

const LITERALS_MAX: usize = 32;
const DISTANCE_MAX: usize = 1 << 13;
const MATCH_MIN: usize = 3;
const MATCH_MAX: usize = 255 + 9;

/// Three bytes become so many at most.
const EXPANSION_MAX: usize = MATCH_MAX / 3;

/// The bytes in compressed form, if that is clearly not longer than `len_max`. Made so that short strings come out as
/// Redis writes them: no reference to the first byte, none that covers the last two unless it is the shortest, and some
/// bytes of room to spare.
pub fn compress(bytes: &[u8], len_max: usize) -> Option<Vec<u8>> {
    // Where a hash of three bytes was last seen, plus one. As large as the input makes worth its while.
    let bits = (bytes.len().max(1).ilog2() + 2).clamp(6, 14);
    let mut seen = vec![0_u32; 1 << bits];
    let mut out = Vec::with_capacity(len_max.min(bytes.len()));
    let (mut at, mut literals) = (0, 0);
    while at + MATCH_MIN <= bytes.len() {
        let slot = &mut seen[slot_of(&bytes[at..], bits)];
        let candidate = *slot as usize;
        *slot = at as u32 + 1;
        let (here, distance) = (&bytes[at..], at + 1 - candidate);
        let is_match = candidate > 1 && distance <= DISTANCE_MAX && {
            let earlier = &bytes[candidate - 1..];
            earlier[..MATCH_MIN] == here[..MATCH_MIN]
        };
        if !is_match {
            at += 1;
            continue;
        }
        let len_limit = (here.len() - 2).clamp(MATCH_MIN, MATCH_MAX);
        let len = common_prefix(&bytes[candidate - 1..], here, len_limit);
        put_literals(&mut out, &bytes[literals..at]);
        if out.len() + 4 >= len_max {
            return None;
        }
        put_reference(&mut out, distance, len);
        at += len;
        literals = at;
        // What a match covers can begin another, too; only the end of it is tried, for speed.
        for inside in [at - 2, at - 1] {
            if at + MATCH_MIN <= bytes.len() {
                seen[slot_of(&bytes[inside..], bits)] = inside as u32 + 1;
            }
        }
    }
    let pending = at - literals;
    if out.len() + pending + pending / LITERALS_MAX + 4 > len_max {
        return None;
    }
    put_literals(&mut out, &bytes[literals..]);
    Some(out)
}

fn slot_of(bytes: &[u8], bits: u32) -> usize {
    let three = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    (three.wrapping_mul(0x9E37_79B1) >> (u32::BITS - bits)) as usize
}

/// How far two stretches are the same, up to a limit.
fn common_prefix(earlier: &[u8], here: &[u8], limit: usize) -> usize {
    earlier.iter().zip(&here[..limit]).take_while(|(one, other)| one == other).count()
}

fn put_literals(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn put_reference(out: &mut Vec<u8>, distance: usize, len: usize) {
    let (back, more) = (distance - 1, len - 2);
    let high = (back >> 8) as u8;
    if more < 7 {
        out.push((more as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((more - 7) as u8);
    }
    out.push(back as u8);
}

/// What was compressed, if it is sound and of just this length.
pub fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > packed.len().checked_mul(EXPANSION_MAX)? {
        return None;
    }
    // Only as much as is there: the length may be a lie.
    let mut out = Vec::with_capacity(len.min(packed.len().saturating_mul(4)));
    let mut rest = packed.iter();
    while let Some(&control) = rest.next() {
        let control = usize::from(control);
        if control < LITERALS_MAX {
            let (run, after) = rest.as_slice().split_at_checked(control + 1)?;
            out.extend_from_slice(run);
            rest = after.iter();
        } else {
            let more = match control >> 5 {
                7 => 7 + usize::from(*rest.next()?),
                more => more,
            };
            let distance = ((control & 0x1F) << 8 | usize::from(*rest.next()?)) + 1;
            copy_back(&mut out, distance, more + 2)?;
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Appends bytes from `distance` back, which may reach into what is being appended.
fn copy_back(out: &mut Vec<u8>, distance: usize, len: usize) -> Option<()> {
    let start = out.len().checked_sub(distance)?;
    let mut left = len;
    while left > 0 {
        let piece = left.min(out.len() - start);
        out.extend_from_within(start..start + piece);
        left -= piece;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_redis_has_compressed_is_read() {
        let packed = b"\x01aa\xe0\x1d\x00\x01aa";
        assert_eq!(decompress(packed, 42), Some(vec![b'a'; 42]));
        assert_eq!(compress(&[b'a'; 42], 38), Some(packed.to_vec()));
        assert_eq!(decompress(packed, 41), None);
        assert_eq!(decompress(packed, 43), None);
    }

    #[test]
    fn damage_is_found() {
        for (packed, len) in [
            (&b"\x00"[..], 1),
            (b"\x05ab", 6),
            (b"\x20\x00", 3),
            (b"\x00a\x20\x01", 4),
            (b"\xe0", 9),
            (b"\xe0\x00", 9),
            (b"", 1),
            (b"\x00a", usize::MAX),
        ] {
            assert_eq!(decompress(packed, len), None, "{packed:?}");
        }
        assert_eq!(decompress(b"", 0), Some(Vec::new()));
        assert_eq!(decompress(b"\x00a\xe0\xff\x00", 265), Some(vec![b'a'; 265]));
    }

    #[test]
    fn long_repetitions_become_short() {
        let bytes = vec![b'x'; 100_000];
        let packed = compress(&bytes, bytes.len()).expect("compressible");
        assert!(packed.len() < 1_200, "{}", packed.len());
        assert_eq!(decompress(&packed, bytes.len()), Some(bytes));
        assert_eq!(compress(b"abcdefghijklmnopqrstuvwxyz", 22), None);
        assert_eq!(compress(b"", 0), None);
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_read_again(
            pieces in prop::collection::vec((prop::collection::vec(0..4_u8, 0..40), 1..60_usize), 0..20)
        ) {
            let bytes: Vec<u8> = pieces.iter().flat_map(|(piece, times)| piece.repeat(*times)).collect();
            let packed = compress(&bytes, bytes.len() * 2 + 8).expect("room for literals");
            prop_assert_eq!(decompress(&packed, bytes.len()), Some(bytes));
        }

        #[test]
        fn anything_is_read_without_a_panic(
            packed in prop::collection::vec(prop_oneof![any::<u8>(), 0..3_u8, 0x20..0x24_u8], 0..60), len in 0..300_usize
        ) {
            if let Some(bytes) = decompress(&packed, len) {
                prop_assert_eq!(bytes.len(), len);
            }
        }
    }
}
