//! One row of the table of settings, and how the words of a configuration become its value.

use super::kinds::{
    BindAddress, EventClasses, OomScores, OutputLimits, Percentiles, PrimaryAddress, SavePoints,
    ShutdownFlags, strict_integer,
};
use super::settings::Settings;
use super::units::parse_bytes;
use super::value::Value;

/// A row: everything the program knows about one setting.
#[derive(Debug)]
pub struct Setting {
    /// The name, in lower case.
    pub name: &'static str,
    /// An older (or newer) name for the same thing.
    pub alias: Option<&'static str>,
    /// What its value looks like.
    pub kind: Kind,
    /// The default, as it would be written in a configuration file.
    pub default: &'static str,
    /// When it may change.
    pub change: Change,
    /// CONFIG GET shows it only when asked by name: for developers.
    pub hidden: bool,
    /// The value must not appear in logs.
    pub sensitive: bool,
    /// What it is for, a sentence; empty where the effect says it.
    pub doc: &'static str,
    /// What it does.
    pub effect: Effect,
    pub(super) check: Option<Check>,
    pub(super) adjust: Option<fn(Value) -> Value>,
    pub(super) sets: Option<fn(&mut Settings, &Value)>,
}

/// Says why a value is not acceptable.
pub(super) type Check = fn(&Value) -> Result<(), String>;

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A number within bounds, both included.
    Integer(i128, i128),
    /// An amount of memory within bounds, both included.
    Bytes(u64, u64),
    /// An amount of memory, or a percentage.
    BytesOrPercent,
    /// File permissions, up to 777.
    Octal,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// Letters of event classes.
    Events,
    /// Pairs of seconds and changes. Lines of a file add up; CONFIG SET replaces.
    Save,
    /// Groups of class, hard limit, soft limit, seconds. Classes not named keep their limit.
    OutputLimits,
    /// Numbers from 0 to 100.
    Percentiles,
    /// Addresses to listen on.
    Addresses,
    /// Three scores.
    OomScores,
    /// A host and a port, or `no one`.
    Primary,
    /// Options of SHUTDOWN.
    Shutdown,
}

/// When a setting may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time.
    Anytime,
    /// At any time by those whom `enable-protected-configs` allows.
    Protected,
    /// Only by starting again. CONFIG SET does not even accept the present value, as in Redis.
    AtStart,
    /// Only by starting again. CONFIG SET accepts the present value: a client that writes back all it has read meets
    /// no setting that it cannot know from Redis.
    AtStartOwn,
}

/// What a setting does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What its sentence says.
    Works,
    /// Nothing, and nothing is lost by that; the text says why.
    Idle(&'static str),
    /// Any value but the default promises something that is not kept yet: refused at start, and by CONFIG SET unless
    /// `enable-debug-command` is `yes`. The text says what to do.
    Unkept(&'static str),
}

/// Where the words of a value come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The first time a configuration names the setting.
    Start,
    /// Another time.
    StartAgain,
    /// CONFIG SET.
    Runtime,
}

impl Setting {
    const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self {
            name,
            alias: None,
            kind,
            default,
            change: Change::Anytime,
            hidden: false,
            sensitive: false,
            doc: "",
            effect: Effect::Works,
            check: None,
            adjust: None,
            sets: None,
        }
    }

    pub(super) const fn bool(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Bool, default)
    }

    pub(super) const fn integer(name: &'static str, (min, max): (i128, i128), default: &'static str) -> Self {
        Self::new(name, Kind::Integer(min, max), default)
    }

    pub(super) const fn bytes(name: &'static str, (min, max): (u64, u64), default: &'static str) -> Self {
        Self::new(name, Kind::Bytes(min, max), default)
    }

    pub(super) const fn choice(
        name: &'static str,
        words: &'static [&'static str],
        default: &'static str,
    ) -> Self {
        Self::new(name, Kind::Choice(words), default)
    }

    pub(super) const fn text(name: &'static str, default: &'static str) -> Self {
        Self::new(name, Kind::Text, default)
    }

    pub(super) const fn special(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self::new(name, kind, default)
    }

    pub(super) const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    pub(super) const fn at_start(mut self) -> Self {
        self.change = Change::AtStart;
        self
    }

    /// For settings that Redis does not have.
    pub(super) const fn at_start_own(mut self) -> Self {
        self.change = Change::AtStartOwn;
        self
    }

    pub(super) const fn protected(mut self) -> Self {
        self.change = Change::Protected;
        self
    }

    pub(super) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(super) const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    pub(super) const fn idle(mut self, why: &'static str) -> Self {
        self.effect = Effect::Idle(why);
        self
    }

    pub(super) const fn unkept(mut self, advice: &'static str) -> Self {
        self.effect = Effect::Unkept(advice);
        self
    }

    pub(super) const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Refuses values that the kind alone would accept.
    pub(super) const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Puts an accepted value in order.
    pub(super) const fn adjust(mut self, adjust: fn(Value) -> Value) -> Self {
        self.adjust = Some(adjust);
        self
    }

    /// The field of [`Settings`] that it fills.
    pub(super) const fn sets(mut self, sets: fn(&mut Settings, &Value)) -> Self {
        self.sets = Some(sets);
        self
    }

    /// Which of its names the client means, as it is written.
    pub(super) fn name_like(&self, sent: &[u8]) -> &'static str {
        self.alias.filter(|alias| alias.as_bytes().eq_ignore_ascii_case(sent)).unwrap_or(self.name)
    }

    /// Its value before any configuration.
    pub(super) fn default_value(&self) -> Value {
        let words: Vec<&[u8]> =
            self.default.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect();
        let whole = [self.default.as_bytes()];
        let words = if self.kind.takes_many() { words.as_slice() } else { &whole };
        self.kind.parse(words, None).expect("a test parses every default")
    }

    /// The value that `words` give it, or why they cannot. A single word of a setting that takes many is split at its
    /// blanks first. `before` is its present value.
    pub(super) fn parse(&self, words: &[&[u8]], origin: Origin, before: &Value) -> Result<Value, String> {
        let split: Vec<&[u8]>;
        let words = match words {
            [whole] if self.kind.takes_many() => {
                split = whole.split(|&byte| byte == b' ').filter(|_| !whole.is_empty()).collect();
                &split
            }
            words => words,
        };
        if !self.kind.takes_many() && words.len() != 1 {
            return Err("wrong number of arguments".into());
        }
        let mut value = self.kind.parse(words, Some(before))?;
        if let (Value::Save(points), Value::Save(earlier), Origin::StartAgain) = (&mut value, before, origin)
            && !points.0.is_empty()
        {
            points.0.splice(0..0, earlier.0.iter().copied());
        }
        if let Some(check) = self.check {
            check(&value)?;
        }
        Ok(self.adjust.map_or(value.clone(), |adjust| adjust(value)))
    }
}

