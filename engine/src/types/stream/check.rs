//! Does everything in a stream agree with everything else?

use std::collections::{BTreeSet, HashSet};

use shm::{Corrupt, Handle, Heap};

use super::Stream;
use crate::types::element;

/// See [`Collection::verify`](crate::types::collection::Collection::verify).
pub(super) fn verify(
    stream: &Stream,
    heap: &Heap,
    visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    element::verify(heap, &stream.entries, false, visit)?;
    element::verify(heap, &stream.shapes, false, visit)?;
    element::verify(heap, &stream.groups, false, visit)?;
    element::verify(heap, &stream.pending, false, visit)?;
    element::verify(heap, &stream.consumers, false, visit)?;
    element::verify(heap, &stream.owned, false, visit)?;
    entries(stream, heap)?;
    groups(stream, heap)
}

fn expect(holds: bool, stream: &Stream, what: &'static str) -> Result<(), Corrupt> {
    // The block that the stream's first tree begins with stands for it.
    let block = stream.entries.root().encode() as u32;
    if holds { Ok(()) } else { Err(Corrupt::Structure { block, what }) }
}

fn entries(stream: &Stream, heap: &Heap) -> Result<(), Corrupt> {
    let reader = stream.reader(heap);
    for entry in stream.entries.iter(heap) {
        expect(reader.view(entry).is_sound(), stream, "an entry without fields")?;
    }
    let is_last = stream.entries.last(heap).is_none_or(|entry| entry.id <= stream.last_id);
    expect(is_last, stream, "an entry beyond the last")
}

fn groups(stream: &Stream, heap: &Heap) -> Result<(), Corrupt> {
    let mut numbers = HashSet::new();
    for (_, group) in stream.groups.iter(heap) {
        let is_new = group.number <= stream.numbers && numbers.insert(group.number);
        expect(is_new, stream, "number of a group")?;
    }
    let mut members = HashSet::new();
    for (group, _, consumer) in stream.consumers.iter(heap) {
        let is_new = consumer.number <= stream.numbers && numbers.insert(consumer.number);
        expect(is_new, stream, "number of a consumer")?;
        members.insert((group, consumer.number));
    }
    let is_known = stream.groups.iter(heap).map(|(_, group)| group.number).collect::<HashSet<_>>();
    expect(members.iter().all(|(group, _)| is_known.contains(group)), stream, "a consumer of no group")?;
    let mut owned = BTreeSet::new();
    for pending in stream.pending.iter(heap) {
        let is_known = members.contains(&(pending.group, pending.consumer));
        expect(is_known, stream, "a delivery to no consumer")?;
        owned.insert((pending.group, pending.consumer, pending.id));
    }
    expect(stream.owned.iter(heap).eq(owned), stream, "deliveries and what consumers have")
}
