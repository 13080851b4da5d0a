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

#[cfg(test)]
mod tests {
    use super::*;

    fn invoke(line: &[&str]) -> Result<Invocation, StartError> {
        invocation(line.iter().map(OsString::from))
    }

    fn serve(line: &[&str]) -> Arc<Config> {
        match invoke(line) {
            Ok(Invocation::Serve(loaded)) => loaded.config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_name_of_the_program_does_not_matter() {
        for name in ["hearth", "/usr/bin/redis-server", "segments"] {
            assert_eq!(serve(&[name, "--port", "7000"]).settings().port, 7000);
        }
        assert_eq!(serve(&["hearth"]).settings().port, 6379);
        assert_eq!(serve(&[]).file(), None);
    }

    #[test]
    fn some_words_only_print() {
        for (flag, text) in
            [("--version", "Hearth server v="), ("-v", "Hearth server v="), ("--help", "hearth [FILE]")]
        {
            match invoke(&["hearth", flag]) {
                Ok(Invocation::Print(printed, 0)) => assert!(printed.contains(text), "{printed}"),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(invoke(&["hearth", "--check-system"]), Ok(Invocation::Print(..))));
        assert!(matches!(invoke(&["hearth", "segments", "list"]), Ok(Invocation::Segments(_))));
        let refusal = invoke(&["hearth", "--test-memory", "64"]).unwrap_err().to_string();
        assert!(refusal.contains("does not test memory"), "{refusal}");
    }

    #[test]
    fn flags_win_over_the_file() {
        let path = std::env::temp_dir().join(format!("hearth-start-{}.conf", std::process::id()));
        std::fs::write(&path, "port 1\ntimeout 2\nsave 900 1\n").unwrap();
        let config = serve(&["hearth", path.to_str().unwrap(), "--port", "3", "--save", "100", "100"]);
        assert_eq!((config.settings().port, config.settings().client_idle_s_max), (3, 2));
        assert_eq!(config.get(&[b"save"])[0].1, b"900 1 100 100");
        assert_eq!(config.file(), Some(path.as_path()));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn mistakes_on_the_command_line_show_the_line_as_it_was_understood() {
        for (line, shown, reason) in [
            (vec!["--port"], "'port'", "wrong number of arguments"),
            (vec!["--port", "6380", "--loglevel"], "'loglevel'", "wrong number of arguments"),
            (vec!["--port", "6379", "6380"], "'port \"6379\" \"6380\"'", "wrong number of arguments"),
            (
                vec!["--port", "--bla", "--loglevel", "verbose"],
                "'port \"--bla\"'",
                "couldn't be parsed into an integer",
            ),
            (
                vec!["--shutdown-on-sigint"],
                "'shutdown-on-sigint'",
                "argument(s) must be one of the following",
            ),
            (
                vec!["--replicaof", "127.0.0.1", "abc"],
                "'replicaof \"127.0.0.1\" \"abc\"'",
                "Invalid master port",
            ),
        ] {
            let text = invoke(&[&["hearth"], line.as_slice()].concat()).unwrap_err().to_string();
            assert!(text.contains("Reading the command line"), "{text}");
            assert!(text.contains(&format!(">>> {shown}\n")) && text.contains(reason), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(matches!(invoke(&["hearth", "/nonexistent.conf"]), Err(StartError::Unreadable { .. })));
    }
}
