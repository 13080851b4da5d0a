//! Replies as a client hears them.

use std::cell::Cell;

use engine::command::Reply;
use net::resp::Encoder;

use crate::client::Protocol;

/// Writes replies to a buffer in the protocol that `protocol` says at that moment.
pub struct Wire<'w> {
    out: &'w mut Vec<u8>,
    protocol: &'w Cell<Protocol>,
    /// Bytes that the open bulk still lacks.
    bulk_left: usize,
    /// Where the last error begins; stands for the whole reply, since an error is a reply by itself.
    error_at: Option<usize>,
}

impl<'w> Wire<'w> {
    #[inline]
    pub fn new(out: &'w mut Vec<u8>, protocol: &'w Cell<Protocol>) -> Wire<'w> {
        Wire { out, protocol, bulk_left: 0, error_at: None }
    }

    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        let protocol = match self.protocol.get() {
            Protocol::Resp2 => net::resp::Protocol::Resp2,
            Protocol::Resp3 => net::resp::Protocol::Resp3,
        };
        Encoder::new(self.out, protocol)
    }

    /// What follows is another reply: errors so far are none of it.
    pub fn begin_reply(&mut self) {
        self.error_at = None;
    }

    /// The code of the last error written, e.g. `WRONGTYPE`.
    pub fn error_code(&self) -> Option<&[u8]> {
        let line = &self.out[self.error_at? + 1..];
        line.split(|byte| matches!(byte, b' ' | b'\r')).next()
    }
}

impl Reply for Wire<'_> {
    #[inline]
    fn status(&mut self, text: &str) {
        self.encoder().status(text.as_bytes());
    }
    #[inline]
    fn ok(&mut self) {
        self.encoder().ok();
    }
    fn error_line(&mut self, line: &[u8]) {
        self.error_at = Some(self.out.len());
        self.encoder().error(line);
    }
    #[inline]
    fn integer(&mut self, value: i64) {
        self.encoder().integer(value);
    }
    #[inline]
    fn bulk(&mut self, bytes: &[u8]) {
        self.encoder().bulk(bytes);
    }
    fn bulk_header(&mut self, len: usize) {
        debug_assert_eq!(self.bulk_left, 0, "the bulk before is not complete");
        self.bulk_left = len;
        self.encoder().bulk_header(len);
        if len == 0 {
            self.out.extend_from_slice(b"\r\n");
        }
    }
    fn bulk_piece(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.out.extend_from_slice(bytes);
        self.bulk_left = self.bulk_left.checked_sub(bytes.len()).expect("no more than was announced");
        if self.bulk_left == 0 {
            self.out.extend_from_slice(b"\r\n");
        }
    }
    #[inline]
    fn null(&mut self) {
        self.encoder().null();
    }
    fn null_array(&mut self) {
        self.encoder().null_array();
    }
    #[inline]
    fn array(&mut self, len: usize) {
        self.encoder().array(len);
    }
    fn map(&mut self, len: usize) {
        self.encoder().map(len);
    }
    fn set(&mut self, len: usize) {
        self.encoder().set(len);
    }
    fn push(&mut self, len: usize) {
        self.encoder().push(len);
    }
    fn attribute(&mut self, len: usize) -> bool {
        self.encoder().attribute(len)
    }
    fn double(&mut self, value: f64) {
        self.encoder().double(value);
    }
    fn boolean(&mut self, value: bool) {
        self.encoder().boolean(value);
    }
    fn verbatim(&mut self, format: &str, text: &[u8]) {
        let format = format.as_bytes().try_into().expect("a format has three letters");
        self.encoder().verbatim(format, text);
    }
    fn big_number(&mut self, decimal: &str) {
        self.encoder().big_number(decimal.as_bytes());
    }
    fn is_resp3(&self) -> bool {
        self.protocol.get() == Protocol::Resp3
    }
    fn mark(&self) -> usize {
        self.out.len()
    }
    fn cut(&mut self, mark: usize) {
        self.out.truncate(mark);
        self.bulk_left = 0;
        self.error_at = self.error_at.filter(|at| *at < mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::command::Error;

    #[test]
    fn a_bulk_in_pieces_is_closed_when_complete() {
        let (mut out, protocol) = (Vec::new(), Cell::new(Protocol::Resp2));
        let mut wire = Wire::new(&mut out, &protocol);
        wire.bulk_header(5);
        wire.bulk_piece(b"he");
        wire.bulk_piece(b"");
        wire.bulk_piece(b"llo");
        wire.bulk_header(0);
        wire.integer(1);
        assert_eq!(out, b"$5\r\nhello\r\n$0\r\n\r\n:1\r\n");
    }

    #[test]
    fn what_was_cut_is_forgotten() {
        let (mut out, protocol) = (b"+before\r\n".to_vec(), Cell::new(Protocol::Resp2));
        let mut wire = Wire::new(&mut out, &protocol);
        let mark = wire.mark();
        wire.array(2);
        wire.bulk_header(9);
        wire.bulk_piece(b"abc");
        wire.cut(mark);
        assert_eq!(wire.error_code(), None);
        wire.error(&Error::WrongType);
        assert_eq!(wire.error_code(), Some(&b"WRONGTYPE"[..]));
        wire.cut(mark);
        assert_eq!(wire.error_code(), None);
        assert_eq!(out, b"+before\r\n");
    }

    #[test]
    fn the_protocol_may_change_within_a_reply() {
        let (mut out, protocol) = (Vec::new(), Cell::new(Protocol::Resp2));
        let mut wire = Wire::new(&mut out, &protocol);
        wire.null();
        protocol.set(Protocol::Resp3);
        wire.null();
        assert!(wire.is_resp3());
        assert_eq!(out, b"$-1\r\n_\r\n");
    }
}
