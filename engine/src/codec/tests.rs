//! Dumps that Redis 7.0.15 made are read as what they are, and written again byte for byte; forms of other versions are
//! read; nothing damaged is.

use proptest::prelude::*;

use super::listpack::Listpack;
use super::ziplist::tests::{short, ziplist};
use super::{
    Fields, Items, Malformed, Refusal, Scored, Source, VERSION, VERSION_ACTIVE, VERSION_TIMED, Value, intset,
    open, put_plain, put_shortest, read_value, seal, stream, write,
};
use crate::types::stream::StreamId;

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("two digits");
    digits.chunks(2).map(byte).collect()
}

fn items(words: &[&str]) -> Items {
    words.iter().map(|word| word.as_bytes()).collect()
}

fn scored(members: &[(&str, f64)]) -> Scored {
    let mut scored = Scored::default();
    members.iter().for_each(|(member, score)| scored.push(member.as_bytes(), *score));
    scored
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    pairs.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
    fields
}

fn timed(all: &[(&str, &str, Option<u64>)]) -> Fields {
    let mut fields = Fields::default();
    all.iter().for_each(|(name, value, at)| fields.push_timed(name.as_bytes(), value.as_bytes(), *at));
    fields
}

fn text(text: &str) -> Value<'static> {
    Value::String(text.as_bytes().to_vec().into())
}

/// The form in which a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Packed,
    Shortest,
    Plain,
}

fn written(value: &Value<'_>, form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    let (put, is_packed) = (if form == Form::Plain { put_plain } else { put_shortest }, form == Form::Packed);
    match value {
        Value::String(bytes) => write::string(&mut out, put, bytes),
        Value::List(items) if form == Form::Plain => write::list(&mut out, put, items.len(), items.iter()),
        Value::List(items) => write::list_packed(&mut out, items.iter()),
        Value::Set(members) if is_packed => {
            let integers = members.iter().filter_map(crate::number::parse_i64).collect();
            write::intset(&mut out, integers);
        }
        Value::Set(members) => write::set(&mut out, put, members.len(), members.iter()),
        Value::Zset(scored) if is_packed => write::zset_packed(&mut out, scored.iter()),
        Value::Zset(scored) => write::zset(&mut out, put, scored.scores.len(), scored.iter()),
        Value::Stream(image) => stream::write(&mut out, put, image),
        Value::Hash(fields) => {
            let pairs = fields.iter().map(|(name, value, _)| (name, value));
            match fields.deadlines_ms.iter().flatten().min() {
                Some(earliest) => {
                    write::hash_timed(&mut out, put, fields.names.len(), *earliest, fields.iter());
                    seal(&mut out, VERSION_TIMED);
                    return out;
                }
                None if is_packed => write::hash_packed(&mut out, pairs),
                None => write::hash(&mut out, put, fields.names.len(), pairs),
            }
        }
    }
    seal(&mut out, VERSION);
    out
}

