//! Values into dumps.
//!
//! Each function appends a type's number and the value, in a form that Redis 7.0 has. [`list_packed`], [`intset()`],
//! [`zset_packed`] and [`hash_packed`] are its forms of small collections and of all lists. The others are told how to
//! put strings: in their shortest form for DUMP ([`super::put_shortest`]), or as they are where a value only changes
//! its place ([`super::put_plain`]), which costs little more than copying.

use super::code::{
    HASH, HASH_LISTPACK, HASH_METADATA, LIST, LIST_QUICKLIST_2, NODE_PACKED, NODE_PLAIN, SET, SET_INTSET,
    STRING, ZSET_2, ZSET_LISTPACK,
};
use super::intset;
use super::length::{put_length, put_shortest};
use super::listpack::Listpack;

/// Appends a string.
pub type PutString = fn(&mut Vec<u8>, &[u8]);

/// Elements are packed together up to so many bytes.
const NODE_LEN_MAX: usize = 8 * 1024;
/// What Redis reckons with for an element's length, at most.
const ELEMENT_OVERHEAD: usize = 8;
/// Elements of this length and more are not packed.
const PLAIN_LEN_MIN: usize = 1 << 30;

/// A string.
pub fn string(out: &mut Vec<u8>, put: PutString, bytes: &[u8]) {
    out.push(STRING);
    put(out, bytes);
}

/// A list of `count` items.
pub fn list<T: AsRef<[u8]>>(out: &mut Vec<u8>, put: PutString, count: usize, items: impl Iterator<Item = T>) {
    out.push(LIST);
    put_length(out, count as u64);
    items.for_each(|item| put(out, item.as_ref()));
}

/// A list, packed into nodes as pushes at its end would do.
pub fn list_packed<T: AsRef<[u8]>>(out: &mut Vec<u8>, items: impl Iterator<Item = T>) {
    let mut nodes = Nodes::default();
    for item in items {
        nodes.push(item.as_ref());
    }
    nodes.flush();
    out.push(LIST_QUICKLIST_2);
    put_length(out, nodes.count);
    out.extend_from_slice(&nodes.bytes);
}

#[derive(Default)]
struct Nodes {
    bytes: Vec<u8>,
    count: u64,
    open: Listpack,
}

impl Nodes {
    fn push(&mut self, item: &[u8]) {
        if item.len() >= PLAIN_LEN_MIN {
            self.flush();
            self.put(NODE_PLAIN, item);
            return;
        }
        if self.open.len() + item.len() + ELEMENT_OVERHEAD > NODE_LEN_MAX {
            self.flush();
        }
        self.open.push(item);
    }

    fn flush(&mut self) {
        if !self.open.is_empty() {
            let packed = self.open.take();
            self.put(NODE_PACKED, &packed);
        }
    }

    fn put(&mut self, form: u64, bytes: &[u8]) {
        self.count += 1;
        put_length(&mut self.bytes, form);
        put_shortest(&mut self.bytes, bytes);
    }
}

/// A set of integers.
pub fn intset(out: &mut Vec<u8>, members: Vec<i64>) {
    out.push(SET_INTSET);
    put_shortest(out, &intset::write(members));
}

/// A set of `count` members.
pub fn set<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    put: PutString,
    count: usize,
    members: impl Iterator<Item = T>,
) {
    out.push(SET);
    put_length(out, count as u64);
    members.for_each(|member| put(out, member.as_ref()));
}

/// A small sorted set, its members in ascending order.
pub fn zset_packed<T: AsRef<[u8]>>(out: &mut Vec<u8>, members: impl Iterator<Item = (T, f64)>) {
    let mut packed = Listpack::default();
    for (member, score) in members {
        packed.push(member.as_ref());
        push_score(&mut packed, score);
    }
    out.push(ZSET_LISTPACK);
    put_shortest(out, &packed.take());
}

/// Integers as such, as far as Redis trusts them; the shortest text that is read as the same score else.
fn push_score(packed: &mut Listpack, score: f64) {
    const TRUSTED: f64 = (1_u64 << 62) as f64;
    if score.abs() <= TRUSTED && score.trunc() == score {
        return packed.push_integer(score as i64);
    }
    let text = match score.abs() {
        1e-5..1e17 => format!("{score}"),
        size if size.is_infinite() => format!("{score}"),
        _ => {
            let text = format!("{score:e}");
            if text.contains("e-") { text } else { text.replace('e', "e+") }
        }
    };
    packed.push(text.as_bytes());
}

/// A sorted set of `count` members; Redis has them in descending order.
pub fn zset<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    put: PutString,
    count: usize,
    members: impl Iterator<Item = (T, f64)>,
) {
    out.push(ZSET_2);
    put_length(out, count as u64);
    for (member, score) in members {
        put(out, member.as_ref());
        out.extend_from_slice(&score.to_le_bytes());
    }
}

/// A small hash without deadlines.
pub fn hash_packed<T: AsRef<[u8]>>(out: &mut Vec<u8>, fields: impl Iterator<Item = (T, T)>) {
    let mut packed = Listpack::default();
    for (name, value) in fields {
        packed.push(name.as_ref());
        packed.push(value.as_ref());
    }
    out.push(HASH_LISTPACK);
    put_shortest(out, &packed.take());
}

/// A hash of `count` fields without deadlines.
pub fn hash<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    put: PutString,
    count: usize,
    fields: impl Iterator<Item = (T, T)>,
) {
    out.push(HASH);
    put_length(out, count as u64);
    for (name, value) in fields {
        put(out, name.as_ref());
        put(out, value.as_ref());
    }
}

/// A hash of `count` fields, some of which have deadlines; `earliest_ms` is the first of them. Needs version
/// [`super::VERSION_TIMED`].
pub fn hash_timed<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    put: PutString,
    count: usize,
    earliest_ms: u64,
    fields: impl Iterator<Item = (T, T, Option<u64>)>,
) {
    out.push(HASH_METADATA);
    out.extend_from_slice(&earliest_ms.to_le_bytes());
    put_length(out, count as u64);
    for (name, value, deadline_ms) in fields {
        put_length(out, deadline_ms.map_or(0, |deadline_ms| deadline_ms.saturating_sub(earliest_ms) + 1));
        put(out, name.as_ref());
        put(out, value.as_ref());
    }
}
