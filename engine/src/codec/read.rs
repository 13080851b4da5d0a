//! Values from dumps of any Redis up to 7.4.

use super::code::{
    HASH, HASH_LISTPACK, HASH_LISTPACK_EX, HASH_METADATA, HASH_ZIPLIST, HASH_ZIPMAP, LIST, LIST_QUICKLIST,
    LIST_QUICKLIST_2, LIST_ZIPLIST, NODE_PACKED, NODE_PLAIN, SET, SET_INTSET, SET_LISTPACK, STREAM_LISTPACKS,
    STREAM_LISTPACKS_2, STREAM_LISTPACKS_3, STRING, ZSET, ZSET_2, ZSET_LISTPACK, ZSET_ZIPLIST,
};
use super::listpack::{Element, Visit};
use super::value::{Fields, Items, Scored, Value};
use super::{Malformed, Source, intset, listpack, stream, ziplist, zipmap};
use crate::number;
use crate::types::DEADLINE_MS_MAX;

/// Reads a value of the type with this number; leaves the source behind it. Whether members or fields come twice is the
/// caller's to ask ([`Value::is_distinct`]). Takes no more memory than a small multiple of what it reads, compressed
/// strings counted at their full length.
///
/// # Errors
/// [`Malformed`], also when a collection has no elements.
pub fn read_value<'p>(code: u8, source: &mut Source<'p>) -> Result<Value<'p>, Malformed> {
    let value = match code {
        STRING => Value::String(source.string()?),
        LIST => Value::List(items(source)?),
        SET => Value::Set(items(source)?),
        SET_INTSET => {
            let mut members = Items::default();
            let bytes = source.string()?;
            intset::read(&bytes)?
                .for_each(|integer| Element::Integer(integer).with_text(|text| members.push(text)));
            Value::Set(members)
        }
        SET_LISTPACK => Value::Set(packed_items(&source.string()?, listpack::read)?),
        LIST_ZIPLIST => Value::List(packed_items(&source.string()?, ziplist::read)?),
        LIST_QUICKLIST => Value::List(nodes(source, |_| Ok(Node::Ziplist))?),
        LIST_QUICKLIST_2 => Value::List(nodes(source, |source| match source.length()? {
            NODE_PLAIN => Ok(Node::Plain),
            NODE_PACKED => Ok(Node::Listpack),
            _ => Err(Malformed),
        })?),
        ZSET => Value::Zset(scored(source, text_score)?),
        ZSET_2 => Value::Zset(scored(source, |source| Ok(f64::from_le_bytes(source.array()?)))?),
        ZSET_ZIPLIST => Value::Zset(packed_scored(&source.string()?, ziplist::read)?),
        ZSET_LISTPACK => Value::Zset(packed_scored(&source.string()?, listpack::read)?),
        HASH => Value::Hash(fields(source)?),
        HASH_ZIPMAP => {
            let mut fields = Fields::default();
            zipmap::read(&source.string()?, |name, value| fields.push(name, value))?;
            Value::Hash(fields)
        }
        HASH_ZIPLIST => Value::Hash(packed_fields(&source.string()?, ziplist::read)?),
        HASH_LISTPACK => Value::Hash(packed_fields(&source.string()?, listpack::read)?),
        HASH_METADATA => Value::Hash(timed_fields(source)?),
        HASH_LISTPACK_EX => {
            // The earliest deadline, for those who keep hashes packed.
            let _: [u8; 8] = source.array()?;
            Value::Hash(packed_timed_fields(&source.string()?)?)
        }
        STREAM_LISTPACKS | STREAM_LISTPACKS_2 | STREAM_LISTPACKS_3 => {
            Value::Stream(stream::read(code, source)?)
        }
        _ => return Err(Malformed),
    };
    if value.is_empty() { Err(Malformed) } else { Ok(value) }
}

/// Reads the elements of a packed string; see [`listpack::read`] and [`ziplist::read`].
type ReadPacked = for<'b> fn(&'b [u8], &mut Visit<'_, 'b>) -> Result<usize, Malformed>;

fn items(source: &mut Source<'_>) -> Result<Items, Malformed> {
    let mut items = Items::default();
    for _ in 0..source.length()? {
        items.push(&source.string()?);
    }
    Ok(items)
}

fn packed_items(bytes: &[u8], read: ReadPacked) -> Result<Items, Malformed> {
    let mut items = Items::default();
    add_packed(bytes, read, &mut items)?;
    Ok(items)
}

fn add_packed(bytes: &[u8], read: ReadPacked, items: &mut Items) -> Result<(), Malformed> {
    read(bytes, &mut |element| {
        element.with_text(|text| items.push(text));
        Ok(())
    })?;
    Ok(())
}

// ---- lists --------------------------------------------------------------------------------------

