//! The settings in force: CONFIG GET and CONFIG SET, and what threads see of a change.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::rewrite::{RewriteError, rewrite_file};
use super::setting::{Change, Effect, Origin, Setting};
use super::settings::Settings;
use super::table;
use super::value::Value;

/// All settings of one server, shared by its threads.
pub struct Config {
    values: Mutex<Vec<Value>>,
    published: Mutex<Arc<Settings>>,
    generation: AtomicU64,
    file: Option<PathBuf>,
}

/// What a client may change.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// It is on this machine.
    pub local: bool,
}

/// Why a change that the table allows cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The setting to blame, by the name in its row.
    pub setting: &'static str,
    /// For the client.
    pub reason: String,
}

/// Why CONFIG SET changed nothing. The client gets the text behind `ERR `; a name that is none may have any bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such setting.
    #[error("Unknown option or number of arguments for CONFIG SET - '{}'", String::from_utf8_lossy(.0))]
    Unknown(Vec<u8>),
    /// It cannot have this value, or not now.
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Refused {
        /// The name: as the client sent it if the setting may not be named at all, else as it is written.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    pub(super) fn new(values: Vec<Value>, file: Option<PathBuf>) -> Self {
        let settings = derive(&values);
        Self {
            values: Mutex::new(values),
            published: Mutex::new(Arc::new(settings)),
            generation: AtomicU64::new(0),
            file,
        }
    }

    /// The present settings.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.published.lock())
    }

    /// Grows with every change.
    pub fn generation(&self) -> u64 {
        // Acquire: pairs with the Release in `set`; who sees a generation finds its settings published.
        self.generation.load(Ordering::Acquire)
    }

    /// Settings that are at least as new as the generation beside them.
    pub(super) fn published(&self) -> (Arc<Settings>, u64) {
        let generation = self.generation();
        (self.settings(), generation)
    }

    /// The configuration file, if the server was started with one; absolute.
    pub fn file(&self) -> Option<&std::path::Path> {
        self.file.as_deref()
    }

    /// The value of one setting, by its name or alias in any case.
    pub fn value(&self, name: &str) -> Option<Value> {
        table::find(name.as_bytes()).map(|place| self.values.lock()[place].clone())
    }

    /// CONFIG GET: names and values of the settings that match any of `patterns`, each name once. A pattern without
    /// `*?[` is a name, given back as it was sent, and finds hidden settings too.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let values = self.values.lock();
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut add = |name: &[u8], value: &Value| {
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                found.push((name.to_vec(), value.text()));
            }
        };
        for pattern in patterns {
            if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
                if let Some(place) = table::find(pattern) {
                    add(pattern, &values[place]);
                }
                continue;
            }
            for (row, value) in table::all().zip(values.iter()).filter(|(row, _)| !row.hidden) {
                for name in [Some(row.name), row.alias].into_iter().flatten() {
                    if engine::glob::matches_ignore_case(pattern, name.as_bytes()) {
                        add(name.as_bytes(), value);
                    }
                }
            }
        }
        found
    }

    /// CONFIG SET: gives every setting in `pairs` its value, or changes nothing. `apply` does what the change means
    /// outside (open the port, enter the directory) and may refuse it; it must not wait for another thread, which
    /// may be waiting here. Returns what should be logged as warnings.
    pub fn set(
        &self,
        pairs: &[(&[u8], &[u8])],
        caller: Caller,
        apply: impl FnOnce(&Changes<'_>) -> Result<(), Refused>,
    ) -> Result<Vec<String>, SetError> {
        let mut values = self.values.lock();
        let before = self.settings();
        let places = allowed_places(pairs, caller, &before)?;
        let mut after = values.clone();
        let mut warnings = Vec::new();
        for (&place, &(name, text)) in places.iter().zip(pairs) {
            let row = table::row(place);
            let refuse = |reason| SetError::Refused { name: row.name_like(name).to_owned(), reason };
            after[place] = row.parse(&[text], Origin::Runtime, &after[place]).map_err(refuse)?;
            if row.change == Change::AtStartOwn && after[place] != values[place] {
                return Err(refuse("it takes effect at start only: start the server again with it".into()));
            }
            if let Effect::Unkept(advice) = row.effect
                && after[place] != row.default_value()
                && after[place] != values[place]
            {
                if before.allow_debug != super::Allow::Yes {
                    return Err(refuse(format!("not possible: {advice}")));
                }
                warnings.push(format!("The setting '{}' was accepted for testing only: {advice}.", row.name));
            }
        }
        let changed: Vec<&Setting> = table::all()
            .zip(values.iter().zip(&after))
            .filter(|(_, (a, b))| a != b)
            .map(|(row, _)| row)
            .collect();
        if changed.is_empty() {
            return Ok(warnings);
        }
        let settings = derive(&after);
        apply(&Changes { before: &before, after: &settings, settings: &changed }).map_err(|refused| {
            let sent = places.iter().position(|&place| table::row(place).name == refused.setting);
            let name =
                sent.map_or(refused.setting, |index| table::row(places[index]).name_like(pairs[index].0));
            SetError::Refused { name: name.to_owned(), reason: refused.reason }
        })?;
        *values = after;
        *self.published.lock() = Arc::new(settings);
        // Release: pairs with the Acquire in `generation`.
        self.generation.fetch_add(1, Ordering::Release);
        Ok(warnings)
    }

    /// CONFIG REWRITE: brings the configuration file up to date, atomically, comments kept. With `all`, settings that
    /// have their default are written too.
    pub fn rewrite(&self, all: bool) -> Result<(), RewriteError> {
        let values = self.values.lock();
        let file = self.file.as_deref().ok_or(RewriteError::NoFile)?;
        rewrite_file(file, &values, all)
    }
}

/// A change about to be made.
#[derive(Debug)]
pub struct Changes<'a> {
    /// The settings until now.
    pub before: &'a Settings,
    /// The settings from now on.
    pub after: &'a Settings,
    /// The rows whose value differs.
    pub settings: &'a [&'static Setting],
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the values: passwords are among them.
        f.debug_struct("Config").field("generation", &self.generation()).field("file", &self.file).finish()
    }
}

/// The rows that `pairs` name, if all exist and may be changed by `caller`; the first obstacle otherwise.
fn allowed_places(pairs: &[(&[u8], &[u8])], caller: Caller, now: &Settings) -> Result<Vec<usize>, SetError> {
    let mut places = Vec::with_capacity(pairs.len());
    for (index, (name, _)) in pairs.iter().enumerate() {
        let place = table::find(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
        let reason = match table::row(place).change {
            Change::AtStart => Some("can't set immutable config"),
            Change::Protected if !now.allow_protected.allows(caller.local) => {
                Some("can't set protected config")
            }
            _ if pairs[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) => {
                Some("duplicate parameter")
            }
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(SetError::Refused { name: shown(name), reason: reason.into() });
        }
        places.push(place);
    }
    Ok(places)
}

fn derive(values: &[Value]) -> Settings {
    let mut settings = Settings::defaults();
    for (row, value) in table::all().zip(values) {
        if let Some(sets) = row.sets {
            sets(&mut settings, value);
        }
    }
    settings
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests;
