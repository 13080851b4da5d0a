//! Why a request is turned away before its handler runs, in Redis's words.

use std::borrow::Cow;

use engine::command::{REPEATED_LEN_MAX, cut_short, until_nul};

use super::table::Row;

/// [`Refusal::line`] is the whole error line that the client sees; `Display` shows the same, but can only show text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such command, or no such subcommand: a line that repeats what the client sent.
    #[error("{}", String::from_utf8_lossy(.0))]
    Unknown(Box<[u8]>),
    #[error("ERR wrong number of arguments for '{}' command", .0.to_ascii_lowercase())]
    WrongArity(&'static str),
    #[error("NOAUTH Authentication required.")]
    NotLoggedIn,
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    #[error("ERR Command not allowed inside a transaction")]
    InMulti,
    /// EXEC was turned away, and its transaction with it.
    #[error("EXECABORT Transaction discarded because of: {}", .0.to_string().trim_start_matches("ERR "))]
    Discarding(Box<Refusal>),
    #[error("LOADING Redis is loading the dataset in memory")]
    Loading,
    /// The words do not say where the keys are.
    #[error("ERR Invalid arguments specified for command")]
    KeysUnclear,
}

impl Refusal {
    /// No row has this name. Repeats at most 128 bytes of the name and of the arguments.
    #[cold]
    pub fn unknown_command<'w>(mut words: impl Iterator<Item = &'w [u8]>) -> Refusal {
        let name = words.next().map_or(&b""[..], cut_short);
        let mut line = [b"ERR unknown command '", name, b"', with args beginning with: "].concat();
        let args_at = line.len();
        for word in words {
            let room = REPEATED_LEN_MAX.saturating_sub(line.len() - args_at);
            if room == 0 {
                break;
            }
            line.push(b'\'');
            line.extend_from_slice(until_nul(&word[..word.len().min(room)]));
            line.extend_from_slice(b"' ");
        }
        Refusal::Unknown(line.into())
    }

    /// The command has subcommands, but not this one.
    #[cold]
    pub fn unknown_subcommand(parent: &Row, word: &[u8]) -> Refusal {
        let parent = parent.spec.name.as_bytes();
        let line = [b"ERR unknown subcommand '", cut_short(word), b"'. Try ", parent, b" HELP."].concat();
        Refusal::Unknown(line.into())
    }

    /// For EXEC, which drops its transaction when it is turned away.
    #[cold]
    pub fn discarding(&self) -> Refusal {
        Refusal::Discarding(Box::new(self.clone()))
    }

    /// The line that the client sees.
    pub fn line(&self) -> Cow<'_, [u8]> {
        match self {
            Refusal::Unknown(line) => Cow::Borrowed(line),
            other => Cow::Owned(other.to_string().into_bytes()),
        }
    }
}
