//! What may differ, command by command, and why. Everything else must be the same byte for byte.

use engine::codec::Value;

use crate::wire::{bulks, integer, is_error, is_null, items};

/// May Hearth's reply stand beside the reference server's?
type Alike = fn(theirs: &[u8], ours: &[u8]) -> bool;

struct Difference {
    /// Names of commands, of subcommands after a space.
    commands: &'static [&'static str],
    alike: Alike,
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference { commands: &["KEYS"], alike: same_items, reason: "the order is that of the index" },
    Difference {
        commands: &["SCAN 0"],
        alike: same_keys_once,
        reason: "a whole iteration; a key may be returned several times there",
    },
    Difference {
        commands: &["HGETALL", "HKEYS", "HVALS"],
        alike: same_items_of_either,
        reason: "the order of a large one is that of the hashes of its fields",
    },
    Difference {
        commands: &["HRANDFIELD"],
        alike: |theirs, ours| bulks(theirs).len() == bulks(ours).len() && is_null(theirs) == is_null(ours),
        reason: "random",
    },
    Difference {
        commands: &["HSCAN"],
        alike: same_hash_scan,
        reason: "a whole iteration, or cursors are each server's own",
    },
    Difference {
        commands: &["OBJECT ENCODING"],
        alike: |theirs, ours| theirs.ends_with(b"skiplist\r\n") && ours.ends_with(b"listpack\r\n"),
        reason: "SORT makes a skip list of a small sorted set there",
    },
    Difference {
        commands: &["DUMP"],
        alike: same_value,
        reason: "the order of members; where compression finds its matches; consumers of Redis 7.2",
    },
    Difference { commands: &["SCAN"], alike: both_are_no_errors, reason: "cursors are each server's own" },
    Difference {
        commands: &["SMEMBERS", "SINTER", "SUNION", "SDIFF", "SPOP"],
        alike: same_items,
        reason: "the order is that of the members' hashes",
    },
    Difference {
        commands: &["SORT_RO", "SORT"],
        alike: |theirs, ours| {
            same_items(theirs, ours) || theirs.starts_with(b"-ERR One or more scores") && !is_error(ours)
        },
        reason: "the order is that of the members' hashes; a number out of range, read by an earlier command, fails it there",
    },
    Difference {
        commands: &["SSCAN"],
        alike: same_keys_once,
        reason: "a whole iteration; a member may be returned several times there",
    },
    Difference {
        commands: &["SRANDMEMBER"],
        alike: |theirs, ours| both_are_no_nulls(theirs, ours) && bulks(theirs).len() == bulks(ours).len(),
        reason: "random",
    },
    Difference { commands: &["RANDOMKEY"], alike: both_are_no_nulls, reason: "random" },
    Difference {
        commands: &["ZSCAN"],
        alike: both_are_no_errors,
        reason: "the order is another, so are cursors",
    },
    Difference { commands: &["ZRANDMEMBER"], alike: both_are_no_nulls, reason: "random" },
    Difference {
        commands: &["ZRANK", "ZREVRANK"],
        alike: |theirs, _| theirs.starts_with(b"-ERR wrong number of arguments"),
        reason: "Redis 7.2 takes WITHSCORE",
    },
    Difference {
        commands: &["MEMORY USAGE"],
        alike: |theirs, ours| integer(theirs) > Some(0) && integer(ours) > Some(0),
        reason: "memory is laid out differently",
    },
    Difference {
        commands: &["TTL"],
        alike: |theirs, ours| near(theirs, ours, SLACK_S) || both_are_late(theirs, ours, 1000, now_ms()),
        reason: "the clock goes on between two servers; deadlines end in the year 10889",
    },
    Difference {
        commands: &["PTTL"],
        alike: |theirs, ours| near(theirs, ours, 1000 * SLACK_S) || both_are_late(theirs, ours, 1, now_ms()),
        reason: "the clock goes on between two servers; deadlines end in the year 10889",
    },
    Difference {
        commands: &["EXPIRETIME"],
        alike: |theirs, ours| {
            is_soon(theirs, 1000) && near(theirs, ours, SLACK_S) || both_are_late(theirs, ours, 1000, 0)
        },
        reason: "the clock goes on between two servers; deadlines end in the year 10889",
    },
    Difference {
        commands: &["PEXPIRETIME"],
        alike: |theirs, ours| {
            is_soon(theirs, 1) && near(theirs, ours, 1000 * SLACK_S) || both_are_late(theirs, ours, 1, 0)
        },
        reason: "the clock goes on between two servers; deadlines end in the year 10889",
    },
    Difference {
        commands: &["OBJECT IDLETIME"],
        alike: |theirs, ours| {
            near(theirs, ours, SLACK_S) || integer(theirs) > integer(ours) && near(b":0\r\n", ours, SLACK_S)
        },
        reason: "the clock goes on between two servers; small integers are shared there, and as old as the server",
    },
    Difference {
        commands: &["COMMAND GETKEYS PFMERGE", "COMMAND GETKEYSANDFLAGS PFMERGE"],
        alike: |theirs, ours| theirs.starts_with(b"-ERR Invalid arguments") && !is_error(ours),
        reason: "a destination without sources is a key, too",
    },
    Difference {
        commands: &["COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS"],
        alike: |theirs, ours| {
            theirs.starts_with(b"-ERR wrong number of arguments for 'command|") && is_error(ours)
        },
        reason: "Redis 7.2 takes a command without arguments",
    },
    Difference {
        commands: &["OBJECT REFCOUNT"],
        alike: |theirs, ours| theirs == b":1\r\n" && integer(ours) == Some(i64::from(i32::MAX)),
        reason: "a copy of a small integer is not shared there; nothing is shared here",
    },
    Difference {
        commands: &["XREAD", "XREADGROUP"],
        alike: |theirs, ours| {
            let starts = |reply: &[u8]| reply.starts_with(b"-ERR Unbalanced ");
            starts(theirs) && starts(ours)
        },
        reason: "Redis 7.2 names the command",
    },
    Difference {
        commands: &["XGROUP CREATECONSUMER"],
        alike: |theirs, ours| integer(theirs) == Some(1) && integer(ours) == Some(0),
        reason: "in Redis 7.2 a consumer is made when it asks, also if it gets nothing",
    },
    Difference {
        commands: &["XINFO GROUPS"],
        alike: |theirs, ours| without_consumers(theirs) == without_consumers(ours),
        reason: "in Redis 7.2 a consumer is made when it asks, also if it gets nothing",
    },
    Difference {
        commands: &["XINFO STREAM"],
        alike: |theirs, ours| without_nodes(theirs) == without_nodes(ours),
        reason: "streams have nodes of another kind",
    },
    Difference {
        commands: &["XPENDING"],
        alike: same_but_for_times,
        reason: "the clock goes on between two servers",
    },
    Difference {
        commands: &[
            "CLIENT HELP",
            "COMMAND HELP",
            "DEBUG HELP",
            "MEMORY HELP",
            "OBJECT HELP",
            "XGROUP HELP",
            "XINFO HELP",
        ],
        alike: same_first_line,
        reason: "the texts follow from the commands' own descriptions",
    },
];

