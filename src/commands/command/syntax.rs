//! A row's arguments, read from the notation of the manual:
//! ```text
//! key value [NX | XX] [EX seconds | PX milliseconds]
//! key field value [field value ...]        the two before the bracket may come again together
//! <LIB-NAME libname | LIB-VER libver>      one of them must be there
//! [PREFIX prefix [PREFIX prefix ...]]      may come again with its token
//! ```
//! Words in capitals (and signs) are tokens, others are values. A token that values follow belongs to them.

use engine::command::keys::{Begin, Find};
use engine::command::{KeySpec, Spec};

/// An argument, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// A value's name; a token in small letters; for groups the names inside with lines between.
    pub name: String,
    pub kind: Kind,
    /// The word before it, or that it consists of.
    pub token: Option<&'static str>,
    /// Which of the command's runs of keys it belongs to.
    pub key_spec: Option<usize>,
    pub is_optional: bool,
    pub is_multiple: bool,
    /// It comes again with its token.
    pub repeats_token: bool,
}

/// What an argument is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A value, of a type that `COMMAND DOCS` names.
    Value(&'static str),
    PureToken,
    OneOf(Vec<Argument>),
    Block(Vec<Argument>),
}

/// The arguments of a row.
///
/// # Panics
/// If its syntax is not in the notation; a test reads all rows.
pub fn arguments(spec: &Spec) -> Vec<Argument> {
    let mut parser = Parser { words: words(spec.syntax), next: 0 };
    let mut arguments = parser.sequence();
    assert_eq!(parser.next, parser.words.len(), "{}: {}", spec.name, spec.syntax);
    let first = if spec.parent().is_some() { 2 } else { 1 };
    mark_keys(&mut arguments, spec.keys.specs, first);
    arguments
}

