//! Words that requests are made of, chosen to meet each other and to lie at the edges.

use std::fmt::{self, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

/// A word of a request.
#[derive(Clone)]
pub enum Word {
    /// The name of a command or an option: its case may change.
    Name(&'static str),
    Bytes(Vec<u8>),
    /// A time to live, in this many steps of hours. The place of its call in the conversation makes it differ by
    /// seconds from all others: what GT and LT say does not depend on the clock.
    Seconds(u32),
    Milliseconds(u32),
}

/// How names are written.
#[derive(Debug, Clone, Copy)]
pub enum Case {
    Upper,
    Lower,
    Mixed,
}

impl Word {
    /// The bytes of a word of the call at `place`.
    pub fn bytes(&self, case: Case, place: usize) -> Vec<u8> {
        let seconds = |step: u32| 10_000 * (u64::from(step) + 1) + 10 * place as u64;
        match self {
            Word::Bytes(bytes) => bytes.clone(),
            Word::Seconds(step) => seconds(*step).to_string().into_bytes(),
            Word::Milliseconds(step) => (seconds(*step) * 1000).to_string().into_bytes(),
            Word::Name(name) => match case {
                Case::Upper => name.as_bytes().to_vec(),
                Case::Lower => name.to_ascii_lowercase().into_bytes(),
                Case::Mixed => mixed(name),
            },
        }
    }
}

fn mixed(name: &str) -> Vec<u8> {
    let lower = |(at, byte): (usize, u8)| if at % 2 == 0 { byte.to_ascii_lowercase() } else { byte };
    name.bytes().enumerate().map(lower).collect()
}

/// Words in quotes where they need them, as redis-cli takes them and a behaviour test does.
pub fn show(words: &[Vec<u8>], out: &mut impl Write) -> fmt::Result {
    for (nth, word) in words.iter().enumerate() {
        let gap = if nth == 0 { "" } else { " " };
        let plain =
            !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte));
        if plain {
            write!(out, "{gap}{}", String::from_utf8_lossy(word))?;
        } else {
            write!(out, "{gap}\"{}\"", word.escape_ascii())?;
        }
    }
    Ok(())
}

/// Words that may stand in one place of a request: none, one or several.
pub type Words = BoxedStrategy<Vec<Word>>;

pub fn name(name: &'static str) -> Words {
    Just(vec![Word::Name(name)]).boxed()
}

pub fn bytes(word: impl Strategy<Value = Vec<u8>> + 'static) -> Words {
    word.prop_map(|word| vec![Word::Bytes(word)]).boxed()
}

/// One of these.
pub fn texts(list: &'static [&'static str]) -> Words {
    bytes(select(list).prop_map(|text| text.as_bytes().to_vec()))
}

/// One after the other.
pub fn all(parts: Vec<Words>) -> Words {
    parts.prop_map(|parts| parts.concat()).boxed()
}

/// One of them.
pub fn any_of(choices: Vec<Words>) -> Words {
    Union::new(choices).boxed()
}

/// Some of them, in any order; the same one may come twice.
pub fn some_of(choices: Vec<Words>) -> Words {
    vec(Union::new(choices), 0..4).prop_map(|parts| parts.concat()).boxed()
}

/// So many of them.
pub fn repeated(part: Words, counts: std::ops::Range<usize>) -> Words {
    vec(part, counts).prop_map(|parts| parts.concat()).boxed()
}

/// Over how many keys the calls of a conversation are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Two: nearly every call meets what an earlier one left.
    Narrow,
    /// Some, odd and long ones among them.
    Wide,
}

/// Few, so that calls meet. Some share a shard by their tag.
pub fn key(spread: Spread) -> Words {
    if spread == Spread::Narrow {
        return texts(&["a", "b"]);
    }
    let long = bytes(Just(vec![b'k'; 300]));
    let odd = bytes(select(vec![vec![], b"\0\xff\r\n".to_vec(), b"a b".to_vec(), b"{a}*[?".to_vec()]));
    Union::new_weighted(vec![(12, texts(&["a", "b", "c", "{a}d", "e"])), (2, odd), (1, long)]).boxed()
}

/// A member of a set, one of few.
pub fn member() -> Words {
    let small = bytes((-3i64..12).prop_map(|number| number.to_string().into_bytes()));
    let long = bytes((0u8..3).prop_map(|last| [vec![b'm'; 300], vec![b'0' + last]].concat()));
    Union::new_weighted(vec![
        (6, small),
        (4, texts(&["a", "b", "c", "d", "", "01", "1.5", "A", "ab", "a b"])),
        (1, long),
        (1, edge()),
    ])
    .boxed()
}