#[test]
fn dumps_of_redis_are_read_and_written_again() {
    for (name, value, form, dump) in [
        ("short", text("v"), Form::Packed, "0001760a009108ceb219388ace"),
        ("empty", text(""), Form::Packed, "00000a005d9b5c400f7fa2da"),
        ("an integer", text("2147483647"), Form::Packed, "00c2ffffff7f0a002c74e59ee02eada1"),
        ("digits", text("123456789012"), Form::Packed, "000c3132333435363738393031320a00911001b1d116e7ac"),
        (
            "compressed",
            text(&"abcabcabcd".repeat(12)),
            Form::Packed,
            "00c313407803616263616002006480062005e05a090163640a00ebf73f7d537edcc0",
        ),
        ("repeated", text(&"a".repeat(42)), Form::Packed, "00c3092a016161e01d000161610a00f26095dc4d5ca958"),
        (
            "list",
            Value::List(items(&["a", "1", "-5", "300", "70000", "5000000000"])),
            Form::Packed,
            "120102212100000006008161020101dffb02c12c02f270110104f400f2052a0100000009ff0a006419a09149c94978",
        ),
        (
            "integers",
            Value::Set(items(&["1", "2", "3"])),
            Form::Packed,
            "0b0e02000000030000000100020003000a00a5025ce26d6e4d1b",
        ),
        (
            "long integers",
            Value::Set(items(&["-7", "1", "5000000000"])),
            Form::Packed,
            "0b200800000003000000f9ffffffffffffff010000000000000000f2052a010000000a006d4fc23220067c02",
        ),
        ("a set", Value::Set(items(&["member"])), Form::Shortest, "0201066d656d6265720a00782717cf5e5d03c4"),
        (
            "a small sorted set",
            Value::Zset(scored(&[
                ("f", f64::NEG_INFINITY),
                ("e", -3.0),
                ("c", 0.25),
                ("a", 1.0),
                ("b", 2.5),
                ("h", 123_456_789_012_345_680.0),
                ("g", 1e100),
                ("d", f64::INFINITY),
            ])),
            Form::Packed,
            "11404c4c0000001000816602842d696e6605816502dffd0281630284302e323505816102010181620283322e3504816802f450f3\
             30a64b9bb601098167028631652b3130300781640283696e6604ff0a001ebb5c2e31e4aa3a",
        ),
        (
            "a sorted set",
            Value::Zset(scored(&[("b", 2.5), ("a", 1.0), ("c", f64::NEG_INFINITY)])),
            Form::Shortest,
            "0503016200000000000004400161000000000000f03f0163000000000000f0ff0a009a24ca8fdcb1d08c",
        ),
        (
            "a small hash",
            Value::Hash(fields(&[("f", "v"), ("g", "12"), ("-1", "70000")])),
            Form::Packed,
            "101a1a00000006008166028176028167020c01dfff02f270110104ff0a00292b91afb3114317",
        ),
        ("a hash", Value::Hash(fields(&[("f", "v")])), Form::Shortest, "0401016601760a00adf24356b1860efc"),
    ] {
        let dump = bytes_of(dump);
        assert_eq!(open(&dump), Ok(value.clone()), "{name}");
        assert_eq!(written(&value, form), dump, "{name}");
    }
}

/// Entries with the same names and with others, a group whose first consumer has an entry and whose second has none.
const STREAM: &str = "130110000000000000000100000000000000013d3d0000001800030100010101816602000102010001000181760204010201\
         00010101817702040100010101dfff020201816702010181680202010801ff03020001010000030102677201010101000000\
         000000000100000000000000010068e5cf8b010000030205616c69636500806e877401000001000000000000000100000000\
         0000000103626f6200806e8774010000000a00d5bef0ada86c18c0";

/// One entry was deleted.
const STREAM_WITH_A_GAP: &str = "130110000000000000000100000000000000013d3d0000001800020101010101816602000102010001000181760204010301\
     00010101817702040100010101dfff020201816702010181680202010801ff020200010101020300";

