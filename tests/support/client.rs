//! A blocking client for tests: words out, one value back. Replies are decoded by `redis-protocol`, so
//! that the server's encoder is checked against code that is not ours.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use redis_protocol::resp2::types::OwnedFrame as Frame2;
use redis_protocol::resp3::types::{OwnedFrame as Frame3, VerbatimStringFormat};

/// A reply, whichever protocol carried it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Double(f64),
    Boolean(bool),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Verbatim(Vec<u8>),
    BigNumber(Vec<u8>),
}

impl Value {
    /// A bulk string.
    pub fn bulk(text: &str) -> Value {
        Value::Bulk(text.as_bytes().to_vec())
    }

    pub fn ok() -> Value {
        Value::Status("OK".to_owned())
    }

    /// The items of an array; panics on anything else.
    pub fn items(self) -> Vec<Value> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    pub fn integer(&self) -> i64 {
        match self {
            Value::Integer(value) => *value,
            other => panic!("not an integer: {other:?}"),
        }
    }

    /// Text of a bulk, status, error or verbatim reply; panics on anything else.
    pub fn text(&self) -> String {
        match self {
            Value::Bulk(bytes) | Value::Verbatim(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Status(text) | Value::Error(text) => text.clone(),
            other => panic!("not text: {other:?}"),
        }
    }

    /// As redis-cli shows it on a terminal.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.render_into(&mut out, "");
        out.trim_end_matches('\n').to_owned()
    }

    fn render_into(&self, out: &mut String, indent: &str) {
        match self {
            Value::Status(text) => *out += text,
            Value::Error(text) => *out += &format!("(error) {text}"),
            Value::Integer(value) => *out += &format!("(integer) {value}"),
            Value::Bulk(bytes) => *out += &quoted(bytes),
            Value::Null => *out += "(nil)",
            Value::Double(value) => *out += &format!("(double) {value}"),
            Value::Boolean(value) => *out += if *value { "(true)" } else { "(false)" },
            Value::Verbatim(bytes) => *out += &String::from_utf8_lossy(bytes),
            Value::BigNumber(digits) => *out += &String::from_utf8_lossy(digits),
            Value::Array(items) => return render_items(items, out, indent, ')', "(empty array)"),
            Value::Push(items) => return render_items(items, out, indent, ')', "(empty push)"),
            Value::Set(items) => return render_items(items, out, indent, '~', "(empty set)"),
            Value::Map(pairs) => return render_pairs(pairs, out, indent),
        }
        out.push('\n');
    }
}

fn render_items(items: &[Value], out: &mut String, indent: &str, mark: char, empty: &str) {
    if items.is_empty() {
        *out += empty;
        out.push('\n');
    }
    let width = items.len().to_string().len();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            *out += indent;
        }
        *out += &format!("{:>width$}{mark} ", index + 1);
        let deeper = format!("{indent}{}", " ".repeat(width + 2));
        item.render_into(out, &deeper);
    }
}

fn render_pairs(pairs: &[(Value, Value)], out: &mut String, indent: &str) {
    if pairs.is_empty() {
        *out += "(empty hash)\n";
    }
    let width = pairs.len().to_string().len();
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            *out += indent;
        }
        *out += &format!("{:>width$}# {} => ", index + 1, key.render());
        value.render_into(out, &format!("{indent}{}", " ".repeat(width + 2)));
    }
}

