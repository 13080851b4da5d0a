//! Where a command's keys stand among its words, and the one walker that finds them.

/// What a command does with a key, as `COMMAND INFO` and `COMMAND GETKEYSANDFLAGS` say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAccess {
    /// Names as Redis gives them, e.g. `RO`, `access`.
    pub names: &'static [&'static str],
    /// It does only this in requests of a certain kind.
    pub variant: Option<Variant>,
}

/// See [`KeyAccess::variant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    pub when: When,
    pub names: &'static [&'static str],
}

/// What tells the requests of a [`Variant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// There is no such word behind the key's value.
    Without(&'static str),
    /// All words behind the key are steps of BITFIELD that do not write.
    OnlyGets,
}

impl When {
    fn holds(self, words: &[&[u8]]) -> bool {
        match self {
            When::Without(option) => {
                !words.iter().skip(3).any(|word| word.eq_ignore_ascii_case(option.as_bytes()))
            }
            When::OnlyGets => {
                let mut rest = words.get(2..).unwrap_or_default();
                loop {
                    rest = match rest {
                        [] => return true,
                        [step, _, _, rest @ ..] if step.eq_ignore_ascii_case(b"GET") => rest,
                        [step, _, rest @ ..] if step.eq_ignore_ascii_case(b"OVERFLOW") => rest,
                        _ => return false,
                    }
                }
            }
        }
    }
}

impl KeyAccess {
    pub const READ: KeyAccess = KeyAccess::of(&["RO", "access"]);
    /// Looks at the key's existence or metadata, not at its value.
    pub const LOOK: KeyAccess = KeyAccess::of(&["RO"]);
    pub const OVERWRITE: KeyAccess = KeyAccess::of(&["OW", "update"]);
    pub const INSERT: KeyAccess = KeyAccess::of(&["OW", "insert"]);
    pub const UPDATE: KeyAccess = KeyAccess::of(&["RW", "update"]);
    pub const APPEND: KeyAccess = KeyAccess::of(&["RW", "insert"]);
    /// Reads; what it finds out may be kept with the value.
    pub const COUNT: KeyAccess = KeyAccess::of(&["RW", "access"]);
    pub const READ_APPEND: KeyAccess = KeyAccess::of(&["RW", "access", "insert"]);
    pub const READ_UPDATE: KeyAccess = KeyAccess::of(&["RW", "access", "update"]);
    /// Reads as well with the option GET.
    pub const READ_UPDATE_VARIABLE: KeyAccess = KeyAccess {
        names: &["RW", "access", "update", "variable_flags"],
        variant: Some(Variant { when: When::Without("GET"), names: &["OW", "update"] }),
    };
    /// Only reads when no step writes.
    pub const BITFIELD: KeyAccess = KeyAccess {
        names: &["RW", "access", "update", "variable_flags"],
        variant: Some(Variant { when: When::OnlyGets, names: &["RO", "access"] }),
    };
    /// Whether it reads as well depends on the options.
    pub const DELETE_VARIABLE: KeyAccess = KeyAccess::of(&["RW", "delete", "variable_flags"]);
    pub const UPDATE_DELETE: KeyAccess = KeyAccess::of(&["RW", "delete"]);
    pub const READ_DELETE: KeyAccess = KeyAccess::of(&["RW", "access", "delete"]);
    /// Removes some of what the value is made of.
    pub const TRIM: KeyAccess = KeyAccess::of(&["RW", "delete"]);
    pub const DELETE: KeyAccess = KeyAccess::of(&["RM", "delete"]);

