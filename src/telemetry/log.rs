//! The log: `PID:ROLE DD Mon YYYY HH:MM:SS.mmm MARK text`, one line per event.
//!
//! Everything is logged with `tracing`. Its levels and Redis's:
//!
//! | `tracing` | mark | shown from `loglevel` |
//! |---|---|---|
//! | `error!`, `warn!` | `#` | `warning` |
//! | `info!` | `*` | `notice` |
//! | `debug!` | `-` | `verbose` |
//! | `trace!` | `.` | `debug` |
//!
//! A field other than the message follows it as ` name=value`. A log file is opened for every line, so that it can be
//! rotated by renaming.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

use crate::config::{LogLevel, REDIS_VERSION, VERSION};

/// What the server is at the moment; a letter in each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// It takes writes.
    Primary = b'M',
    /// It follows a primary.
    Replica = b'S',
}

static ROLE: AtomicU8 = AtomicU8::new(Role::Primary as u8);
static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Opens the log of the process: a file, or standard output. Fails if the file cannot be written; does nothing if the
/// log is open already.
pub fn open(level: LogLevel, file: Option<&Path>) -> io::Result<()> {
    let output = match file {
        None => Output::Stdout,
        Some(path) => {
            append(path, b"")?;
            Output::File(path.to_owned())
        }
    };
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = Lines(move |line: &[u8]| output.write(line));
    if LEVEL.set(handle).is_ok() {
        // Fails only if another part of the process has installed a subscriber; then lines go there.
        let _ =
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(filter).with(lines));
    }
    Ok(())
}

/// CONFIG SET loglevel.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = LEVEL.get() {
        // Fails only if the subscriber is gone, with the process.
        let _ = handle.reload(filter(level));
    }
}

/// Changes the letter that says what the server is.
pub fn set_role(role: Role) {
    ROLE.store(role as u8, Ordering::Relaxed);
}

/// The first line of a run. Tools wait for the words `PID: <number>`.
pub fn starting(config_file: Option<&Path>) {
    let pid = std::process::id();
    let bits = usize::BITS;
    tracing::info!(
        "Hearth {VERSION} is starting, compatible with Redis {REDIS_VERSION}, {bits} bits, PID: {pid}"
    );
    match config_file {
        Some(file) => tracing::info!("Configuration loaded from {}", file.display()),
        None => tracing::info!("No configuration file was given; settings have their defaults"),
    }
}

/// The line that says clients are served. Tools wait for its first words.
pub fn ready(endpoints: &[String]) {
    tracing::info!("Ready to accept connections on {}", endpoints.join(", "));
}

/// An address that cannot be listened on; the server goes on if `optional`.
pub fn cannot_listen(address: &SocketAddr, optional: bool, error: &io::Error) {
    let goes_on = if optional { "; it is optional" } else { "" };
    tracing::warn!("Could not create server TCP listening socket {address}: {error}{goes_on}");
}

/// The last line of a run that found its port taken. Tools look for its first words.
pub fn failed_listening(port: u16) {
    tracing::error!("Failed listening on port {port} (TCP), aborting.");
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

enum Output {
    Stdout,
    File(PathBuf),
}

impl Output {
    /// A line that cannot be written is lost: there is nowhere to say so.
    fn write(&self, line: &[u8]) {
        let _ = match self {
            Self::Stdout => io::stdout().lock().write_all(line).and_then(|()| io::stdout().flush()),
            Self::File(path) => append(path, line),
        };
    }
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(text)
}

/// Writes each event as a line to a sink.
struct Lines<F>(F);

impl<S: Subscriber, F: Fn(&[u8]) + 'static> Layer<S> for Lines<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let mark = match *event.metadata().level() {
            Level::ERROR | Level::WARN => '#',
            Level::INFO => '*',
            Level::DEBUG => '-',
            Level::TRACE => '.',
        };
        let role = char::from(ROLE.load(Ordering::Relaxed));
        let time = chrono::Local::now().format("%d %b %Y %H:%M:%S%.3f");
        let Text { message, fields } = text;
        (self.0)(format!("{}:{role} {time} {mark} {message}{fields}\n", std::process::id()).as_bytes());
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// The lines that `log` writes at `level`.
    fn lines(level: LogLevel, log: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let layer = Lines(move |line: &[u8]| sink.lock().unwrap().extend_from_slice(line));
        let subscriber = tracing_subscriber::registry().with(filter(level)).with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_has_process_role_time_and_mark() {
        let line = lines(LogLevel::Notice, || tracing::info!("hello {}", 1)).remove(0);
        let (head, message) = line.split_once(" * ").unwrap();
        assert_eq!(message, "hello 1");
        let (who, time) = head.split_once(' ').unwrap();
        assert!(who == format!("{}:M", std::process::id()), "{who}");
        assert!(chrono::NaiveDateTime::parse_from_str(time, "%d %b %Y %H:%M:%S%.3f").is_ok(), "{time}");
        assert_eq!(time.len(), "21 Nov 2026 23:25:58.112".len());
    }

    #[test]
    fn levels_are_those_of_redis() {
        let all = || {
            tracing::error!("e");
            tracing::warn!("w");
            tracing::info!("i");
            tracing::debug!("d");
            tracing::trace!("t");
        };
        let marks = |level| -> Vec<String> {
            lines(level, all).iter().map(|line| line[line.len() - 3..].to_owned()).collect()
        };
        assert_eq!(marks(LogLevel::Debug), ["# e", "# w", "* i", "- d", ". t"]);
        assert_eq!(marks(LogLevel::Verbose), ["# e", "# w", "* i", "- d"]);
        assert_eq!(marks(LogLevel::Notice), ["# e", "# w", "* i"]);
        assert_eq!(marks(LogLevel::Warning), ["# e", "# w"]);
        assert_eq!(marks(LogLevel::Nothing), Vec::<String>::new());
    }

    #[test]
    fn fields_follow_the_message() {
        let written = lines(LogLevel::Notice, || tracing::info!(shard = 3, path = "/a b", "attached"));
        assert!(written[0].ends_with("* attached shard=3 path=/a b"), "{written:?}");
    }

    #[test]
    fn tools_find_their_words() {
        let written = lines(LogLevel::Notice, || {
            starting(Some(Path::new("/etc/hearth.conf")));
            ready(&["127.0.0.1:6379".into(), "/run/hearth.sock".into()]);
            failed_listening(6379);
        });
        assert!(written[0].contains(&format!(" PID: {}", std::process::id())));
        assert!(written[1].ends_with("/etc/hearth.conf"));
        assert!(written[2].ends_with("* Ready to accept connections on 127.0.0.1:6379, /run/hearth.sock"));
        assert!(written[3].ends_with("# Failed listening on port 6379 (TCP), aborting."));
    }

    #[test]
    fn a_file_is_appended_to_and_may_be_moved_away() {
        let directory = std::env::temp_dir().join(format!("hearth-log-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("hearth.log");
        let output = Output::File(path.clone());
        output.write(b"one\n");
        std::fs::rename(&path, directory.join("old.log")).unwrap();
        output.write(b"two\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(open(LogLevel::Notice, Some(&path)).is_err(), "the directory is gone");
    }
}