/// Brackets and bars stand alone.
fn words(syntax: &'static str) -> Vec<&'static str> {
    let mut words = Vec::new();
    for word in syntax.split_ascii_whitespace() {
        let mut rest = word;
        while rest.len() > 1 && rest.starts_with(['[', '<']) {
            words.push(&rest[..1]);
            rest = &rest[1..];
        }
        let body = if rest.len() > 1 { rest.trim_end_matches([']', '>']) } else { rest };
        words.push(body);
        words.extend((body.len()..rest.len()).map(|at| &rest[at..=at]));
    }
    words
}

struct Parser {
    words: Vec<&'static str>,
    next: usize,
}

impl Parser {
    /// Up to a closing bracket, a bar or the end.
    fn sequence(&mut self) -> Vec<Argument> {
        let mut items: Vec<Argument> = Vec::new();
        // Since where values belong to a token.
        let mut token: Option<(&'static str, usize)> = None;
        while let Some(&word) = self.words.get(self.next) {
            match word {
                "]" | ">" | "|" | "..." => break,
                "[" | "<" => {
                    let start = self.next;
                    self.next += 1;
                    let inner = self.alternatives();
                    let is_repeat = self.words.get(self.next) == Some(&"...");
                    self.next += usize::from(is_repeat) + 1;
                    if is_repeat {
                        repeat(&mut items, inner, &mut token);
                    } else if word == "<" && token.is_some_and(|(_, since)| since == items.len()) {
                        items.push(inner);
                    } else {
                        close(&mut items, token.take());
                        let is_optional = self.words[start] == "[";
                        items.push(Argument { is_optional, ..inner });
                    }
                }
                _ if is_token(word) => {
                    self.next += 1;
                    close(&mut items, token.replace((word, 0)));
                    token = Some((word, items.len()));
                }
                _ => {
                    self.next += 1;
                    items.push(Argument::value(word));
                }
            }
        }
        close(&mut items, token);
        items
    }

    /// The inside of a pair of brackets, up to the closing one.
    fn alternatives(&mut self) -> Argument {
        let mut all = vec![group(self.sequence())];
        while self.words.get(self.next) == Some(&"|") {
            self.next += 1;
            all.push(group(self.sequence()));
        }
        if all.len() == 1 { all.remove(0) } else { Argument::of_group(Kind::OneOf(all)) }
    }
}

fn is_token(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// What has come since a token belongs to it.
fn close(items: &mut Vec<Argument>, token: Option<(&'static str, usize)>) {
    let Some((token, since)) = token else { return };
    let values = items.split_off(since);
    items.push(match values.is_empty() {
        true => Argument::new(token.to_ascii_lowercase(), Kind::PureToken, Some(token)),
        false => Argument { token: Some(token), ..group(values) },
    });
}

/// One argument as it is, several as a block.
fn group(mut items: Vec<Argument>) -> Argument {
    if items.len() == 1 { items.remove(0) } else { Argument::of_group(Kind::Block(items)) }
}

/// `[again ...]`: the items before that look the same may come again.
fn repeat(items: &mut Vec<Argument>, again: Argument, token: &mut Option<(&'static str, usize)>) {
    let repeats_token = again.token.is_some();
    if repeats_token {
        close(items, token.take());
    }
    let count = match &again.kind {
        Kind::Block(inner) if !repeats_token => inner.len(),
        _ => 1,
    };
    let repeated = group(items.split_off(items.len() - count));
    assert_eq!(repeated.name, again.name, "what comes again stands before the bracket");
    items.push(Argument { is_multiple: true, repeats_token, ..repeated });
}

impl Argument {
    fn new(name: String, kind: Kind, token: Option<&'static str>) -> Argument {
        Argument {
            name,
            kind,
            token,
            key_spec: None,
            is_optional: false,
            is_multiple: false,
            repeats_token: false,
        }
    }

    fn value(name: &'static str) -> Argument {
        Argument::new(name.to_owned(), Kind::Value(type_of(name)), None)
    }

    fn of_group(kind: Kind) -> Argument {
        let (Kind::OneOf(inner) | Kind::Block(inner)) = &kind else { unreachable!("a group") };
        let names: Vec<&str> = inner.iter().map(|argument| argument.name.as_str()).collect();
        Argument::new(names.join("-"), kind, None)
    }

    /// How many words it takes, if that is certain.
    fn width(&self) -> Option<usize> {
        if self.is_optional || self.is_multiple {
            return None;
        }
        let inner = match &self.kind {
            Kind::Value(_) => 1,
            Kind::PureToken => return Some(1),
            Kind::Block(inner) => inner.iter().map(Argument::width).sum::<Option<usize>>()?,
            Kind::OneOf(inner) => {
                let mut widths = inner.iter().map(Argument::width);
                let first = widths.next()??;
                widths.all(|width| width == Some(first)).then_some(first)?
            }
        };
        Some(inner + usize::from(self.token.is_some()))
    }
}

/// The type of a value, by the name that the manual gives it.
fn type_of(name: &str) -> &'static str {
    match name {
        "unix-time-seconds" | "unix-time-milliseconds" => "unix-time",
        "pattern" => "pattern",
        "seconds" | "milliseconds" | "count" | "offset" | "index" | "index1" | "index2" | "db"
        | "destination-db" | "numkeys" | "cursor" | "start" | "end" | "decrement" | "min-match-len"
        | "port" | "client-id" | "protover" | "numreplicas" | "numlocal" | "timeout" | "slot" | "version"
        | "len" | "bit" => "integer",
        _ => "string",
    }
}

/// Finds the arguments that are keys: those at the places the row's key specs speak of.
fn mark_keys(arguments: &mut [Argument], specs: &[KeySpec], first: usize) {
    let mut place = Some(first);
    for argument in arguments {
        if let Some(start) = place {
            mark_at(argument, specs, start);
        }
        mark_after_tokens(argument, specs);
        place = place.zip(argument.width()).map(|(place, width)| place + width);
    }
}

/// Marks the values of an argument whose first word is word `place` of the request.
fn mark_at(argument: &mut Argument, specs: &[KeySpec], place: usize) {
    let place = place + usize::from(argument.token.is_some());
    match &mut argument.kind {
        Kind::Value(kind) => {
            if let Some(nth) = specs.iter().position(|spec| covers(spec, place)) {
                (*kind, argument.key_spec) = ("key", Some(nth));
            }
        }
        Kind::Block(inner) => {
            inner.iter_mut().enumerate().for_each(|(nth, inner)| mark_at(inner, specs, place + nth))
        }
        Kind::PureToken | Kind::OneOf(_) => {}
    }
}

/// Marks what follows keywords that keys are searched by, also in alternatives.
fn mark_after_tokens(argument: &mut Argument, specs: &[KeySpec]) {
    if let Some(token) = argument.token {
        mark_after_token(argument, specs, token);
    }
    if let Kind::OneOf(choices) = &mut argument.kind {
        choices.iter_mut().for_each(|choice| mark_after_tokens(choice, specs));
    }
}

/// Marks the first value after a keyword that keys are searched by.
fn mark_after_token(argument: &mut Argument, specs: &[KeySpec], token: &str) {
    let by_keyword = |spec: &KeySpec| matches!(spec.begin, Begin::Keyword { word, .. } if word == token);
    let Some(nth) = specs.iter().position(by_keyword) else { return };
    let value = match &mut argument.kind {
        Kind::Block(inner) => &mut inner[0],
        _ => argument,
    };
    if let Kind::Value(kind) = &mut value.kind {
        (*kind, value.key_spec) = ("key", Some(nth));
    }
}

/// Whether the word at `place` is a key, as far as that does not depend on the number of words.
fn covers(spec: &KeySpec, place: usize) -> bool {
    let Begin::Index(begin) = spec.begin else { return false };
    let Some(distance) = place.checked_sub(usize::from(begin)) else { return false };
    match spec.find {
        Find::Range { last, step, .. } => {
            let is_before_last = usize::try_from(last).map_or(true, |last| distance <= last);
            is_before_last && distance.is_multiple_of(usize::from(step))
        }
        Find::Count { first, .. } => distance == usize::from(first),
        Find::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Table;
    use engine::command::{Arity, KeyAccess, Keys};

    /// The tree in one line: `name`, `TOKEN name`, `(a b)` a block, `<a|b>` one of, `?` optional, `*` multiple,
    /// `+` multiple with its token, `:type`, `@` the run of keys.
    fn shown(argument: &Argument) -> String {
        let inner = |arguments: &[Argument], between: &str| {
            arguments.iter().map(shown).collect::<Vec<_>>().join(between)
        };
        let body = match &argument.kind {
            Kind::Value(kind) => format!("{}:{kind}", argument.name),
            Kind::PureToken => String::new(),
            Kind::OneOf(all) => format!("<{}>", inner(all, "|")),
            Kind::Block(all) => format!("({})", inner(all, " ")),
        };
        let key = argument.key_spec.map_or(String::new(), |nth| format!("@{nth}"));
        let marks = [(argument.is_optional, "?"), (argument.is_multiple, "*"), (argument.repeats_token, "+")];
        let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
        format!("{} {body}{key}{marks}", argument.token.unwrap_or_default()).trim_start().to_owned()
    }

    #[track_caller]
    fn check(keys: Keys, syntax: &'static str, expected: &str) {
        let spec = Spec::read("X", Arity::AtLeast(1), keys).syntax(syntax);
        let tree: Vec<String> = arguments(&spec).iter().map(shown).collect();
        assert_eq!(tree.join(", "), expected, "{syntax}");
    }

    #[test]
    fn the_notation_is_read() {
        const NONE: Keys = Keys::NONE;
        check(NONE, "", "");
        check(NONE, "message", "message:string");
        check(NONE, "[message]", "message:string?");
        check(NONE, "[ASYNC | SYNC]", "<ASYNC |SYNC >?");
        check(NONE, "index1 index2", "index1:integer, index2:integer");
        check(NONE, "<LIB-NAME libname | LIB-VER libver>", "<LIB-NAME libname:string|LIB-VER libver:string>");
        check(NONE, "[TYPE <NORMAL | PUBSUB>]", "TYPE <NORMAL |PUBSUB >?");
        check(NONE, "[LIMIT offset count]", "LIMIT (offset:integer count:integer)?");
        check(NONE, "[GET pattern [GET pattern ...]]", "GET pattern:pattern?*+");
        check(NONE, "[section [section ...]]", "section:string?*");
        check(
            NONE,
            "[protover [AUTH username password] [SETNAME clientname]]",
            "(protover:integer AUTH (username:string password:string)? SETNAME clientname:string?)?",
        );
        check(NONE, "NO ONE", "NO , ONE ");
    }

    #[test]
    fn keys_are_marked() {
        check(
            Keys::ONE,
            "key value [NX | XX] [EX seconds]",
            "key:key@0, value:string, <NX |XX >?, EX seconds:integer?",
        );
        const ALL: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::READ)]);
        check(ALL, "key [key ...]", "key:key@0*");
        const PAIRS: Keys = Keys::new(&[KeySpec::range(1, -1, 2, KeyAccess::OVERWRITE)]);
        check(PAIRS, "key value [key value ...]", "(key:key@0 value:string)*");
        const COUNTED: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ)]);
        check(
            COUNTED,
            "numkeys key [key ...] [WEIGHTS weight [weight ...]]",
            "numkeys:integer, key:key@0*, WEIGHTS weight:string?*",
        );
        const TWO: Keys =
            Keys::new(&[KeySpec::one(1, KeyAccess::READ), KeySpec::one(2, KeyAccess::OVERWRITE)]);
        check(TWO, "source destination [REPLACE]", "source:key@0, destination:key@1, REPLACE ?");
        check(
            TWO,
            "<ONE | OTHER> key [<BY number | AT number>]",
            "<ONE |OTHER >, key:key@1, <BY number:string|AT number:string>?",
        );
        const STREAMS: Keys = Keys::new(&[KeySpec {
            begin: Begin::Keyword { word: "STREAMS", from: 1 },
            find: Find::Range { last: -1, step: 1, limit: 2 },
            access: KeyAccess::READ,
            notes: "",
        }]);
        const STORED: Keys = Keys::new(&[KeySpec {
            begin: Begin::Keyword { word: "STORE", from: 1 },
            find: Find::Range { last: 0, step: 1, limit: 0 },
            access: KeyAccess::OVERWRITE,
            notes: "",
        }]);
        check(STORED, "[STORE key | STAY]", "<STORE key:key@0|STAY >?");
        check(STREAMS, "[COUNT count] STREAMS key id", "COUNT count:integer?, STREAMS (key:key@0 id:string)");
    }

    #[test]
    fn every_row_is_in_the_notation_and_names_its_keys() {
        for row in Table::get().rows() {
            let arguments = arguments(row.spec);
            let mut text = String::new();
            arguments.iter().for_each(|argument| text += &shown(argument));
            for (nth, keys) in row.spec.keys.specs.iter().enumerate() {
                // No place in the syntax tells where keys are that follow from what other keys hold.
                if keys.begin == Begin::Unknown {
                    continue;
                }
                assert!(text.contains(&format!("@{nth}")), "{}: {text}", row.spec.name);
            }
        }
    }
}
