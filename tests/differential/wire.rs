//! Replies as the bytes they are. Nothing here knows what a reply means, only where it ends.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::support::{PATIENCE, read_more};

/// One connection.
pub struct Wire {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub fn connect(socket: &Path) -> io::Result<Wire> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Wire { stream, buffer: Vec::new() })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The bytes of the next reply.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(len) = reply_len(&self.buffer) {
                let rest = self.buffer.split_off(len);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            read_more(&mut self.stream, &mut self.buffer)?;
        }
    }
}

/// The length of the reply at the beginning of `bytes`; `None` when its end has not arrived.
fn reply_len(bytes: &[u8]) -> Option<usize> {
    let (line, mut at) = line_at(bytes, 0)?;
    let count = || std::str::from_utf8(&line[1..]).ok().and_then(|digits| digits.parse::<i64>().ok());
    match line.first()? {
        b'$' | b'=' | b'!' => match count()? {
            ..0 => Some(at),
            len => Some(at + usize::try_from(len).ok()? + 2).filter(|end| *end <= bytes.len()),
        },
        kind @ (b'*' | b'~' | b'>' | b'%') => {
            let items = count()?.max(0) * if *kind == b'%' { 2 } else { 1 };
            for _ in 0..items {
                at += reply_len(&bytes[at..])?;
            }
            Some(at)
        }
        _ => Some(at),
    }
}

/// A line without its end, and where the next one begins.
fn line_at(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let len = bytes[start..].windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[start..start + len], start + len + 2))
}

/// The bulk strings of a reply, in order, however deep.
pub fn bulks(reply: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((line, next)) = line_at(reply, at) {
        at = next;
        if let [b'$', digits @ ..] = line
            && let Some(len) =
                std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok())
        {
            found.push(reply[at..at + len].to_vec());
            at += len + 2;
        }
    }
    found
}

/// The items of an array; none of anything else.
pub fn items(reply: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    let Some((line, mut at)) = line_at(reply, 0).filter(|(line, _)| line.starts_with(b"*")) else {
        return items;
    };
    let count = std::str::from_utf8(&line[1..]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    for _ in 0..count {
        let Some(len) = reply_len(&reply[at..]) else { break };
        items.push(&reply[at..at + len]);
        at += len;
    }
    items
}

pub fn is_error(reply: &[u8]) -> bool {
    reply.starts_with(b"-")
}

pub fn is_null(reply: &[u8]) -> bool {
    matches!(reply, b"$-1\r\n" | b"_\r\n" | b"*-1\r\n")
}

/// The number of an integer reply.
pub fn integer(reply: &[u8]) -> Option<i64> {
    std::str::from_utf8(reply.strip_prefix(b":")?).ok()?.trim_end().parse().ok()
}

#[test]
fn replies_end_where_they_end() {
    for reply in [
        &b"+OK\r\n"[..],
        b"$-1\r\n",
        b"$3\r\n\r\nx\r\n",
        b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        b"%1\r\n+a\r\n~2\r\n_\r\n#t\r\n",
        b"*-1\r\n",
        b"*0\r\n",
    ] {
        assert_eq!(reply_len(&[reply, b"+more\r\n"].concat()), Some(reply.len()));
        for cut in 0..reply.len() {
            assert_eq!(reply_len(&reply[..cut]), None);
        }
    }
    assert_eq!(items(b"*2\r\n*1\r\n:1\r\n$1\r\na\r\n"), [&b"*1\r\n:1\r\n"[..], b"$1\r\na\r\n"]);
    assert!(items(b"*-1\r\n").is_empty() && items(b"+OK\r\n").is_empty());
    assert_eq!(bulks(b"*2\r\n$1\r\n0\r\n*2\r\n$0\r\n\r\n$2\r\n\r\n\r\n"), [&b"0"[..], b"", b"\r\n"]);
}
