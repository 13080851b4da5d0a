//! A row of the command table: everything the server knows about a command besides its handler.

use super::flags::{Categories, Flags};
use super::keys::Keys;

/// How many words a command takes, its own name included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Just so many.
    Exactly(u8),
    /// So many or more.
    AtLeast(u8),
}

impl Arity {
    /// Whether a request of `words` words has a fitting number of them.
    #[inline]
    pub const fn admits(self, words: usize) -> bool {
        match self {
            Arity::Exactly(count) => words == count as usize,
            Arity::AtLeast(count) => words >= count as usize,
        }
    }

    /// As `COMMAND INFO` shows it: negative for "at least".
    pub const fn as_shown(self) -> i64 {
        match self {
            Arity::Exactly(count) => count as i64,
            Arity::AtLeast(count) => -(count as i64),
        }
    }
}

/// The group of a command, as `COMMAND DOCS` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// The name in `COMMAND DOCS`.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::HyperLogLog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }

    /// The ACL category that belongs to the group itself, if there is one.
    pub const fn category(self) -> Categories {
        match self {
            Group::Generic => Categories::KEYSPACE,
            Group::String => Categories::STRING,
            Group::List => Categories::LIST,
            Group::Set => Categories::SET,
            Group::SortedSet => Categories::SORTEDSET,
            Group::Hash => Categories::HASH,
            Group::PubSub => Categories::PUBSUB,
            Group::Transactions => Categories::TRANSACTION,
            Group::Connection => Categories::CONNECTION,
            Group::Scripting => Categories::SCRIPTING,
            Group::HyperLogLog => Categories::HYPERLOGLOG,
            Group::Geo => Categories::GEO,
            Group::Stream => Categories::STREAM,
            Group::Bitmap => Categories::BITMAP,
            Group::Server | Group::Cluster => Categories::empty(),
        }
    }
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// Needs no shard.
    Keyless,
    /// On the shard of its one key.
    OneShard,
    /// On all shards of its keys, held together; like `OneShard` when they are the same. On every shard if its
    /// keys reach beyond its words ([`Keys::reach_beyond`]).
    ManyShards,
    /// On every shard, held together.
    AllShards,
    /// On every shard, one after the other (see `VisitCommand`).
    Visit,
}

/// What becomes of a command that comes between MULTI and EXEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InMulti {
    /// It waits for EXEC.
    Queued,
    /// It runs at once: it is about the transaction, or ends it by the way.
    AtOnce,
    /// It runs what was queued. Turned away, it drops that instead.
    Ends,
}

/// One command, or one subcommand (`"CLIENT|LIST"`).
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// In capitals; a subcommand is written `PARENT|CHILD`.
    pub name: &'static str,
    pub arity: Arity,
    pub keys: Keys,
    pub flags: Flags,
    /// Categories that do not follow from flags and group.
    pub extra_categories: Categories,
    pub group: Group,
    pub routing: Routing,
    /// Version of Redis that first had it.
    pub since: &'static str,
    pub complexity: &'static str,
    pub summary: &'static str,
    /// The arguments after the name in the notation of Redis's manual, e.g.
    /// `key value [NX | XX] [EX seconds | PX milliseconds]`. `COMMAND DOCS` derives its tree from it.
    pub syntax: &'static str,
    /// Tips for proxies and clients, as `COMMAND INFO` lists them.
    pub tips: &'static [&'static str],
    /// For a command that should no longer be used: since which version, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// For the server's own use and for debugging, not for applications.
    pub is_internal: bool,
    /// Only its subcommands run. It has no ACL category of its group.
    pub is_container: bool,
    pub in_multi: InMulti,
    /// Which word names the element of a collection that the command looks for first; 0: none does, as a rule. It is
    /// searched for in advance, and [`Exec::hint`](super::Exec::hint) is about it alone.
    pub element: u8,
}

