//! Streams in dumps.
//!
//! ```text
//! nodes: number, then of each: ID of the first entry (ms u64, seq u64, big-endian), entries in a listpack
//! number of entries; last ID; from 19 on: first ID, greatest ID deleted, number of entries ever added
//! groups: number, then of each: name, last ID; from 19 on: number of entries read
//!         pending entries: number, then of each: ID, time u64, number of deliveries
//!         consumers: number, then of each: name, time seen u64; from 21 on: time active u64
//!                    pending entries: number, IDs
//!
//! listpack  entries, deleted entries, number of names, names, 0
//!           of each entry: flags, ms and seq less those of the node's ID, number of names and names in turn with values,
//!           or values alone if the names are those of the node; number of elements so far
//! ```
//! IDs are two lengths where nothing else is said; times are unix milliseconds, little-endian.

use std::collections::HashMap;

use super::code::{STREAM_LISTPACKS, STREAM_LISTPACKS_2, STREAM_LISTPACKS_3};
use super::length::put_length;
use super::listpack::{self, Element, Listpack};
use super::write::PutString;
use super::{Malformed, Source};
use crate::types::stream::{ConsumerImage, GroupImage, StreamId, StreamImage};

/// Entries of a node are fewer than this, and it has about so many bytes: what Redis does by default.
const NODE_ENTRIES_MAX: usize = 100;
const NODE_LEN_MAX: usize = 4096;

const DELETED: i64 = 1;
const SAME_NAMES: i64 = 2;
/// In the place of a number that is not known, and of a time that never was.
const UNKNOWN: u64 = u64::MAX;

/// Names that stand once for the entries of a node make these longer than their nodes: up to a hundred times in what Redis
/// writes as a rule. Foreign entries may take so many bytes whatever their nodes have, and so many times theirs beside.
const FOREIGN_LEN_ALWAYS: usize = if cfg!(test) { 1 << 20 } else { 512 << 20 };
const FOREIGN_EXPANSION_MAX: usize = 128;
/// What a text takes beside its bytes.
const TEXT_LEN: usize = size_of::<Vec<u8>>();

// ---- reading ------------------------------------------------------------------------------------

/// Reads the stream of a type.
///
/// # Errors
/// [`Malformed`].
pub fn read(code: u8, source: &mut Source<'_>) -> Result<StreamImage, Malformed> {
    let mut image = StreamImage::default();
    let mut left = if source.is_foreign() { FOREIGN_LEN_ALWAYS } else { usize::MAX };
    for _ in 0..source.length()? {
        let id = source.string()?;
        let (ms, seq) = id.split_first_chunk::<8>().ok_or(Malformed)?;
        let seq = u64::from_be_bytes(seq.try_into().map_err(|_| Malformed)?);
        let node = source.string()?;
        left = left.saturating_add(node.len().saturating_mul(FOREIGN_EXPANSION_MAX));
        read_node(StreamId::new(u64::from_be_bytes(*ms), seq), &node, &mut image, &mut left)?;
    }
    let count = source.length()?;
    image.last_id = read_id(source)?;
    image.entries_added = count;
    image.is_uncounted = code == STREAM_LISTPACKS;
    if code != STREAM_LISTPACKS {
        // The first ID follows from the entries.
        read_id(source)?;
        image.max_deleted_id = read_id(source)?;
        image.entries_added = source.length()?;
    }
    let ids = || image.entries.iter().map(|(id, _)| *id);
    let is_sound = count == image.entries.len() as u64
        && image.entries_added >= count
        && ids().is_sorted_by(|one, next| one < next)
        && ids().next().is_none_or(|first| first > StreamId::MIN)
        && ids().next_back().is_none_or(|last| last <= image.last_id);
    if !is_sound {
        return Err(Malformed);
    }
    let mut names = HashMap::new();
    for nth in 0..source.length()? {
        let group = read_group(code, source)?;
        if names.insert(group.name.clone(), nth).is_some() {
            return Err(Malformed);
        }
        image.groups.push(group);
    }
    Ok(image)
}

fn read_id(source: &mut Source<'_>) -> Result<StreamId, Malformed> {
    Ok(StreamId::new(source.length()?, source.length()?))
}

fn read_raw_id(source: &mut Source<'_>) -> Result<StreamId, Malformed> {
    Ok(StreamId::new(u64::from_be_bytes(source.array()?), u64::from_be_bytes(source.array()?)))
}

fn read_time(source: &mut Source<'_>) -> Result<u64, Malformed> {
    source.array().map(u64::from_le_bytes)
}

/// The elements of a node, one after the other.
struct Elements<'b>(std::vec::IntoIter<Element<'b>>);

impl<'b> Elements<'b> {
    fn next(&mut self) -> Result<Element<'b>, Malformed> {
        self.0.next().ok_or(Malformed)
    }

    fn integer(&mut self) -> Result<i64, Malformed> {
        self.next()?.integer().ok_or(Malformed)
    }

    fn count(&mut self) -> Result<usize, Malformed> {
        // No more than there are elements left.
        usize::try_from(self.integer()?).ok().filter(|count| *count <= self.0.len()).ok_or(Malformed)
    }
}

