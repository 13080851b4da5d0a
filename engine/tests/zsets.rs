//! Random changes of sorted sets agree with a sorted list, both trees after each step; also when memory runs out in the
//! middle.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use engine::testing::{Session, quoted};
use engine::types::collection::{Collection, Encodings};
use engine::types::zset::Zset;
use proptest::prelude::*;
use shm::Heap;
use shm::stored_hash::StoredHasher;

const OUT_OF_MEMORY: &str = "(error) OOM command not allowed when used memory > 'maxmemory'.";

/// Members of one sorted set.
type Model = BTreeMap<Vec<u8>, f64>;

/// In order.
fn listed(model: &Model) -> Vec<(f64, Vec<u8>)> {
    let mut all: Vec<(f64, Vec<u8>)> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
    all
}

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<(u16, i8)>),
    Increment(u16, i8),
    Remove(Vec<u16>),
    RemoveRanks(i64, i64),
    RemoveScores(i8, i8),
    PopMin(u8),
    PopMax(u8),
    /// A run of new members at once.
    Fill(u16, u16, i8),
}

/// Short ones, and some so long that they lie in blocks of their own.
fn member(number: u16) -> Vec<u8> {
    let len = match number % 50 {
        0 => 300,
        1 => 20_000,
        2..8 => 200,
        _ => 0,
    };
    let mut bytes = format!("m{number}").into_bytes();
    bytes.resize(bytes.len().max(len), b'.');
    bytes
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..400_u16;
    let score = || -5..5_i8;
    prop_oneof![
        4 => proptest::collection::vec((number(), score()), 1..4).prop_map(Step::Add),
        3 => (number(), score()).prop_map(|(number, by)| Step::Increment(number, by)),
        3 => proptest::collection::vec(number(), 1..4).prop_map(Step::Remove),
        1 => (-400..400_i64, -400..400_i64).prop_map(|(from, to)| Step::RemoveRanks(from, to)),
        1 => (score(), score()).prop_map(|(from, to)| Step::RemoveScores(from, to)),
        1 => any::<u8>().prop_map(Step::PopMin),
        1 => any::<u8>().prop_map(Step::PopMax),
        3 => (number(), 1..250_u16, score()).prop_map(|(from, count, score)| Step::Fill(from, count, score)),
    ]
}

impl Step {
    fn words(&self) -> Vec<Vec<u8>> {
        let text = |words: &[&dyn ToString]| {
            words.iter().map(|word| word.to_string().into_bytes()).collect::<Vec<_>>()
        };
        match self {
            Step::Add(pairs) => {
                let pairs = pairs
                    .iter()
                    .flat_map(|(number, score)| [score.to_string().into_bytes(), member(*number)]);
                text(&[&"ZADD", &"z"]).into_iter().chain(pairs).collect()
            }
            Step::Increment(number, by) => {
                text(&[&"ZINCRBY", &"z", by]).into_iter().chain([member(*number)]).collect()
            }
            Step::Remove(numbers) => text(&[&"ZREM", &"z"])
                .into_iter()
                .chain(numbers.iter().map(|number| member(*number)))
                .collect(),
            Step::RemoveRanks(from, to) => text(&[&"ZREMRANGEBYRANK", &"z", from, to]),
            Step::RemoveScores(from, to) => text(&[&"ZREMRANGEBYSCORE", &"z", from, to]),
            Step::PopMin(count) => text(&[&"ZPOPMIN", &"z", count]),
            Step::PopMax(count) => text(&[&"ZPOPMAX", &"z", count]),
            Step::Fill(from, count, score) => {
                let pairs =
                    (*from..from + count).flat_map(|number| [score.to_string().into_bytes(), member(number)]);
                text(&[&"ZADD", &"z"]).into_iter().chain(pairs).collect()
            }
        }
    }

    fn run(&self, model: &mut Model) {
        let remove_at = |model: &mut Model, at: std::ops::Range<usize>| {
            for (_, member) in &listed(model)[at] {
                model.remove(member);
            }
        };
        let len = model.len();
        match self {
            Step::Add(pairs) => pairs.iter().for_each(|(number, score)| {
                model.insert(member(*number), f64::from(*score));
            }),
            Step::Increment(number, by) => *model.entry(member(*number)).or_insert(0.0) += f64::from(*by),
            Step::Remove(numbers) => numbers.iter().for_each(|number| {
                model.remove(&member(*number));
            }),
            Step::RemoveRanks(from, to) => {
                let place = |at: i64| if at < 0 { at + len as i64 } else { at };
                let (from, end) =
                    (place(*from).max(0) as usize, (place(*to) + 1).clamp(0, len as i64) as usize);
                if from < end {
                    remove_at(model, from..end);
                }
            }
            Step::RemoveScores(from, to) => {
                model.retain(|_, score| *score < f64::from(*from) || *score > f64::from(*to));
            }
            Step::PopMin(count) => remove_at(model, 0..len.min(usize::from(*count))),
            Step::PopMax(count) => remove_at(model, len.saturating_sub(usize::from(*count))..len),
            Step::Fill(from, count, score) => (*from..from + count).for_each(|number| {
                model.insert(member(number), f64::from(*score));
            }),
        }
    }
}