/// Bytes in double quotes, escaped as redis-cli does.
fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out += "\\n",
            b'\r' => out += "\\r",
            b'\t' => out += "\\t",
            0x07 => out += "\\a",
            0x08 => out += "\\b",
            0x20..=0x7E => out.push(char::from(byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out.push('"');
    out
}

/// A request as RESP.
pub fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// One connection.
pub struct Client {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    resp3: bool,
}

/// Far more than any reply takes: a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Appends what has come, waiting for it. An error of kind `UnexpectedEof` when the other side has closed.
pub fn read_more(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 64 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer.extend_from_slice(&chunk[..read]);
                return Ok(());
            }
            // A read with a time limit is not taken up again by the system after a signal.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Client {
    pub fn unix(path: &Path) -> io::Result<Client> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { stream: Box::new(stream), buffer: Vec::new(), resp3: false })
    }

    pub fn tcp(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { stream: Box::new(stream), buffer: Vec::new(), resp3: false })
    }

    /// Switches to RESP3.
    pub fn hello3(mut self) -> Client {
        self.send(&["HELLO", "3"]).expect("a live server");
        self.resp3 = true;
        match self.receive().expect("a live server") {
            Value::Map(_) => self,
            other => panic!("HELLO 3 answered {other:?}"),
        }
    }

    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<()> {
        self.send_raw(&encode(words))
    }

    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply. An error of kind `UnexpectedEof` when the server has closed the connection.
    pub fn receive(&mut self) -> io::Result<Value> {
        loop {
            if let Some((value, used)) = self.decode()? {
                self.buffer.drain(..used);
                return Ok(value);
            }
            read_more(&mut self.stream, &mut self.buffer)?;
        }
    }

    fn decode(&self) -> io::Result<Option<(Value, usize)>> {
        let bad = |error: redis_protocol::error::RedisProtocolError| {
            io::Error::new(
                ErrorKind::InvalidData,
                format!("{error:?}: {:?}", String::from_utf8_lossy(&self.buffer)),
            )
        };
        if self.buffer.is_empty() {
            return Ok(None);
        }
        if self.resp3 {
            let decoded = redis_protocol::resp3::decode::complete::decode(&self.buffer).map_err(bad)?;
            Ok(decoded.map(|(frame, used)| (from_resp3(frame), used)))
        } else {
            let decoded = redis_protocol::resp2::decode::decode(&self.buffer).map_err(bad)?;
            Ok(decoded.map(|(frame, used)| (from_resp2(frame), used)))
        }
    }

    /// Sends a command and waits for its reply; panics when the connection fails.
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Value {
        self.send(words).expect("a live server");
        self.receive().expect("a live server")
    }

    /// [`Client::call`] with the words of a line, split at spaces.
    pub fn run(&mut self, line: &str) -> Value {
        self.call(&line.split(' ').collect::<Vec<_>>())
    }
}

fn from_resp2(frame: Frame2) -> Value {
    match frame {
        Frame2::SimpleString(text) => Value::Status(String::from_utf8_lossy(&text).into_owned()),
        Frame2::Error(text) => Value::Error(text),
        Frame2::Integer(value) => Value::Integer(value),
        Frame2::BulkString(bytes) => Value::Bulk(bytes),
        Frame2::Array(items) => Value::Array(items.into_iter().map(from_resp2).collect()),
        Frame2::Null => Value::Null,
    }
}

fn from_resp3(frame: Frame3) -> Value {
    let all = |items: Vec<Frame3>| items.into_iter().map(from_resp3).collect();
    match frame {
        Frame3::SimpleString { data, .. } => Value::Status(String::from_utf8_lossy(&data).into_owned()),
        Frame3::SimpleError { data, .. } => Value::Error(data),
        Frame3::BlobError { data, .. } => Value::Error(String::from_utf8_lossy(&data).into_owned()),
        Frame3::Number { data, .. } => Value::Integer(data),
        Frame3::Double { data, .. } => Value::Double(data),
        Frame3::Boolean { data, .. } => Value::Boolean(data),
        Frame3::BlobString { data, .. } => Value::Bulk(data),
        Frame3::VerbatimString {
            data,
            format: VerbatimStringFormat::Text | VerbatimStringFormat::Markdown,
            ..
        } => Value::Verbatim(data),
        Frame3::BigNumber { data, .. } => Value::BigNumber(data),
        Frame3::Null => Value::Null,
        Frame3::Array { data, .. } => Value::Array(all(data)),
        Frame3::Push { data, .. } => Value::Push(all(data)),
        Frame3::Set { data, .. } => Value::Set(data.into_iter().map(from_resp3).collect()),
        Frame3::Map { data, .. } => {
            Value::Map(data.into_iter().map(|(key, value)| (from_resp3(key), from_resp3(value))).collect())
        }
        other => panic!("unexpected frame {other:?}"),
    }
}
