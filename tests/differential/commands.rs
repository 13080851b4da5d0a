//! Calls: mostly well formed, some with a word too many, too few or out of place.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::Union;

use crate::streams::streams;
use crate::words::*;
use crate::zsets;

/// One command with its words.
#[derive(Clone)]
pub struct Call {
    words: Vec<Word>,
    case: Case,
}

impl Call {
    /// The bytes of its words, as the call at `place`.
    pub fn words(&self, place: usize) -> Vec<Vec<u8>> {
        self.words.iter().map(|word| word.bytes(self.case, place)).collect()
    }
}

/// As a line of a behaviour test.
impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.words(0), out)
    }
}

/// A call, perhaps with something wrong in it.
fn call(theme: Theme) -> impl Strategy<Value = Call> {
    let case = prop_oneof![8 => Just(Case::Upper), 1 => Just(Case::Lower), 1 => Just(Case::Mixed)];
    let slip = proptest::option::weighted(0.12, (slip(), any::<Index>(), any::<Index>()));
    (well_formed(theme), case, slip).prop_map(|(mut words, case, slip)| {
        if let Some((slip, at, other)) = slip {
            let (at, other) = (at.index(words.len()), other.index(words.len()));
            match slip {
                Slip::Drop if words.len() > 1 => drop(words.remove(at)),
                Slip::Drop => {}
                Slip::Twice => words.insert(at, words[at].clone()),
                Slip::Swap => words.swap(at, other),
                Slip::Insert(mut word) => words.insert(at + 1, word.remove(0)),
                Slip::Replace(mut word) => words[at] = word.remove(0),
            }
        }
        Call { words, case }
    })
}

#[derive(Debug, Clone)]
enum Slip {
    Drop,
    Twice,
    Swap,
    Insert(Vec<Word>),
    Replace(Vec<Word>),
}

impl fmt::Debug for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&[self.bytes(Case::Upper, 0)], out)
    }
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        2 => Just(Slip::Drop),
        1 => Just(Slip::Twice),
        1 => Just(Slip::Swap),
        2 => stranger().prop_map(Slip::Insert),
        2 => stranger().prop_map(Slip::Replace),
    ]
}

/// What the calls of a conversation are about: how often each kind comes.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    pub size: Size,
    pub spread: Spread,
    pub strings: u32,
    pub numbers: u32,
    pub ranges: u32,
    pub bits: u32,
    pub sketches: u32,
    pub deadlines: u32,
    pub hashes: u32,
    pub keys: u32,
    pub databases: u32,
    pub looks: u32,
    pub sets: u32,
    pub sorts: u32,
    pub transactions: u32,
    pub others: u32,
    pub streams: u32,
    pub zsets: u32,
    pub places: u32,
}

impl Theme {
    /// A bit of everything.
    const MIXED: Theme = Theme {
        size: Size::Small,
        spread: Spread::Wide,
        strings: 24,
        numbers: 12,
        ranges: 10,
        bits: 10,
        sketches: 6,
        deadlines: 12,
        hashes: 12,
        keys: 14,
        databases: 8,
        looks: 8,
        sets: 10,
        sorts: 0,
        transactions: 8,
        others: 8,
        streams: 4,
        zsets: 12,
        places: 4,
    };
    /// Few calls of others, on two keys: what one call leaves, the next one meets.
    const NARROW: Theme = Theme {
        spread: Spread::Narrow,
        strings: 2,
        numbers: 1,
        ranges: 1,
        bits: 1,
        sketches: 0,
        deadlines: 1,
        hashes: 1,
        keys: 1,
        databases: 1,
        looks: 1,
        sets: 1,
        sorts: 0,
        transactions: 1,
        others: 0,
        streams: 0,
        zsets: 1,
        places: 0,
        ..Theme::MIXED
    };
}