    const fn of(names: &'static [&'static str]) -> KeyAccess {
        KeyAccess { names, variant: None }
    }

    /// The names that hold for a request.
    pub fn names_in(self, words: &[&[u8]]) -> impl Iterator<Item = &'static str> {
        let variant = self.variant.filter(|variant| variant.when.holds(words));
        let names = variant.map_or(self.names, |variant| variant.names);
        names.iter().copied().filter(|name| *name != "variable_flags")
    }
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this word (the command's name is word 0).
    Index(u8),
    /// After this word (any case), searched from `from` on; negative `from`: backwards from the end.
    Keyword { word: &'static str, from: i8 },
    /// At no place that could be said: [`Hidden`] keys.
    Unknown,
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Keys every `step` words up to `last`, which counts from the beginning point when it is zero or
    /// positive, from the last word (-1) when negative. `limit` 2 stops after half of the words left.
    Range { last: i8, step: u8, limit: u8 },
    /// A number at `count_at` (from the beginning point) says how many keys follow from `first`.
    Count { count_at: u8, first: u8, step: u8 },
    /// With [`Begin::Unknown`].
    Unknown,
}

/// Is told which word is a key, and what is done with it.
pub type KeyVisitor<'v> = &'v mut dyn FnMut(usize, KeyAccess);

/// Keys that no place tells: a function finds those among the words, and knows whether there may be others.
#[derive(Debug, Clone, Copy)]
pub struct Hidden {
    /// Visits those among the words.
    pub visit: fn(&[&[u8]], KeyVisitor<'_>),
    /// Whether the command asks for keys that its words do not name: they follow from what other keys hold. It needs
    /// all shards then.
    pub reaches_beyond: fn(&[&[u8]]) -> bool,
}

/// One run of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    pub access: KeyAccess,
    /// What COMMAND INFO remarks about `access`; may be empty.
    pub notes: &'static str,
}

impl KeySpec {
    /// One key at a fixed place.
    pub const fn one(index: u8, access: KeyAccess) -> KeySpec {
        KeySpec {
            begin: Begin::Index(index),
            find: Find::Range { last: 0, step: 1, limit: 0 },
            access,
            notes: "",
        }
    }

    /// Keys at every `step`-th word from `index` to the end (`last` as in [`Find::Range`]).
    pub const fn range(index: u8, last: i8, step: u8, access: KeyAccess) -> KeySpec {
        KeySpec { begin: Begin::Index(index), find: Find::Range { last, step, limit: 0 }, access, notes: "" }
    }

    /// A count at `index`, then so many keys, each `step` words apart.
    pub const fn counted(index: u8, step: u8, access: KeyAccess) -> KeySpec {
        KeySpec {
            begin: Begin::Index(index),
            find: Find::Count { count_at: 0, first: 1, step },
            access,
            notes: "",
        }
    }

    /// Keys that only [`Hidden::visit`] finds, if anything does.
    pub const fn unknown(access: KeyAccess) -> KeySpec {
        KeySpec { begin: Begin::Unknown, find: Find::Unknown, access, notes: "" }
    }

    pub const fn notes(mut self, notes: &'static str) -> KeySpec {
        self.notes = notes;
        self
    }

    pub(super) const fn is_single(&self) -> bool {
        matches!((self.begin, self.find), (Begin::Index(_), Find::Range { last: 0, .. }))
    }
}

/// All keys of a command.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    pub specs: &'static [KeySpec],
    hidden: Option<Hidden>,
}

/// Keys at regular distances: see [`Keys::row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRow {
    pub first: u8,
    /// As in [`Find::Range`].
    last: i8,
    pub step: u8,
}

impl KeyRow {
    /// One key at a fixed place.
    pub const fn one(index: u8) -> KeyRow {
        KeyRow { first: index, last: 0, step: 1 }
    }

    /// The indices of the keys among `words` words, as [`Keys::walk`] visits them; none where it says that they are
    /// unclear.
    #[inline]
    pub fn places(self, words: usize) -> impl ExactSizeIterator<Item = usize> + use<> {
        let first = usize::from(self.first);
        let end = match usize::try_from(self.last) {
            Ok(last) => (first + last + 1).min(words),
            Err(_) => (words + 1).saturating_add_signed(isize::from(self.last)),
        };
        (first..end).step_by(usize::from(self.step))
    }

    /// Which of the keys the word at `index` is, counted from 0, if it is one and there are so many.
    #[inline]
    pub fn nth(self, index: usize) -> Option<usize> {
        let (from_first, step) = (index.checked_sub(usize::from(self.first))?, usize::from(self.step));
        from_first.is_multiple_of(step).then(|| from_first / step)
    }
}

/// The words do not say where the keys are: a bad count, or a keyword that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysUnclear;

