//! Elements in order: SORT, SORT_RO.
//!
//! The keys that BY and GET name follow from the elements. A request with such patterns holds all shards.

mod options;
mod pattern;

use std::cmp::Ordering;

use self::options::{HIDDEN, HIDDEN_READ, Options};
use self::pattern::Pattern;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, Categories, CommandResult, DataCommand, Error, Exec, Flags, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec, until_nul,
};
use crate::keyspace::del_words;
use crate::number;
use crate::types::Kind;
use crate::types::collection::Collection;
use crate::types::copies::Copies;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::string::StringView;

const SORTED: KeySpec = KeySpec::one(1, KeyAccess::READ);
const NAMED_BY_PATTERN: KeySpec = KeySpec::unknown(KeyAccess::READ).notes(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the \
     key we sort",
);
const STORED: KeySpec = KeySpec::unknown(KeyAccess::OVERWRITE).notes(
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument \
     array",
);
const CATEGORIES: Categories =
    Categories::SET.union(Categories::SORTEDSET).union(Categories::LIST).union(Categories::DANGEROUS);
const COST: &str = "O(N+M*log(M)), N being the number of elements and M that of the elements returned; O(N) where \
                    nothing is sorted.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write(
            "SORT",
            Arity::AtLeast(2),
            Keys::new(&[SORTED, NAMED_BY_PATTERN, STORED]).hidden(HIDDEN),
        )
        .flags(Flags::DENYOOM.union(Flags::MOVABLE_KEYS))
        .categories(CATEGORIES)
        .syntax(
            "key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern ...]] [ASC | DESC] [ALPHA] \
             [STORE destination]",
        )
        .doc("1.0.0", COST, "Sorts the elements of a list, a set or a sorted set, and may store them."),
        run: |exec, args, reply| sort(exec, args, reply, true),
    },
    DataCommand {
        spec: Spec::read(
            "SORT_RO",
            Arity::AtLeast(2),
            Keys::new(&[SORTED, NAMED_BY_PATTERN]).hidden(HIDDEN_READ),
        )
        .flags(Flags::MOVABLE_KEYS)
        .categories(CATEGORIES)
        .syntax(
            "key [BY by-pattern] [LIMIT offset count] [GET get-pattern [GET get-pattern ...]] [ASC | DESC] [ALPHA]",
        )
        .doc("7.0.0", COST, "Sorts the elements of a list, a set or a sorted set."),
        run: |exec, args, reply| sort(exec, args, reply, false),
    },
];

/// Elements that one canonical command names at most.
const ELEMENTS_PER_COMMAND: usize = 1024;

fn sort(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, stores: bool) -> CommandResult {
    let mut options = Options::parse(args.words(), stores)?;
    let key = args.key()?;
    let elements = elements(exec, &key, &mut options)?;
    let order = ordered(exec, args, &options, &elements)?;
    let gets: Vec<Pattern<'_>> = options.gets.iter().map(|pattern| Pattern::new(pattern)).collect();
    if let Some(target) = options.store {
        let mut stored = Copies::default();
        for element in order.iter().map(|nth| elements.get(*nth)) {
            if gets.is_empty() {
                stored.push(StringView::Inline(element));
            }
            for get in &gets {
                get.with_value(exec, args, element, |value| {
                    stored.push(value.unwrap_or(StringView::Inline(&[])))
                })?;
            }
        }
        store(exec, &args.key_of(target), &stored)?;
        reply.count(stored.len());
        return Ok(Outcome::Done);
    }
    reply.array(order.len() * gets.len().max(1));
    for element in order.iter().map(|nth| elements.get(*nth)) {
        if gets.is_empty() {
            reply.bulk(element);
        }
        for get in &gets {
            get.with_value(exec, args, element, |value| match value {
                Some(value) => reply.string(value),
                None => reply.null(),
            })?;
        }
    }
    Ok(Outcome::Done)
}

/// The elements in the order that the collection has. Where nothing is to be sorted, only the wanted ones in the wanted
/// direction, as the options then say.
fn elements(exec: &mut Exec<'_, '_>, key: &Key<'_>, options: &mut Options<'_>) -> Result<Copies, Error> {
    let Some(place) = exec.place_to_read(key)? else { return Ok(Copies::default()) };
    let hasher = exec.element_hasher();
    let entry = exec.view(key, &place);
    match entry.kind() {
        Kind::List => {
            let list = List::open(entry.record(), hasher);
            let heap = exec.heap(key);
            if !options.unsorted {
                return Ok(list.iter_from(heap, 0).map(|text| text.view(heap)).collect());
            }
            let range = options.range(list.len());
            options.limit = (0, -1);
            Ok(match options.descending {
                false => {
                    list.iter_from(heap, range.start).take(range.len()).map(|text| text.view(heap)).collect()
                }
                true => {
                    let from = list.len() - range.start;
                    list.back_from(heap, from).take(range.len()).map(|text| text.view(heap)).collect()
                }
            })
        }
        Kind::Set => {
            // What is stored does not depend on how members are hashed.
            if options.unsorted && options.store.is_some() {
                (options.unsorted, options.alpha, options.by) = (false, true, None);
            }
            let set = Set::open(entry.record(), hasher);
            let heap = exec.heap(key);
            Ok(set.iter(heap).map(|text| text.view(heap)).collect())
        }
        Kind::String | Kind::Stream => Err(Error::WrongType),
    }
}