/// Themes and how often they come.
pub const THEMES: [(u32, Theme); 18] = [
    (4, Theme::MIXED),
    (2, Theme { spread: Spread::Narrow, ..Theme::MIXED }),
    (2, Theme { strings: 20, ..Theme::NARROW }),
    (2, Theme { numbers: 20, ..Theme::NARROW }),
    (2, Theme { ranges: 20, ..Theme::NARROW }),
    (3, Theme { bits: 20, ..Theme::NARROW }),
    (1, Theme { size: Size::Large, bits: 10, ..Theme::NARROW }),
    (2, Theme { strings: 1, ranges: 0, bits: 0, sketches: 20, ..Theme::NARROW }),
    (3, Theme { hashes: 30, strings: 0, ..Theme::NARROW }),
    (3, Theme { deadlines: 20, strings: 8, databases: 0, ..Theme::NARROW }),
    (2, Theme { looks: 20, strings: 10, spread: Spread::Wide, ..Theme::NARROW }),
    (3, Theme { sets: 30, keys: 4, ..Theme::NARROW }),
    (2, Theme { sets: 20, sorts: 20, numbers: 0, spread: Spread::Wide, ..Theme::NARROW }),
    (3, Theme { transactions: 12, strings: 12, numbers: 4, databases: 3, keys: 4, ..Theme::NARROW }),
    (1, Theme { size: Size::Large, ranges: 10, ..Theme::NARROW }),
    (4, Theme { streams: 60, databases: 0, ..Theme::NARROW }),
    (4, Theme { zsets: 40, databases: 0, ..Theme::NARROW }),
    (2, Theme { places: 30, zsets: 3, databases: 0, ..Theme::NARROW }),
];

fn well_formed(theme: Theme) -> Words {
    let Theme { size, spread, .. } = theme;
    let choices = [
        (theme.strings, strings(size, spread)),
        (theme.numbers, numbers(spread)),
        (theme.ranges, ranges(size, spread)),
        (theme.bits, bits(size, spread)),
        // Of several elements the reference server keeps those before a damaged place.
        (theme.sketches, sketches(spread, if theme.bits == 0 { 6 } else { 2 })),
        (theme.deadlines, deadlines(spread)),
        (theme.hashes, hashes(size, spread)),
        (theme.keys, keys(spread)),
        (theme.databases, databases(spread)),
        (theme.looks, looks(spread)),
        (theme.sets, sets(spread)),
        (theme.sorts, sorts(spread)),
        (theme.transactions, transactions(spread)),
        (theme.streams, streams(spread)),
        (theme.zsets, zsets::all_of(spread)),
        (theme.places, zsets::places()),
        (theme.others, any_of(vec![connection(spread), connection(spread), spelled_keys(size, spread)])),
    ];
    Union::new_weighted(choices.into_iter().filter(|(weight, _)| *weight > 0).collect()).boxed()
}

/// `name` with the words of `parts`.
pub fn command(command: &'static str, parts: Vec<Words>) -> Words {
    all(std::iter::once(name(command)).chain(parts).collect())
}