#[test]
fn streams_are_read_and_written_again() {
    let dump = bytes_of(STREAM);
    let value = open(&dump).expect("a sound payload");
    let Value::Stream(image) = &value else { panic!("no stream: {value:?}") };
    assert_eq!(image.entries.len(), 3);
    assert_eq!(image.entries[2].1, [b"g", b"1", b"h", b"2"]);
    assert_eq!((image.last_id, image.entries_added), (StreamId::new(2, 0), 3));
    let group = &image.groups[0];
    assert_eq!(
        (&group.name[..], group.last_id, group.entries_read),
        (&b"gr"[..], StreamId::new(1, 1), Some(1))
    );
    let alice = &group.consumers[0];
    assert_eq!(alice.pending, [(StreamId::new(1, 1), 1_700_000_000_000, 3)]);
    assert_eq!((alice.seen_ms, group.consumers[1].pending.len()), (1_600_000_000_000, 0));
    assert_eq!(written(&value, Form::Shortest), dump);

    let mut whole = Vec::new();
    stream::write_whole(&mut whole, put_plain, image);
    seal(&mut whole, VERSION_ACTIVE);
    assert_eq!(open(&whole).as_ref(), Ok(&value));

    let mut gap = bytes_of(STREAM_WITH_A_GAP);
    seal(&mut gap, VERSION);
    let value = open(&gap).expect("a sound payload");
    let Value::Stream(image) = &value else { panic!("no stream: {value:?}") };
    let ids: Vec<StreamId> = image.entries.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [StreamId::new(1, 1), StreamId::new(2, 0)]);
    assert_eq!((image.max_deleted_id, image.entries_added), (StreamId::new(1, 2), 3));

    let body = &dump[..dump.len() - 10];
    for len in 0..body.len() {
        let mut cut = body[..len].to_vec();
        seal(&mut cut, VERSION);
        assert_eq!(open(&cut), Err(Refusal::Malformed), "{len} bytes of it");
    }
    for at in 0..body.len() {
        for mask in [1, 0x80, 0xFF] {
            let mut changed = body.to_vec();
            changed[at] ^= mask;
            seal(&mut changed, VERSION);
            // Refused or another stream; that it ends is what matters.
            let _ = open(&changed);
        }
    }
}

