//! The options of SORT, for the handler and for those who ask where its keys are.

use crate::command::{Error, Hidden, KeyAccess, until_nul};
use crate::number;

/// A word behind the key, with the place of its first argument.
enum Choice {
    Ascending,
    Descending,
    Alpha,
    Limit(usize),
    By(usize),
    Get(usize),
    Store(usize),
    Unknown,
}

/// Reads the words behind the key. `stores`: STORE is an option.
fn choices(words: &[&[u8]], stores: bool) -> impl Iterator<Item = Choice> {
    let mut at = 2;
    std::iter::from_fn(move || {
        let word = words.get(at)?;
        let left = words.len() - at - 1;
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let (choice, arguments) = match () {
            () if is("ASC") => (Choice::Ascending, 0),
            () if is("DESC") => (Choice::Descending, 0),
            () if is("ALPHA") => (Choice::Alpha, 0),
            () if is("LIMIT") && left >= 2 => (Choice::Limit(at + 1), 2),
            () if is("STORE") && left >= 1 && stores => (Choice::Store(at + 1), 1),
            () if is("BY") && left >= 1 => (Choice::By(at + 1), 1),
            () if is("GET") && left >= 1 => (Choice::Get(at + 1), 1),
            () => (Choice::Unknown, 0),
        };
        at += 1 + arguments;
        Some(choice)
    })
}

/// What SORT is asked for.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub descending: bool,
    pub alpha: bool,
    /// First element and number of elements; a negative number is all.
    pub limit: (i64, i64),
    pub by: Option<&'a [u8]>,
    /// A pattern to sort by names no element: the order stays.
    pub unsorted: bool,
    pub gets: Vec<&'a [u8]>,
    pub store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// # Errors
    /// [`Error::Syntax`], [`Error::NotInteger`].
    pub(super) fn parse(words: &[&'a [u8]], stores: bool) -> Result<Options<'a>, Error> {
        let mut options = Options {
            descending: false,
            alpha: false,
            limit: (0, -1),
            by: None,
            unsorted: false,
            gets: Vec::new(),
            store: None,
        };
        let integer = |at: usize| number::parse_i64(words[at]).ok_or(Error::NotInteger);
        for choice in choices(words, stores) {
            match choice {
                Choice::Ascending => options.descending = false,
                Choice::Descending => options.descending = true,
                Choice::Alpha => options.alpha = true,
                Choice::Limit(at) => options.limit = (integer(at)?, integer(at + 1)?),
                Choice::By(at) => {
                    options.by = Some(words[at]);
                    options.unsorted |= !names_elements(words[at]);
                }
                Choice::Get(at) => options.gets.push(words[at]),
                Choice::Store(at) => options.store = Some(words[at]),
                Choice::Unknown => return Err(Error::Syntax),
            }
        }
        Ok(options)
    }

    /// Which of so many elements in order are wanted.
    pub(super) fn range(&self, len: usize) -> std::ops::Range<usize> {
        let clamped = |number: i64| usize::try_from(number).unwrap_or(usize::MAX).min(len);
        let start = clamped(self.limit.0.max(0));
        let end = if self.limit.1 < 0 { len } else { start.saturating_add(clamped(self.limit.1)).min(len) };
        start..end.max(start)
    }
}

/// Whether a pattern has a place for elements.
fn names_elements(pattern: &[u8]) -> bool {
    until_nul(pattern).contains(&b'*')
}

fn reaches_beyond(words: &[&[u8]], stores: bool) -> bool {
    let is_beyond = |choice| match choice {
        Choice::By(at) | Choice::Get(at) => names_elements(words[at]),
        _ => false,
    };
    choices(words, stores).any(is_beyond)
}

/// The keys of SORT besides the one that is sorted.
pub(super) const HIDDEN: Hidden = Hidden {
    visit: |words, visit| {
        let store = |choice| if let Choice::Store(at) = choice { Some(at) } else { None };
        // Only the last one counts.
        if let Some(at) = choices(words, true).filter_map(store).last() {
            visit(at, KeyAccess::OVERWRITE);
        }
    },
    reaches_beyond: |words| reaches_beyond(words, true),
};

/// Those of SORT_RO.
pub(super) const HIDDEN_READ: Hidden =
    Hidden { visit: |_, _| (), reaches_beyond: |words| reaches_beyond(words, false) };