/// A field of a hash; few, so that calls meet.
pub fn field(size: Size) -> Words {
    let few = texts(&["a", "b", "c", "d", "e", "1", "22"]);
    let odd =
        bytes(select(vec![vec![], b"\0\xff\r\n".to_vec(), vec![b'f'; 64], vec![b'f'; 65], vec![b'f'; 300]]));
    Union::new_weighted(vec![(12, few), (2, odd), (1, value(size))]).boxed()
}

/// How many random elements are asked for.
pub fn count() -> Words {
    Union::new_weighted(vec![
        (6, bytes((-9i64..9).prop_map(|count| count.to_string().into_bytes()))),
        (1, texts(&["9223372036854775807", "4611686018427387904", "-9223372036854775808"])),
        (1, no_integer()),
    ])
    .boxed()
}

pub fn integer() -> Words {
    let small = bytes((-20i64..20).prop_map(|number| number.to_string().into_bytes()));
    let any = bytes(any::<i64>().prop_map(|number| number.to_string().into_bytes()));
    Union::new_weighted(vec![(6, small), (1, any), (3, edge()), (2, no_integer())]).boxed()
}

/// For how many seconds a key has not been used.
pub fn idle_time() -> Words {
    texts(&["0", "100", "5000", "-1", "1x"])
}

/// Values as RESTORE takes them, some of them damaged.
pub fn payload() -> Words {
    let bodies: [&'static [u8]; 16] = [
        b"\x00\x01v",
        b"\x00\xc0\x0c",
        b"\x00\xc3\x09\x2a\x01aa\xe0\x1d\x00\x01aa",
        b"\x01\x03\x01a\xc0\x07\x00",
        b"\x12\x01\x02\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81b\x02\xff",
        b"\x02\x03\x01a\x01b\xc0\x07",
        b"\x02\x02\xc0\x01\xc0\x02",
        b"\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00",
        b"\x0a\x10\x10\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\xf3\x02\x01z\xff",
        b"\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x02\x00",
        b"\x12\x01\x02\x0d\x0d\x00\x00\x00\x03\x00\x81a\x02\x81b\x02\xff",
        b"\x02\x02\x01a\x01a",
        b"\x01\x00",
        b"\x01\x40\x40\x01a",
        b"\x08\x01a",
        b"",
    ];
    let sealed = move |(body, version): (&[u8], u16)| {
        let mut payload = body.to_vec();
        engine::codec::seal(&mut payload, version);
        payload
    };
    let sound = (select(bodies.to_vec()), select(vec![10_u16, 10, 9, 1, 99])).prop_map(sealed);
    let unsealed =
        select(vec![b"x".to_vec(), Vec::new(), b"\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xcf".to_vec()]);
    Union::new_weighted(vec![(12, bytes(sound)), (1, bytes(unsealed))]).boxed()
}

fn edge() -> Words {
    texts(&[
        "9223372036854775807",
        "9223372036854775806",
        "-9223372036854775808",
        "-9223372036854775807",
        "4611686018427387904",
        "-4611686018427387905",
        "9999",
        "10000",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "4294967296",
        "1000000000000000000",
    ])
}

fn no_integer() -> Words {
    texts(&[
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "",
        "-",
        "+1",
        "-0",
        "01",
        "00",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "abc",
        "1\0",
        "12345678901234567890123456789012345678901234567890",
    ])
}

