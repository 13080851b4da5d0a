//! Random commands on hashes agree with plain maps, fields with equal hashes among them; so does whoever repeats the
//! effects.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::testing::{Session, quoted};
use crate::types::hash::testing::HASH_MASK;

/// Values with their deadlines.
type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Debug, Clone)]
enum Step {
    Set {
        key: u8,
        pairs: Vec<(u8, u8)>,
    },
    SetKeeping {
        key: u8,
        pairs: Vec<(u8, u8)>,
    },
    SetFor {
        key: u8,
        px: u64,
        pairs: Vec<(u8, u8)>,
    },
    Delete {
        key: u8,
        fields: Vec<u8>,
    },
    Take {
        key: u8,
        fields: Vec<u8>,
    },
    Expire {
        key: u8,
        px: u64,
        when: &'static str,
        fields: Vec<u8>,
    },
    GetExpiring {
        key: u8,
        px: u64,
        fields: Vec<u8>,
    },
    Persist {
        key: u8,
        fields: Vec<u8>,
    },
    Increment {
        key: u8,
        field: u8,
        by: i64,
    },
    /// More fields than a plain block holds, some of them with deadlines.
    Fill {
        key: u8,
        px: u64,
    },
    Empty {
        key: u8,
    },
    Rename {
        from: u8,
        to: u8,
    },
    Copy {
        from: u8,
        to: u8,
    },
    ExpireKey {
        key: u8,
        px: u64,
    },
    Wait {
        ms: u64,
    },
    Timer {
        limit: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..3_u8;
    let field = || prop_oneof![3 => 0..6_u8, 1 => 0..30_u8];
    let fields = || proptest::collection::vec(field(), 1..5);
    let pairs = || proptest::collection::vec((field(), any::<u8>()), 1..5);
    let px = || prop_oneof![6 => 1..30_u64, 1 => Just(0)];
    let when = proptest::sample::select(vec!["", "NX", "XX", "GT", "LT"]);
    prop_oneof![
        3 => (key(), pairs()).prop_map(|(key, pairs)| Step::Set { key, pairs }),
        1 => (key(), pairs()).prop_map(|(key, pairs)| Step::SetKeeping { key, pairs }),
        3 => (key(), px(), pairs()).prop_map(|(key, px, pairs)| Step::SetFor { key, px, pairs }),
        2 => (key(), fields()).prop_map(|(key, fields)| Step::Delete { key, fields }),
        1 => (key(), fields()).prop_map(|(key, fields)| Step::Take { key, fields }),
        3 => (key(), px(), when, fields()).prop_map(|(key, px, when, fields)| Step::Expire { key, px, when, fields }),
        1 => (key(), px(), fields()).prop_map(|(key, px, fields)| Step::GetExpiring { key, px, fields }),
        2 => (key(), fields()).prop_map(|(key, fields)| Step::Persist { key, fields }),
        1 => (key(), field(), -9..9_i64).prop_map(|(key, field, by)| Step::Increment { key, field, by }),
        1 => (key(), 1..30_u64).prop_map(|(key, px)| Step::Fill { key, px }),
        1 => key().prop_map(|key| Step::Empty { key }),
        1 => (key(), key()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => (key(), key()).prop_map(|(from, to)| Step::Copy { from, to }),
        1 => (key(), 1..30_u64).prop_map(|(key, px)| Step::ExpireKey { key, px }),
        3 => (1..20_u64).prop_map(|ms| Step::Wait { ms }),
        2 => (1..6_usize).prop_map(|limit| Step::Timer { limit }),
    ]
}

fn key_name(key: u8) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

/// Every fifth name is too long to lie inside an element.
fn field_name(field: u8) -> Vec<u8> {
    let len = if field % 5 == 4 { 300 } else { 1 };
    format!("{}:{field}", "f".repeat(len)).into_bytes()
}

/// Numbers, and texts of all lengths.
fn value(seed: u8) -> Vec<u8> {
    match seed {
        0..100 => seed.to_string().into_bytes(),
        100..200 => vec![seed; usize::from(seed) - 100],
        _ => vec![seed; usize::from(seed)],
    }
}

/// How many fields [`Step::Fill`] sets.
const FILLED: u8 = 140;

fn filled_name(nth: u8) -> Vec<u8> {
    format!("filled:{nth}").into_bytes()
}

#[derive(Debug, Default)]
struct Model {
    now_ms: u64,
    keys: BTreeMap<u8, (Fields, Option<u64>)>,
}

impl Model {
    /// What is gone at this time, or empty, is there no more.
    fn settle(&mut self) {
        let now_ms = self.now_ms;
        let is_live = |deadline_ms: &Option<u64>| deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms);
        self.keys.retain(|_, (fields, deadline_ms)| {
            fields.retain(|_, (_, deadline_ms)| is_live(deadline_ms));
            is_live(deadline_ms) && !fields.is_empty()
        });
    }

    fn fields(&mut self, key: u8) -> &mut Fields {
        &mut self.keys.entry(key).or_default().0
    }

    fn set_deadlines(&mut self, key: u8, names: &[u8], px: u64, when: &str) {
        let wanted_ms = self.now_ms + px;
        for field in names {
            let Some((_, deadline_ms)) = self.fields(key).get_mut(&field_name(*field)) else { continue };
            let allowed = match (when, *deadline_ms) {
                ("NX", current_ms) => current_ms.is_none(),
                ("XX", current_ms) => current_ms.is_some(),
                ("GT", current_ms) => current_ms.is_some_and(|current_ms| current_ms < wanted_ms),
                ("LT", current_ms) => current_ms.is_none_or(|current_ms| current_ms > wanted_ms),
                _ => true,
            };
            if allowed {
                *deadline_ms = Some(wanted_ms);
            }
            self.fields(key).retain(|_, (_, deadline_ms)| px > 0 || *deadline_ms != Some(wanted_ms));
        }
    }

    fn apply(&mut self, step: &Step) {
        self.settle();
        match step {
            Step::Set { key, pairs } => {
                let set = |(field, seed): &(u8, u8)| (field_name(*field), (value(*seed), None));
                self.fields(*key).extend(pairs.iter().map(set));
            }
            Step::SetKeeping { key, pairs } => {
                for (field, seed) in pairs {
                    self.fields(*key).entry(field_name(*field)).or_default().0 = value(*seed);
                }
            }
            Step::SetFor { key, px, pairs } => {
                let deadline_ms = Some(self.now_ms + px);
                let set = |(field, seed): &(u8, u8)| (field_name(*field), (value(*seed), deadline_ms));
                self.fields(*key).extend(pairs.iter().map(set));
            }
            Step::Delete { key, fields } | Step::Take { key, fields } => {
                fields.iter().for_each(|field| drop(self.fields(*key).remove(&field_name(*field))));
            }
            Step::Expire { key, px, when, fields } => self.set_deadlines(*key, fields, *px, when),
            Step::GetExpiring { key, px, fields } => self.set_deadlines(*key, fields, *px, ""),
            Step::Persist { key, fields } => {
                for field in fields {
                    if let Some((_, deadline_ms)) = self.fields(*key).get_mut(&field_name(*field)) {
                        *deadline_ms = None;
                    }
                }
            }
            Step::Increment { key, field, by } => {
                let zero = || (b"0".to_vec(), None);
                let old = self.fields(*key).get(&field_name(*field)).cloned().unwrap_or_else(zero);
                if let Some(number) = crate::number::parse_i64(&old.0) {
                    let new = ((number + by).to_string().into_bytes(), old.1);
                    self.fields(*key).insert(field_name(*field), new);
                }
            }
            Step::Fill { key, px } => {
                for nth in 0..FILLED {
                    let deadline_ms = (nth % 3 == 0).then_some(self.now_ms + px);
                    self.fields(*key).insert(filled_name(nth), (b"v".to_vec(), deadline_ms));
                }
            }
            Step::Empty { key } => self.fields(*key).retain(|name, _| !name.starts_with(b"filled")),
            Step::Rename { from, to } => {
                if from != to
                    && let Some(value) = self.keys.remove(from)
                {
                    self.keys.insert(*to, value);
                }
            }
            Step::Copy { from, to } => {
                if let Some(value) = self.keys.get(from).cloned() {
                    self.keys.insert(*to, value);
                }
            }
            Step::ExpireKey { key, px } => {
                if let Some((_, deadline_ms)) = self.keys.get_mut(key) {
                    *deadline_ms = Some(self.now_ms + px);
                }
            }
            Step::Wait { ms } => self.now_ms += ms,
            Step::Timer { .. } => {}
        }
        self.settle();
    }
}

fn counted(command: &str, key: u8, between: &[String], fields: &[u8]) -> Vec<Vec<u8>> {
    let head = [command.as_bytes().to_vec(), key_name(key)];
    let count = ["FIELDS".to_owned(), fields.len().to_string()];
    let between = between.iter().chain(&count).map(|word| word.clone().into_bytes());
    head.into_iter().chain(between).chain(fields.iter().map(|field| field_name(*field))).collect()
}

fn pairs_after(head: Vec<Vec<u8>>, pairs: &[(u8, u8)]) -> Vec<Vec<u8>> {
    let words = pairs.iter().flat_map(|(field, seed)| [field_name(*field), value(*seed)]);
    head.into_iter().chain(words).collect()
}

fn hsetex(key: u8, options: &[String], pairs: &[(u8, u8)]) -> Vec<Vec<u8>> {
    let mut head = counted("HSETEX", key, options, &[]);
    let count = head.len() - 1;
    head[count] = pairs.len().to_string().into_bytes();
    pairs_after(head, pairs)
}

/// The requests of a step.
fn requests(step: &Step) -> Vec<Vec<Vec<u8>>> {
    let word = |text: &str| text.as_bytes().to_vec();
    let px_words = |px: &u64| ["PX".to_owned(), px.to_string()];
    match step {
        Step::Set { key, pairs } => vec![pairs_after(vec![word("HSET"), key_name(*key)], pairs)],
        Step::SetKeeping { key, pairs } => vec![hsetex(*key, &["KEEPTTL".to_owned()], pairs)],
        Step::SetFor { key, px, pairs } => vec![hsetex(*key, &px_words(px), pairs)],
        Step::Delete { key, fields } => {
            let names = fields.iter().map(|field| field_name(*field));
            vec![[word("HDEL"), key_name(*key)].into_iter().chain(names).collect()]
        }
        Step::Take { key, fields } => vec![counted("HGETDEL", *key, &[], fields)],
        Step::Expire { key, px, when, fields } => {
            let options: Vec<String> =
                [px.to_string(), (*when).to_owned()].into_iter().filter(|word| !word.is_empty()).collect();
            vec![counted("HPEXPIRE", *key, &options, fields)]
        }
        Step::GetExpiring { key, px, fields } => vec![counted("HGETEX", *key, &px_words(px), fields)],
        Step::Persist { key, fields } => vec![counted("HPERSIST", *key, &[], fields)],
        Step::Increment { key, field, by } => {
            vec![vec![word("HINCRBY"), key_name(*key), field_name(*field), word(&by.to_string())]]
        }
        Step::Fill { key, px } => {
            let pairs = (0..FILLED).flat_map(|nth| [filled_name(nth), word("v")]);
            let timed: Vec<Vec<u8>> = (0..FILLED).step_by(3).map(filled_name).collect();
            let head = [word("HPEXPIRE"), key_name(*key), word(&px.to_string()), word("FIELDS")];
            let count = word(&timed.len().to_string());
            vec![
                [word("HSET"), key_name(*key)].into_iter().chain(pairs).collect(),
                head.into_iter().chain([count]).chain(timed).collect(),
            ]
        }
        Step::Empty { key } => {
            vec![[word("HDEL"), key_name(*key)].into_iter().chain((0..FILLED).map(filled_name)).collect()]
        }
        Step::Rename { from, to } => vec![vec![word("RENAME"), key_name(*from), key_name(*to)]],
        Step::Copy { from, to } => {
            vec![vec![word("COPY"), key_name(*from), key_name(*to), word("REPLACE")]]
        }
        Step::ExpireKey { key, px } => {
            vec![vec![word("PEXPIRE"), key_name(*key), word(&px.to_string())]]
        }
        Step::Wait { .. } | Step::Timer { .. } => Vec::new(),
    }
}

fn call(session: &mut Session, words: &[Vec<u8>]) -> String {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    session.call(&words)
}

/// Holds a session's hashes against the model's.
fn compare(session: &mut Session, model: &Model) {
    // Before anything is looked up, and so deleted.
    assert_eq!(session.run("DBSIZE"), format!("(integer) {}", model.keys.len()));
    assert_eq!(session.run("KEYS *").matches('"').count(), 2 * model.keys.len());
    for (key, (fields, _)) in &model.keys {
        let name = String::from_utf8(key_name(*key)).expect("text");
        let reply = session.run(&format!("HGETALL {name}"));
        let texts: Vec<&str> =
            reply.lines().filter_map(|line| line.split_once(") ")).map(|it| it.1).collect();
        let mut found: Vec<(&str, &str)> = texts.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        found.sort_unstable();
        let expected: Vec<(String, String)> =
            fields.iter().map(|(name, (value, _))| (quoted(name), quoted(value))).collect();
        let mut expected: Vec<(&str, &str)> =
            expected.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
        assert_eq!(session.run(&format!("HLEN {name}")), format!("(integer) {}", fields.len()));
        let head = [b"HPEXPIRETIME".to_vec(), key_name(*key), b"FIELDS".to_vec()];
        let count = fields.len().to_string().into_bytes();
        let request: Vec<Vec<u8>> = head.into_iter().chain([count]).chain(fields.keys().cloned()).collect();
        let times = call(session, &request);
        let found: Vec<&str> =
            times.lines().filter_map(|line| line.rsplit_once(' ')).map(|it| it.1).collect();
        let expected: Vec<String> = fields
            .values()
            .map(|(_, deadline_ms)| {
                deadline_ms.map_or("-1".to_owned(), |deadline_ms| deadline_ms.to_string())
            })
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

fn run(mask: u64, steps: &[Step]) {
    HASH_MASK.set(mask);
    let (mut session, mut replica) = (Session::new(1), Session::new(1));
    let mut model = Model { now_ms: session.now_ms(), ..Model::default() };
    for step in steps {
        for request in requests(step) {
            call(&mut session, &request);
        }
        match step {
            Step::Wait { ms } => {
                session.advance(*ms);
                replica.advance(*ms);
            }
            Step::Timer { limit } => {
                let now_ms = session.now_ms();
                let more = session.shards()[0].expire_due(now_ms, *limit);
                let next_ms = session.shards()[0].next_deadline_ms();
                assert_eq!(more, next_ms.is_some_and(|next_ms| next_ms <= now_ms));
            }
            _ => {}
        }
        model.apply(step);
        session.verify();
        compare(&mut session, &model);
        session.verify();
        replica.repeat(0, &session.take_effects());
    }
    replica.verify();
    compare(&mut replica, &model);
    // In time everything with a deadline goes, and the timer is told when.
    while let Some(next_ms) = session.shards()[0].next_deadline_ms() {
        assert!(session.shards()[0].no_deadline_before_ms() <= next_ms);
        session.advance(next_ms.saturating_sub(session.now_ms()));
        model.now_ms = session.now_ms();
        model.settle();
        while session.shards()[0].expire_due(model.now_ms, 10) {}
        session.verify();
        assert_eq!(session.shards()[0].keys(0), model.keys.len() as u64);
        compare(&mut session, &model);
    }
    HASH_MASK.set(u64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn hashes_agree_with_maps(steps in proptest::collection::vec(step(), 1..40)) {
        run(u64::MAX, &steps);
    }

    #[test]
    fn fields_with_equal_hashes_are_told_apart(
        mask in proptest::sample::select(vec![0, 1 << 63, 3 << 62 | 1]),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        run(mask, &steps);
    }
}

/// Bytes that a field takes beyond its own, in a hash of so many, set in random order.
fn overhead(fields: u64, name_len: usize, value_len: usize) -> f64 {
    let mut session = Session::new(1);
    let mut random = crate::random::Random::new(fields);
    // The database and its index are there already.
    session.run("HSET other a 1");
    let before = session.heap_mut(0).used_bytes();
    let mut raw = 0;
    for _ in 0..fields {
        let name = format!("{:0name_len$}", random.bits() % 100_000_000);
        let value = "v".repeat(value_len / 2 + random.below(value_len));
        raw += (name.len() + value.len()) as u64;
        session.call(&[b"HSET", b"hash", name.as_bytes(), value.as_bytes()]);
    }
    (session.heap_mut(0).used_bytes() - before - raw) as f64 / fields as f64
}

#[test]
fn a_field_takes_little_beyond_its_bytes() {
    // Lengths of names and mean lengths of values, and the most for a field in hashes of these sizes.
    for (name_len, value_len, limits) in
        [(8, 12, [6.0, 6.0, 6.0]), (10, 30, [6.0, 9.0, 9.0]), (20, 60, [6.0, 9.0, 9.0])]
    {
        for (fields, limit) in [100, 1000, 20_000].into_iter().zip(limits) {
            let found = overhead(fields, name_len, value_len);
            assert!(found <= limit, "{fields} fields of {name_len} and {value_len}: {found:.2}");
            eprintln!("{fields} fields of {name_len} and {value_len}: {found:.2}");
        }
    }
}
