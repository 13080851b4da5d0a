//! A value between two representations: what reading a dump gives, whatever type will hold it.

use std::borrow::Cow;

use ahash::AHashSet;

use crate::types::stream::StreamImage;

/// Byte strings, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Items {
    /// Appends one.
    #[inline]
    pub fn push(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The nth of them, which must be there.
    #[inline]
    pub fn at(&self, nth: usize) -> &[u8] {
        let start = if nth == 0 { 0 } else { self.ends[nth - 1] };
        &self.bytes[start..self.ends[nth]]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|nth| self.at(nth))
    }

    /// Whether none is the same as another.
    pub fn is_distinct(&self) -> bool {
        let mut seen = AHashSet::with_capacity(self.len());
        self.iter().all(|item| seen.insert(item))
    }
}

impl<'i> FromIterator<&'i [u8]> for Items {
    fn from_iter<I: IntoIterator<Item = &'i [u8]>>(iter: I) -> Items {
        let mut items = Items::default();
        iter.into_iter().for_each(|item| items.push(item));
        items
    }
}

/// Members of a sorted set, in any order. No score is NaN.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scored {
    pub members: Items,
    pub scores: Vec<f64>,
}

impl Scored {
    pub fn push(&mut self, member: &[u8], score: f64) {
        self.members.push(member);
        self.scores.push(score);
    }

    /// Members with their scores.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], f64)> {
        self.members.iter().zip(self.scores.iter().copied())
    }
}

/// Fields of a hash, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    pub names: Items,
    pub values: Items,
    /// When each is gone, unix milliseconds, at most `DEADLINE_MS_MAX`; nothing if no field has a deadline.
    pub deadlines_ms: Vec<Option<u64>>,
}

impl Fields {
    /// Appends a field. Either all are appended with this or all with [`Fields::push_timed`].
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.names.push(name);
        self.values.push(value);
    }

    pub fn push_timed(&mut self, name: &[u8], value: &[u8], deadline_ms: Option<u64>) {
        self.push(name, value);
        self.deadlines_ms.push(deadline_ms);
    }

    /// Names with their values and deadlines.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8], Option<u64>)> {
        let pairs = self.names.iter().zip(self.values.iter()).enumerate();
        pairs.map(|(nth, (name, value))| (name, value, self.deadlines_ms.get(nth).copied().flatten()))
    }
}

/// A value of any type. Collections other than streams have elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'p> {
    String(Cow<'p, [u8]>),
    List(Items),
    Set(Items),
    Zset(Scored),
    Hash(Fields),
    /// Sound, see [`StreamImage`]; may have no entries.
    Stream(StreamImage),
}

impl Value<'_> {
    /// Whether no member or field comes twice. O(elements).
    pub fn is_distinct(&self) -> bool {
        match self {
            Value::String(_) | Value::List(_) | Value::Stream(_) => true,
            Value::Set(members) => members.is_distinct(),
            Value::Zset(scored) => scored.members.is_distinct(),
            Value::Hash(fields) => fields.names.is_distinct(),
        }
    }

    /// Whether it is a collection without elements.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::String(_) | Value::Stream(_) => false,
            Value::List(items) | Value::Set(items) => items.is_empty(),
            Value::Zset(scored) => scored.members.is_empty(),
            Value::Hash(fields) => fields.names.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_kept_in_order_and_compared() {
        let items: Items = [&b"one"[..], b"", b"two"].into_iter().collect();
        assert_eq!(
            (items.len(), items.at(0), items.at(1), items.at(2)),
            (3, &b"one"[..], &b""[..], &b"two"[..])
        );
        assert!(items.is_distinct() && !items.is_empty());
        let twice: Items = [&b""[..], b"x", b""].into_iter().collect();
        assert!(!twice.is_distinct());
    }

    #[test]
    fn fields_may_lack_deadlines() {
        let mut fields = Fields::default();
        fields.push(b"f", b"v");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"f"[..], &b"v"[..], None)]);
        let mut fields = Fields::default();
        fields.push_timed(b"f", b"v", Some(7));
        fields.push_timed(b"g", b"w", None);
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(all, [(&b"f"[..], &b"v"[..], Some(7)), (&b"g"[..], &b"w"[..], None)]);
        fields.push_timed(b"f", b"x", None);
        assert!(!Value::Hash(fields).is_distinct());
    }
}