impl Keys {
    pub const NONE: Keys = Keys::new(&[]);
    /// One key, word 1, read.
    pub const ONE: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ)]);
    /// One key, word 1, of which only metadata is read.
    pub const ONE_LOOK: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::LOOK)]);
    /// One key, word 1, updated.
    pub const ONE_UPDATE: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::UPDATE)]);

    pub const fn new(specs: &'static [KeySpec]) -> Keys {
        Keys { specs, hidden: None }
    }

    /// Keys besides those whose places are known.
    pub const fn hidden(mut self, hidden: Hidden) -> Keys {
        self.hidden = Some(hidden);
        self
    }

    /// Whether a request asks for keys that its words do not name, see [`Hidden::reaches_beyond`].
    #[inline]
    pub fn reach_beyond(&self, words: &[&[u8]]) -> bool {
        self.hidden.is_some_and(|hidden| (hidden.reaches_beyond)(words))
    }

    /// Where the keys stand, if that follows from the number of words alone and each stands as far from the one
    /// before.
    pub const fn row(&self) -> Option<KeyRow> {
        match (self.specs, self.hidden) {
            (
                [
                    KeySpec {
                        begin: Begin::Index(first), find: Find::Range { last, step, limit: 0 }, ..
                    },
                ],
                None,
            ) => Some(KeyRow { first: *first, last: *last, step: *step }),
            _ => None,
        }
    }

    /// Calls `visit` with the index of each key among `words` and what is done with it.
    ///
    /// # Errors
    /// [`KeysUnclear`] when a count is malformed or points past the end. `visit` may have been called.
    pub fn walk(&self, words: &[&[u8]], mut visit: impl FnMut(usize, KeyAccess)) -> Result<(), KeysUnclear> {
        for spec in self.specs {
            spec.walk(words, &mut visit)?;
        }
        if let Some(hidden) = self.hidden {
            (hidden.visit)(words, &mut visit);
        }
        Ok(())
    }

    /// The old-style triple of `COMMAND INFO`: first key, last key, step; zeros when it cannot be said.
    pub fn legacy_range(&self) -> (i64, i64, i64) {
        let mut ranges = self.specs.iter().filter_map(|spec| match (spec.begin, spec.find) {
            (Begin::Index(first), Find::Range { last, step, .. }) => {
                let last = if last >= 0 { i64::from(first) + i64::from(last) } else { i64::from(last) };
                Some((i64::from(first), last, i64::from(step)))
            }
            _ => None,
        });
        let Some(mut whole) = ranges.next() else { return (0, 0, 0) };
        for (_, last, step) in ranges {
            if last == whole.1 + 1 || last < 0 {
                whole.1 = last;
                whole.2 = whole.2.max(step);
            }
        }
        whole
    }
}

impl KeySpec {
    fn walk(&self, words: &[&[u8]], visit: &mut impl FnMut(usize, KeyAccess)) -> Result<(), KeysUnclear> {
        let begin = match self.begin {
            Begin::Index(index) => usize::from(index),
            Begin::Keyword { word, from } => match find_keyword(words, word, from) {
                Some(index) => index + 1,
                None => return Ok(()),
            },
            Begin::Unknown => return Ok(()),
        };
        if begin >= words.len() {
            return Ok(());
        }
        match self.find {
            Find::Range { last, step, limit } => {
                let end = match usize::try_from(last) {
                    Ok(last) => begin + last,
                    Err(_) if limit >= 2 => begin + (words.len() - begin) / usize::from(limit) - 1,
                    Err(_) => words.len().checked_add_signed(isize::from(last)).ok_or(KeysUnclear)?,
                };
                for index in (begin..=end.min(words.len() - 1)).step_by(usize::from(step)) {
                    visit(index, self.access);
                }
                Ok(())
            }
            Find::Count { count_at, first, step } => {
                let count = words.get(begin + usize::from(count_at)).ok_or(KeysUnclear)?;
                let count = crate::number::parse_i64(count).ok_or(KeysUnclear)?;
                let count = usize::try_from(count).map_err(|_| KeysUnclear)?;
                let first = begin + usize::from(first);
                for nth in 0..count {
                    let index = first.saturating_add(nth.saturating_mul(usize::from(step)));
                    if index >= words.len() {
                        return Err(KeysUnclear);
                    }
                    visit(index, self.access);
                }
                Ok(())
            }
            Find::Unknown => Ok(()),
        }
    }
}