/// `left` is how many bytes its entries may take, and is less by what they do.
fn read_node(id: StreamId, bytes: &[u8], image: &mut StreamImage, left: &mut usize) -> Result<(), Malformed> {
    let mut all = Vec::new();
    listpack::read(bytes, &mut |element| {
        all.push(element);
        Ok(())
    })?;
    let mut elements = Elements(all.into_iter());
    let (live, deleted, name_count) = (elements.count()?, elements.count()?, elements.count()?);
    let names = (0..name_count).map(|_| elements.next()).collect::<Result<Vec<_>, _>>()?;
    if elements.integer()? != 0 {
        return Err(Malformed);
    }
    let (mut found, mut gone) = (0, 0);
    while elements.0.len() > 0 {
        let before = elements.0.len();
        let flags = elements.integer()?;
        let (ms, seq) = (elements.integer()?, elements.integer()?);
        let id = StreamId::new(id.ms.wrapping_add_signed(ms), id.seq.wrapping_add_signed(seq));
        let same = flags & SAME_NAMES != 0;
        let is_deleted = flags & DELETED != 0;
        let count = if same { names.len() } else { elements.count()? };
        let mut words = Vec::with_capacity(if is_deleted { 0 } else { 2 * count });
        for nth in 0..count {
            let name = if same { *names.get(nth).ok_or(Malformed)? } else { elements.next()? };
            for element in [name, elements.next()?] {
                if is_deleted {
                    continue;
                }
                let word = element.with_text(<[u8]>::to_vec);
                *left = left.checked_sub(TEXT_LEN + word.len()).ok_or(Malformed)?;
                words.push(word);
            }
        }
        let read = before - elements.0.len();
        if elements.count_behind()? != read || count == 0 {
            return Err(Malformed);
        }
        if is_deleted {
            gone += 1;
            continue;
        }
        found += 1;
        image.entries.push((id, words));
    }
    if found == live && gone == deleted { Ok(()) } else { Err(Malformed) }
}

impl Elements<'_> {
    /// The number of elements that an entry says it has.
    fn count_behind(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.integer()?).map_err(|_| Malformed)
    }
}

fn read_group(code: u8, source: &mut Source<'_>) -> Result<GroupImage, Malformed> {
    let name = source.string()?.into_owned();
    let last_id = read_id(source)?;
    let entries_read = if code == STREAM_LISTPACKS { UNKNOWN } else { source.length()? };
    let mut pending = HashMap::new();
    for _ in 0..source.length()? {
        let id = read_raw_id(source)?;
        if pending.insert(id, (read_time(source)?, source.length()?)).is_some() {
            return Err(Malformed);
        }
    }
    let mut group = GroupImage {
        name,
        last_id,
        entries_read: Some(entries_read).filter(|read| *read != UNKNOWN),
        consumers: Vec::new(),
    };
    let mut names = HashMap::new();
    for nth in 0..source.length()? {
        let name = source.string()?.into_owned();
        let seen_ms = read_time(source)?;
        let active_ms = if code == STREAM_LISTPACKS_3 { read_time(source)? } else { seen_ms };
        let mut own = Vec::new();
        for _ in 0..source.length()? {
            let id = read_raw_id(source)?;
            // Each is one consumer's.
            let (delivered_ms, deliveries) = pending.remove(&id).ok_or(Malformed)?;
            own.push((id, delivered_ms, deliveries));
        }
        own.sort_unstable();
        if names.insert(name.clone(), nth).is_some() {
            return Err(Malformed);
        }
        let active_ms = Some(active_ms).filter(|active_ms| *active_ms != UNKNOWN);
        group.consumers.push(ConsumerImage { name, seen_ms, active_ms, pending: own });
    }
    if pending.is_empty() { Ok(group) } else { Err(Malformed) }
}

// ---- writing ------------------------------------------------------------------------------------

/// Appends the type's number and a stream as Redis 7.0 has it: without the times at which consumers were active.
pub fn write(out: &mut Vec<u8>, put: PutString, image: &StreamImage) {
    write_as(STREAM_LISTPACKS_2, out, put, image, &nodes_of(&image.entries));
}

/// [`write()`] with everything: Redis 7.2 reads it.
pub fn write_whole(out: &mut Vec<u8>, put: PutString, image: &StreamImage) {
    write_as(STREAM_LISTPACKS_3, out, put, image, &nodes_of(&image.entries));
}

