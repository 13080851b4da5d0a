//! Calls about sorted sets and places.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use crate::commands::{command, commands};
use crate::words::*;

fn weighted(choices: Vec<(u32, Words)>) -> Words {
    Union::new_weighted(choices).boxed()
}

fn nothing() -> Words {
    all(vec![])
}

fn perhaps(words: Words) -> Words {
    any_of(vec![nothing(), words])
}

fn names(names: &[&'static str]) -> Words {
    any_of(names.iter().map(|text| name(text)).collect())
}

/// Few, so that calls meet.
fn member() -> Words {
    let short = texts(&["a", "b", "c", "d", "e", "f", "10", ""]);
    let long = bytes(select(vec![vec![b'x'; 64], vec![b'x'; 65], vec![b'y'; 300]]));
    weighted(vec![(20, short), (1, long)])
}

fn score() -> Words {
    let small = bytes((-3i32..4).prop_map(|number| number.to_string().into_bytes()));
    let odd =
        texts(&["-0", "0.1", "1e17", "-inf", "inf", "+inf", "1.5", "3e-7", "9007199254740993", "1e308"]);
    weighted(vec![(12, small), (4, odd), (2, float())])
}

fn bound() -> Words {
    let open = score().prop_map(|mut words| {
        if let Some(Word::Bytes(bytes)) = words.first_mut() {
            bytes.insert(0, b'(');
        }
        words
    });
    any_of(vec![score(), open.boxed(), texts(&["-inf", "+inf", "(", "((1", " 1"])])
}

fn lex_bound() -> Words {
    texts(&["-", "+", "[a", "(a", "[b", "(c", "[d", "(e", "[", "(", "a", "[xx", "", "+x"])
}

fn limit() -> Words {
    all(vec![name("LIMIT"), integer(), integer()])
}

fn with_scores() -> Words {
    perhaps(name("WITHSCORES"))
}

/// Keys whose members all have the same score: else the order of members says nothing.
fn lex_key() -> Words {
    texts(&["lex", "lexicon"])
}

pub fn all_of(spread: Spread) -> Words {
    weighted(vec![(8, changes(spread)), (6, reads(spread)), (4, algebra(spread)), (2, lex())])
}

fn changes(spread: Spread) -> Words {
    let pair = || all(vec![score(), member()]);
    let options = || some_of(["NX", "XX", "GT", "LT", "CH", "INCR"].map(name).to_vec());
    let numkeys = |count: usize| bytes(Just(count.to_string().into_bytes()));
    let count = || perhaps(all(vec![name("COUNT"), integer()]));
    weighted(vec![
        (8, command("ZADD", vec![key(spread), repeated(pair(), 1..6)])),
        (4, command("ZADD", vec![key(spread), options(), repeated(pair(), 1..3)])),
        (3, command("ZINCRBY", vec![key(spread), score(), member()])),
        (3, command("ZREM", vec![key(spread), repeated(member(), 1..4)])),
        (1, command("ZREMRANGEBYRANK", vec![key(spread), integer(), integer()])),
        (1, command("ZREMRANGEBYSCORE", vec![key(spread), bound(), bound()])),
        (1, commands(&["ZPOPMIN", "ZPOPMAX"], &[key(spread), perhaps(integer())])),
        (1, command("ZMPOP", vec![numkeys(2), key(spread), key(spread), names(&["MIN", "MAX"]), count()])),
        (
            1,
            command(
                "ZRANGESTORE",
                vec![key(spread), key(spread), integer(), integer(), perhaps(name("REV"))],
            ),
        ),
        (
            1,
            command(
                "ZRANGESTORE",
                vec![key(spread), key(spread), bound(), bound(), name("BYSCORE"), perhaps(limit())],
            ),
        ),
    ])
}

fn reads(spread: Spread) -> Words {
    let key = || key(spread);
    let by_score = || some_of(vec![limit(), name("WITHSCORES")]);
    weighted(vec![
        (3, commands(&["ZRANGE", "ZREVRANGE"], &[key(), integer(), integer(), with_scores()])),
        (
            2,
            command(
                "ZRANGE",
                vec![key(), integer(), integer(), some_of(vec![name("REV"), name("WITHSCORES")])],
            ),
        ),
        (3, commands(&["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"], &[key(), bound(), bound(), by_score()])),
        (
            2,
            command(
                "ZRANGE",
                vec![key(), bound(), bound(), name("BYSCORE"), some_of(vec![name("REV"), limit()])],
            ),
        ),
        (3, commands(&["ZRANK", "ZREVRANK", "ZSCORE"], &[key(), member()])),
        (1, command("ZMSCORE", vec![key(), repeated(member(), 1..4)])),
        (1, command("ZCARD", vec![key()])),
        (2, command("ZCOUNT", vec![key(), bound(), bound()])),
        (1, command("ZRANDMEMBER", vec![key(), integer(), with_scores()])),
        (1, command("ZSCAN", vec![key(), name("0"), perhaps(all(vec![name("MATCH"), pattern()]))])),
        (1, command("OBJECT", vec![name("ENCODING"), key()])),
    ])
}

fn algebra(spread: Spread) -> Words {
    let keys = move |count: usize| {
        let numkeys = bytes(Just(count.to_string().into_bytes()));
        all(vec![numkeys, all((0..count).map(|_| key(spread)).collect())])
    };
    let options = |count: usize| {
        let weights = all(vec![name("WEIGHTS"), all((0..count).map(|_| score()).collect())]);
        let aggregate = all(vec![name("AGGREGATE"), names(&["SUM", "MIN", "MAX"])]);
        some_of(vec![weights, aggregate])
    };
    let of = |count: usize| {
        weighted(vec![
            (2, commands(&["ZUNION", "ZINTER"], &[keys(count), options(count), with_scores()])),
            (2, commands(&["ZUNIONSTORE", "ZINTERSTORE"], &[key(spread), keys(count), options(count)])),
            (1, command("ZDIFF", vec![keys(count), with_scores()])),
            (1, command("ZDIFFSTORE", vec![key(spread), keys(count)])),
            (1, command("ZINTERCARD", vec![keys(count), perhaps(all(vec![name("LIMIT"), integer()]))])),
        ])
    };
    any_of(vec![of(1), of(2), of(3)])
}

fn lex() -> Words {
    let pair = || all(vec![name("0"), member()]);
    let ends = || vec![lex_key(), lex_bound(), lex_bound()];
    let with = |more: Vec<Words>| [ends(), more].concat();
    weighted(vec![
        (3, command("ZADD", vec![lex_key(), repeated(pair(), 1..6)])),
        (1, commands(&["ZRANGEBYLEX", "ZREVRANGEBYLEX"], &with(vec![perhaps(limit())]))),
        (1, command("ZRANGE", with(vec![name("BYLEX"), some_of(vec![name("REV"), limit()])]))),
        (1, command("ZLEXCOUNT", ends())),
        (1, command("ZREMRANGEBYLEX", ends())),
    ])
}

/// Places in keys of their own: any other score is a place by accident of the machine.
pub fn places() -> Words {
    let key = || texts(&["here", "there"]);
    let degrees = |range: std::ops::Range<f64>| bytes(range.prop_map(|at| format!("{at:.6}").into_bytes()));
    let near = || all(vec![degrees(13.0..14.0), degrees(37.0..38.0)]);
    let anywhere = || all(vec![degrees(-185.0..185.0), degrees(-90.0..90.0)]);
    let place = || weighted(vec![(6, near()), (2, anywhere()), (1, all(vec![float(), float()]))]);
    let length = || {
        let usual = bytes((0.0..7.0f64).prop_map(|power| format!("{:.3}", 10f64.powf(power)).into_bytes()));
        weighted(vec![(6, usual), (1, texts(&["0", "-1", "x", "1e20", "50", "100000"]))])
    };
    let unit = || names(&["M", "KM", "FT", "MI"]);
    let radius = || all(vec![length(), unit()]);
    let shape = || {
        any_of(vec![
            all(vec![name("BYRADIUS"), radius()]),
            all(vec![name("BYBOX"), length(), length(), unit()]),
        ])
    };
    let from =
        || any_of(vec![all(vec![name("FROMLONLAT"), place()]), all(vec![name("FROMMEMBER"), member()])]);
    let remarks = || some_of(["WITHCOORD", "WITHDIST", "WITHHASH"].map(name).to_vec());
    let order = || perhaps(names(&["ASC", "DESC"]));
    let count = || {
        let count = any_of(vec![texts(&["1", "2", "5"]), integer()]);
        perhaps(all(vec![name("COUNT"), count, perhaps(name("ANY"))]))
    };
    let options = || all(vec![remarks(), order(), count()]);
    weighted(vec![
        (
            8,
            command(
                "GEOADD",
                vec![
                    key(),
                    perhaps(names(&["NX", "XX", "CH"])),
                    repeated(all(vec![place(), member()]), 1..6),
                ],
            ),
        ),
        (2, commands(&["GEOPOS", "GEOHASH"], &[key(), repeated(member(), 0..4)])),
        (2, command("GEODIST", vec![key(), member(), member(), perhaps(unit())])),
        (6, command("GEOSEARCH", vec![key(), from(), shape(), options()])),
        (
            3,
            command(
                "GEOSEARCHSTORE",
                vec![key(), key(), from(), shape(), order(), count(), perhaps(name("STOREDIST"))],
            ),
        ),
        (2, commands(&["GEORADIUS", "GEORADIUS_RO"], &[key(), place(), radius(), options()])),
        (
            2,
            commands(&["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"], &[key(), member(), radius(), options()]),
        ),
        (
            1,
            command(
                "GEORADIUS",
                vec![key(), place(), radius(), order(), count(), names(&["STORE", "STOREDIST"]), key()],
            ),
        ),
        (1, command("ZRANGE", vec![key(), name("0"), name("-1"), name("WITHSCORES")])),
    ])
}