fn find_keyword(words: &[&[u8]], keyword: &str, from: i8) -> Option<usize> {
    let is_it = |index: &usize| words[*index].eq_ignore_ascii_case(keyword.as_bytes());
    match usize::try_from(from) {
        Ok(from) => (from..words.len()).find(is_it),
        Err(_) => {
            let start = words.len().checked_add_signed(isize::from(from))?;
            (1..=start).rev().find(is_it)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: Keys, request: &str, expected: &[usize]) {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let mut found = Vec::new();
        keys.walk(&words, |index, _| found.push(index)).expect(request);
        assert_eq!(found, expected, "{request}");
        if let Some(row) = keys.row() {
            assert!(row.places(words.len()).eq(found), "{request}");
            let counted: Vec<_> = row.places(words.len()).map(|index| row.nth(index)).collect();
            assert!(counted.into_iter().eq((0..expected.len()).map(Some)), "{request}");
        }
    }

    #[test]
    fn keys_are_found_by_place_range_count_and_keyword() {
        check(Keys::ONE, "GET k", &[1]);
        const ALL: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::READ)]);
        check(ALL, "MGET a b c", &[1, 2, 3]);
        const PAIRS: Keys = Keys::new(&[KeySpec::range(1, -1, 2, KeyAccess::OVERWRITE)]);
        check(PAIRS, "MSET a 1 b 2", &[1, 3]);
        check(PAIRS, "MSET a 1 b", &[1, 3]);
        const BUT_LAST: Keys = Keys::new(&[KeySpec::range(1, -2, 1, KeyAccess::READ_DELETE)]);
        check(BUT_LAST, "BLPOP a b 0", &[1, 2]);
        check(BUT_LAST, "BLPOP 0", &[]);
        check(ALL, "MGET", &[]);
        const COUNTED: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ)]);
        check(COUNTED, "ZUNION 2 a b WEIGHTS 1 2", &[2, 3]);
        const STREAMS: Keys = Keys::new(&[KeySpec {
            begin: Begin::Keyword { word: "STREAMS", from: 1 },
            find: Find::Range { last: -1, step: 1, limit: 2 },
            access: KeyAccess::READ,
            notes: "",
        }]);
        check(STREAMS, "XREAD COUNT 2 streams a b 0 0", &[4, 5]);
        assert!(ALL.row().is_some() && PAIRS.row().is_some());
        assert!(COUNTED.row().is_none() && STREAMS.row().is_none(), "other words tell where they are");
        let pairs = PAIRS.row().expect("as said above");
        assert_eq!((pairs.nth(0), pairs.nth(2), pairs.nth(3)), (None, None, Some(1)));
    }

    #[test]
    fn a_bad_count_is_unclear() {
        const COUNTED: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ)]);
        for request in [&["ZUNION", "3", "a"][..], &["ZUNION", "x", "a"], &["ZUNION", "-1", "a"]] {
            let words: Vec<&[u8]> = request.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(COUNTED.walk(&words, |_, _| ()), Err(KeysUnclear), "{request:?}");
        }
    }

    #[test]
    fn hidden_keys_are_found_by_a_function() {
        const HIDDEN: Hidden = Hidden {
            visit: |words, visit| visit(words.len() - 1, KeyAccess::OVERWRITE),
            reaches_beyond: |words| words.contains(&&b"*"[..]),
        };
        const LAST: Keys =
            Keys::new(&[KeySpec::one(1, KeyAccess::READ), KeySpec::unknown(KeyAccess::OVERWRITE)])
                .hidden(HIDDEN);
        check(LAST, "X a b c", &[1, 3]);
        assert!(
            LAST.reach_beyond(&[b"X", b"*"])
                && !LAST.reach_beyond(&[b"X"])
                && !Keys::ONE.reach_beyond(&[b"*"])
        );
        assert_eq!(LAST.legacy_range(), (1, 1, 1));
        assert_eq!(LAST.row(), None);
    }

    #[test]
    fn the_old_triple_follows() {
        assert_eq!(Keys::NONE.legacy_range(), (0, 0, 0));
        assert_eq!(Keys::ONE.legacy_range(), (1, 1, 1));
        const PAIRS: Keys = Keys::new(&[KeySpec::range(1, -1, 2, KeyAccess::OVERWRITE)]);
        assert_eq!(PAIRS.legacy_range(), (1, -1, 2));
        const TWO: Keys =
            Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE), KeySpec::one(2, KeyAccess::OVERWRITE)]);
        assert_eq!(TWO.legacy_range(), (1, 2, 1));
    }
}