/// All members as ZRANGE shows them.
fn shown(model: &Model) -> String {
    let words =
        listed(model).into_iter().flat_map(|(score, member)| [quoted(&member), format!("\"{score}\"")]);
    let lines: Vec<String> = words.enumerate().map(|(nth, word)| format!("{}) {word}", nth + 1)).collect();
    if lines.is_empty() { "(empty array)".to_owned() } else { lines.join("\n") }
}

fn hold(steps: &[(Step, Option<usize>)]) {
    let mut session = Session::new(1);
    let mut model = Model::new();
    for (step, allocations) in steps {
        let words = step.words();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        session.fail_allocations_after(*allocations);
        let reply = session.call(&words);
        session.fail_allocations_after(None);
        if reply != OUT_OF_MEMORY {
            step.run(&mut model);
        }
        let found = session.run("ZRANGE z 0 -1 WITHSCORES");
        let found: Vec<&str> = found.lines().map(str::trim_start).collect();
        assert_eq!(found, shown(&model).lines().collect::<Vec<_>>(), "after {step:?}");
        session.verify();
        for (rank, (score, member)) in listed(&model).into_iter().enumerate().step_by(29) {
            assert_eq!(session.call(&[b"ZRANK", b"z", &member]), format!("(integer) {rank}"));
            assert_eq!(session.call(&[b"ZSCORE", b"z", &member]), format!("\"{score}\""));
        }
        assert_eq!(session.run("ZSCORE z nobody"), "(nil)");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn commands_agree_with_a_sorted_list(steps in proptest::collection::vec((step(), Just(None)), 1..30)) {
        hold(&steps);
    }

    #[test]
    fn without_memory_nothing_happens(
        steps in proptest::collection::vec((step(), proptest::option::of(0..9_usize)), 1..30),
    ) {
        hold(&steps);
    }
}

/// Pairs of members whose hashes have the same upper halves.
fn colliding(hasher: StoredHasher, pairs: usize) -> Vec<[String; 2]> {
    let (mut seen, mut found) = (HashMap::new(), Vec::new());
    for number in 0_u64.. {
        let member = format!("member:{number}");
        match seen.insert(hasher.hash(member.as_bytes()) >> 32, member.clone()) {
            Some(twin) => found.push([twin, member]),
            None => continue,
        }
        if found.len() == pairs {
            break;
        }
    }
    found
}

#[test]
fn members_with_the_same_hash_are_told_apart() {
    let hasher = StoredHasher::new([7; 16]);
    let (mut heap, mut zset) = (Heap::in_memory(8 << 20), Zset::empty(hasher));
    let limits = Encodings::default();
    let put = |heap: &mut Heap, zset: &mut Zset, member: &str, score: f64| {
        let mut spot = zset.find(heap, member.as_bytes());
        match spot.score() {
            None => zset.add(heap, &mut spot, score, &limits).expect("room"),
            Some(_) => zset.set_score(heap, &mut spot, score).expect("room"),
        }
    };
    let check = |heap: &mut Heap, zset: &Zset| {
        heap.commit();
        let mut blocks = Vec::new();
        let visit = &mut |block| {
            blocks.push(block);
            Ok(())
        };
        zset.verify(heap, visit).expect("sound trees");
        heap.verify(blocks).expect("no lost blocks");
    };
    for nth in 0..300 {
        put(&mut heap, &mut zset, &format!("other:{nth}"), f64::from(nth % 3));
    }
    let pairs = colliding(hasher, 4);
    // Whoever comes second comes before or behind the first one in the order of hashes.
    for scores in [[1.0, 2.0], [2.0, 1.0]] {
        for pair in &pairs {
            for (member, score) in pair.iter().zip(scores) {
                put(&mut heap, &mut zset, member, score);
                check(&mut heap, &zset);
            }
            for member in pair {
                let mut spot = zset.find(&heap, member.as_bytes());
                zset.remove(&mut heap, &mut spot).expect("room in the log");
                check(&mut heap, &zset);
            }
        }
    }
    // The same scores, then others, then the same again, in another order.
    for scores in [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [5.0, 5.0], [-1.0, -1.0]] {
        for pair in &pairs {
            for (member, score) in pair.iter().zip(scores) {
                put(&mut heap, &mut zset, member, score);
                check(&mut heap, &zset);
            }
            for (member, score) in pair.iter().zip(scores) {
                assert_eq!(zset.score(&heap, member.as_bytes()), Some(score));
            }
        }
        let mut met = HashMap::new();
        let mut cursor = 0;
        loop {
            cursor = zset.scan(&heap, cursor, 10, |item| {
                *met.entry(item.text.view(&heap).contiguous().into_owned()).or_insert(0) += 1;
            });
            if cursor == 0 {
                break;
            }
        }
        assert!(met.len() == zset.len() && met.values().all(|times| *times == 1));
    }
    for [one, other] in &pairs {
        let mut spot = zset.find(&heap, one.as_bytes());
        zset.remove(&mut heap, &mut spot).expect("room in the log");
        check(&mut heap, &zset);
        assert_eq!(zset.score(&heap, one.as_bytes()), None);
        assert_eq!(zset.score(&heap, other.as_bytes()), Some(-1.0));
    }
    let ranks = zset.ranks_by_score(&heap, Bound::Included(-1.0), Bound::Included(-1.0));
    assert_eq!(ranks.len(), pairs.len());
    zset.remove_range(&mut heap, ranks).expect("room");
    check(&mut heap, &zset);
    assert_eq!(zset.len(), 300);
}