/// How far apart two servers may be asked, in seconds. Times of the calls of a conversation are farther apart.
const SLACK_S: u64 = 5;

/// The latest deadline that Hearth keeps.
const DEADLINE_MS_MAX: i64 = (1 << 48) - 1;

/// Whether the replies to a command are as they should be.
pub fn are_alike(words: &[Vec<u8>], theirs: &[u8], ours: &[u8]) -> bool {
    theirs == ours || difference(words).is_some_and(|difference| (difference.alike)(theirs, ours))
}

/// Whether replies to EXEC are as they should be, of a transaction of these requests.
pub fn are_alike_in_exec(queue: &[&Vec<Vec<u8>>], theirs: &[u8], ours: &[u8]) -> bool {
    let (theirs, ours) = (items(theirs), items(ours));
    let each = || queue.iter().zip(theirs.iter().zip(&ours));
    theirs.len() == queue.len()
        && ours.len() == queue.len()
        && each().all(|(words, (theirs, ours))| match () {
            // Only a part of the keys or members, in each server's order.
            () if is_one_of(&words[0], &["SCAN", "SSCAN"]) => is_error(theirs) == is_error(ours),
            // The reference server counts keys whose deadline has passed until it meets them.
            () if is_one_of(&words[0], &["DBSIZE", "MEMORY"]) => is_error(theirs) == is_error(ours),
            // The words of the transaction are referred to until its end.
            () if is_one_of(&words[0], &["OBJECT"])
                && words.get(1).is_some_and(|word| is_one_of(word, &["REFCOUNT"])) =>
            {
                is_error(theirs) == is_error(ours)
            }
            // It looks at all shards, when the transaction is over.
            () if is_one_of(&words[0], &["DEBUG"]) => is_error(theirs) == is_error(ours),
            () => are_alike(words, theirs, ours),
        })
}

