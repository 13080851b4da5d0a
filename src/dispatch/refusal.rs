//! Why a request is turned away before its handler runs, in Redis's words.

use super::table::Row;

/// `Display` is the whole error line that the client sees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("ERR unknown command '{name}', with args beginning with: {args}")]
    UnknownCommand { name: String, args: String },
    #[error("ERR unknown subcommand '{name}'. Try {parent} HELP.")]
    UnknownSubcommand { name: String, parent: &'static str },
    #[error("ERR wrong number of arguments for '{}' command", .0.to_ascii_lowercase())]
    WrongArity(&'static str),
    #[error("NOAUTH Authentication required.")]
    NotLoggedIn,
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    #[error("LOADING Redis is loading the dataset in memory")]
    Loading,
    /// The words do not say where the keys are.
    #[error("ERR Invalid arguments specified for command")]
    KeysUnclear,
}

/// How much of names and arguments an error repeats.
const ECHO_LEN_MAX: usize = 128;

impl Refusal {
    /// No row has this name. Repeats at most 128 bytes of the name and of the arguments.
    #[cold]
    pub fn unknown_command<'w>(mut words: impl Iterator<Item = &'w [u8]>) -> Refusal {
        let name = words.next().map_or(String::new(), echo);
        let mut args = Vec::new();
        for word in words {
            if args.len() >= ECHO_LEN_MAX {
                break;
            }
            let room = ECHO_LEN_MAX - args.len();
            args.push(b'\'');
            args.extend_from_slice(c_string(&word[..word.len().min(room)]));
            args.extend_from_slice(b"' ");
        }
        Refusal::UnknownCommand { name, args: String::from_utf8_lossy(&args).into_owned() }
    }

    /// The command has subcommands, but not this one.
    #[cold]
    pub fn unknown_subcommand(parent: &Row, word: &[u8]) -> Refusal {
        Refusal::UnknownSubcommand { name: echo(word), parent: parent.spec.name }
    }
}

fn echo(word: &[u8]) -> String {
    let word = c_string(word);
    String::from_utf8_lossy(&word[..word.len().min(ECHO_LEN_MAX)]).into_owned()
}

/// Up to the first NUL, as C prints it.
fn c_string(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}
