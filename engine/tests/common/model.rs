//! A server as plain as can be: strings in a map. It understands the requests that tests make, with their
//! options in one order.

use std::collections::BTreeMap;

use engine::codec;
use engine::testing::quoted;

use super::Bytes;

/// Values with their deadlines, by database and key.
pub type Data = BTreeMap<(u32, Bytes), (Bytes, Option<u64>)>;

const NOT_AN_INTEGER: &str = "(error) ERR value is not an integer or out of range";
const SAME_OBJECT: &str = "(error) ERR source and destination objects are the same";

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub now_ms: u64,
    pub db: u32,
    data: Data,
    queue: Option<Vec<Vec<Bytes>>>,
}

impl Model {
    pub fn new(now_ms: u64) -> Model {
        Model { now_ms, ..Model::default() }
    }

    /// What has not expired.
    pub fn live(&mut self) -> &Data {
        let now_ms = self.now_ms;
        self.data.retain(|_, (_, deadline_ms)| deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms));
        &self.data
    }

    pub fn keys(&mut self) -> Vec<Bytes> {
        let db = self.db;
        self.live().keys().filter(|(at, _)| *at == db).map(|(_, key)| key.clone()).collect()
    }

    /// [`super::ask`] for the model.
    pub fn ask(&mut self, request: &[Bytes]) -> String {
        super::requests_in(request).fold(String::new(), |_, request| self.call(request))
    }

    /// Does what the request says and returns the reply as text.
    ///
    /// # Panics
    /// When the request is none that the model knows.
    pub fn call(&mut self, words: &[Bytes]) -> String {
        self.live();
        let text = |at: usize| words.get(at).map(|word| String::from_utf8_lossy(word).into_owned());
        let name = text(0).expect("a request");
        let args = &words[1..];
        if name != "EXEC"
            && let Some(queue) = &mut self.queue
        {
            queue.push(words.to_vec());
            return "QUEUED".to_owned();
        }
        match name.as_str() {
            "MULTI" => {
                self.queue = Some(Vec::new());
                ok()
            }
            "EXEC" => {
                let queue = self.queue.take().expect("a transaction");
                let width = queue.len().to_string().len();
                let replies =
                    queue.iter().zip(1..).map(|(words, nth)| format!("{nth:>width$}) {}", self.call(words)));
                replies.collect::<Vec<_>>().join("\n")
            }
            "SELECT" => {
                self.db = number(&args[0]) as u32;
                ok()
            }
            "SET" => self.set_command(args),
            "SETNX" => self.store_if_missing(args),
            "GETSET" => {
                let old = self.shown(&args[0]);
                self.set(&args[0], &args[1], None);
                old
            }
            "MSET" => {
                self.store_all(args, None);
                ok()
            }
            "MSETNX" => self.store_if_missing(args),
            "MSETEX" => {
                let pairs = 2 * number(&args[0]) as usize;
                let deadline_ms = args.get(pairs + 2).map(|px| self.now_ms + number(px) as u64);
                self.store_all(&args[1..=pairs], deadline_ms);
                integer(1)
            }
            "GET" => self.shown(&args[0]),
            "GETDEL" => {
                let old = self.shown(&args[0]);
                self.remove(&args[0]);
                old
            }
            "GETEX" => {
                let old = self.shown(&args[0]);
                match text(2).as_deref() {
                    Some("PERSIST") => self.set_deadline(&args[0], None),
                    Some("PX") => self.set_deadline(&args[0], Some(self.now_ms + number(&args[2]) as u64)),
                    _ => {}
                }
                old
            }
            "DELIFEQ" => {
                let equal = self.get(&args[0]) == Some(&args[1]);
                integer(i64::from(equal && self.remove(&args[0])))
            }
            "APPEND" => {
                let len = self.get(&args[0]).map_or(0, Vec::len);
                self.write(&args[0], len, &args[1])
            }
            "SETRANGE" if args[2].is_empty() => integer(self.get(&args[0]).map_or(0, Vec::len) as i64),
            "SETRANGE" => self.write(&args[0], number(&args[1]) as usize, &args[2]),
            "INCRBY" => self.increment(&args[0], number(&args[1])),
            "SETBIT" => self.setbit(args),
            "BITFIELD" => self.bitfield(args),
            "BITOP" => self.bitop(args),
            "PFADD" => self.pfadd(args),
            "PFCOUNT" => self.pfcount(&args[0]),
            "PFMERGE" => self.pfmerge(args),
            "PFDEBUG" => self.make_dense(&args[1]),
            "DEL" | "UNLINK" => integer(args.iter().filter(|key| self.remove(key)).count() as i64),
            "EXISTS" | "TOUCH" => integer(args.iter().filter(|key| self.get(key).is_some()).count() as i64),
            "TYPE" => if self.get(&args[0]).is_some() { "string" } else { "none" }.to_owned(),
            "PEXPIRE" => {
                let wanted_ms = self.now_ms.checked_add_signed(number(&args[1])).unwrap_or(0);
                self.expire(&args[0], wanted_ms, &args[2..])
            }
            "EXPIREAT" => self.expire(&args[0], number(&args[1]).max(0) as u64 * 1000, &args[2..]),
            "PERSIST" => {
                let timed = self.deadline(&args[0]).is_some();
                self.set_deadline(&args[0], None);
                integer(i64::from(timed))
            }
            "PTTL" => integer(match self.data.get(&self.at(&args[0])) {
                None => -2,
                Some((_, None)) => -1,
                Some((_, Some(deadline_ms))) => (deadline_ms - self.now_ms) as i64,
            }),
            "RENAME" => self.rename(&args[0], &args[1], true).map_or_else(no_such_key, |_| ok()),
            "RENAMENX" => {
                let renamed = self.rename(&args[0], &args[1], false);
                renamed.map_or_else(no_such_key, |renamed| integer(i64::from(renamed)))
            }
            "COPY" => self.copy(args),
            "RESTORE" => self.restore(args),
            "MOVE" => self.move_key(&args[0], number(&args[1]) as u32),
            "SWAPDB" => {
                self.swap(number(&args[0]) as u32, number(&args[1]) as u32);
                ok()
            }
            "FLUSHDB" => {
                let db = self.db;
                self.data.retain(|(at, _), _| *at != db);
                ok()
            }
            "FLUSHALL" => {
                self.data.clear();
                ok()
            }
            "DBSIZE" => integer(self.keys().len() as i64),
            other => panic!("the model does not know {other}"),
        }
    }

    // ---- pieces -----------------------------------------------------------------------------

    fn at(&self, key: &Bytes) -> (u32, Bytes) {
        (self.db, key.clone())
    }

    pub(super) fn get(&self, key: &Bytes) -> Option<&Bytes> {
        self.data.get(&self.at(key)).map(|(value, _)| value)
    }

    pub(super) fn deadline(&self, key: &Bytes) -> Option<u64> {
        self.data.get(&self.at(key)).and_then(|(_, deadline_ms)| *deadline_ms)
    }

    fn shown(&self, key: &Bytes) -> String {
        self.get(key).map_or("(nil)".to_owned(), |value| quoted(value))
    }

    pub(super) fn set(&mut self, key: &Bytes, value: &Bytes, deadline_ms: Option<u64>) {
        self.data.insert(self.at(key), (value.clone(), deadline_ms));
    }

    fn set_deadline(&mut self, key: &Bytes, deadline_ms: Option<u64>) {
        let at = self.at(key);
        if let Some(value) = self.data.get_mut(&at) {
            value.1 = deadline_ms;
        }
    }

    /// The value of a key, which is made if it is missing.
    pub(super) fn value_mut(&mut self, key: &Bytes) -> &mut Bytes {
        &mut self.data.entry(self.at(key)).or_default().0
    }

    pub(super) fn remove(&mut self, key: &Bytes) -> bool {
        self.data.remove(&self.at(key)).is_some()
    }

    fn store_all(&mut self, pairs: &[Bytes], deadline_ms: Option<u64>) {
        pairs.chunks(2).for_each(|pair| self.set(&pair[0], &pair[1], deadline_ms));
    }

    fn store_if_missing(&mut self, pairs: &[Bytes]) -> String {
        let all_new = pairs.chunks(2).all(|pair| self.get(&pair[0]).is_none());
        if all_new {
            self.store_all(pairs, None);
        }
        integer(i64::from(all_new))
    }

    fn set_command(&mut self, args: &[Bytes]) -> String {
        let (key, value) = (&args[0], &args[1]);
        let (mut deadline_ms, mut admitted, mut get) = (None, true, false);
        let mut options = args[2..].iter();
        while let Some(option) = options.next() {
            match option.as_slice() {
                b"NX" => admitted = self.get(key).is_none(),
                b"XX" => admitted = self.get(key).is_some(),
                b"IFEQ" => admitted = self.get(key) == options.next(),
                b"GET" => get = true,
                b"KEEPTTL" => deadline_ms = self.deadline(key),
                b"PX" => deadline_ms = options.next().map(|px| self.now_ms + number(px) as u64),
                b"PXAT" => deadline_ms = options.next().map(|at| number(at) as u64),
                other => panic!("the model does not know SET {other:?}"),
            }
        }
        let old = self.shown(key);
        if admitted {
            self.set(key, value, deadline_ms);
        }
        match (get, admitted) {
            (true, _) => old,
            (false, true) => ok(),
            (false, false) => "(nil)".to_owned(),
        }
    }

    fn write(&mut self, key: &Bytes, offset: usize, bytes: &Bytes) -> String {
        let value = &mut self.data.entry(self.at(key)).or_default().0;
        let end = offset + bytes.len();
        value.resize(value.len().max(end), 0);
        value[offset..end].copy_from_slice(bytes);
        integer(value.len() as i64)
    }

    fn increment(&mut self, key: &Bytes, by: i64) -> String {
        let old = match self.get(key) {
            Some(value) => std::str::from_utf8(value).ok().and_then(|text| {
                let number: i64 = text.parse().ok()?;
                (number.to_string() == text).then_some(number)
            }),
            None => Some(0),
        };
        match old.and_then(|old| old.checked_add(by)) {
            Some(new) => {
                self.set(key, &new.to_string().into_bytes(), self.deadline(key));
                integer(new)
            }
            None => NOT_AN_INTEGER.to_owned(),
        }
    }

    fn expire(&mut self, key: &Bytes, wanted_ms: u64, condition: &[Bytes]) -> String {
        let current_ms = self.deadline(key);
        let allowed = match condition.first().map(Vec::as_slice) {
            None => true,
            Some(b"NX") => current_ms.is_none(),
            Some(b"XX") => current_ms.is_some(),
            Some(b"GT") => current_ms.is_some_and(|current_ms| wanted_ms > current_ms),
            Some(b"LT") => current_ms.is_none_or(|current_ms| wanted_ms < current_ms),
            Some(other) => panic!("the model does not know PEXPIRE {other:?}"),
        };
        let done = allowed && self.get(key).is_some();
        if done {
            self.set_deadline(key, Some(wanted_ms));
        }
        integer(i64::from(done))
    }

    /// None without a source, else whether it was done.
    fn rename(&mut self, from: &Bytes, to: &Bytes, replace: bool) -> Option<bool> {
        self.get(from)?;
        if from == to || !replace && self.get(to).is_some() {
            return Some(replace);
        }
        let value = self.data.remove(&self.at(from))?;
        self.data.insert(self.at(to), value);
        Some(true)
    }

    /// `COPY from to [DB db] [REPLACE]`.
    fn copy(&mut self, args: &[Bytes]) -> String {
        let has_db = args.get(2).is_some_and(|word| word == b"DB");
        let to_db = if has_db { number(&args[3]) as u32 } else { self.db };
        let replace = args.last().is_some_and(|word| word == b"REPLACE");
        if to_db == self.db && args[0] == args[1] {
            return SAME_OBJECT.to_owned();
        }
        let target = (to_db, args[1].clone());
        let value = self.data.get(&self.at(&args[0])).cloned();
        match value.filter(|_| replace || !self.data.contains_key(&target)) {
            Some(value) => {
                self.data.insert(target, value);
                integer(1)
            }
            None => integer(0),
        }
    }

    /// `RESTORE key ttl payload [REPLACE]` of a string.
    fn restore(&mut self, args: &[Bytes]) -> String {
        let Ok(codec::Value::String(value)) = codec::open(&args[2]) else {
            panic!("the model knows strings only");
        };
        if args.len() < 4 && self.get(&args[0]).is_some() {
            return "(error) BUSYKEY Target key name already exists.".to_owned();
        }
        let ttl_ms = Some(number(&args[1])).filter(|&ttl_ms| ttl_ms != 0);
        self.set(&args[0], &value.into_owned(), ttl_ms.map(|ttl_ms| self.now_ms + ttl_ms as u64));
        ok()
    }

    fn move_key(&mut self, key: &Bytes, to_db: u32) -> String {
        if to_db == self.db {
            return SAME_OBJECT.to_owned();
        }
        let (from, to) = (self.at(key), (to_db, key.clone()));
        if self.data.contains_key(&to) {
            return integer(0);
        }
        match self.data.remove(&from) {
            Some(value) => {
                self.data.insert(to, value);
                integer(1)
            }
            None => integer(0),
        }
    }

    fn swap(&mut self, one: u32, other: u32) {
        let renumbered = |db: u32| match db {
            db if db == one => other,
            db if db == other => one,
            db => db,
        };
        let data = std::mem::take(&mut self.data);
        self.data = data.into_iter().map(|((db, key), value)| ((renumbered(db), key), value)).collect();
    }
}

pub(super) fn number(word: &Bytes) -> i64 {
    String::from_utf8_lossy(word).parse().expect("a number")
}

pub(super) fn ok() -> String {
    "OK".to_owned()
}

pub(super) fn integer(value: i64) -> String {
    format!("(integer) {value}")
}

fn no_such_key() -> String {
    "(error) ERR no such key".to_owned()
}