fn difference(words: &[Vec<u8>]) -> Option<&'static Difference> {
    let is_named = |name: &str| {
        let mut parts = name.split(' ').zip(words);
        parts.all(|(part, word)| word.eq_ignore_ascii_case(part.as_bytes()))
            && name.split(' ').count() <= words.len()
    };
    DIFFERENCES.iter().find(|difference| difference.commands.iter().any(|name| is_named(name)))
}

/// The keys of a whole iteration, sorted.
fn same_keys_once(theirs: &[u8], ours: &[u8]) -> bool {
    let mut keys = bulks(theirs);
    keys.dedup();
    both_are_no_errors(theirs, ours) && keys == bulks(ours)
}

/// An iteration from 0 is shown as its pairs; another one as a reply with a cursor.
fn same_hash_scan(theirs: &[u8], ours: &[u8]) -> bool {
    let has_cursor =
        |reply: &[u8]| reply.split(|byte| *byte == b'\n').nth(3).is_some_and(|line| line.starts_with(b"*"));
    same_keys_once(theirs, ours) || has_cursor(theirs) && has_cursor(ours)
}

fn same_items_of_either(theirs: &[u8], ours: &[u8]) -> bool {
    theirs.first() == ours.first() && same_items(theirs, ours)
}

/// Two payloads of one value.
fn same_value(theirs: &[u8], ours: &[u8]) -> bool {
    let value = |reply| match engine::codec::open(bulks(reply).first()?).ok()? {
        Value::Set(members) => {
            let mut members: Vec<Vec<u8>> = members.iter().map(<[u8]>::to_vec).collect();
            members.sort();
            Some(format!("a set of {members:?}"))
        }
        Value::Hash(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort();
            Some(format!("a hash of {fields:?}"))
        }
        Value::Zset(scored) => {
            let mut scored: Vec<_> = scored.iter().map(|(member, score)| (member, score.to_bits())).collect();
            scored.sort();
            Some(format!("a sorted set of {scored:?}"))
        }
        // Clocks differ, and in Redis 7.2 a consumer is made when it asks, also if it gets nothing.
        Value::Stream(mut image) => {
            for group in &mut image.groups {
                group.consumers.retain(|consumer| !consumer.pending.is_empty());
                for consumer in &mut group.consumers {
                    (consumer.seen_ms, consumer.active_ms) = (0, None);
                    consumer.pending.iter_mut().for_each(|(_, delivered_ms, _)| *delivered_ms = 0);
                }
            }
            Some(format!("{image:?}"))
        }
        other => Some(format!("{other:?}")),
    };
    value(theirs).is_some_and(|value_there| value(ours) == Some(value_there))
}

fn same_items(theirs: &[u8], ours: &[u8]) -> bool {
    let sorted = |reply| {
        let mut items = bulks(reply);
        items.sort();
        items
    };
    both_are_no_errors(theirs, ours) && sorted(theirs) == sorted(ours)
}

fn same_first_line(theirs: &[u8], ours: &[u8]) -> bool {
    let first = |reply: &[u8]| Some(reply.strip_prefix(b"*")?.split(|byte| *byte == b'\n').nth(1)?.to_vec());
    first(theirs).is_some_and(|line| first(ours) == Some(line))
}

fn both_are_no_errors(theirs: &[u8], ours: &[u8]) -> bool {
    !is_error(theirs) && !is_error(ours)
}

/// The reply about groups without the numbers of their consumers.
fn without_consumers(reply: &[u8]) -> Vec<Vec<u8>> {
    without_values(reply, &[b"consumers\r"])
}

/// The reply about a stream without the numbers of its nodes.
fn without_nodes(reply: &[u8]) -> Vec<Vec<u8>> {
    without_values(reply, &[b"radix-tree-keys\r", b"radix-tree-nodes\r"])
}

/// The lines of a reply but for those that follow one of these.
fn without_values(reply: &[u8], names: &[&[u8]]) -> Vec<Vec<u8>> {
    let lines: Vec<&[u8]> = reply.split(|byte| *byte == b'\n').collect();
    let is_count = |at: usize| at > 0 && names.contains(&lines[at - 1]);
    (0..lines.len()).filter(|at| !is_count(*at)).map(|at| lines[at].to_vec()).collect()
}

/// The same, if integers are near each other.
fn same_but_for_times(theirs: &[u8], ours: &[u8]) -> bool {
    let lines = |reply: &[u8]| reply.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (theirs, ours) = (lines(theirs), lines(ours));
    theirs.len() == ours.len()
        && theirs.iter().zip(&ours).all(|(theirs, ours)| {
            theirs == ours
                || near(&[theirs, &b"\n"[..]].concat(), &[ours, &b"\n"[..]].concat(), 1000 * SLACK_S)
        })
}

