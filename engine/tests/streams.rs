//! Random commands on a stream agree with a plain model; what another shard repeats of their effects becomes the same
//! stream; every shard is sound after each step, also when blocks were moved and when memory ran out.

use std::collections::BTreeMap;

use engine::keyspace::compact::Compaction;
use engine::testing::Session;
use engine::types::collection::Collection;
use engine::types::stream::{ConsumerImage, GroupImage, Stream, StreamId, StreamImage};
use proptest::prelude::*;
use shm::stored_hash::StoredHasher;

type Bytes = Vec<u8>;

const OUT_OF_MEMORY: &str = "(error) OOM command not allowed when used memory > 'maxmemory'.";

#[derive(Debug, Clone)]
enum Step {
    Add { ms: u64, seq: u64, words: Vec<Bytes> },
    AddMany { count: u64 },
    Delete { nth: usize },
    Trim { keep: usize },
    Create { group: u8, last: Option<usize> },
    Destroy { group: u8 },
    DeleteConsumer { group: u8, consumer: u8 },
    Read { group: u8, consumer: u8, count: usize, no_ack: bool },
    ReadAgain { group: u8, consumer: u8 },
    Acknowledge { group: u8, nth: usize, many: usize },
    Claim { group: u8, consumer: u8, nth: usize, force: bool },
    Forget { nth: usize },
    Copy,
    Compact,
    Wait { ms: u64 },
}

/// Names of groups and consumers, one of them long.
fn name(nth: u8) -> Bytes {
    match nth {
        2 => vec![b'n'; 300],
        nth => vec![b'a' + nth],
    }
}

fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Bytes> {
    (len, any::<u8>()).prop_map(|(len, first)| (0..len).map(|at| first.wrapping_add(at as u8)).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let field = || prop_oneof![6 => Just(b"temperature".to_vec()), 3 => bytes(0..4), 1 => bytes(200..300)];
    let value = || prop_oneof![8 => bytes(0..12), 2 => bytes(100..700), 1 => bytes(10_000..40_000)];
    let words = proptest::collection::vec((field(), value()), 1..4)
        .prop_map(|pairs| pairs.into_iter().flat_map(|(field, value)| [field, value]).collect());
    let ms = prop_oneof![4 => Just(0), 6 => 1..2_000_u64, 1 => Just(1 << 33)];
    let (group, consumer, nth) = (|| 0..3_u8, || 0..3_u8, || 0..400_usize);
    prop_oneof![
        6 => (ms, 0..300_u64, words).prop_map(|(ms, seq, words)| Step::Add { ms, seq, words }),
        3 => (1..200_u64).prop_map(|count| Step::AddMany { count }),
        3 => nth().prop_map(|nth| Step::Delete { nth }),
        1 => nth().prop_map(|keep| Step::Trim { keep }),
        3 => (group(), proptest::option::of(nth())).prop_map(|(group, last)| Step::Create { group, last }),
        1 => group().prop_map(|group| Step::Destroy { group }),
        1 => (group(), consumer()).prop_map(|(group, consumer)| Step::DeleteConsumer { group, consumer }),
        6 => (group(), consumer(), 1..150_usize, proptest::bool::weighted(0.1))
            .prop_map(|(group, consumer, count, no_ack)| Step::Read { group, consumer, count, no_ack }),
        1 => (group(), consumer()).prop_map(|(group, consumer)| Step::ReadAgain { group, consumer }),
        3 => (group(), nth(), 1..60_usize).prop_map(|(group, nth, many)| Step::Acknowledge { group, nth, many }),
        3 => (group(), consumer(), nth(), any::<bool>())
            .prop_map(|(group, consumer, nth, force)| Step::Claim { group, consumer, nth, force }),
        1 => nth().prop_map(|nth| Step::Forget { nth }),
        1 => Just(Step::Copy),
        1 => Just(Step::Compact),
        1 => (1..5_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

// ---- the model ----------------------------------------------------------------------------------

#[derive(Debug, Clone, Default)]
struct Consumer {
    seen_ms: u64,
    active_ms: Option<u64>,
    pending: BTreeMap<StreamId, (u64, u64)>,
}

#[derive(Debug, Clone, Default)]
struct Group {
    last_id: StreamId,
    consumers: BTreeMap<Bytes, Consumer>,
}

impl Group {
    fn seen(&mut self, consumer: u8, now_ms: u64) -> &mut Consumer {
        let consumer = self.consumers.entry(name(consumer)).or_default();
        consumer.seen_ms = now_ms;
        consumer
    }

    fn forget(&mut self, id: StreamId) {
        let _ = self.take(id);
    }

    fn take(&mut self, id: StreamId) -> Option<(u64, u64)> {
        self.consumers.values_mut().find_map(|consumer| consumer.pending.remove(&id))
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    entries: BTreeMap<StreamId, Vec<Bytes>>,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: BTreeMap<Bytes, Group>,
}

impl Model {
    fn nth(&self, nth: usize) -> StreamId {
        let ids = self.entries.len();
        self.entries.keys().nth(nth % ids.max(1)).copied().unwrap_or(StreamId::new(1, 1))
    }

    fn add(&mut self, id: StreamId, words: Vec<Bytes>) {
        self.entries.insert(id, words);
        self.last_id = id;
        self.entries_added += 1;
    }

    /// Everything but what entries were read, which is only known approximately.
    fn image(&self) -> StreamImage {
        let consumer = |(name, consumer): (&Bytes, &Consumer)| ConsumerImage {
            name: name.clone(),
            seen_ms: consumer.seen_ms,
            active_ms: consumer.active_ms,
            pending: consumer.pending.iter().map(|(id, (time, count))| (*id, *time, *count)).collect(),
        };
        let group = |(name, group): (&Bytes, &Group)| GroupImage {
            name: name.clone(),
            last_id: group.last_id,
            entries_read: None,
            consumers: group.consumers.iter().map(consumer).collect(),
        };
        StreamImage {
            entries: self.entries.iter().map(|(id, words)| (*id, words.clone())).collect(),
            last_id: self.last_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
            groups: self.groups.iter().map(group).collect(),
            is_uncounted: false,
        }
    }

    /// Does a step and returns the requests that do it.
    fn take(&mut self, step: &Step, now_ms: u64) -> Vec<Vec<Bytes>> {
        let request = |words: &[&[u8]]| vec![words.iter().map(|word| word.to_vec()).collect::<Vec<_>>()];
        let text = |id: StreamId| id.to_string().into_bytes();
        match step {
            Step::Add { ms, seq, words } => {
                let seq = if *ms == 0 { self.last_id.seq + seq + 1 } else { *seq };
                let id = StreamId::new(self.last_id.ms + ms, seq);
                self.add(id, words.clone());
                vec![[vec![b"XADD".to_vec(), b"s".to_vec(), text(id)], words.clone()].concat()]
            }
            Step::AddMany { count } => (0..*count)
                .flat_map(|nth| {
                    let id = StreamId::new(self.last_id.ms + 1, 0);
                    let value = nth.to_string();
                    self.add(id, vec![b"field".to_vec(), value.clone().into_bytes()]);
                    request(&[b"XADD", b"s", &text(id), b"field", value.as_bytes()])
                })
                .collect(),
            Step::Delete { nth } => {
                let id = self.nth(*nth);
                if self.entries.remove(&id).is_some() {
                    self.max_deleted_id = self.max_deleted_id.max(id);
                }
                request(&[b"XDEL", b"s", &text(id)])
            }
            Step::Trim { keep } => {
                while self.entries.len() > *keep {
                    self.entries.pop_first();
                }
                request(&[b"XTRIM", b"s", b"MAXLEN", keep.to_string().as_bytes()])
            }
            Step::Create { group, last } => {
                let last_id = last.map_or(StreamId::MIN, |nth| self.nth(nth));
                let fresh = Group { last_id, ..Group::default() };
                self.groups.entry(name(*group)).or_insert(fresh);
                request(&[b"XGROUP", b"CREATE", b"s", &name(*group), &text(last_id), b"MKSTREAM"])
            }
            Step::Destroy { group } => {
                self.groups.remove(&name(*group));
                request(&[b"XGROUP", b"DESTROY", b"s", &name(*group)])
            }
            Step::DeleteConsumer { group, consumer } => {
                if let Some(group) = self.groups.get_mut(&name(*group)) {
                    group.consumers.remove(&name(*consumer));
                }
                request(&[b"XGROUP", b"DELCONSUMER", b"s", &name(*group), &name(*consumer)])
            }
            Step::Read { group, consumer, count, no_ack } => {
                if let Some(group) = self.groups.get_mut(&name(*group)) {
                    group.seen(*consumer, now_ms);
                    let after = (std::ops::Bound::Excluded(group.last_id), std::ops::Bound::Unbounded);
                    for (id, _) in self.entries.range(after).take(*count) {
                        group.last_id = *id;
                        if !no_ack {
                            group.take(*id);
                            let own = group.seen(*consumer, now_ms);
                            own.pending.insert(*id, (now_ms, 1));
                            own.active_ms = Some(now_ms);
                        }
                    }
                }
                let (by, own, count) = (name(*group), name(*consumer), count.to_string());
                let mut words: Vec<&[u8]> =
                    vec![b"XREADGROUP", b"GROUP", &by, &own, b"COUNT", count.as_bytes()];
                words.extend(no_ack.then_some(b"NOACK" as &[u8]));
                words.extend([b"STREAMS" as &[u8], b"s", b">"]);
                request(&words)
            }
            Step::ReadAgain { group, consumer } => {
                if let Some(group) = self.groups.get_mut(&name(*group)) {
                    for (id, delivery) in &mut group.seen(*consumer, now_ms).pending {
                        if self.entries.contains_key(id) {
                            *delivery = (now_ms, delivery.1 + 1);
                        }
                    }
                }
                let (by, own) = (name(*group), name(*consumer));
                request(&[b"XREADGROUP", b"GROUP", &by, &own, b"STREAMS", b"s", b"0"])
            }
            Step::Acknowledge { group, nth, many } => {
                let ids: Vec<StreamId> = (0..*many).map(|more| self.nth(nth + more)).collect();
                if let Some(group) = self.groups.get_mut(&name(*group)) {
                    ids.iter().for_each(|id| group.forget(*id));
                }
                let texts: Vec<Bytes> = ids.iter().map(|id| text(*id)).collect();
                vec![[vec![b"XACK".to_vec(), b"s".to_vec(), name(*group)], texts].concat()]
            }
            Step::Claim { group, consumer, nth, force } => {
                let id = self.nth(*nth);
                if let Some(group) = self.groups.get_mut(&name(*group)) {
                    group.seen(*consumer, now_ms);
                    let before = group.take(id);
                    let known = before.or(force.then_some((0, 1)));
                    if let Some((_, count)) = known.filter(|_| self.entries.contains_key(&id)) {
                        let own = group.seen(*consumer, now_ms);
                        own.pending.insert(id, (now_ms, count + 1));
                        own.active_ms = Some(now_ms);
                    }
                }
                let (by, own, id) = (name(*group), name(*consumer), text(id));
                let mut words: Vec<&[u8]> = vec![b"XCLAIM", b"s", &by, &own, b"0", &id];
                words.extend(force.then_some(b"FORCE" as &[u8]));
                request(&words)
            }
            Step::Forget { nth } => {
                let id = self.nth(*nth);
                if self.entries.remove(&id).is_some() {
                    self.max_deleted_id = self.max_deleted_id.max(id);
                }
                self.groups.values_mut().for_each(|group| group.forget(id));
                request(&[b"XDELEX", b"s", b"DELREF", b"IDS", b"1", &text(id)])
            }
            Step::Copy => {
                [request(&[b"COPY", b"s", b"t", b"REPLACE"]), request(&[b"RENAME", b"t", b"s"])].concat()
            }
            Step::Compact | Step::Wait { .. } => Vec::new(),
        }
    }
}

// ---- the run ------------------------------------------------------------------------------------

/// The stream in a session, read past the commands; without what is only known approximately.
fn image_of(session: &mut Session) -> Option<StreamImage> {
    let now_ms = session.now_ms();
    let mut found = None;
    session.shards()[0].scan(0, 0, 10, now_ms, |entry| {
        let stream = Stream::open(entry.record(), StoredHasher::new([0; 16]));
        let mut image = stream.image(entry.heap());
        image.groups.iter_mut().for_each(|group| group.entries_read = None);
        found = Some(image);
    });
    found
}

/// The same without times that replicas have of their own.
fn without_times(mut image: StreamImage) -> StreamImage {
    for consumer in image.groups.iter_mut().flat_map(|group| &mut group.consumers) {
        (consumer.seen_ms, consumer.active_ms) = (0, None);
    }
    image
}

fn run(steps: &[Step], failures: bool) {
    let (mut session, mut replica) = (Session::new(1), Session::new(1));
    let mut model = Model::default();
    let mut exists = false;
    for (nth, step) in steps.iter().enumerate() {
        match step {
            Step::Wait { ms } => {
                session.advance(*ms);
                replica.advance(*ms);
            }
            Step::Compact => {
                let mut state = Compaction::default();
                while session.shards()[0].compact(&mut state, 3) {}
            }
            _ => {}
        }
        for request in model.take(step, session.now_ms()) {
            let words: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
            if failures && nth % 3 == 0 {
                let before = image_of(&mut session);
                session.fail_allocations_after(Some(nth % 7));
                let reply = session.call(&words);
                session.fail_allocations_after(None);
                if reply == OUT_OF_MEMORY {
                    assert_eq!(image_of(&mut session), before, "taken back");
                    session.call(&words);
                }
            } else {
                session.call(&words);
            }
            exists |= matches!(step, Step::Add { .. } | Step::AddMany { .. } | Step::Create { .. });
        }
        let image = image_of(&mut session);
        assert_eq!(image, exists.then(|| model.image()), "{step:?}");
        session.verify();
        let effects = session.take_effects();
        replica.repeat(0, &effects);
        assert_eq!(image_of(&mut replica).map(without_times), image.map(without_times), "repeated: {step:?}");
    }
    replica.verify();
    session.run("DEL s");
    session.verify();
    session.run("XADD s 1 a b");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn streams_agree_with_a_model(steps in proptest::collection::vec(step(), 1..40)) {
        run(&steps, false);
    }

    #[test]
    fn streams_survive_a_lack_of_memory(steps in proptest::collection::vec(step(), 1..25)) {
        run(&steps, true);
    }
}