/// What Redis up to 7.4 writes, and this server does not.
#[test]
fn forms_of_other_versions_are_read() {
    let string = |bytes: &[u8]| {
        let mut out = Vec::new();
        put_plain(&mut out, bytes);
        out
    };
    let packed = |words: &[&str]| {
        let mut listpack = Listpack::default();
        words.iter().for_each(|word| listpack.push(word.as_bytes()));
        string(&listpack.take())
    };
    let zipped = |words: &[&str]| {
        let entries: Vec<Vec<u8>> = words.iter().map(|word| short(word)).collect();
        string(&ziplist(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    };
    let ascii = b"\x03\x01a\x031.5\x01b\xfe\x01c\xff".to_vec();
    let zset = Value::Zset(scored(&[("a", 1.5), ("b", f64::INFINITY), ("c", f64::NEG_INFINITY)]));
    let hash = Value::Hash(fields(&[("f", "v"), ("g", "w")]));
    let nodes = [b"\x03".to_vec(), zipped(&["a", "b"]), zipped(&[]), zipped(&["c"])].concat();
    let mixed = [
        b"\x03\x01".to_vec(),
        string(b"plain"),
        b"\x02".to_vec(),
        packed(&["7"]),
        b"\x02".to_vec(),
        packed(&[]),
    ];
    let early = 1_700_000_000_000_u64;
    let with_deadlines =
        [&early.to_le_bytes()[..], b"\x03\x00\x01f\x01v\x01\x01g\x01w\x40\x65\x01h\x01x"].concat();
    let expected_deadlines =
        timed(&[("f", "v", None), ("g", "w", Some(early)), ("h", "x", Some(early + 100))]);
    let triples = packed(&["g", "w", "1700000000000", "f", "v", "0"]);
    let packed_deadlines = [&early.to_le_bytes()[..], &triples].concat();
    for (code, body, expected) in [
        (1, b"\x02\x01a\xc0\x07".to_vec(), Value::List(items(&["a", "7"]))),
        (2, b"\x02\x01a\x01b".to_vec(), Value::Set(items(&["a", "b"]))),
        (3, ascii, zset.clone()),
        (9, string(b"\x02\x01f\x01\x00v\x01g\x01\x00w\xff"), hash.clone()),
        (10, zipped(&["a", "b"]), Value::List(items(&["a", "b"]))),
        (12, zipped(&["a", "1.5", "b", "inf", "c", "-inf"]), zset),
        (13, zipped(&["f", "v", "g", "w"]), hash),
        (14, nodes, Value::List(items(&["a", "b", "c"]))),
        (18, mixed.concat(), Value::List(items(&["plain", "7"]))),
        (20, packed(&["x", "1"]), Value::Set(items(&["x", "1"]))),
        (24, with_deadlines, Value::Hash(expected_deadlines)),
        (25, packed_deadlines, Value::Hash(timed(&[("g", "w", Some(early)), ("f", "v", None)]))),
    ] {
        let mut source = Source::new(&body);
        assert_eq!(read_value(code, &mut source), Ok(expected), "type {code}");
        assert!(source.rest().is_empty(), "type {code}");
        for len in 0..body.len() {
            assert_eq!(
                read_value(code, &mut Source::new(&body[..len])),
                Err(Malformed),
                "type {code}, {len} bytes"
            );
        }
    }
}

#[test]
fn what_is_not_a_value_is_refused() {
    let packed = |words: &[&str]| {
        let mut listpack = Listpack::default();
        words.iter().for_each(|word| listpack.push(word.as_bytes()));
        let mut out = Vec::new();
        put_plain(&mut out, &listpack.take());
        out
    };
    let nan = [&b"\x01\x01a"[..], &f64::NAN.to_le_bytes()].concat();
    let mut no_integers = Vec::new();
    put_plain(&mut no_integers, &intset::write(Vec::new()));
    let late = [&(1_u64 << 48).to_le_bytes()[..], b"\x01\x01\x01f\x01v"].concat();
    let too_late = [&u64::MAX.to_le_bytes()[..], b"\x01\x02\x01f\x01v"].concat();
    let timed = |words: &[&str]| [vec![0; 8], packed(words)].concat();
    for (what, code, body) in [
        ("an empty list", 1, b"\x00".to_vec()),
        ("a list of empty nodes", 18, [b"\x01\x02".to_vec(), packed(&[])].concat()),
        ("an empty element by itself", 18, b"\x01\x01\x00".to_vec()),
        ("an unknown form of nodes", 18, b"\x01\x03\x01a".to_vec()),
        ("an empty set", 2, b"\x00".to_vec()),
        ("an empty set of integers", 11, no_integers),
        ("an empty packed set", 20, packed(&[])),
        ("members that come twice", 2, b"\x02\x01a\x01a".to_vec()),
        ("integers that come twice", 2, b"\x02\xc0\x07\x017".to_vec()),
        ("packed members that come twice", 20, packed(&["a", "b", "a"])),
        ("an empty sorted set", 5, b"\x00".to_vec()),
        ("a member with two scores", 17, packed(&["a", "1", "a", "2"])),
        ("a member without a score", 17, packed(&["a", "1", "b"])),
        ("a score that is no number", 17, packed(&["a", "x"])),
        ("a score that is NaN", 5, nan),
        ("a score that is NaN as text", 3, b"\x01\x01a\x03nan".to_vec()),
        ("a score that is NaN as a byte", 3, b"\x01\x01a\xfd".to_vec()),
        ("a packed score that is NaN", 17, packed(&["a", "nan"])),
        ("an empty hash", 4, b"\x00".to_vec()),
        ("a field that comes twice", 4, b"\x02\x01f\x01v\x01f\x01w".to_vec()),
        ("a packed field that comes twice", 16, packed(&["f", "v", "f", "w"])),
        ("a field without a value", 16, packed(&["f", "v", "g"])),
        ("a field of a zipmap that comes twice", 9, b"\x0e\x02\x01f\x01\x00v\x01f\x01\x00w\xff".to_vec()),
        ("a deadline too late", 24, late),
        ("a deadline past all numbers", 24, too_late),
        ("a deadline that is no integer", 25, timed(&["f", "v", "x"])),
        ("a deadline before all times", 25, timed(&["f", "v", "-1"])),
        ("a field without a deadline", 25, timed(&["f", "v"])),
        ("an unknown type", 8, b"\x01a".to_vec()),
        ("a module's value", 7, b"\x01a".to_vec()),
        ("many elements that are not there", 2, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a".to_vec()),
        ("many elements without a byte", 1, b"\x80\xff\xff\xff\xff".to_vec()),
    ] {
        let mut payload = [vec![code], body].concat();
        seal(&mut payload, VERSION_TIMED);
        assert_eq!(open(&payload), Err(Refusal::Malformed), "{what}");
    }
}

fn any_item() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-20..20_i64).prop_map(|number| number.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..12),
        (any::<u8>(), 0..400_usize).prop_map(|(byte, len)| vec![byte; len]),
        Just(b"-0".to_vec()),
        Just(b"007".to_vec()),
    ]
}