fn both_are_no_nulls(theirs: &[u8], ours: &[u8]) -> bool {
    both_are_no_errors(theirs, ours) && !is_null(theirs) && !is_null(ours)
}

/// Numbers not below 0 that differ by `tolerance` at most.
fn near(theirs: &[u8], ours: &[u8], tolerance: u64) -> bool {
    let (theirs, ours) = (integer(theirs), integer(ours));
    theirs
        .zip(ours)
        .is_some_and(|(theirs, ours)| theirs >= 0 && ours >= 0 && theirs.abs_diff(ours) <= tolerance)
}

/// A unix time that a conversation can only have come to by a time to live: before all that it names.
fn is_soon(theirs: &[u8], unit_ms: i64) -> bool {
    const FIRST_NAMED_MS: i64 = 5_000_000_000_000;
    integer(theirs).is_some_and(|time| time < FIRST_NAMED_MS / unit_ms)
}

/// Theirs lies behind the latest deadline that Hearth keeps, and ours is that one, both counted from `from_ms`.
fn both_are_late(theirs: &[u8], ours: &[u8], unit_ms: i64, from_ms: i64) -> bool {
    let latest = (DEADLINE_MS_MAX - from_ms + unit_ms / 2) / unit_ms;
    let tolerance = if from_ms == 0 { 0 } else { 1000 * SLACK_S as i64 / unit_ms };
    let (theirs, ours) = (integer(theirs), integer(ours));
    theirs
        .zip(ours)
        .is_some_and(|(theirs, ours)| theirs >= latest - tolerance && (ours - latest).abs() <= tolerance)
}

fn now_ms() -> i64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_millis() as i64)
}

/// Takes out of a request what no two servers answer alike.
pub fn tame(words: &mut Vec<Vec<u8>>, place: usize) {
    leave_no_choice(words);
    stay_in_range(words);
    leave_out_what_is_refused_early(words);
    take_middling_times(words, place);
    leave_late_deadlines_uncompared(words);
    leave_whole_subjects_out(words);
    leave_moments_out(words);
}

/// IDs that are times, and ages that a moment decides.
fn leave_moments_out(words: &mut [Vec<u8>]) {
    if is_one_of(&words[0], &["XADD"]) {
        words.iter_mut().filter(|word| *word == b"*").for_each(|word| *word = b"star".to_vec());
    }
    let claims = is_one_of(&words[0], &["XCLAIM", "XAUTOCLAIM"]);
    for at in 1..words.len() {
        let is_age = claims && at == 4 || is_one_of(&words[at - 1], &["IDLE"]);
        if is_age && number(&words[at]).is_some_and(|age| (1..1_000_000).contains(&age)) {
            words[at] = b"0".to_vec();
        }
    }
}

/// A number out of range, read by any command, fails a later SORT of the reference server, which then stores nothing.
fn stay_in_range(words: &mut [Vec<u8>]) {
    let is_out = |word: &&mut Vec<u8>| {
        let text = str::from_utf8(word).unwrap_or_default();
        let has_digit = text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        has_digit && text.parse().is_ok_and(|number: f64| !number.is_normal() && !number.is_nan())
    };
    for word in words.iter_mut().filter(is_out) {
        *word = b"1e300".to_vec();
    }
}

/// All members or none are popped, so that both servers have the same afterwards; walks are whole ones; replies end.
fn leave_no_choice(words: &mut Vec<Vec<u8>>) {
    if is_one_of(&words[0], &["SPOP"]) && words.len() < 4 {
        let is_some = words.get(2).is_none_or(|count| number(count).is_some_and(|count| count > 0));
        if is_some && words.len() > 1 {
            words.truncate(2);
            words.push(b"100000".to_vec());
        }
    }
    if is_one_of(&words[0], &["HRANDFIELD", "SRANDMEMBER", "ZRANDMEMBER"])
        && words.len() >= 3
        && number(&words[2]).is_some_and(|count| count < -100 && count > i64::MIN)
    {
        words[2] = b"-7".to_vec();
    }
    if is_one_of(&words[0], &["SSCAN"]) && words.len() > 2 && words[2] != b"abc" {
        words[2] = b"0".to_vec();
    }
}

