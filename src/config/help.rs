//! `--help`, `--version`, and the command line of `hearth segments`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::loader::StartError;
use super::start::{Invocation, REDIS_VERSION, VERSION};

/// A Redis-compatible, multithreaded in-memory database whose data outlives the process.
#[derive(Debug, Parser)]
#[command(
    name = "hearth",
    override_usage = "hearth [FILE] [-] [--setting value ...]\n       hearth segments <list|verify|wipe|accept-loss> [...]\n       \
                      hearth --version | --help | --check-system",
    after_help = "FILE has the syntax of redis.conf, - reads more of it from standard input, and every setting \
                  can be given as a flag:\n\n  \
                  hearth --port 7000 --maxmemory 1gb --save ''\n  \
                  hearth /etc/hearth.conf --loglevel verbose --threads 4\n  \
                  echo 'maxmemory 128mb' | hearth -\n\n\
                  CONFIG GET * lists all settings of a running server."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<TopCommand>,
}

#[derive(Debug, Subcommand)]
enum TopCommand {
    /// Look at, check or remove the shared memory that holds the data.
    Segments(SegmentsCommand),
}

/// `hearth segments …`
#[derive(Clone, Debug, clap::Args, PartialEq, Eq)]
pub struct SegmentsCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: SegmentsAction,
    /// Directory of the segments, as given to the server with --shm-dir.
    #[arg(long, global = true, value_name = "DIR")]
    pub shm_dir: Option<PathBuf>,
    /// Working directory of the server; without --shm-dir and --dir, everything below /dev/shm is meant.
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "shm_dir")]
    pub dir: Option<PathBuf>,
    /// Port of the server.
    #[arg(long, global = true, default_value_t = 6379)]
    pub port: u16,
}

/// What to do with segments.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SegmentsAction {
    /// Show data sets, their segments, size and owner.
    List,
    /// Check every structure; ends with code 1 if anything is wrong.
    Verify,
    /// Remove segments for good; refused while a server uses them.
    Wipe {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Give up a shard whose file is missing or damaged: it begins empty, the file is kept aside.
    AcceptLoss {
        /// Number of the shard, as the server's refusal names it.
        shard: u32,
    },
}

pub(super) fn version() -> String {
    format!("Hearth server v={VERSION} compatible=redis-{} bits={}\n", REDIS_VERSION, usize::BITS)
}

pub(super) fn usage() -> String {
    CommandLine::command().version(VERSION).render_help().to_string()
}

/// Reads `segments …`.
pub(super) fn segments(arguments: &[OsString]) -> Result<Invocation, StartError> {
    let all = std::iter::once(OsString::from("hearth")).chain(arguments.iter().cloned());
    match CommandLine::try_parse_from(all) {
        Ok(CommandLine { command: Some(TopCommand::Segments(command)) }) => Ok(Invocation::Segments(command)),
        Ok(CommandLine { command: None }) => Ok(Invocation::Print(usage(), 0)),
        Err(error) if error.exit_code() == 0 => Ok(Invocation::Print(error.to_string(), 0)),
        Err(error) => Err(StartError::Usage(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<SegmentsCommand, String> {
        let arguments: Vec<OsString> = line.split_ascii_whitespace().map(OsString::from).collect();
        match segments(&arguments) {
            Ok(Invocation::Segments(command)) => Ok(command),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn segments_has_four_actions() {
        let list = parse("segments list").unwrap();
        assert_eq!((list.action, list.shm_dir, list.port), (SegmentsAction::List, None, 6379));
        let verify = parse("segments verify --shm-dir /dev/shm/x").unwrap();
        assert_eq!((verify.action, verify.shm_dir), (SegmentsAction::Verify, Some("/dev/shm/x".into())));
        let wipe = parse("segments wipe --dir /var/lib/hearth --port 7000 --yes").unwrap();
        assert_eq!((wipe.action, wipe.port), (SegmentsAction::Wipe { yes: true }, 7000));
        let loss = parse("segments accept-loss 3 --shm-dir /dev/shm/x").unwrap();
        assert_eq!(loss.action, SegmentsAction::AcceptLoss { shard: 3 });
    }

    #[test]
    fn other_words_are_explained() {
        assert!(parse("segments").is_err());
        assert!(parse("segments burn").unwrap_err().contains("burn"));
        assert!(parse("segments --help").unwrap_err().starts_with("Print("));
    }

    #[test]
    fn texts_name_the_program() {
        assert!(version().starts_with("Hearth server v="));
        assert!(usage().contains("hearth [FILE]"));
    }
}