fn any_score() -> impl Strategy<Value = f64> {
    let special = [0.0, f64::INFINITY, f64::NEG_INFINITY, 0.1, 1e17, 1e-5, 5e-324, f64::MAX, 4e18, 5e18];
    prop_oneof![
        prop::sample::select(special.to_vec()),
        prop::num::f64::NORMAL,
        (-9..9_i32).prop_map(f64::from)
    ]
}

fn any_value() -> impl Strategy<Value = Value<'static>> {
    let distinct = || prop::collection::btree_set(any_item(), 1..40);
    let deadline = || prop::option::of(0..(1_u64 << 48));
    prop_oneof![
        any_item().prop_map(|bytes| Value::String(bytes.into())),
        prop::collection::vec(any_item(), 1..60)
            .prop_map(|all| Value::List(all.iter().map(Vec::as_slice).collect())),
        distinct().prop_map(|all| Value::Set(all.iter().map(Vec::as_slice).collect())),
        prop::collection::btree_set(any::<i64>(), 1..40).prop_map(|all| {
            let mut members = Items::default();
            all.iter().for_each(|integer| members.push(integer.to_string().as_bytes()));
            Value::Set(members)
        }),
        (distinct(), prop::collection::vec(any_score(), 40)).prop_map(|(members, scores)| {
            let mut scored = Scored::default();
            members.iter().zip(scores).for_each(|(member, score)| scored.push(member, score));
            Value::Zset(scored)
        }),
        (distinct(), prop::collection::vec((any_item(), deadline()), 40), any::<bool>()).prop_map(
            |(names, values, is_timed)| {
                let mut fields = Fields::default();
                for (name, (value, deadline_ms)) in names.iter().zip(values) {
                    if is_timed {
                        fields.push_timed(name, &value, deadline_ms);
                    } else {
                        fields.push(name, &value);
                    }
                }
                if fields.deadlines_ms.iter().all(Option::is_none) {
                    fields.deadlines_ms.clear();
                }
                Value::Hash(fields)
            }
        ),
    ]
}

fn any_form() -> impl Strategy<Value = Form> {
    prop::sample::select(vec![Form::Packed, Form::Shortest, Form::Plain])
}

/// Whether the form can hold the value.
fn fits(value: &Value<'_>, form: Form) -> bool {
    match value {
        Value::Set(members) if form == Form::Packed => {
            members.iter().all(|member| crate::number::parse_i64(member).is_some())
        }
        _ => true,
    }
}

fn sorted(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Set(members) => {
            let mut all: Vec<&[u8]> = members.iter().collect();
            all.sort_unstable();
            Value::Set(all.into_iter().collect())
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn values_are_read_as_they_are_written(value in any_value(), form in any_form()) {
        prop_assume!(fits(&value, form));
        let payload = written(&value, form);
        prop_assert_eq!(sorted(open(&payload).expect("a sound payload")), sorted(value));
    }

    /// With its seal mended, a damaged payload is refused or read as some value; nothing else happens.
    #[test]
    fn damaged_payloads_are_refused_or_read(
        value in any_value(),
        form in any_form(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        prop_assume!(fits(&value, form));
        let mut payload = written(&value, form);
        payload.truncate(payload.len() - 10);
        for (at, bit) in flips {
            let at = at.index(payload.len());
            payload[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            payload.truncate(cut.index(payload.len() + 1));
        }
        seal(&mut payload, VERSION);
        if let Ok(value) = open(&payload) {
            prop_assert!(!value.is_empty() && value.is_distinct());
        }
    }
}
