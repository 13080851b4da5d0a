//! Random commands on strings agree with a plain map, also when memory runs out in the middle of them.

use std::collections::HashMap;

use engine::testing::{Session, quoted};
use proptest::prelude::*;

const OUT_OF_MEMORY: &str = "(error) OOM command not allowed when used memory > 'maxmemory'.";
const NOT_AN_INTEGER: &str = "(error) ERR value is not an integer or out of range";

type Bytes = Vec<u8>;

#[derive(Debug, Clone)]
enum Step {
    Set { key: u8, value: Bytes, px: Option<u64>, keep: bool },
    SetIfMissing { key: u8, value: Bytes },
    SetIfEqual { key: u8, value: Bytes, old: Bytes },
    GetSet { key: u8, value: Bytes },
    SetMany { pairs: Vec<(u8, Bytes)>, px: Option<u64> },
    SetManyIfMissing { pairs: Vec<(u8, Bytes)> },
    Get { key: u8 },
    GetMany { keys: Vec<u8> },
    GetDelete { key: u8 },
    Expire { key: u8, px: Option<u64> },
    DeleteIfEqual { key: u8, old: Bytes },
    Append { key: u8, tail: Bytes },
    SetRange { key: u8, offset: usize, bytes: Bytes },
    GetRange { key: u8, start: i64, end: i64 },
    Increment { key: u8, by: i64 },
    Wait { ms: u64 },
}

fn value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => any::<i32>().prop_map(|number| number.to_string().into_bytes()),
        2 => Just(b"same".to_vec()),
        4 => bytes(0..40),
        3 => bytes(100..700),
        2 => bytes(3_000..40_000),
    ]
}

