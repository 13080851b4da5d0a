//! Which commands the scenarios cut off: all that write, small and large.

use std::cell::RefCell;
use std::collections::BTreeSet;

use engine::command::Flags;
use engine::commands::data_commands;
use engine::testing::row_of;

use crate::common::{Bytes, words};

/// Names the scenarios of a file: each becomes a test, and is walked over by the test below.
macro_rules! scenarios {
    ($($scenario:ident),* $(,)?) => {
        pub const SCENARIOS: &[fn()] = &[$($scenario),*];

        mod cut_off_everywhere {
            $(#[test]
            fn $scenario() {
                super::$scenario();
            })*
        }
    };
}
pub(crate) use scenarios;

/// A longer value, or one of more elements, has not the form of a small one.
pub const LARGE_LEN: usize = 8192;
pub const LARGE_COUNT: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    Small,
    /// A key that the request names held a large value, before it or after it; any key, if it names none.
    Large,
}

thread_local! {
    /// What was cut off, while nothing but this is asked.
    static NOTES: RefCell<Option<BTreeSet<(&'static str, Size)>>> = const { RefCell::new(None) };
}

/// Notes a request that has stored something, and the keys that held large values before it or after it. True: there is
/// nothing more to do with it.
pub fn is_only_noted(request: &[Bytes], large: &BTreeSet<Bytes>) -> bool {
    NOTES.with_borrow_mut(|notes| {
        let Some(notes) = notes else { return false };
        let words = words(request);
        // Transactions and what only reads are no concern here.
        if let Some(command) = row_of(&words) {
            let mut keys = Vec::new();
            let walked = command.spec.keys.walk(&words, |index, _| keys.push(&request[index]));
            assert_eq!(walked, Ok(()), "{request:?}");
            let is_large =
                if keys.is_empty() { !large.is_empty() } else { keys.iter().any(|key| large.contains(*key)) };
            notes.insert((command.spec.name, if is_large { Size::Large } else { Size::Small }));
        }
        true
    })
}

/// Upkeep is no command.
pub fn is_only_noting() -> bool {
    NOTES.with_borrow(Option::is_some)
}

const SCENARIOS: &[&[fn()]] = &[
    crate::bits::SCENARIOS,
    crate::databases::SCENARIOS,
    crate::geo::SCENARIOS,
    crate::hashes::SCENARIOS,
    crate::keys::SCENARIOS,
    crate::kinds::SCENARIOS,
    crate::lists::SCENARIOS,
    crate::many::SCENARIOS,
    crate::sets::SCENARIOS,
    crate::streams::SCENARIOS,
    crate::strings::SCENARIOS,
    crate::together::SCENARIOS,
    crate::transactions::SCENARIOS,
    crate::upkeep::SCENARIOS,
    crate::zsets::SCENARIOS,
];

/// What cannot be, and why.
const IMPOSSIBLE: &[(&str, Size, &str)] = &[
    ("INCR", Size::Large, "a number"),
    ("DECR", Size::Large, "a number"),
    ("INCRBY", Size::Large, "a number"),
    ("DECRBY", Size::Large, "a number"),
    ("INCRBYFLOAT", Size::Large, "a number"),
    ("PFDEBUG", Size::Small, "it changes nothing but the form, from which on the value is large"),
];

#[test]
fn every_write_command_is_cut_off_small_and_large() {
    NOTES.set(Some(BTreeSet::new()));
    SCENARIOS.iter().copied().flatten().for_each(|scenario| scenario());
    let noted = NOTES.take().unwrap_or_default();
    let mut missing = Vec::new();
    for command in data_commands().filter(|command| command.spec.flags.contains(Flags::WRITE)) {
        let name = command.spec.name;
        for size in [Size::Small, Size::Large] {
            let is_possible = !IMPOSSIBLE.iter().any(|(known, sized, _)| (*known, *sized) == (name, size));
            assert!(is_possible || !noted.contains(&(name, size)), "{name}, {size:?} is possible");
            if is_possible && !noted.contains(&(name, size)) {
                missing.push(format!("{name}, {size:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "no scenario cuts off:\n{}", missing.join("\n"));
}