impl Spec {
    const fn new(name: &'static str, arity: Arity, keys: Keys, flags: Flags) -> Spec {
        let routing = match keys.specs.len() {
            0 => Routing::Keyless,
            1 if keys.specs[0].is_single() => Routing::OneShard,
            _ => Routing::ManyShards,
        };
        Spec {
            name,
            arity,
            keys,
            flags,
            extra_categories: Categories::empty(),
            group: Group::Generic,
            routing,
            since: "",
            complexity: "",
            summary: "",
            syntax: "",
            tips: &[],
            deprecated: None,
            is_internal: false,
            is_container: false,
            in_multi: InMulti::Queued,
            element: 0,
        }
    }

    /// A command that reads keys.
    pub const fn read(name: &'static str, arity: Arity, keys: Keys) -> Spec {
        Spec::new(name, arity, keys, Flags::READONLY)
    }

    /// A command that may change keys.
    pub const fn write(name: &'static str, arity: Arity, keys: Keys) -> Spec {
        Spec::new(name, arity, keys, Flags::WRITE)
    }

    /// A command that has nothing to do with keys.
    pub const fn plain(name: &'static str, arity: Arity) -> Spec {
        Spec::new(name, arity, Keys::NONE, Flags::empty())
    }

    /// Names keys of a command that a shard does not run.
    pub const fn keys(mut self, keys: Keys) -> Spec {
        self.keys = keys;
        self
    }

    pub const fn group(mut self, group: Group) -> Spec {
        self.group = group;
        self
    }

    /// Adds flags.
    pub const fn flags(mut self, flags: Flags) -> Spec {
        self.flags = self.flags.union(flags);
        self
    }

    /// Adds ACL categories beyond those that follow from flags and group.
    pub const fn categories(mut self, categories: Categories) -> Spec {
        self.extra_categories = self.extra_categories.union(categories);
        self
    }

    pub const fn routing(mut self, routing: Routing) -> Spec {
        self.routing = routing;
        self
    }

    /// Since which version, at what cost, and what it does.
    pub const fn doc(mut self, since: &'static str, complexity: &'static str, summary: &'static str) -> Spec {
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    pub const fn syntax(mut self, syntax: &'static str) -> Spec {
        self.syntax = syntax;
        self
    }

    pub const fn tips(mut self, tips: &'static [&'static str]) -> Spec {
        self.tips = tips;
        self
    }

    /// Since which version something else should be used, and what, as `COMMAND DOCS` says it.
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Spec {
        self.deprecated = Some((since, replaced_by));
        self
    }

    /// Says that it is not for applications.
    pub const fn internal(mut self) -> Spec {
        self.is_internal = true;
        self
    }

    /// Says that only its subcommands run.
    pub const fn container(mut self) -> Spec {
        self.is_container = true;
        self
    }

    /// Says which word names the element that it looks for first.
    pub const fn element(mut self, word: u8) -> Spec {
        self.element = word;
        self
    }

    /// Says what becomes of it between MULTI and EXEC.
    pub const fn in_multi(mut self, in_multi: InMulti) -> Spec {
        self.in_multi = in_multi;
        self
    }

    /// All ACL categories: those of the group and the flags, and the extra ones.
    pub const fn all_categories(&self) -> Categories {
        let mut all = self.extra_categories;
        // WAIT and its kin are generic and have nothing to do with keys; SORT is of the types that it sorts.
        let is_elsewhere = match self.group {
            Group::Generic => {
                matches!(self.routing, Routing::Keyless)
                    || self.extra_categories.contains(Categories::SORTEDSET)
            }
            _ => false,
        };
        if !self.is_container && !is_elsewhere {
            all = all.union(self.group.category());
        }
        if self.flags.contains(Flags::WRITE) {
            all = all.union(Categories::WRITE);
        }
        if self.flags.contains(Flags::READONLY) && !self.extra_categories.contains(Categories::SCRIPTING) {
            all = all.union(Categories::READ);
        }
        if self.flags.contains(Flags::ADMIN) {
            all = all.union(Categories::ADMIN).union(Categories::DANGEROUS);
        }
        if self.flags.contains(Flags::PUBSUB) {
            all = all.union(Categories::PUBSUB);
        }
        if self.flags.contains(Flags::BLOCKING) {
            all = all.union(Categories::BLOCKING);
        }
        all.union(if self.flags.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW })
    }

    /// The parent's name of a subcommand.
    pub fn parent(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(parent, _)| parent)
    }
}
