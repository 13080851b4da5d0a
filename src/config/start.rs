//! From the command line to a configuration.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::Arguments;
use super::help::{self, SegmentsCommand};
use super::loader::{Loader, StartError};
use super::store::Config;
use super::system;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of Redis that HELLO and INFO report. Clients and tools decide by it which commands they may use, so it
/// is the newest version whose commands Hearth aims to have complete; what it has beyond that (some of Redis 8) is
/// found by COMMAND INFO. Hearth's own version stands beside it as `hearth_version`.
pub const REDIS_VERSION: &str = "7.2.4";

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Serve clients.
    Serve(Loaded),
    /// Look at, check or remove segments.
    Segments(SegmentsCommand),
    /// Print this and end with the exit code.
    Print(String, u8),
}

/// A configuration that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Arc<Config>,
    /// To be logged once the log is open.
    pub warnings: Vec<String>,
}

/// Reads a whole command line, the program's name first. The name itself does not matter: a link called
/// `redis-server` behaves the same.
pub fn invocation(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, StartError> {
    let arguments: Vec<OsString> = arguments.into_iter().skip(1).collect();
    let first = arguments.first().and_then(|argument| argument.to_str()).unwrap_or_default();
    match (first, arguments.len()) {
        ("-v" | "--version", 1) => Ok(Invocation::Print(help::version(), 0)),
        ("-h" | "--help", 1) => Ok(Invocation::Print(help::usage(), 0)),
        ("--check-system", 1) => {
            let (report, sound) = system::check();
            Ok(Invocation::Print(report, u8::from(!sound)))
        }
        ("--test-memory", _) => {
            Err(StartError::Usage("This program does not test memory; use memtester or memtest86+.".into()))
        }
        ("segments", _) => help::segments(&arguments),
        _ => load(&arguments).map(Invocation::Serve),
    }
}

/// Reads the configuration that `arguments` (without the program's name) describe.
pub fn load(arguments: &[OsString]) -> Result<Loaded, StartError> {
    let arguments = Arguments::parse(arguments);
    let mut loader = Loader::new();
    let file = arguments.file.map(absolute).transpose()?;
    if let Some(file) = &file {
        loader.file(file)?;
    }
    if arguments.stdin {
        let mut text = Vec::new();
        std::io::stdin()
            .read_to_end(&mut text)
            .map_err(|reason| StartError::Unreadable { path: "-".into(), reason })?;
        loader.stdin(&text)?;
    }
    arguments.lines.iter().try_for_each(|line| loader.flag(line))?;
    let (values, warnings) = loader.finish()?;
    Ok(Loaded { config: Arc::new(Config::new(values, file)), warnings })
}

fn absolute(path: PathBuf) -> Result<PathBuf, StartError> {
    std::path::absolute(&path).map_err(|reason| StartError::Unreadable { path, reason })
}
