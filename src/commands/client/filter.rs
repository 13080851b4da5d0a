//! Which clients are meant.

use engine::command::{Args, Error};
use engine::number;

use crate::client::Client;
use crate::commands::hello::DEFAULT_USER;

/// Every client that meets all conditions given.
#[derive(Debug, Default)]
pub struct Filter {
    /// One of these numbers.
    pub ids: Option<Vec<u64>>,
    pub kind: Option<ClientKind>,
    /// Where it comes from.
    pub peer: Option<String>,
    /// Where it came to.
    pub local: Option<String>,
    /// Connected at least so long.
    pub age_s_min: Option<u64>,
    /// Not this one.
    pub except: Option<u64>,
}

/// What a client is to the server. So far there are only those that send commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    Normal,
    Primary,
    Replica,
    PubSub,
}

impl ClientKind {
    fn of(_: &Client) -> ClientKind {
        ClientKind::Normal
    }

    /// By its name in CLIENT LIST TYPE and CLIENT KILL TYPE.
    pub fn parse(name: &[u8]) -> Result<ClientKind, Error> {
        match &*name.to_ascii_lowercase() {
            b"normal" => Ok(ClientKind::Normal),
            b"master" | b"primary" => Ok(ClientKind::Primary),
            b"slave" | b"replica" => Ok(ClientKind::Replica),
            b"pubsub" => Ok(ClientKind::PubSub),
            _ => Err(Error::repeating("ERR Unknown client type '", name, "'")),
        }
    }
}

const BAD_ID: Error = Error::text("ERR client-id should be greater than 0");
const BAD_AGE: Error = Error::text("ERR maxage is not an integer or out of range");
const NOT_AN_AGE: Error = Error::text("ERR maxage should be greater than 0");

impl Filter {
    /// Whether the client is meant.
    pub fn admits(&self, client: &Client, now_ms: u64) -> bool {
        let age_s = now_ms.saturating_sub(client.connected_ms) / 1000;
        self.ids.as_ref().is_none_or(|ids| ids.contains(&client.id))
            && self.kind.is_none_or(|kind| kind == ClientKind::of(client))
            && self.peer.as_ref().is_none_or(|peer| *peer == client.ends.peer)
            && self.local.as_ref().is_none_or(|local| *local == client.ends.local)
            && self.age_s_min.is_none_or(|min| age_s >= min)
            && self.except != Some(client.id)
    }

    /// The conditions of CLIENT KILL, in pairs; the caller with number `own` is spared unless they say otherwise.
    pub fn parse(args: &mut Args<'_>, own: u64) -> Result<Filter, Error> {
        let mut filter = Filter { except: Some(own), ..Filter::default() };
        while !args.is_empty() {
            if args.left() < 2 {
                return Err(Error::Syntax);
            }
            filter.take_condition(args, own)?;
        }
        Ok(filter)
    }

    fn take_condition(&mut self, args: &mut Args<'_>, own: u64) -> Result<(), Error> {
        if args.take("ID") {
            self.ids = Some(vec![positive(args.word()?).ok_or(BAD_ID)?]);
        } else if args.take("TYPE") {
            self.kind = Some(ClientKind::parse(args.word()?)?);
        } else if args.take("ADDR") {
            self.peer = Some(text(args.word()?));
        } else if args.take("LADDR") {
            self.local = Some(text(args.word()?));
        } else if args.take("USER") {
            // Every client is the one user there is.
            known_user(args.word()?)?;
        } else if args.take("MAXAGE") {
            let age_s = number::parse_i64(args.word()?).ok_or(BAD_AGE)?;
            self.age_s_min = Some(u64::try_from(age_s).ok().filter(|age_s| *age_s > 0).ok_or(NOT_AN_AGE)?);
        } else if args.take("SKIPME") {
            let spared = args.take("yes");
            if !spared && !args.take("no") {
                return Err(Error::Syntax);
            }
            self.except = spared.then_some(own);
        } else {
            return Err(Error::Syntax);
        }
        Ok(())
    }
}

fn known_user(name: &[u8]) -> Result<(), Error> {
    if name == DEFAULT_USER {
        return Ok(());
    }
    Err(Error::repeating("ERR No such user '", name, "'"))
}

fn positive(word: &[u8]) -> Option<u64> {
    number::parse_i64(word).and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
}

pub(super) fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}
