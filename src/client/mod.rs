//! What we remember about a client: plain data, owned by its session.

mod multi;

use engine::command::Spec;

pub use multi::{Multi, Watching};

/// The protocol version that a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

impl Protocol {
    /// 2 or 3, as HELLO and CLIENT LIST say it.
    pub fn version(self) -> u8 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// The two ends of a connection, as CLIENT LIST shows them.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// `127.0.0.1:50000`, or the path of the unix socket with `:0`.
    pub peer: String,
    pub local: String,
    /// Number of the descriptor.
    pub fd: i32,
    /// The peer is on this machine: loopback or a unix socket.
    pub is_local: bool,
    pub is_unix: bool,
}

/// How a client wants to be answered (CLIENT REPLY).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    /// No replies at all.
    Off,
    /// No reply to the next command, then as usual.
    SkipNext,
    /// No reply to this command; replies come back after it.
    Skip,
}

impl ReplyMode {
    /// Whether the command that runs is not answered.
    #[inline]
    pub fn is_muted(self) -> bool {
        matches!(self, ReplyMode::Off | ReplyMode::Skip)
    }

    /// The mode for the next command.
    #[inline]
    pub fn after_command(self) -> ReplyMode {
        match self {
            ReplyMode::Skip => ReplyMode::On,
            ReplyMode::SkipNext => ReplyMode::Skip,
            other => other,
        }
    }
}

/// What has passed since the client connected.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub commands: u64,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// Unique in the life of the process, ascending.
    pub id: u64,
    pub ends: Ends,
    /// CLIENT SETNAME; empty for none.
    pub name: Box<[u8]>,
    /// CLIENT SETINFO.
    pub lib_name: Box<[u8]>,
    pub lib_ver: Box<[u8]>,
    /// The selected database.
    pub db: u32,
    /// Has given the password, or needs none.
    pub authenticated: bool,
    /// CLIENT NO-EVICT: spared when memory for clients runs out.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH: its reads do not count as use of a key.
    pub no_touch: bool,
    pub reply_mode: ReplyMode,
    /// The connection ends once the replies so far are written.
    pub close_after_reply: bool,
    /// Its command waits for a key.
    pub is_blocked: bool,
    /// Unix milliseconds.
    pub connected_ms: u64,
    /// When it last sent something, unix milliseconds.
    pub active_ms: u64,
    pub last_command: Option<&'static Spec>,
    pub traffic: Traffic,
    /// What it has asked for since MULTI.
    pub multi: Option<Box<Multi>>,
    /// The keys that it watches, if any.
    pub watching: Option<Box<Watching>>,
    /// EXEC has run so many commands, and some of their replies are still to come.
    pub exec_len: Option<usize>,
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: u64, ends: Ends, authenticated: bool, now_ms: u64) -> Client {
        Client {
            id,
            ends,
            name: Box::default(),
            lib_name: Box::default(),
            lib_ver: Box::default(),
            db: 0,
            authenticated,
            no_evict: false,
            no_touch: false,
            reply_mode: ReplyMode::On,
            close_after_reply: false,
            is_blocked: false,
            connected_ms: now_ms,
            active_ms: now_ms,
            last_command: None,
            traffic: Traffic::default(),
            multi: None,
            watching: None,
            exec_len: None,
        }
    }

    /// How many commands a transaction of the client has so far.
    pub fn multi_len(&self) -> Option<usize> {
        self.multi.as_ref().map(|multi| multi.len()).or(self.exec_len)
    }

    /// Memory of its transaction and of the keys it watches, bytes.
    pub fn multi_bytes(&self) -> usize {
        self.multi.as_ref().map_or(0, |multi| multi.memory_bytes())
            + self.watching.as_ref().map_or(0, |watching| watching.memory_bytes())
    }
}

/// A request that asks about clients, as it lies in the input of its own. While it runs, its worker has lent the input
/// out, and once it is under way, it is not there any more; but it is what its client takes memory for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asking {
    /// Bytes of the request.
    pub request_len: usize,
    /// Bytes of its words.
    pub args_len: usize,
    /// Bytes of the input that it lies in, those of other requests included, and of memory behind it.
    pub query_len: usize,
    pub query_capacity: usize,
}

/// What a client's buffers hold at a moment, for CLIENT LIST.
#[derive(Debug, Clone, Copy, Default)]
pub struct Buffers {
    /// Bytes read and not yet understood, and room behind them.
    pub query_len: usize,
    pub query_free: usize,
    /// Bytes of the words of the request that runs and asks.
    pub args_len: usize,
    /// Bytes that fit into the reply buffer.
    pub reply_room: usize,
    /// Bytes of replies not yet taken by the system.
    pub output_len: usize,
    /// The system takes no more of them for now.
    pub output_blocked: bool,
    /// Memory that the connection owns, all buffers together.
    pub memory_bytes: usize,
}