fn write_as(code: u8, out: &mut Vec<u8>, put: PutString, image: &StreamImage, nodes: &[&[Entry]]) {
    out.push(code);
    put_length(out, nodes.len() as u64);
    for node in nodes {
        let mut id = [0; 16];
        put_raw_id(&mut id, node[0].0);
        put(out, &id);
        put(out, &packed(node));
    }
    put_length(out, image.entries.len() as u64);
    let first_id = image.entries.first().map_or(StreamId::MIN, |(id, _)| *id);
    for id in [image.last_id, first_id, image.max_deleted_id] {
        put_id(out, id);
    }
    put_length(out, image.entries_added);
    put_length(out, image.groups.len() as u64);
    for group in &image.groups {
        put(out, &group.name);
        put_id(out, group.last_id);
        put_length(out, group.entries_read.unwrap_or(UNKNOWN));
        let mut pending: Vec<_> = group.consumers.iter().flat_map(|consumer| &consumer.pending).collect();
        pending.sort_unstable();
        put_length(out, pending.len() as u64);
        for (id, delivered_ms, deliveries) in pending {
            put_raw_id(grown(out), *id);
            out.extend_from_slice(&delivered_ms.to_le_bytes());
            put_length(out, *deliveries);
        }
        put_length(out, group.consumers.len() as u64);
        for consumer in &group.consumers {
            put(out, &consumer.name);
            out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
            if code == STREAM_LISTPACKS_3 {
                out.extend_from_slice(&consumer.active_ms.unwrap_or(UNKNOWN).to_le_bytes());
            }
            put_length(out, consumer.pending.len() as u64);
            for (id, ..) in &consumer.pending {
                put_raw_id(grown(out), *id);
            }
        }
    }
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_length(out, id.ms);
    put_length(out, id.seq);
}

/// Room for an ID at the end.
fn grown(out: &mut Vec<u8>) -> &mut [u8; 16] {
    out.extend_from_slice(&[0; 16]);
    out.last_chunk_mut().expect("it has just grown")
}

fn put_raw_id(out: &mut [u8; 16], id: StreamId) {
    out[..8].copy_from_slice(&id.ms.to_be_bytes());
    out[8..].copy_from_slice(&id.seq.to_be_bytes());
}

type Entry = (StreamId, Vec<Vec<u8>>);

/// Entries that go into one listpack each.
fn nodes_of(entries: &[Entry]) -> Vec<&[Entry]> {
    let mut nodes = Vec::new();
    let (mut start, mut len) = (0, 0);
    for (at, (_, words)) in entries.iter().enumerate() {
        let own: usize = words.iter().map(Vec::len).sum();
        if at > start && (at - start >= NODE_ENTRIES_MAX || len + own >= NODE_LEN_MAX) {
            nodes.push(&entries[start..at]);
            (start, len) = (at, 0);
        }
        // A little is added to each word.
        len += own + 2 * words.len() + 8;
    }
    if start < entries.len() {
        nodes.push(&entries[start..]);
    }
    nodes
}

fn packed(entries: &[Entry]) -> Vec<u8> {
    let (first, words) = (entries[0].0, &entries[0].1);
    let names = |words: &[Vec<u8>]| words.iter().step_by(2).cloned().collect::<Vec<_>>();
    let shared = names(words);
    let mut out = Listpack::default();
    out.push_integer(entries.len() as i64);
    out.push_integer(0);
    out.push_integer(shared.len() as i64);
    shared.iter().for_each(|name| out.push(name));
    out.push_integer(0);
    for (id, words) in entries {
        let same = names(words) == shared;
        out.push_integer(if same { SAME_NAMES } else { 0 });
        out.push_integer(id.ms.wrapping_sub(first.ms) as i64);
        out.push_integer(id.seq.wrapping_sub(first.seq) as i64);
        let count = words.len() / 2;
        if same {
            words.iter().skip(1).step_by(2).for_each(|value| out.push(value));
            out.push_integer(count as i64 + 3);
        } else {
            out.push_integer(count as i64);
            words.iter().for_each(|word| out.push(word));
            out.push_integer(2 * count as i64 + 4);
        }
    }
    out.take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::put_plain;

    /// Names that the entries of a node share stand once in it, and once per entry in memory.
    #[test]
    fn a_short_payload_does_not_make_a_stream_without_end() {
        let words = |name_len: usize| vec![vec![b'n'; name_len], b"v".to_vec()];
        // Names as long as what everything else of a node takes, in nodes as Redis has them; and one that is much longer
        // than many entries.
        for (name_len, count, node_entries, is_read) in
            [(4_000, 2_000, 100, true), (4_000, 2_000, 2_000, false), (20_000, 1_000, 1_000, false)]
        {
            let entries = (1..=count).map(|ms| (StreamId::new(ms, 0), words(name_len))).collect();
            let last_id = StreamId::new(count, 0);
            let image = StreamImage { entries, last_id, entries_added: count, ..StreamImage::default() };
            let nodes: Vec<&[Entry]> = image.entries.chunks(node_entries).collect();
            let mut payload = Vec::new();
            write_as(STREAM_LISTPACKS_2, &mut payload, put_plain, &image, &nodes);
            let read_from = |mut source: Source<'_>| read(STREAM_LISTPACKS_2, &mut source);
            // What the server has written itself is always read.
            assert!(read_from(Source::new(&payload[1..])).as_ref() == Ok(&image));
            let found = read_from(Source::foreign(&payload[1..]));
            let expected = if is_read { Ok(image) } else { Err(Malformed) };
            assert!(found == expected, "{count} entries, names of {name_len}");
        }
    }
}