enum Node {
    Plain,
    Ziplist,
    Listpack,
}

/// Nodes without elements are passed over, as in Redis.
fn nodes(
    source: &mut Source<'_>,
    next: fn(&mut Source<'_>) -> Result<Node, Malformed>,
) -> Result<Items, Malformed> {
    let mut items = Items::default();
    for _ in 0..source.length()? {
        let node = next(source)?;
        let bytes = source.string()?;
        match node {
            Node::Plain if bytes.is_empty() => return Err(Malformed),
            Node::Plain => items.push(&bytes),
            Node::Ziplist => add_packed(&bytes, ziplist::read, &mut items)?,
            Node::Listpack => add_packed(&bytes, listpack::read, &mut items)?,
        }
    }
    Ok(items)
}

// ---- sorted sets --------------------------------------------------------------------------------

fn scored(
    source: &mut Source<'_>,
    score: fn(&mut Source<'_>) -> Result<f64, Malformed>,
) -> Result<Scored, Malformed> {
    let mut scored = Scored::default();
    for _ in 0..source.length()? {
        let member = source.string()?;
        let score = score(source)?;
        if score.is_nan() {
            return Err(Malformed);
        }
        scored.push(&member, score);
    }
    Ok(scored)
}

/// A score as text, its length in one byte before it; or one of three bytes for what is not finite.
fn text_score(source: &mut Source<'_>) -> Result<f64, Malformed> {
    match source.byte()? {
        255 => Ok(f64::NEG_INFINITY),
        254 => Ok(f64::INFINITY),
        253 => Err(Malformed),
        len => number::parse_f64(source.take(u64::from(len))?).ok_or(Malformed),
    }
}

fn packed_scored(bytes: &[u8], read: ReadPacked) -> Result<Scored, Malformed> {
    let mut scored = Scored::default();
    let mut member = None;
    read(bytes, &mut |element| {
        let Some(member) = member.take() else {
            member = Some(element);
            return Ok(());
        };
        let score = match element {
            Element::Integer(integer) => integer as f64,
            Element::Text(text) => number::parse_f64(text).ok_or(Malformed)?,
        };
        member.with_text(|member| scored.push(member, score));
        Ok(())
    })?;
    if member.is_none() { Ok(scored) } else { Err(Malformed) }
}

// ---- hashes -------------------------------------------------------------------------------------

fn fields(source: &mut Source<'_>) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    for _ in 0..source.length()? {
        let name = source.string()?;
        fields.push(&name, &source.string()?);
    }
    Ok(fields)
}

fn packed_fields(bytes: &[u8], read: ReadPacked) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let mut name = None;
    read(bytes, &mut |element| {
        match name.take() {
            None => name = Some(element),
            Some(name) => name.with_text(|name| element.with_text(|value| fields.push(name, value))),
        }
        Ok(())
    })?;
    if name.is_none() { Ok(fields) } else { Err(Malformed) }
}

/// Each field has its deadline before it, counted from one millisecond before the earliest; 0: none.
fn timed_fields(source: &mut Source<'_>) -> Result<Fields, Malformed> {
    let earliest_ms = u64::from_le_bytes(source.array()?);
    let mut fields = Fields::default();
    for _ in 0..source.length()? {
        let deadline_ms = match source.length()? {
            0 => None,
            late_ms => Some(earliest_ms.checked_add(late_ms - 1).ok_or(Malformed)?),
        };
        let name = source.string()?;
        push_timed(&mut fields, &name, &source.string()?, deadline_ms)?;
    }
    Ok(fields)
}

/// Each field has its deadline as an integer behind its value; 0: none.
fn packed_timed_fields(bytes: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (mut name, mut value) = (None, None);
    listpack::read(bytes, &mut |element| {
        if name.is_none() {
            name = Some(element);
        } else if value.is_none() {
            value = Some(element);
        } else if let (Some(name), Some(value)) = (name.take(), value.take()) {
            let deadline_ms =
                element.integer().and_then(|time_ms| u64::try_from(time_ms).ok()).ok_or(Malformed)?;
            let deadline_ms = Some(deadline_ms).filter(|&deadline_ms| deadline_ms != 0);
            name.with_text(|name| {
                value.with_text(|value| push_timed(&mut fields, name, value, deadline_ms))
            })?;
        }
        Ok(())
    })?;
    if name.is_none() { Ok(fields) } else { Err(Malformed) }
}

fn push_timed(
    fields: &mut Fields,
    name: &[u8],
    value: &[u8],
    deadline_ms: Option<u64>,
) -> Result<(), Malformed> {
    if deadline_ms.is_some_and(|deadline_ms| deadline_ms > DEADLINE_MS_MAX) {
        return Err(Malformed);
    }
    fields.push_timed(name, value, deadline_ms);
    Ok(())
}