/// Where a request is refused, when it comes or when it runs, counts in a transaction. Redis 7.2 refuses none of these
/// when they come.
fn leave_out_what_is_refused_early(words: &mut Vec<Vec<u8>>) {
    let asks_for_keys = is_one_of(&words[0], &["COMMAND"])
        && words.get(1).is_some_and(|word| is_one_of(word, &["GETKEYS", "GETKEYSANDFLAGS"]));
    if asks_for_keys && words.len() == 3 {
        words.push(b"k".to_vec());
    }
    // Of four words the last may be WITHSCORE there.
    if is_one_of(&words[0], &["ZRANK", "ZREVRANK"]) {
        words.truncate(3);
    }
    // The reference server finds keys by what C's atoi makes of a count, though the command itself refuses it.
    if asks_for_keys {
        let begins_as_number = |word: &[u8]| {
            let digits = word.trim_ascii_start();
            digits
                .strip_prefix(b"-")
                .or(digits.strip_prefix(b"+"))
                .unwrap_or(digits)
                .first()
                .is_some_and(u8::is_ascii_digit)
        };
        let is_count = |word: &[u8]| number(word).is_some_and(|count| i32::try_from(count).is_ok());
        for word in words.iter_mut().filter(|word| begins_as_number(word) && !is_count(word)) {
            *word = b"7".to_vec();
        }
        // A key of this name is taken for the keyword again.
        for at in 1..words.len() {
            if is_one_of(&words[at - 1], &["STORE"]) && is_one_of(&words[at], &["STORE"]) {
                words[at] = b"k".to_vec();
            }
        }
    }
}

/// SYNC is an option only: as a command it makes a replica. The rows of the command table have a test of their own.
fn leave_whole_subjects_out(words: &mut Vec<Vec<u8>>) {
    for at in [0, 2] {
        if words.get(at).is_some_and(|word| is_one_of(word, &["SYNC"])) {
            words[at] = b"ASYNC".to_vec();
        }
    }
    let asks_for_rows = is_one_of(&words[0], &["COMMAND"])
        && words.get(1).is_none_or(|word| is_one_of(word, &["COUNT", "DOCS", "INFO", "LIST"]));
    if asks_for_rows {
        words.insert(0, b"PING".to_vec());
    }
}

/// The words of a line.
pub fn line(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A request of several words.
type Request = Vec<Vec<u8>>;

/// What is asked before and after a request, so that the servers stand alike.
pub fn companions(words: &[Vec<u8>]) -> (Option<Request>, Option<Request>) {
    // The reference server counts and measures keys whose deadline has passed until it meets them.
    let before = match () {
        () if is_one_of(&words[0], &["DBSIZE"]) => Some(line("SCAN 0")),
        () if is_one_of(&words[0], &["DEBUG", "MEMORY"]) && words.len() > 2 => {
            Some([line("EXISTS"), words[2..].to_vec()].concat())
        }
        () => None,
    };
    // An integer that INCRBYFLOAT made is an `embstr` there until it is written again.
    let by_float = words.len() > 1 && is_one_of(&words[0], &["INCRBYFLOAT"]);
    let after = by_float.then(|| [b"INCRBY", &words[1][..], b"0"].map(<[u8]>::to_vec).to_vec());
    (before, after)
}

fn number(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn is_one_of(word: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// A short time to live ends at another moment on each server, and one of centuries ends among the unix times that
/// calls name. The new one differs from those of other places.
fn take_middling_times(words: &mut [Vec<u8>], place: usize) {
    const SHORT: std::ops::Range<i64> = 1..1_000_000;
    const CENTURIES: std::ops::Range<i64> = 100_000_000..DEADLINE_MS_MAX;
    let takes_time = is_one_of(&words[0], &["EXPIRE", "PEXPIRE", "SETEX", "PSETEX", "RESTORE"]);
    for at in 1..words.len() {
        let is_time = is_one_of(&words[at - 1], &["EX", "PX"]) || takes_time && at == 2;
        let is_odd = |time: i64| SHORT.contains(&time) || CENTURIES.contains(&time);
        if is_time && number(&words[at]).is_some_and(is_odd) {
            words[at] = (7_000_000 + 10_000 * place).to_string().into_bytes();
        }
    }
}

/// GT and LT see deadlines after the year 10889 as equal.
fn leave_late_deadlines_uncompared(words: &mut [Vec<u8>]) {
    const FAR: i64 = DEADLINE_MS_MAX / 1000;
    let takes_condition = is_one_of(&words[0], &["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"]);
    let is_far =
        |words: &[Vec<u8>]| words.get(2).and_then(|word| number(word)).is_some_and(|time| time >= FAR);
    if takes_condition && is_far(words) {
        let (_, conditions) = words.split_at_mut(3);
        for word in conditions.iter_mut().filter(|word| is_one_of(word, &["GT", "LT"])) {
            *word = b"XX".to_vec();
        }
    }
}
