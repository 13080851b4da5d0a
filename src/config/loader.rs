//! Reads the lines of a configuration into values.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::setting::{Effect, Origin};
use super::table;
use super::value::Value;
use super::words;

/// How deep files may include each other.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A line that cannot be obeyed.
    #[error(
        "\n*** FATAL CONFIG FILE ERROR (Hearth {}) ***\nReading {at}\n>>> '{text}'\n{reason}",
        super::VERSION
    )]
    Line {
        /// Where it stands.
        at: Place,
        /// The line.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be read.
    #[error("Fatal error, can't open config file '{}': {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// Words that start nothing.
    #[error("{0}")]
    Usage(String),
}

/// Where a line of a configuration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
    /// A line of standard input, counted from 1.
    Stdin(usize),
    /// A flag.
    CommandLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "the configuration file {}, at line {line}", path.display()),
            Self::Stdin(line) => write!(f, "the configuration from standard input, at line {line}"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// Takes in lines one after the other; later ones win.
pub(super) struct Loader {
    values: Vec<Value>,
    given: Vec<Option<(Place, String)>>,
}

impl Loader {
    /// All defaults, in the present working directory.
    pub(super) fn new() -> Self {
        let mut values: Vec<Value> = table::all().map(|row| row.default_value()).collect();
        if let (Some(dir), Ok(here)) = (table::find(b"dir"), std::env::current_dir()) {
            values[dir] = Value::Text(here.into_os_string().into_encoded_bytes());
        }
        Self { given: vec![None; values.len()], values }
    }

    pub(super) fn file(&mut self, path: &Path) -> Result<(), StartError> {
        self.file_at_depth(path, 0)
    }

    pub(super) fn stdin(&mut self, text: &[u8]) -> Result<(), StartError> {
        let mut numbers = 1..;
        text.split(|&byte| byte == b'\n')
            .try_for_each(|line| self.line(line, Place::Stdin(numbers.next().unwrap_or_default()), 0))
    }

    pub(super) fn flag(&mut self, line: &[u8]) -> Result<(), StartError> {
        self.line(line, Place::CommandLine, 0)
    }

    /// The values, and what the operator should know about settings that do nothing.
    pub(super) fn finish(self) -> Result<(Vec<Value>, Vec<String>), StartError> {
        let mut warnings = Vec::new();
        for ((row, value), given) in table::all().zip(&self.values).zip(self.given) {
            let Some((at, text)) = given else { continue };
            let changed = *value != row.default_value();
            match row.effect {
                Effect::Unkept(advice) if changed => {
                    let reason = format!("{} is not possible: {advice}", row.name);
                    return Err(StartError::Line { at, text, reason });
                }
                Effect::Idle(why)
                    if changed || matches!(value, Value::Save(points) if !points.0.is_empty()) =>
                {
                    warnings.push(format!("The setting '{}' has no effect: {why}.", row.name));
                }
                _ => {}
            }
        }
        Ok((self.values, warnings))
    }

    fn file_at_depth(&mut self, path: &Path, depth: usize) -> Result<(), StartError> {
        let text =
            std::fs::read(path).map_err(|reason| StartError::Unreadable { path: path.to_owned(), reason })?;
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            self.line(line, Place::File(path.to_owned(), index + 1), depth)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], at: Place, depth: usize) -> Result<(), StartError> {
        let line = words::trim(line);
        if line.is_empty() || line[0] == b'#' {
            return Ok(());
        }
        let text = String::from_utf8_lossy(line).into_owned();
        let refuse = |reason: String| StartError::Line { at: at.clone(), text: text.clone(), reason };
        let words =
            words::split(line).ok_or_else(|| refuse("Unbalanced quotes in configuration line".into()))?;
        let Some((name, arguments)) = words.split_first() else {
            return Ok(());
        };
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();

        if let Some(place) = table::find(name) {
            let origin = if self.given[place].is_some() { Origin::StartAgain } else { Origin::Start };
            self.values[place] =
                table::row(place).parse(&arguments, origin, &self.values[place]).map_err(refuse)?;
            self.given[place] = Some((at, text));
            return Ok(());
        }
        match (name.to_ascii_lowercase().as_slice(), arguments.as_slice()) {
            (b"include", [pattern]) => self.include(pattern, depth, &refuse),
            // Accepted and without meaning in Redis too.
            (b"list-max-ziplist-entries" | b"list-max-ziplist-value" | b"lua-replicate-commands", [_]) => {
                Ok(())
            }
            (b"rename-command", [_, _]) => Err(refuse(
                "Commands cannot be renamed; access rules will do that job once they exist".into(),
            )),
            (b"user", [_, ..]) => {
                Err(refuse("Users and access rules are not available yet; use requirepass".into()))
            }
            (b"loadmodule", [_, ..]) => Err(refuse("Modules cannot be loaded".into())),
            (b"sentinel", _) => Err(refuse("This program cannot run as a Sentinel".into())),
            _ => Err(refuse("Bad directive or wrong number of arguments".into())),
        }
    }

    fn include(
        &mut self,
        pattern: &[u8],
        depth: usize,
        refuse: &dyn Fn(String) -> StartError,
    ) -> Result<(), StartError> {
        if depth == INCLUDE_DEPTH_MAX {
            return Err(refuse(format!("Files include each other more than {INCLUDE_DEPTH_MAX} deep")));
        }
        files_matching(pattern).iter().try_for_each(|path| self.file_at_depth(path, depth + 1))
    }
}

/// The files a path with wildcards stands for, sorted; the path itself if it has none.
fn files_matching(pattern: &[u8]) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(pattern));
    if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
        return vec![path.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        let part = part.as_os_str();
        if !part.as_bytes().iter().any(|byte| b"*?[".contains(byte)) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|directory| entries_matching(directory, part.as_bytes())).collect();
    }
    found.retain(|path| path.exists());
    found.sort();
    found
}

fn entries_matching(directory: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = std::fs::read_dir(listed).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .filter(|name| name.as_bytes()[0] != b'.' || pattern[0] == b'.')
        .filter(|name| engine::glob::matches(pattern, name.as_bytes()))
        .map(|name| directory.join(name))
        .collect()
}

#[cfg(test)]
mod tests;