pub fn float() -> Words {
    let listed = texts(&[
        "inf",
        "-inf",
        "+inf",
        "INF",
        "Infinity",
        "-infinity",
        "infi",
        "nan",
        "-nan",
        "NaN",
        "nan(1)",
        "0x1p-1",
        "0X.8",
        "0x10",
        "-0x1.8P3",
        "0x",
        "0x1p",
        "0x.p1",
        "0x1p+",
        "1e3",
        "1E+3",
        "1e-3",
        "1e",
        "e1",
        "1e400",
        "1e4932",
        "1.2e4932",
        "1e5000",
        "-1e5000",
        "1e-5000",
        "1e-4950",
        "1e-4966",
        "3.7e-4951",
        "0e99999",
        ".5",
        "5.",
        ".",
        "+.5",
        "-.5",
        "--1",
        "+-1",
        " 1.5",
        "1.5 ",
        "1.5\n",
        "\t1",
        "1_000",
        "1,5",
        "",
        "+",
        "-",
        "0",
        "-0",
        "0.0",
        "-0.0",
        "00.10",
        "0.1",
        "0.2",
        "0.3",
        "1.1",
        "10.6",
        "3.0e-2",
        "1e17",
        "1e18",
        "123456789012345678",
        "0.12345678901234567890123",
        "99999999999999999.99999",
        "1e-17",
        "5e-18",
        "4.9e-18",
        "1.5e-17",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "1234567890123456789012345678901234567890.123456789",
        "179769313486231570000000000000000000000",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "1.7976931348623157e308",
        "1e308",
        "3.14159265358979323846264338327950288",
    ]);
    let plain = bytes((-1_000_000i64..1_000_000, 0usize..7).prop_map(|(number, places)| {
        format!("{}.{:0places$}", number / 1000, number.unsigned_abs() % 1000).into_bytes()
    }));
    let scientific = bytes(
        (any::<i64>(), -40i32..40).prop_map(|(number, exponent)| format!("{number}e{exponent}").into_bytes()),
    );
    let double = bytes(any::<f64>().prop_map(|number| number.to_string().into_bytes()));
    let hexadecimal =
        bytes((any::<u32>(), any::<u32>(), -80i32..80).prop_map(|(whole, fraction, exponent)| {
            format!("0x{whole:x}.{fraction:x}p{exponent}").into_bytes()
        }));
    let digits = bytes("-?[0-9]{0,30}\\.?[0-9]{0,30}(e[+-]?[0-9]{1,4})?".prop_map(String::into_bytes));
    Union::new_weighted(vec![
        (6, listed),
        (4, plain),
        (2, scientific),
        (1, double),
        (2, hexadecimal),
        (2, digits),
        (1, integer()),
    ])
    .boxed()
}

/// How large the values of a conversation become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Some hundred bytes.
    Small,
    /// Up to the limit of the servers, [`BULK_LEN_MAX`].
    Large,
}

/// The servers' `proto-max-bulk-len`, the lowest that can be set.
pub const BULK_LEN_MAX: usize = 1024 * 1024;

/// A place in a value.
pub fn offset(size: Size) -> Words {
    let near = bytes((-60i64..60).prop_map(|number| number.to_string().into_bytes()));
    let small = texts(&["127", "128", "255", "256", "-256", "300"]);
    let large = texts(&["4095", "16383", "16384", "-16385", "65536", "131072", "1000000", "-1048576"]);
    let limit = texts(&["1048574", "1048575", "1048576", "1048577"]);
    let beyond =
        texts(&["1048577", "1048600", "536870912", "-536870912", "2147483647", "4294967295", "-4294967297"]);
    let mut choices = vec![(8, near), (1, edge()), (1, no_integer()), (1, beyond)];
    choices.extend(match size {
        Size::Small => vec![(3, small)],
        Size::Large => vec![(4, large), (6, limit)],
    });
    Union::new_weighted(choices).boxed()
}

/// The number of a bit.
pub fn bit_offset(size: Size) -> Words {
    let near = bytes((0u32..100).prop_map(|number| number.to_string().into_bytes()));
    let small = texts(&["255", "256", "351", "352", "1000", "2047", "2048"]);
    let large = texts(&["129999", "130000", "130047", "130048", "524288", "1000000"]);
    let limit = texts(&["8388606", "8388607"]);
    let beyond = texts(&["-1", "8388608", "8388615", "4294967295", "4294967296", "9223372036854775807"]);
    let choices = match size {
        Size::Small => vec![(12, near), (3, small), (1, beyond), (1, no_integer())],
        Size::Large => vec![(6, near), (4, large), (2, limit), (1, beyond), (1, no_integer())],
    };
    Union::new_weighted(choices).boxed()
}

/// Where a field begins: a bit, or the number of a field.
pub fn field_offset(size: Size) -> Words {
    let nth = bytes((0u32..20).prop_map(|number| format!("#{number}").into_bytes()));
    let odd = texts(&["#", "#-1", "##1", "#x", "# 1", "#1048576000"]);
    Union::new_weighted(vec![(6, bit_offset(size)), (4, nth), (1, odd)]).boxed()
}

/// The type of a field.
pub fn field_type() -> Words {
    let sized =
        bytes((any::<bool>(), 1u32..=64).prop_map(|(is_signed, bits)| {
            format!("{}{bits}", if is_signed { 'i' } else { 'u' }).into_bytes()
        }));
    let usual = texts(&["u1", "i1", "u4", "i5", "u8", "i8", "i16", "u32", "u63", "i64"]);
    let odd = texts(&["u64", "i65", "u0", "i-1", "u", "8", "U8", "x8", "u08", "i8\0x", ""]);
    Union::new_weighted(vec![(6, sized), (8, usual), (1, odd)]).boxed()
}

pub fn bit() -> Words {
    Union::new_weighted(vec![(12, texts(&["0", "1"])), (1, texts(&["2", "-1"])), (1, no_integer())]).boxed()
}