/// The same for several names.
pub fn commands(names: &[&'static str], parts: &[Words]) -> Words {
    any_of(names.iter().map(|name| command(name, parts.to_vec())).collect())
}

fn times() -> Vec<Words> {
    vec![
        all(vec![name("EX"), time_to_live(false)]),
        all(vec![name("PX"), time_to_live(true)]),
        all(vec![name("EXAT"), unix_time(false)]),
        all(vec![name("PXAT"), unix_time(true)]),
    ]
}

fn strings(size: Size, spread: Spread) -> Words {
    let value = || value(size);
    let any_name = |names: &[&'static str]| names.iter().map(|option| name(option)).collect::<Vec<_>>();
    let set_options = some_of([times(), any_name(&["NX", "XX", "GET", "KEEPTTL"])].concat());
    let getex_options = some_of([times(), any_name(&["PERSIST"])].concat());
    let pair = || all(vec![key(spread), value()]);
    Union::new_weighted(vec![
        (6, command("SET", vec![key(spread), value()])),
        (6, command("SET", vec![key(spread), value(), set_options])),
        (3, command("GET", vec![key(spread)])),
        (3, command("GETEX", vec![key(spread), getex_options])),
        (1, command("GETDEL", vec![key(spread)])),
        (2, commands(&["GETSET", "SETNX", "APPEND"], &[key(spread), value()])),
        (1, command("SETEX", vec![key(spread), time_to_live(false), value()])),
        (1, command("PSETEX", vec![key(spread), time_to_live(true), value()])),
        (2, command("MGET", vec![repeated(key(spread), 1..5)])),
        (2, commands(&["MSET", "MSETNX"], &[repeated(pair(), 1..4)])),
        (1, command("STRLEN", vec![key(spread)])),
    ])
    .boxed()
}

fn numbers(spread: Spread) -> Words {
    let start = any_of(vec![integer(), float()]);
    any_of(vec![
        command("SET", vec![key(spread), start]),
        commands(&["INCR", "DECR"], &[key(spread)]),
        commands(&["INCRBY", "DECRBY"], &[key(spread), integer()]),
        command("INCRBYFLOAT", vec![key(spread), float()]),
        command("INCRBYFLOAT", vec![key(spread), float()]),
    ])
}

fn ranges(size: Size, spread: Spread) -> Words {
    let lcs_options = some_of(vec![
        name("LEN"),
        name("IDX"),
        name("WITHMATCHLEN"),
        all(vec![name("MINMATCHLEN"), integer()]),
    ]);
    let mut choices = vec![
        (3, commands(&["GETRANGE", "SUBSTR"], &[key(spread), offset(size), offset(size)])),
        (2, command("SETRANGE", vec![key(spread), offset(size), value(size)])),
        (1, command("APPEND", vec![key(spread), value(size)])),
    ];
    // It takes time and memory by the product of the lengths.
    if size == Size::Small {
        choices.push((3, command("LCS", vec![key(spread), key(spread), lcs_options])));
    }
    Union::new_weighted(choices).boxed()
}

fn bits(size: Size, spread: Spread) -> Words {
    let operation = any_of(["AND", "OR", "XOR", "NOT"].map(name).to_vec());
    let unit = || any_of(vec![name("BIT"), name("BIT"), name("BYTE"), stranger()]);
    let ends = || all(vec![offset(size), offset(size)]);
    let overflow = all(vec![name("OVERFLOW"), any_of(["WRAP", "SAT", "FAIL"].map(name).to_vec())]);
    let place = || all(vec![field_type(), field_offset(size)]);
    let get = || all(vec![name("GET"), place()]);
    let write = all(vec![any_of(vec![name("SET"), name("INCRBY")]), place(), integer()]);
    let steps = repeated(any_of(vec![get(), overflow, write.clone(), write]), 0..6);
    Union::new_weighted(vec![
        (4, command("SETBIT", vec![key(spread), bit_offset(size), bit()])),
        (2, command("GETBIT", vec![key(spread), bit_offset(size)])),
        (1, command("BITCOUNT", vec![key(spread)])),
        (2, command("BITCOUNT", vec![key(spread), ends()])),
        (2, command("BITCOUNT", vec![key(spread), ends(), unit()])),
        (1, command("BITPOS", vec![key(spread), bit()])),
        (1, command("BITPOS", vec![key(spread), bit(), offset(size)])),
        (1, command("BITPOS", vec![key(spread), bit(), ends()])),
        (2, command("BITPOS", vec![key(spread), bit(), ends(), unit()])),
        (3, command("BITOP", vec![operation, key(spread), repeated(key(spread), 1..4)])),
        (4, command("BITFIELD", vec![key(spread), steps])),
        (1, command("BITFIELD_RO", vec![key(spread), repeated(get(), 0..3)])),
    ])
    .boxed()
}

/// With fewer elements than this at a time.
fn sketches(spread: Spread, elements_end: usize) -> Words {
    let elements = repeated(any_of(vec![integer(), value(Size::Small)]), 0..elements_end);
    let debug = any_of(["DECODE", "DECODE", "ENCODING", "TODENSE", "BOGUS", "GETREG"].map(name).to_vec());
    Union::new_weighted(vec![
        (10, command("PFADD", vec![key(spread), elements])),
        (3, command("PFCOUNT", vec![key(spread)])),
        (2, command("PFCOUNT", vec![repeated(key(spread), 1..4)])),
        (2, command("PFMERGE", vec![repeated(key(spread), 1..4)])),
        (2, command("PFDEBUG", vec![debug, key(spread)])),
        (1, command("GET", vec![key(spread)])),
    ])
    .boxed()
}

fn deadlines(spread: Spread) -> Words {
    let names = || ["NX", "XX", "GT", "LT"].map(name).to_vec();
    let conditions = || any_of(vec![all(vec![]), any_of(names()), any_of(names()), some_of(names())]);
    any_of(vec![
        command("EXPIRE", vec![key(spread), time_to_live(false), conditions()]),
        command("PEXPIRE", vec![key(spread), time_to_live(true), conditions()]),
        command("EXPIREAT", vec![key(spread), unix_time(false), conditions()]),
        command("PEXPIREAT", vec![key(spread), unix_time(true), conditions()]),
        commands(&["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"], &[key(spread)]),
        command("PERSIST", vec![key(spread)]),
    ])
}

fn hashes(size: Size, spread: Spread) -> Words {
    let (field, value) = (|| field(size), || value(size));
    let pair = || all(vec![field(), value()]);
    let scan_options =
        some_of(vec![all(vec![name("COUNT"), integer()]), all(vec![name("MATCH"), pattern()])]);
    Union::new_weighted(vec![
        (8, command("HSET", vec![key(spread), repeated(pair(), 1..6)])),
        (2, command("HMSET", vec![key(spread), repeated(pair(), 1..3)])),
        (2, command("HSETNX", vec![key(spread), field(), value()])),
        (3, commands(&["HGET", "HSTRLEN", "HEXISTS"], &[key(spread), field()])),
        (2, command("HMGET", vec![key(spread), repeated(field(), 1..5)])),
        (4, commands(&["HGETALL", "HKEYS", "HVALS", "HLEN"], &[key(spread)])),
        (4, command("HDEL", vec![key(spread), repeated(field(), 1..4)])),
        (2, command("HINCRBY", vec![key(spread), field(), integer()])),
        (2, command("HINCRBYFLOAT", vec![key(spread), field(), float()])),
        (1, command("HRANDFIELD", vec![key(spread)])),
        (1, command("HRANDFIELD", vec![key(spread), count(), some_of(vec![name("WITHVALUES")])])),
        (2, command("HSCAN", vec![key(spread), name("0"), scan_options])),
    ])
    .boxed()
}

fn keys(spread: Spread) -> Words {
    let copy_options = some_of(vec![name("REPLACE"), all(vec![name("DB"), database()])]);
    let restore_options = some_of(vec![
        name("REPLACE"),
        name("REPLACE"),
        name("ABSTTL"),
        all(vec![name("IDLETIME"), idle_time()]),
        all(vec![name("FREQ"), integer()]),
    ]);
    let no_deadline = || any_of(vec![name("0"), name("0"), time_to_live(true)]);
    any_of(vec![
        command("DUMP", vec![key(spread)]),
        command("RESTORE", vec![key(spread), no_deadline(), payload(), name("REPLACE")]),
        command(
            "RESTORE",
            vec![key(spread), any_of(vec![no_deadline(), unix_time(true)]), payload(), restore_options],
        ),
        commands(&["DEL", "UNLINK", "EXISTS", "TOUCH"], &[repeated(key(spread), 1..4)]),
        commands(&["RENAME", "RENAMENX"], &[key(spread), key(spread)]),
        command("COPY", vec![key(spread), key(spread), copy_options]),
        command("TYPE", vec![key(spread)]),
        commands(&["RENAME", "COPY"], &[key(spread), key(spread)]),
    ])
}

fn databases(spread: Spread) -> Words {
    let how = any_of(vec![all(vec![]), all(vec![]), name("ASYNC"), name("SYNC")]);
    Union::new_weighted(vec![
        (4, command("SELECT", vec![database()])),
        (3, command("MOVE", vec![key(spread), database()])),
        (2, command("SWAPDB", vec![database(), database()])),
        (1, commands(&["FLUSHDB", "FLUSHALL"], &[how])),
    ])
    .boxed()
}

fn looks(spread: Spread) -> Words {
    let count = all(vec![name("COUNT"), integer()]);
    let kind = all(vec![name("TYPE"), any_of(vec![name("STRING"), name("HASH"), stranger()])]);
    let scan_options = some_of(vec![count, kind, all(vec![name("MATCH"), pattern()])]);
    let from_start = || all(vec![name("0")]);
    let samples = some_of(vec![all(vec![name("SAMPLES"), integer()])]);
    let object = |subcommand| command("OBJECT", vec![name(subcommand), key(spread)]);
    Union::new_weighted(vec![
        (2, command("SCAN", vec![from_start(), scan_options.clone()])),
        (1, command("SCAN", vec![integer(), scan_options])),
        (2, command("KEYS", vec![pattern()])),
        (1, commands(&["DBSIZE", "RANDOMKEY"], &[])),
        (4, object("ENCODING")),
        (2, object("REFCOUNT")),
        (
            1,
            any_of(vec![
                object("IDLETIME"),
                object("FREQ"),
                object("BOGUS"),
                command("OBJECT", vec![name("HELP")]),
            ]),
        ),
        (1, command("MEMORY", vec![name("USAGE"), key(spread), samples])),
        (1, command("MEMORY", vec![name("BOGUS"), key(spread)])),
        (1, command("DEBUG", vec![name("DIGEST-VALUE"), repeated(key(spread), 0..3)])),
    ])
    .boxed()
}

fn sets(spread: Spread) -> Words {
    let some_keys = || repeated(key(spread), 1..4);
    let counted = || {
        let counts = any_of(vec![name("1"), name("2"), integer()]);
        all(vec![counts, repeated(key(spread), 1..3)])
    };
    let limit = || some_of(vec![all(vec![name("LIMIT"), integer()])]);
    let walk = some_of(vec![all(vec![name("COUNT"), integer()]), all(vec![name("MATCH"), pattern()])]);
    Union::new_weighted(vec![
        (8, command("SADD", vec![key(spread), repeated(member(), 1..6)])),
        (3, command("SREM", vec![key(spread), repeated(member(), 1..4)])),
        (2, command("SMOVE", vec![key(spread), key(spread), member()])),
        (1, command("SISMEMBER", vec![key(spread), member()])),
        (1, command("SMISMEMBER", vec![key(spread), repeated(member(), 1..4)])),
        (2, commands(&["SCARD", "SMEMBERS"], &[key(spread)])),
        (1, command("SPOP", vec![key(spread), integer()])),
        (1, command("SRANDMEMBER", vec![key(spread), repeated(integer(), 0..2)])),
        (3, commands(&["SINTER", "SUNION", "SDIFF"], &[some_keys()])),
        (3, commands(&["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"], &[key(spread), some_keys()])),
        (2, command("SINTERCARD", vec![counted(), limit()])),
        (2, command("SSCAN", vec![key(spread), name("0"), walk])),
    ])
    .boxed()
}

/// What has an order of its own is asked of SORT, the rest of SORT_RO.
fn sorts(spread: Spread) -> Words {
    let limit = || all(vec![name("LIMIT"), integer(), integer()]);
    let patterns = || any_of(["*", "{a}*", "#", "*->x", "nosort", "b"].map(name).to_vec());
    let get = || all(vec![name("GET"), patterns()]);
    let ordered = || some_of(vec![limit(), get(), name("ASC"), name("DESC"), name("ALPHA"), name("ALPHA")]);
    let by = some_of(vec![all(vec![name("BY"), patterns()]), get(), name("DESC"), name("ALPHA")]);
    Union::new_weighted(vec![
        (4, command("SORT", vec![key(spread), ordered()])),
        (3, command("SORT", vec![key(spread), ordered(), name("STORE"), key(spread)])),
        (3, command("SORT_RO", vec![key(spread), by])),
        (1, command("SORT_RO", vec![key(spread), name("STORE"), key(spread)])),
    ])
    .boxed()
}

fn transactions(spread: Spread) -> Words {
    Union::new_weighted(vec![
        (4, command("MULTI", vec![])),
        (4, command("EXEC", vec![])),
        (1, command("DISCARD", vec![])),
        (3, command("WATCH", vec![repeated(key(spread), 1..3)])),
        (1, command("UNWATCH", vec![])),
    ])
    .boxed()
}

fn connection(spread: Spread) -> Words {
    let client = |parts| command("CLIENT", parts);
    any_of(vec![
        command("PING", vec![repeated(value(Size::Small), 0..2)]),
        command("ECHO", vec![value(Size::Small)]),
        client(vec![name("SETNAME"), key(spread)]),
        client(vec![name("GETNAME")]),
        client(vec![stranger()]),
        client(vec![
            any_of(vec![name("NO-EVICT"), name("SETNAME")]),
            any_of(vec![name("ON"), name("OFF"), stranger()]),
        ]),
        command("RESET", vec![]),
        command("COMMAND", vec![stranger()]),
        all(vec![stranger(), repeated(stranger(), 0..4)]),
    ])
}

/// Where the keys of a command are.
fn spelled_keys(size: Size, spread: Spread) -> Words {
    let inner = any_of(vec![
        strings(size, spread),
        numbers(spread),
        ranges(size, spread),
        bits(size, spread),
        sketches(spread, 3),
        deadlines(spread),
        hashes(size, spread),
        keys(spread),
        databases(spread),
        looks(spread),
        sets(spread),
        sorts(spread),
    ]);
    let asked = any_of(vec![name("GETKEYS"), name("GETKEYSANDFLAGS")]);
    command("COMMAND", vec![asked, inner])
}

/// At least one call, below `count_max`.
pub fn calls(theme: Theme, count_max: usize) -> impl Strategy<Value = Vec<Call>> {
    vec(call(theme), 1..count_max)
}
