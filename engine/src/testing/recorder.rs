//! A reply kept as items and shown as redis-cli shows it on a terminal.

use super::quote::quoted;
use crate::command::Reply;

enum Item {
    /// A scalar as it is shown.
    Scalar(String),
    Bulk(Vec<u8>),
    Null,
    Array(usize),
    Map(usize),
    Set(usize),
    Push(usize),
}

/// Records one reply.
pub struct Recorder {
    resp3: bool,
    items: Vec<Item>,
    /// Bytes that the last bulk string still lacks.
    missing: usize,
}

impl Recorder {
    /// `resp3` decides what [`Reply::is_resp3`] says, and whether maps and sets are shown as such.
    pub fn new(resp3: bool) -> Recorder {
        Recorder { resp3, items: Vec::new(), missing: 0 }
    }

    /// The client has changed its protocol in the middle of the command.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The reply as text.
    ///
    /// # Panics
    /// When it is not exactly one complete item.
    pub fn render(&self) -> String {
        assert_eq!(self.missing, 0, "a string lacks pieces");
        let mut out = String::new();
        let mut items = self.items.iter();
        self.render_next(&mut items, "", &mut out);
        assert_eq!(items.len(), 0, "items after the reply");
        out.trim_end_matches('\n').to_owned()
    }

    fn render_next<'i>(&self, items: &mut impl Iterator<Item = &'i Item>, indent: &str, out: &mut String) {
        match items.next().expect("the reply is complete") {
            Item::Scalar(text) => *out += text,
            Item::Bulk(bytes) => *out += &quoted(bytes),
            Item::Null => *out += "(nil)",
            Item::Array(len) => return self.render_list(items, *len, ')', "(empty array)", indent, out),
            Item::Push(len) => return self.render_list(items, *len, ')', "(empty push)", indent, out),
            Item::Set(len) if self.resp3 => {
                return self.render_list(items, *len, '~', "(empty set)", indent, out);
            }
            Item::Set(len) => return self.render_list(items, *len, ')', "(empty array)", indent, out),
            Item::Map(len) if self.resp3 => return self.render_pairs(items, *len, indent, out),
            Item::Map(len) => return self.render_list(items, 2 * len, ')', "(empty array)", indent, out),
        }
        out.push('\n');
    }

    fn render_list<'i>(
        &self,
        items: &mut impl Iterator<Item = &'i Item>,
        len: usize,
        mark: char,
        empty: &str,
        indent: &str,
        out: &mut String,
    ) {
        if len == 0 {
            *out += empty;
            out.push('\n');
        }
        let width = len.to_string().len();
        let deeper = format!("{indent}{:width$}  ", "");
        for number in 1..=len {
            if number > 1 {
                *out += indent;
            }
            *out += &format!("{number:>width$}{mark} ");
            self.render_next(items, &deeper, out);
        }
    }

    fn render_pairs<'i>(
        &self,
        items: &mut impl Iterator<Item = &'i Item>,
        len: usize,
        indent: &str,
        out: &mut String,
    ) {
        if len == 0 {
            *out += "(empty hash)\n";
        }
        let width = len.to_string().len();
        let deeper = format!("{indent}{:width$}  ", "");
        for number in 1..=len {
            if number > 1 {
                *out += indent;
            }
            let mut key = String::new();
            self.render_next(items, &deeper, &mut key);
            *out += &format!("{number:>width$}# {} => ", key.trim_end());
            self.render_next(items, &deeper, out);
        }
    }

    fn push_scalar(&mut self, text: String) {
        self.items.push(Item::Scalar(text));
    }
}

impl Reply for Recorder {
    fn status(&mut self, text: &str) {
        self.push_scalar(text.to_owned());
    }
    fn error_line(&mut self, line: &[u8]) {
        self.push_scalar(format!("(error) {}", String::from_utf8_lossy(line)));
    }
    fn integer(&mut self, value: i64) {
        self.push_scalar(format!("(integer) {value}"));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.items.push(Item::Bulk(bytes.to_vec()));
    }
    fn bulk_header(&mut self, len: usize) {
        assert_eq!(self.missing, 0, "a string lacks pieces");
        self.items.push(Item::Bulk(Vec::with_capacity(len)));
        self.missing = len;
    }
    fn bulk_piece(&mut self, bytes: &[u8]) {
        self.missing = self.missing.checked_sub(bytes.len()).expect("no more bytes than the header said");
        match self.items.last_mut() {
            Some(Item::Bulk(all)) => all.extend_from_slice(bytes),
            _ => panic!("a piece of no string"),
        }
    }
    fn null(&mut self) {
        self.items.push(Item::Null);
    }
    fn null_array(&mut self) {
        self.items.push(Item::Null);
    }
    fn array(&mut self, len: usize) {
        self.items.push(Item::Array(len));
    }
    fn map(&mut self, len: usize) {
        self.items.push(Item::Map(len));
    }
    fn set(&mut self, len: usize) {
        self.items.push(Item::Set(len));
    }
    fn push(&mut self, len: usize) {
        self.items.push(Item::Push(len));
    }
    fn double_text(&mut self, text: &str) {
        match self.resp3 {
            true => self.push_scalar(format!("(double) {text}")),
            false => self.bulk(text.as_bytes()),
        }
    }
    fn boolean(&mut self, value: bool) {
        match self.resp3 {
            true => self.push_scalar(format!("({value})")),
            false => self.integer(i64::from(value)),
        }
    }
    fn verbatim(&mut self, _format: &str, text: &[u8]) {
        match self.resp3 {
            true => self.push_scalar(String::from_utf8_lossy(text).into_owned()),
            false => self.bulk(text),
        }
    }
    fn big_number(&mut self, decimal: &str) {
        match self.resp3 {
            true => self.push_scalar(decimal.to_owned()),
            false => self.bulk(decimal.as_bytes()),
        }
    }
    fn is_resp3(&self) -> bool {
        self.resp3
    }
    fn mark(&self) -> usize {
        self.items.len()
    }
    fn cut(&mut self, mark: usize) {
        self.items.truncate(mark);
        self.missing = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_look_as_on_a_terminal() {
        let build = |resp3| {
            let mut reply = Recorder::new(resp3);
            reply.map(2);
            reply.bulk(b"list");
            reply.array(2);
            reply.array(2);
            reply.integer(1);
            reply.null();
            reply.array(0);
            reply.bulk(b"pieces");
            reply.bulk_header(3);
            reply.bulk_piece(b"a");
            reply.bulk_piece(b"\"\n");
            reply.render()
        };
        assert_eq!(
            build(true),
            "1# \"list\" => 1) 1) (integer) 1\n      2) (nil)\n   2) (empty array)\n2# \"pieces\" => \"a\\\"\\n\""
        );
        assert_eq!(
            build(false),
            "1) \"list\"\n2) 1) 1) (integer) 1\n      2) (nil)\n   2) (empty array)\n3) \"pieces\"\n4) \"a\\\"\\n\""
        );
    }

    #[test]
    #[should_panic(expected = "items after the reply")]
    fn a_second_item_is_noticed() {
        let mut reply = Recorder::new(false);
        reply.ok();
        reply.ok();
        reply.render();
    }

    #[test]
    #[should_panic(expected = "the reply is complete")]
    fn a_missing_item_is_noticed() {
        let mut reply = Recorder::new(false);
        reply.array(1);
        reply.render();
    }
}
