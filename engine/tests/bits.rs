//! Random commands on bits and HyperLogLogs agree with the model, also when memory runs out in the middle of
//! them, and who repeats their effects has the same data.

mod common;

use engine::command::effect::Effect;
use engine::testing::Session;
use proptest::prelude::*;

use common::{Bytes, Model, data_of, of_len, word, words};

const OUT_OF_MEMORY: &str = "(error) OOM command not allowed when used memory > 'maxmemory'.";

type Request = Vec<Bytes>;

/// Keys of bitmaps are not those of HyperLogLogs; the last one is too long to lie inside its entry.
fn key(number: u8) -> Bytes {
    if number == 3 { of_len(5_000, b'k') } else { word(format!("bits:{number}")) }
}

fn sketch(number: u8) -> Bytes {
    if number == 3 { of_len(6_000, b's') } else { word(format!("sketch:{number}")) }
}

/// The number of a bit: mostly near the beginning.
fn bit() -> impl Strategy<Value = Bytes> {
    prop_oneof![6 => 0..100_u32, 3 => 0..6_000_u32, 1 => 0..600_000_u32].prop_map(word)
}

fn on_bitmaps() -> impl Strategy<Value = Request> {
    let keys = || (0..4_u8).prop_map(key);
    let name = |name: &'static str| word(name);
    let value = prop_oneof![3 => 0..50_usize, 2 => 100..3_000_usize, 1 => 16_000..40_000_usize];
    let field = (1..=63_u32).prop_map(|bits| word(format!("u{bits}")));
    let number = prop_oneof![0..10_i64, any::<i32>().prop_map(i64::from)].prop_map(word);
    let step = prop_oneof![Just("SET"), Just("INCRBY")].prop_map(word);
    let operation = prop_oneof![Just("AND"), Just("OR"), Just("XOR")].prop_map(word);
    prop_oneof![
        4 => (keys(), bit(), 0..2_u8)
            .prop_map(move |(key, bit, value)| vec![name("SETBIT"), key, bit, word(value)]),
        4 => (keys(), step, field, bit(), number)
            .prop_map(move |(key, step, field, bit, number)| vec![name("BITFIELD"), key, step, field, bit, number]),
        3 => (operation, keys(), proptest::collection::vec(keys(), 1..4))
            .prop_map(move |(operation, to, from)| [vec![name("BITOP"), operation, to], from].concat()),
        1 => (keys(), keys()).prop_map(move |(to, from)| vec![name("BITOP"), word("NOT"), to, from]),
        2 => (keys(), value, any::<u8>())
            .prop_map(move |(key, len, first)| vec![name("SET"), key, of_len(len, first)]),
        1 => (keys(), 1_000..9_000_u32).prop_map(move |(key, ms)| vec![name("PEXPIRE"), key, word(ms)]),
        1 => keys().prop_map(move |key| vec![name("DEL"), key]),
        1 => keys().prop_map(move |key| vec![name("GET"), key]),
    ]
}

fn on_sketches() -> impl Strategy<Value = Request> {
    let keys = || (0..4_u8).prop_map(sketch);
    let name = |name: &'static str| word(name);
    let few = || proptest::collection::vec((0..40_u32).prop_map(word), 0..5);
    let many = (0..3_000_u32, 1..900_u32).prop_map(|(from, count)| (from..from + count).map(word).collect());
    let elements = prop_oneof![6 => few(), 1 => many];
    prop_oneof![
        6 => (keys(), elements).prop_map(move |(key, elements)| [vec![name("PFADD"), key], elements].concat()),
        3 => keys().prop_map(move |key| vec![name("PFCOUNT"), key]),
        2 => proptest::collection::vec(keys(), 1..4)
            .prop_map(move |keys| [vec![name("PFMERGE")], keys].concat()),
        1 => (keys(), 1_000..9_000_u32).prop_map(move |(key, ms)| vec![name("PEXPIRE"), key, word(ms)]),
        1 => keys().prop_map(move |key| vec![name("DEL"), key]),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![on_bitmaps(), on_sketches()]
}

fn hold(requests: &[(Request, Option<usize>)], shards: usize) {
    let mut session = Session::new(shards);
    let mut model = Model::new(session.now_ms());
    let mut replica = Session::new(shards);
    for (request, allocations) in requests {
        let before = model.clone();
        let expected = model.call(request);
        session.fail_allocations_after(*allocations);
        let reply = session.call(&words(request));
        session.fail_allocations_after(None);
        if allocations.is_some() && reply == OUT_OF_MEMORY {
            model = before;
        } else {
            assert_eq!(reply, expected, "{request:?}");
        }
        for shard in 0..shards {
            let effects: Vec<Effect> = session.shards()[shard].effects_mut().take().0;
            // The second time changes nothing.
            effects.iter().for_each(|effect| {
                replica.repeat(shard, std::slice::from_ref(effect));
                replica.repeat(shard, std::slice::from_ref(effect));
            });
        }
    }
    assert_eq!(&data_of(&mut session), model.live());
    assert_eq!(&data_of(&mut replica), model.live());
    session.verify();
    replica.verify();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn commands_agree_with_the_model(
        requests in proptest::collection::vec((request(), Just(None)), 1..50),
        shards in 1..4_usize,
    ) {
        hold(&requests, shards);
    }

    #[test]
    fn without_memory_nothing_happens(
        requests in proptest::collection::vec((request(), proptest::option::of(0..6_usize)), 1..50),
        shards in 1..4_usize,
    ) {
        hold(&requests, shards);
    }
}
