//! Dumps of one server restored in the other: the value is the same, and so is the name of its encoding.

use engine::codec::{self, Value, put_plain, put_shortest, stream, write};

use crate::support::{Client, Value as Reply};

/// Commands that make the key `k`. The first words, and so many more of a pattern.
fn makers() -> Vec<Vec<Vec<u8>>> {
    let command = |start: &str, more: &mut dyn Iterator<Item = Vec<u8>>| {
        start.split(' ').map(|word| word.as_bytes().to_vec()).chain(more).collect::<Vec<_>>()
    };
    let text = |text: String| text.into_bytes();
    let mixed = |nth: usize| match nth % 5 {
        0 => text((nth * nth * 7919).to_string()),
        1 => text(format!("-{nth}")),
        2 => text(format!("member:{nth}")),
        3 => vec![nth as u8; nth % 300],
        _ => (0..nth as u32 % 70).flat_map(|byte| (byte * nth as u32).to_le_bytes()).collect(),
    };
    let mut makers = Vec::new();
    for len in [0, 1, 20, 21, 44, 45, 63, 64, 300, 16_383, 16_384, 100_000] {
        makers.push(command("SET k", &mut std::iter::once(vec![b'a'; len])));
        makers.push(command(
            "SET k",
            &mut std::iter::once((0..len).map(|nth| (nth * nth / 32) as u8).collect::<Vec<u8>>()),
        ));
        let digits = "1234567890".repeat(len.div_ceil(10)).into_bytes();
        makers.push(command("SET k", &mut std::iter::once(digits[..len].to_vec())));
    }
    for count in [1, 2, 50, 600, 5_000] {
        makers.push(command("RPUSH k", &mut (0..count).map(mixed)));
        makers.push(command("RPUSH k", &mut (0..count.min(50)).map(|nth| vec![b'l'; nth * 199])));
        makers.push(command("SADD k", &mut (0..count).map(|nth| text(format!("{}", nth as i64 * 37 - 500)))));
        makers.push(command("SADD k", &mut (0..count).map(|nth| text(format!("{}", (nth as i64) << 40)))));
        makers.push(command("SADD k", &mut (0..count).map(|nth| [b"m", &mixed(nth)[..]].concat())));
        let scores = |nth: usize| match nth % 4 {
            0 => text(nth.to_string()),
            1 => text(format!("{}", nth as f64 / 7.0)),
            2 => text(format!("-{nth}e{}", nth % 300)),
            _ => b"inf".to_vec(),
        };
        let pairs =
            |nth: usize| if nth.is_multiple_of(2) { scores(nth / 2) } else { text(format!("m:{nth}")) };
        makers.push(command("ZADD k", &mut (0..2 * count).map(pairs)));
        let fields =
            |nth: usize| if nth.is_multiple_of(2) { text(format!("f:{nth}")) } else { mixed(nth / 2) };
        makers.push(command("HSET k", &mut (0..2 * count).map(fields)));
        makers.push(command("XADD k 5-7", &mut (0..2 * count).map(fields)));
    }
    makers
}

/// What of these values is not the same after a way through the other server, or through the codec alone.
pub fn differences(redis: &mut Client, hearth: &mut Client) -> Vec<String> {
    let mut found = Vec::new();
    for maker in makers() {
        let start = String::from_utf8_lossy(&maker[..2].join(&b' ')).into_owned();
        let what = format!("{start} and {} words of {} bytes", maker.len() - 2, maker.concat().len());
        redis.run("DEL k copy");
        redis.call(&maker);
        let dump = bytes(redis.run("DUMP k"));
        let made = look(redis, "k");
        let value = match codec::open(&dump) {
            Ok(value) => value,
            Err(refusal) => {
                found.push(format!("{what}: {refusal}"));
                continue;
            }
        };
        let mut check = |how: &str, seen: &[String]| {
            if seen != made {
                found.push(format!("{what}, {how}: {made:?}; {seen:?}"));
            }
        };
        for (how, payload) in forms(&value) {
            restore(redis, "copy", &payload);
            check(how, &look(redis, "copy"));
        }
        restore(hearth, "k", &dump);
        check("in Hearth", &look(hearth, "k"));
        restore(redis, "copy", &bytes(hearth.run("DUMP k")));
        check("and back", &look(redis, "copy"));
        hearth.run("COPY k copy REPLACE");
        hearth.run("DEBUG RELOAD");
        check("after a reload", &look(hearth, "k"));
        check("copied", &look(hearth, "copy"));
    }
    found
}

/// Digest and encoding of a key's value.
fn look(server: &mut Client, key: &str) -> Vec<String> {
    let digest = server.run(&format!("DEBUG DIGEST-VALUE {key}")).items().remove(0);
    vec![digest.text(), server.run(&format!("OBJECT ENCODING {key}")).text()]
}

fn restore(server: &mut Client, key: &str, payload: &[u8]) {
    let reply = server.call(&[b"RESTORE", key.as_bytes(), b"0", payload, b"REPLACE"]);
    assert_eq!(reply, Reply::ok());
}

fn bytes(reply: Reply) -> Vec<u8> {
    match reply {
        Reply::Bulk(bytes) => bytes,
        other => panic!("no dump: {other:?}"),
    }
}

/// The value in each form that the codec can give it.
fn forms(value: &Value<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    let mut form = |name, write: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = Vec::new();
        write(&mut payload);
        codec::seal(&mut payload, codec::VERSION);
        forms.push((name, payload));
    };
    for (name, put) in [("plain", put_plain as write::PutString), ("short", put_shortest as write::PutString)]
    {
        form(name, &|out| match value {
            Value::String(bytes) => write::string(out, put, bytes),
            Value::List(items) => write::list(out, put, items.len(), items.iter()),
            Value::Set(members) => write::set(out, put, members.len(), members.iter()),
            Value::Zset(scored) => write::zset(out, put, scored.scores.len(), scored.iter()),
            Value::Stream(image) => stream::write(out, put, image),
            Value::Hash(fields) => {
                let pairs = fields.iter().map(|(name, value, _)| (name, value));
                write::hash(out, put, fields.names.len(), pairs);
            }
        });
    }
    match value {
        Value::List(items) => form("packed", &|out| write::list_packed(out, items.iter())),
        Value::Zset(scored) if scored.scores.len() <= 50 => {
            form("packed", &|out| write::zset_packed(out, scored.iter()));
        }
        Value::Hash(fields) if fields.values.iter().all(|value| value.len() <= 64) => {
            let pairs = || fields.iter().map(|(name, value, _)| (name, value));
            form("packed", &|out| write::hash_packed(out, pairs()));
        }
        _ => {}
    }
    forms
}