pub fn value(size: Size) -> Words {
    let letters =
        |lens: Vec<usize>| bytes((select(lens), b'a'..b'd').prop_map(|(len, letter)| vec![letter; len]));
    // What OBJECT ENCODING says changes between 44 and 45 bytes.
    let borders = letters(vec![1, 2, 19, 20, 21, 43, 44, 45, 46, 63, 64, 65]);
    let mixed = bytes("[abcd]{0,50}".prop_map(String::into_bytes));
    let binary = bytes(vec(any::<u8>(), 0..20));
    let long = match size {
        Size::Small => letters(vec![100, 127, 128, 255, 256, 257]),
        Size::Large => {
            letters(vec![4096, 16_383, 16_384, 16_385, 32_768, 70_000, BULK_LEN_MAX - 1, BULK_LEN_MAX])
        }
    };
    let odd = texts(&["", "*", "NX", "string", "\r\n", "foo bar"]);
    Union::new_weighted(vec![
        (4, integer()),
        (3, float()),
        (3, borders),
        (4, mixed),
        (1, binary),
        (if size == Size::Large { 6 } else { 1 }, long),
        (if size == Size::Large { 6 } else { 1 }, letters(vec![1, 2])),
        (1, odd),
    ])
    .boxed()
}

/// A time to live in seconds or milliseconds: long, or at once, or none. Short ones would end at another moment
/// on each server.
pub fn time_to_live(is_ms: bool) -> Words {
    let long = (0u32..6)
        .prop_map(move |step| vec![if is_ms { Word::Milliseconds(step) } else { Word::Seconds(step) }]);
    let past =
        texts(&["0", "-1", "-1000", "-9223372036854775808", "-9223372036854775807", "-9223372036854775"]);
    let beyond =
        texts(&["9223372036854775807", "9223372036854775806", "9223372036854775", "9223372036854776"]);
    Union::new_weighted(vec![(12, long.boxed()), (1, past), (1, beyond), (1, no_integer())]).boxed()
}

/// A unix time in seconds or milliseconds, long ago or far ahead, and often the same one.
pub fn unix_time(is_ms: bool) -> Words {
    let ahead = texts(if is_ms {
        &["5000000000000", "5000000000000", "5000000000499", "5000000000500", "281474976710655"]
    } else {
        &["5000000000", "5000000000", "5000000000", "281474976710"]
    });
    let past = texts(&["1", "0", "-1", "1000", "1000000000", "-9223372036854775808", "-9223372036854775"]);
    let beyond = texts(if is_ms {
        &["9223372036854775807", "281474976710656", "1000000000000000"]
    } else {
        &["9223372036854775807", "9223372036854775", "9223372036854776", "281474976711", "1000000000000"]
    });
    Union::new_weighted(vec![(16, ahead), (2, past), (2, beyond), (1, no_integer())]).boxed()
}

pub fn database() -> Words {
    let usual = texts(&["0", "1", "2"]);
    let odd = texts(&[
        "15",
        "16",
        "-1",
        "2147483647",
        "2147483648",
        "-2147483649",
        "4294967296",
        "9223372036854775807",
    ]);
    Union::new_weighted(vec![(9, usual), (1, odd), (1, no_integer())]).boxed()
}

pub fn pattern() -> Words {
    texts(&[
        "*",
        "a",
        "[a-c]",
        "[^a]",
        "?",
        "??",
        "*d",
        "{a}*",
        "\\*",
        "a*b*c*d*e",
        "*a*d",
        "*{*}*",
        "?*?*?",
        "[",
        "[a",
        "[^",
        "[]",
        "[a-",
        "\\",
        "a\\",
        "",
        "*\0*",
        "[\\]",
        "k*k",
        "{a}\\*\\[\\?",
        "[z-a]",
    ])
}

/// A word where none belongs. No number that could be a short time to live.
pub fn stranger() -> Words {
    any_of(vec![
        texts(&[
            "NX",
            "XX",
            "GT",
            "LT",
            "EX",
            "PX",
            "EXAT",
            "PXAT",
            "KEEPTTL",
            "GET",
            "PERSIST",
            "REPLACE",
            "DB",
            "COUNT",
            "MATCH",
            "TYPE",
            "LEN",
            "IDX",
            "MINMATCHLEN",
            "WITHMATCHLEN",
            "ASYNC",
            "SYNC",
            "HELP",
            "SAMPLES",
        ]),
        no_integer(),
        texts(&["-1", "0", "2147483648000", "9223372036854775807", "bogus", "é", "\0", "a", "b"]),
        bytes(vec(any::<u8>(), 0..200)),
    ])
}