impl Kind {
    /// May the value be several words?
    fn takes_many(self) -> bool {
        matches!(
            self,
            Self::Save
                | Self::OutputLimits
                | Self::Percentiles
                | Self::Addresses
                | Self::OomScores
                | Self::Primary
                | Self::Shutdown
        )
    }

    /// `words` has one element unless the kind takes many.
    fn parse(self, words: &[&[u8]], before: Option<&Value>) -> Result<Value, String> {
        let word = words.first().copied().unwrap_or_default();
        match self {
            Self::Bool if word.eq_ignore_ascii_case(b"yes") => Ok(Value::Bool(true)),
            Self::Bool if word.eq_ignore_ascii_case(b"no") => Ok(Value::Bool(false)),
            Self::Bool => Err("argument must be 'yes' or 'no'".into()),
            Self::Integer(min, max) => {
                let number = strict_integer(word).ok_or("argument couldn't be parsed into an integer")?;
                within(i128::from(number), min, max).map(Value::Integer)
            }
            Self::Bytes(min, max) => {
                let bytes = parse_bytes(word).ok_or("argument must be a memory value")?;
                within(bytes, min, max).map(Value::Bytes)
            }
            Self::BytesOrPercent => bytes_or_percent(word),
            Self::Octal => octal(word),
            Self::Choice(known) => known
                .iter()
                .position(|candidate| word.eq_ignore_ascii_case(candidate.as_bytes()))
                .map(|place| Value::Choice(place, known[place]))
                .ok_or_else(|| format!("argument(s) must be one of the following: {}", known.join(", "))),
            Self::Text => Ok(Value::Text(word.to_vec())),
            Self::Events => EventClasses::parse(word).map(Value::Events),
            Self::Save => SavePoints::parse(words).map(Value::Save),
            Self::OutputLimits => {
                let limits = match before {
                    Some(Value::OutputLimits(limits)) => *limits,
                    _ => OutputLimits::default(),
                };
                limits.with(words).map(Value::OutputLimits)
            }
            Self::Percentiles => Percentiles::parse(words).map(Value::Percentiles),
            Self::Addresses => BindAddress::parse_all(words).map(Value::Addresses),
            Self::OomScores => OomScores::parse(words).map(Value::OomScores),
            // Not set is written as nothing in the table and as `no one` by people.
            Self::Primary if before.is_none() => Ok(Value::Primary(None)),
            Self::Primary => PrimaryAddress::parse(words).map(Value::Primary),
            Self::Shutdown => ShutdownFlags::parse(words).map(Value::Shutdown),
        }
    }
}

fn within<N: PartialOrd + std::fmt::Display>(number: N, min: N, max: N) -> Result<N, String> {
    if (&min..=&max).contains(&&number) {
        Ok(number)
    } else {
        Err(format!("argument must be between {min} and {max} inclusive"))
    }
}

fn bytes_or_percent(word: &[u8]) -> Result<Value, String> {
    let refusal = "argument must be a memory or percent value";
    let Some(digits) = word.strip_suffix(b"%") else {
        let bytes = parse_bytes(word).ok_or(refusal)?;
        return within(bytes, 0, i64::MAX as u64).map(Value::Bytes);
    };
    match strict_integer(digits) {
        Some(0) => Ok(Value::Bytes(0)),
        Some(percent @ 1..=100) => Ok(Value::Percent(percent as u8)),
        Some(101..) => Err("percentage argument must be less or equal to 100".into()),
        _ => Err(refusal.into()),
    }
}

fn octal(word: &[u8]) -> Result<Value, String> {
    let mode = std::str::from_utf8(word).ok().and_then(|word| i64::from_str_radix(word, 8).ok());
    match mode {
        Some(mode @ 0..=0o777) => Ok(Value::Octal(mode as u32)),
        Some(_) => Err("argument must be between 0 and 777 inclusive".into()),
        None => Err("argument couldn't be parsed as an octal number".into()),
    }
}
