use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap};

use super::*;

fn hasher() -> StoredHasher {
    StoredHasher::new([3; 16])
}

/// Checks a stream, and that the heap has no other blocks than its own.
fn check(stream: &Stream, heap: &mut Heap) {
    heap.commit();
    let mut blocks: Vec<Handle<()>> = Vec::new();
    stream
        .verify(heap, &mut |block| {
            blocks.push(block);
            Ok(())
        })
        .expect("a sound stream");
    heap.verify(blocks).expect("a sound heap");
}

fn fields_of(stream: &Stream, heap: &Heap, id: StreamId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let reader = stream.reader(heap);
    let view = reader.view(stream.get(heap, id).expect("an entry"));
    let fields: Vec<_> = view.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(fields.len(), view.field_count());
    fields
}

#[test]
fn fields_are_read_as_they_were_given() {
    let mut heap = Heap::in_memory(1 << 22);
    let mut stream = Stream::empty(hasher());
    let long = vec![b'x'; 30_000];
    let medium = vec![b'y'; 600];
    // More lists of names than are kept, long names, long values, no bytes at all.
    for nth in 0..40_u64 {
        let name = format!("name {nth}");
        let pairs: Vec<&[u8]> = match nth % 5 {
            0 => vec![b"same", b"1"],
            1 => vec![name.as_bytes(), b"", b"", name.as_bytes()],
            2 => vec![b"same", &long],
            3 => vec![&medium, b"1", b"other", &medium],
            _ => vec![b"same", b"1", b"same", b"2"],
        };
        let id = StreamId::new(1 << (nth % 3 * 16), 0).max(stream.last_id.next().expect("one more"));
        stream.add(&mut heap, id, &pairs).expect("room");
        let given: Vec<_> = pairs.chunks(2).map(|pair| (pair[0].to_vec(), pair[1].to_vec())).collect();
        assert_eq!(fields_of(&stream, &heap, id), given);
        check(&stream, &mut heap);
    }
}

#[test]
fn names_are_kept_once() {
    let mut heap = Heap::in_memory(1 << 22);
    let mut stream = Stream::empty(hasher());
    let name = [b'n'; 100];
    for nth in 1..=1_000 {
        stream.add(&mut heap, StreamId::new(nth, 0), &[&name, b"12345"]).expect("room");
        heap.commit();
    }
    assert!(heap.used_bytes() < 20_000, "{} bytes for 1000 entries", heap.used_bytes());
    stream.trim(&mut heap, 1_000).expect("room");
    // Other lists of names take the place of those that filled the table.
    for nth in 1..=2 * entries::SHAPES_MAX as u64 {
        let name = format!("name {nth}");
        stream.add(&mut heap, StreamId::new(2_000 + nth, 0), &[name.as_bytes(), b"1"]).expect("room");
    }
    assert_eq!(stream.shapes.len(), entries::SHAPES_MAX);
    let len = stream.len();
    stream.trim(&mut heap, len).expect("room");
    stream.add(&mut heap, StreamId::new(9_000, 0), &[b"new", b"1"]).expect("room");
    assert_eq!(stream.shapes.len(), 1);
}

#[test]
fn records_grow_with_the_first_group() {
    let mut heap = Heap::in_memory(1 << 20);
    let mut stream = Stream::empty(hasher());
    stream.add(&mut heap, StreamId::new(5, 1), &[b"a", b"b"]).expect("room");
    let short = stream.record();
    let group = stream.create_group(&mut heap, b"g", StreamId::MIN, Some(3)).expect("room");
    let again = Stream::open(stream.record().bytes(), hasher());
    assert_eq!(again.group(&heap, b"g"), Some(group));
    assert!(short.bytes().len() < again.record().bytes().len());
    assert_eq!(again.image(&heap), stream.image(&heap));
    assert_eq!(Stream::open(short.bytes(), hasher()).last_id, StreamId::new(5, 1));
}

#[test]
fn what_disagrees_is_found() {
    let mut heap = Heap::in_memory(1 << 20);
    let mut stream = Stream::empty(hasher());
    let id = StreamId::new(5, 1);
    stream.add(&mut heap, id, &[b"a", b"b"]).expect("room");
    let group = stream.create_group(&mut heap, b"g", StreamId::MIN, None).expect("room").number;
    let consumer = stream.create_consumer(&mut heap, group, b"c", 1).expect("room").number;
    let pending = Pending { group, consumer, id, delivered_ms: 1, deliveries: 1 };
    stream.deliver(&mut heap, pending).expect("room");
    let found = |stream: &Stream, heap: &Heap| match stream.verify(heap, &mut |_| Ok(())) {
        Err(Corrupt::Structure { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    let mut other = stream;
    other.shapes = Tree::new(Root::EMPTY, Texts);
    assert_eq!(found(&other, &heap), "an entry without fields");
    other = stream;
    other.last_id = StreamId::MIN;
    assert_eq!(found(&other, &heap), "an entry beyond the last");
    other = stream;
    other.numbers = 0;
    assert_eq!(found(&other, &heap), "number of a group");
    other.numbers = group;
    assert_eq!(found(&other, &heap), "number of a consumer");
    other = stream;
    other.owned = Tree::new(Root::EMPTY, ByConsumer);
    assert_eq!(found(&other, &heap), "deliveries and what consumers have");
    other = stream;
    other.consumers = Tree::new(Root::EMPTY, Consumers);
    assert_eq!(found(&other, &heap), "a delivery to no consumer");
    other = stream;
    other.groups = Tree::new(Root::EMPTY, Groups);
    assert_eq!(found(&other, &heap), "a consumer of no group");
}
