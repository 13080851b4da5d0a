//! Settings that are one of a few words, as types.

/// An enum whose variants are the words of a setting, in the order error messages list them.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// The words, in the order of [`Self::ALL`].
            pub const WORDS: &'static [&'static str] = &[$($word),+];
            /// The variants, in the order of [`Self::WORDS`].
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word of a configuration file for it.
            pub fn word(self) -> &'static str {
                Self::WORDS[self as usize]
            }
        }
    };
}

choices! {
    /// What to do when `maxmemory` is reached.
    EvictionPolicy {
        /// Least recently used of the keys with a deadline.
        VolatileLru = "volatile-lru",
        /// Least frequently used of the keys with a deadline.
        VolatileLfu = "volatile-lfu",
        /// Any of the keys with a deadline.
        VolatileRandom = "volatile-random",
        /// The key whose deadline is nearest.
        VolatileTtl = "volatile-ttl",
        /// Least recently used of all keys.
        AllKeysLru = "allkeys-lru",
        /// Least frequently used of all keys.
        AllKeysLfu = "allkeys-lfu",
        /// Any key.
        AllKeysRandom = "allkeys-random",
        /// Refuse writes.
        NoEviction = "noeviction",
    }
}

choices! {
    /// How much is logged.
    LogLevel {
        /// Everything, for development.
        Debug = "debug",
        /// Rarely useful information too.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// Only what is important or wrong.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

choices! {
    /// Who may use something that is dangerous in the wrong hands.
    Allow {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients on this machine.
        Local = "local",
    }
}

impl Allow {
    /// May a client use it that is (`local`) or is not on this machine?
    pub fn allows(self, local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => local,
        }
    }
}

choices! {
    /// In which order the commands of one connection take effect.
    PipelineOrder {
        /// In the order sent as far as one shard is concerned; different shards work at the same time.
        PerShard = "per-shard",
        /// In the order sent, without exception.
        Strict = "strict",
    }
}

choices! {
    /// Which service manager to tell that the server is ready.
    Supervision {
        /// Upstart, which no longer exists: nobody is told.
        Upstart = "upstart",
        /// systemd: through the socket it names.
        Systemd = "systemd",
        /// systemd if the environment shows it.
        Auto = "auto",
        /// None.
        No = "no",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_belong_to_their_variants() {
        assert_eq!(EvictionPolicy::NoEviction.word(), "noeviction");
        assert_eq!(EvictionPolicy::ALL.len(), EvictionPolicy::WORDS.len());
        assert_eq!(Supervision::Systemd.word(), "systemd");
    }

    #[test]
    fn local_means_local_clients() {
        assert!(Allow::Local.allows(true) && !Allow::Local.allows(false));
        assert!(Allow::Yes.allows(false) && !Allow::No.allows(true));
    }
}
