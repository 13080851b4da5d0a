//! Sets of command flags and ACL categories, with the names that clients see.

macro_rules! bit_set {
    ($(#[$doc:meta])* $type:ident { $($(#[$item_doc:meta])* $item:ident($bit:literal) = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $type(u32);

        impl $type {
            $($(#[$item_doc])* pub const $item: $type = $type(1 << $bit);)*

            /// Every member with the name that clients see, in the order Redis shows them.
            pub const NAMED: &'static [($type, &'static str)] = &[$(($type::$item, $name),)*];

            /// No member.
            pub const fn empty() -> $type {
                $type(0)
            }
            /// The members of either.
            pub const fn union(self, other: $type) -> $type {
                $type(self.0 | other.0)
            }
            /// The members of this set that are not in `other`.
            pub const fn without(self, other: $type) -> $type {
                $type(self.0 & !other.0)
            }
            /// Whether all of `other` are members.
            #[inline]
            pub const fn contains(self, other: $type) -> bool {
                self.0 & other.0 == other.0
            }
            /// Whether any of `other` is a member.
            #[inline]
            pub const fn intersects(self, other: $type) -> bool {
                self.0 & other.0 != 0
            }
            /// The names of the members.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                $type::NAMED.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
            }
        }
    };
}

bit_set! {
    /// What the gates need to know about a command.
    Flags {
        WRITE(0) = "write",
        READONLY(1) = "readonly",
        /// Refused when memory is used up.
        DENYOOM(2) = "denyoom",
        ADMIN(3) = "admin",
        PUBSUB(4) = "pubsub",
        /// Not from scripts.
        NOSCRIPT(5) = "noscript",
        BLOCKING(6) = "blocking",
        /// Also while the data is being loaded.
        LOADING(7) = "loading",
        /// Also on a replica with stale data.
        STALE(8) = "stale",
        SKIP_MONITOR(9) = "skip_monitor",
        SKIP_SLOWLOG(10) = "skip_slowlog",
        ASKING(11) = "asking",
        FAST(12) = "fast",
        /// Also before the client has logged in.
        NO_AUTH(13) = "no_auth",
        MAY_REPLICATE(14) = "may_replicate",
        NO_MANDATORY_KEYS(15) = "no_mandatory_keys",
        NO_ASYNC_LOADING(16) = "no_async_loading",
        NO_MULTI(17) = "no_multi",
        /// Keys cannot be told from the rows' positions alone.
        MOVABLE_KEYS(18) = "movablekeys",
        ALLOW_BUSY(19) = "allow_busy",
    }
}

bit_set! {
    /// ACL categories.
    Categories {
        KEYSPACE(0) = "keyspace",
        READ(1) = "read",
        WRITE(2) = "write",
        SET(3) = "set",
        SORTEDSET(4) = "sortedset",
        LIST(5) = "list",
        HASH(6) = "hash",
        STRING(7) = "string",
        BITMAP(8) = "bitmap",
        HYPERLOGLOG(9) = "hyperloglog",
        GEO(10) = "geo",
        STREAM(11) = "stream",
        PUBSUB(12) = "pubsub",
        ADMIN(13) = "admin",
        FAST(14) = "fast",
        SLOW(15) = "slow",
        BLOCKING(16) = "blocking",
        DANGEROUS(17) = "dangerous",
        CONNECTION(18) = "connection",
        TRANSACTION(19) = "transaction",
        SCRIPTING(20) = "scripting",
    }
}