/// So many bytes, no two neighbours alike.
fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Bytes> {
    (len, any::<u8>()).prop_map(|(len, first)| (0..len).map(|at| first.wrapping_add(at as u8)).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..6_u8;
    let px = || proptest::option::of(1..80_u64);
    let pairs = || proptest::collection::vec((key(), value()), 1..4);
    let at = || prop_oneof![-50..50_i64, -50_000..50_000_i64];
    let offset = prop_oneof![4 => 0..60_usize, 2 => 0..900_usize, 1 => 0..60_000_usize];
    prop_oneof![
        1 => (key(), value(), px(), any::<bool>()).prop_map(|(key, value, px, keep)| Step::Set { key, value, px, keep }),
        1 => (key(), value()).prop_map(|(key, value)| Step::SetIfMissing { key, value }),
        1 => (key(), value(), value()).prop_map(|(key, value, old)| Step::SetIfEqual { key, value, old }),
        1 => (key(), value()).prop_map(|(key, value)| Step::GetSet { key, value }),
        1 => (pairs(), px()).prop_map(|(pairs, px)| Step::SetMany { pairs, px }),
        1 => pairs().prop_map(|pairs| Step::SetManyIfMissing { pairs }),
        1 => key().prop_map(|key| Step::Get { key }),
        1 => proptest::collection::vec(key(), 1..6).prop_map(|keys| Step::GetMany { keys }),
        1 => key().prop_map(|key| Step::GetDelete { key }),
        1 => (key(), px()).prop_map(|(key, px)| Step::Expire { key, px }),
        1 => (key(), value()).prop_map(|(key, old)| Step::DeleteIfEqual { key, old }),
        3 => (key(), value()).prop_map(|(key, tail)| Step::Append { key, tail }),
        3 => (key(), offset, value()).prop_map(|(key, offset, bytes)| Step::SetRange { key, offset, bytes }),
        1 => (key(), at(), at()).prop_map(|(key, start, end)| Step::GetRange { key, start, end }),
        2 => (key(), -1_000..1_000_i64).prop_map(|(key, by)| Step::Increment { key, by }),
        1 => (1..60_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// The last of six keys is too long to lie inside its entry.
fn name(key: u8) -> Bytes {
    let len = if key == 5 { 5_000 } else { 1 };
    format!("key:{}", key.to_string().repeat(len)).into_bytes()
}

fn word(text: impl ToString) -> Bytes {
    text.to_string().into_bytes()
}

impl Step {
    fn words(&self) -> Vec<Bytes> {
        let in_pairs = |pairs: &[(u8, Bytes)]| -> Vec<Bytes> {
            pairs.iter().flat_map(|(key, value)| [name(*key), value.clone()]).collect()
        };
        let px_words = |px: &Option<u64>| px.map_or(Vec::new(), |px| vec![word("PX"), word(px)]);
        match self.clone() {
            Step::Set { key, value, px, keep } => {
                let keep_words = if keep && px.is_none() { vec![word("KEEPTTL")] } else { Vec::new() };
                [vec![word("SET"), name(key), value], px_words(&px), keep_words].concat()
            }
            Step::SetIfMissing { key, value } => vec![word("SETNX"), name(key), value],
            Step::SetIfEqual { key, value, old } => vec![word("SET"), name(key), value, word("IFEQ"), old],
            Step::GetSet { key, value } => vec![word("SET"), name(key), value, word("GET")],
            Step::SetMany { pairs, px } => {
                [vec![word("MSETEX"), word(pairs.len())], in_pairs(&pairs), px_words(&px)].concat()
            }
            Step::SetManyIfMissing { pairs } => [vec![word("MSETNX")], in_pairs(&pairs)].concat(),
            Step::Get { key } => vec![word("GET"), name(key)],
            Step::GetMany { keys } => {
                std::iter::once(word("MGET")).chain(keys.into_iter().map(name)).collect()
            }
            Step::GetDelete { key } => vec![word("GETDEL"), name(key)],
            Step::Expire { key, px: None } => vec![word("GETEX"), name(key), word("PERSIST")],
            Step::Expire { key, px } => [vec![word("GETEX"), name(key)], px_words(&px)].concat(),
            Step::DeleteIfEqual { key, old } => vec![word("DELIFEQ"), name(key), old],
            Step::Append { key, tail } => vec![word("APPEND"), name(key), tail],
            Step::SetRange { key, offset, bytes } => vec![word("SETRANGE"), name(key), word(offset), bytes],
            Step::GetRange { key, start, end } => vec![word("GETRANGE"), name(key), word(start), word(end)],
            Step::Increment { key, by } => vec![word("INCRBY"), name(key), word(by)],
            Step::Wait { .. } => Vec::new(),
        }
    }
}

/// Values with their deadlines.
#[derive(Debug, Clone, Default)]
struct Model {
    now_ms: u64,
    values: HashMap<u8, (Bytes, Option<u64>)>,
}

impl Model {
    fn get(&self, key: u8) -> Option<&Bytes> {
        self.values.get(&key).map(|(value, _)| value)
    }

    fn deadline(&self, key: u8) -> Option<u64> {
        self.values.get(&key).and_then(|(_, deadline_ms)| *deadline_ms)
    }

    fn shown(&self, key: u8) -> String {
        self.get(key).map_or("(nil)".to_owned(), |value| quoted(value))
    }

    fn after(&self, px: Option<u64>) -> Option<u64> {
        px.map(|px| self.now_ms + px)
    }

    fn set(&mut self, key: u8, value: &Bytes, deadline_ms: Option<u64>) {
        self.values.insert(key, (value.clone(), deadline_ms));
    }

    /// Does what the step says and returns the reply.
    fn run(&mut self, step: &Step) -> String {
        match step {
            Step::Set { key, value, px, keep } => {
                let kept = if *keep { self.deadline(*key) } else { None };
                self.set(*key, value, self.after(*px).or(kept));
                "OK".to_owned()
            }
            Step::SetIfMissing { key, value } => {
                let is_new = self.get(*key).is_none();
                if is_new {
                    self.set(*key, value, None);
                }
                format!("(integer) {}", u8::from(is_new))
            }
            Step::SetIfEqual { key, value, old } => match self.get(*key) == Some(old) {
                true => {
                    self.set(*key, value, None);
                    "OK".to_owned()
                }
                false => "(nil)".to_owned(),
            },
            Step::GetSet { key, value } => {
                let old = self.shown(*key);
                self.set(*key, value, None);
                old
            }
            Step::SetMany { pairs, px } => {
                pairs.iter().for_each(|(key, value)| self.set(*key, value, self.after(*px)));
                "(integer) 1".to_owned()
            }
            Step::SetManyIfMissing { pairs } => {
                let all_new = pairs.iter().all(|(key, _)| self.get(*key).is_none());
                if all_new {
                    pairs.iter().for_each(|(key, value)| self.set(*key, value, None));
                }
                format!("(integer) {}", u8::from(all_new))
            }
            Step::Get { key } => self.shown(*key),
            Step::GetMany { keys } => {
                let items = keys.iter().enumerate();
                let lines = items.map(|(at, key)| format!("{}) {}", at + 1, self.shown(*key)));
                lines.collect::<Vec<_>>().join("\n")
            }
            Step::GetDelete { key } => {
                let old = self.shown(*key);
                self.values.remove(key);
                old
            }
            Step::Expire { key, px } => {
                let deadline_ms = self.after(*px);
                if let Some(value) = self.values.get_mut(key) {
                    value.1 = deadline_ms;
                }
                self.shown(*key)
            }
            Step::DeleteIfEqual { key, old } => {
                let equal = self.get(*key) == Some(old);
                if equal {
                    self.values.remove(key);
                }
                format!("(integer) {}", u8::from(equal))
            }
            Step::Append { key, tail } => {
                let value = &mut self.values.entry(*key).or_default().0;
                value.extend_from_slice(tail);
                format!("(integer) {}", value.len())
            }
            Step::SetRange { key, offset, bytes } => {
                if bytes.is_empty() {
                    return format!("(integer) {}", self.get(*key).map_or(0, Vec::len));
                }
                let value = &mut self.values.entry(*key).or_default().0;
                let end = offset + bytes.len();
                value.resize(value.len().max(end), 0);
                value[*offset..end].copy_from_slice(bytes);
                format!("(integer) {}", value.len())
            }
            Step::GetRange { key, start, end } => {
                let value = self.get(*key).map_or(&[][..], Vec::as_slice);
                let len = value.len() as i64;
                let clamp = |at: &i64| if *at < 0 { (at + len).max(0) } else { *at };
                let crossed = *start < 0 && *end < 0 && start > end;
                let (start, end) = (clamp(start), clamp(end).min(len - 1));
                let range = if crossed || start > end { 0..0 } else { start as usize..end as usize + 1 };
                quoted(&value[range])
            }
            Step::Increment { key, by } => {
                let old = match self.get(*key) {
                    Some(value) => std::str::from_utf8(value).ok().and_then(|text| {
                        let number: i64 = text.parse().ok()?;
                        (number.to_string() == text).then_some(number)
                    }),
                    None => Some(0),
                };
                let Some(new) = old.and_then(|old| old.checked_add(*by)) else {
                    return NOT_AN_INTEGER.to_owned();
                };
                self.set(*key, &new.to_string().into_bytes(), self.deadline(*key));
                format!("(integer) {new}")
            }
            Step::Wait { ms } => {
                self.now_ms += ms;
                let now_ms = self.now_ms;
                self.values
                    .retain(|_, (_, deadline_ms)| deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms));
                String::new()
            }
        }
    }
}

fn hold(steps: &[(Step, Option<usize>)], shards: usize) {
    let mut session = Session::new(shards);
    let mut model = Model { now_ms: session.now_ms(), ..Model::default() };
    for (step, allocations) in steps {
        let before = model.clone();
        let expected = model.run(step);
        if let Step::Wait { ms } = step {
            session.advance(*ms);
            continue;
        }
        let words = step.words();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        session.fail_allocations_after(*allocations);
        let reply = session.call(&words);
        session.fail_allocations_after(None);
        if allocations.is_some() && reply == OUT_OF_MEMORY {
            model = before;
        } else {
            assert_eq!(reply, expected, "{step:?}");
        }
    }
    for key in 0..6 {
        assert_eq!(session.call(&[b"GET", &name(key)]), model.shown(key));
    }
    session.verify();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn commands_agree_with_a_map(
        steps in proptest::collection::vec((step(), Just(None)), 1..60),
        shards in 1..4_usize,
    ) {
        hold(&steps, shards);
    }

    #[test]
    fn without_memory_nothing_happens(
        steps in proptest::collection::vec((step(), proptest::option::of(0..6_usize)), 1..60),
        shards in 1..4_usize,
    ) {
        hold(&steps, shards);
    }
}