/// What elements are compared by first.
enum Weights {
    Nothing,
    Scores(Vec<f64>),
    /// Where the text of an element is among those that were found.
    Texts(Vec<Option<usize>>, Copies),
}

/// The numbers of the wanted elements in the wanted order.
fn ordered(
    exec: &mut Exec<'_, '_>,
    args: &Args<'_>,
    options: &Options<'_>,
    elements: &Copies,
) -> Result<Vec<usize>, Error> {
    let range = options.range(elements.len());
    let mut order: Vec<usize> = (0..elements.len()).collect();
    if !options.unsorted {
        let weights = weights(exec, args, options, elements)?;
        let compare = |one: &usize, other: &usize| {
            let ordering = match &weights {
                Weights::Nothing => elements.get(*one).cmp(elements.get(*other)),
                // Equal scores leave the choice to the elements.
                Weights::Scores(scores) => {
                    let by_score = scores[*one].partial_cmp(&scores[*other]).unwrap_or(Ordering::Equal);
                    by_score.then_with(|| elements.get(*one).cmp(elements.get(*other)))
                }
                Weights::Texts(places, texts) => {
                    let text = |nth: usize| places[nth].map(|place| texts.get(place));
                    text(*one).cmp(&text(*other))
                }
            };
            let ordering = if options.descending { ordering.reverse() } else { ordering };
            ordering.then(one.cmp(other))
        };
        if range.end < order.len() && range.end > 0 {
            order.select_nth_unstable_by(range.end - 1, compare);
        }
        order.truncate(range.end);
        order.sort_unstable_by(compare);
    }
    order.truncate(range.end);
    order.drain(..range.start);
    Ok(order)
}

fn weights(
    exec: &mut Exec<'_, '_>,
    args: &Args<'_>,
    options: &Options<'_>,
    elements: &Copies,
) -> Result<Weights, Error> {
    let by = options.by.map(Pattern::new);
    match (by, options.alpha) {
        (None, true) => Ok(Weights::Nothing),
        (Some(by), true) => {
            let (mut places, mut texts) = (Vec::with_capacity(elements.len()), Copies::default());
            for nth in 0..elements.len() {
                by.with_value(exec, args, elements.get(nth), |value| {
                    places.push(value.is_some().then_some(texts.len()));
                    value.into_iter().for_each(|value| texts.push(value));
                })?;
            }
            Ok(Weights::Texts(places, texts))
        }
        (by, false) => {
            let by = by.unwrap_or(Pattern::Element);
            let mut scores = Vec::with_capacity(elements.len());
            for nth in 0..elements.len() {
                let score = by.with_value(exec, args, elements.get(nth), |value| match value {
                    Some(value) => score(&value.contiguous()),
                    None => Some(0.0),
                })?;
                scores.push(score.ok_or(NO_SCORE)?);
            }
            Ok(Weights::Scores(scores))
        }
    }
}

const NO_SCORE: Error = Error::text("ERR One or more scores can't be converted into double");

/// A number as `strtod` reads it up to a NUL: space before it is skipped, nothing at all is 0, what a double cannot hold
/// is refused.
fn score(word: &[u8]) -> Option<f64> {
    let text = until_nul(word);
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let number = &text[text.iter().take_while(|byte| is_space(byte)).count()..];
    let value = number::parse_f64(number)?;
    let digits = number.strip_prefix(b"-").or(number.strip_prefix(b"+")).unwrap_or(number);
    let fits = match value.classify() {
        std::num::FpCategory::Normal => true,
        std::num::FpCategory::Infinite => digits[0].eq_ignore_ascii_case(&b'i'),
        std::num::FpCategory::Zero => !has_value(digits),
        std::num::FpCategory::Subnormal | std::num::FpCategory::Nan => false,
    };
    fits.then_some(value)
}

/// Whether a number without its sign has a digit other than 0 before its exponent.
fn has_value(digits: &[u8]) -> bool {
    let (digits, exponent) = match digits {
        [b'0', b'x' | b'X', hexadecimal @ ..] => (hexadecimal, b'p'),
        decimal => (decimal, b'e'),
    };
    let before_exponent = digits.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&exponent));
    before_exponent.into_iter().any(|byte| byte.is_ascii_hexdigit() && *byte != b'0')
}

/// Stores a list, or deletes the key if it would be empty.
fn store(exec: &mut Exec<'_, '_>, target: &Key<'_>, stored: &Copies) -> Result<(), Error> {
    let place = exec.place_to_write(target)?;
    if stored.is_empty() {
        if let Some(place) = place {
            exec.remove(target, &place)?;
            exec.changed(target, Event::DEL, || del_words(target.bytes));
        }
        return Ok(());
    }
    let mut list = List::empty(exec.element_hasher());
    let heap = exec.heap_mut(target);
    for nth in 0..stored.len() {
        list.insert(heap, nth, stored.get(nth))?;
    }
    exec.replace(target, list)?;
    if place.is_some() {
        exec.repeat(target, || del_words(target.bytes));
    }
    let elements = stored.slices();
    let command = |elements: &[&[u8]]| words(&[&[b"RPUSH", target.bytes], elements].concat());
    let mut commands = elements.chunks(ELEMENTS_PER_COMMAND);
    let first = commands.next().unwrap_or_default();
    exec.changed(target, Event::list("sortstore"), || command(first));
    commands.for_each(|elements| exec.repeat(target, || command(elements)));
    Ok(())
}

#[cfg(test)]
mod tests;
