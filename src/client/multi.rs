//! A transaction before it runs: what was asked for since MULTI, and the keys that must stay as they are.

use std::collections::BTreeSet;

use engine::command::Flags;
use engine::keyspace::watch::WatchTicket;

/// The calls between MULTI and EXEC, with their words. Bounded by memory alone, as in Redis.
#[derive(Debug)]
pub struct Multi {
    /// A call was turned away: EXEC will refuse.
    pub is_dirty: bool,
    /// The flags of all calls.
    flags: Flags,
    /// All words, one after the other.
    bytes: Vec<u8>,
    /// Where each word ends.
    ends: Vec<usize>,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    /// Its row's number.
    row: u16,
    /// Behind its last word.
    words_end: usize,
}

impl Default for Multi {
    fn default() -> Multi {
        Multi {
            is_dirty: false,
            flags: Flags::empty(),
            bytes: Vec::new(),
            ends: Vec::new(),
            calls: Vec::new(),
        }
    }
}

impl Multi {
    /// One more call.
    pub fn push<'w>(&mut self, row: u16, flags: Flags, words: impl Iterator<Item = &'w [u8]>) {
        for word in words {
            self.bytes.extend_from_slice(word);
            self.ends.push(self.bytes.len());
        }
        self.flags = self.flags.union(flags);
        self.calls.push(Call { row, words_end: self.ends.len() });
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether one of the calls has such a flag.
    pub fn has(&self, flag: Flags) -> bool {
        self.flags.contains(flag)
    }

    /// Bytes of all words.
    pub fn words_len(&self) -> usize {
        self.bytes.len()
    }

    /// Calls `visit` with each call's row and words; ends with the first error.
    ///
    /// # Errors
    /// That of `visit`.
    pub fn each<E>(&self, mut visit: impl FnMut(u16, &[&[u8]]) -> Result<(), E>) -> Result<(), E> {
        let (mut word, mut start) = (0, 0);
        let mut words: Vec<&[u8]> = Vec::new();
        for call in &self.calls {
            words.clear();
            for &end in &self.ends[word..call.words_end] {
                words.push(&self.bytes[start..end]);
                start = end;
            }
            word = call.words_end;
            visit(call.row, &words)?;
        }
        Ok(())
    }

    pub fn memory_bytes(&self) -> usize {
        size_of::<Multi>()
            + self.bytes.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.calls.capacity() * size_of::<Call>()
    }
}

/// The keys that a client watches.
#[derive(Debug, Default)]
pub struct Watching {
    /// Broken when one of them changes.
    pub ticket: WatchTicket,
    keys: BTreeSet<(u32, Box<[u8]>)>,
    keys_len: usize,
}

impl Watching {
    /// One more key of a database. False if it is watched already.
    pub fn add(&mut self, db: u32, key: &[u8]) -> bool {
        let is_new = self.keys.insert((db, key.into()));
        self.keys_len += if is_new { key.len() } else { 0 };
        is_new
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys with their databases.
    pub fn keys(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.keys.iter().map(|(db, key)| (*db, &**key))
    }

    pub fn memory_bytes(&self) -> usize {
        size_of::<Watching>() + self.keys.len() * size_of::<(u32, Box<[u8]>)>() + self.keys_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_back_word_by_word() {
        let mut multi = Multi::default();
        assert!(multi.is_empty());
        let calls: [&[&[u8]]; 3] = [&[b"SET", b"", b"\r\n"], &[b"PING"], &[b"GET", b"k"]];
        for (row, words) in calls.iter().enumerate() {
            multi.push(
                row as u16,
                if row == 2 { Flags::READONLY } else { Flags::FAST },
                words.iter().copied(),
            );
        }
        assert_eq!((multi.len(), multi.words_len()), (3, 13));
        assert!(multi.has(Flags::READONLY) && !multi.has(Flags::DENYOOM));
        let mut seen = 0;
        let end: Result<(), ()> = multi.each(|row, words| {
            assert_eq!(words, calls[usize::from(row)]);
            seen += 1;
            Ok(())
        });
        assert_eq!((end, seen), (Ok(()), 3));
        assert_eq!(multi.each(|row, _| if row == 1 { Err(row) } else { Ok(()) }), Err(1));
    }

    #[test]
    fn a_key_is_watched_once_in_each_database() {
        let mut watching = Watching::default();
        assert!(watching.add(0, b"k") && !watching.add(0, b"k") && watching.add(1, b"k"));
        assert_eq!(watching.len(), 2);
        assert_eq!(watching.keys().collect::<Vec<_>>(), [(0, &b"k"[..]), (1, b"k")]);
    }
}
