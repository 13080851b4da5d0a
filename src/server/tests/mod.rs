//! Whole servers in this process, spoken to over TCP.

mod conversation;
mod stress;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use net::transport::Address;

use super::{Options, Port, Server, Stopper};
use crate::commands::Node;
use crate::commands::node::Stop;

/// A server on a thread of its own. Dropped, it ends and leaves nothing behind.
pub struct TestServer {
    pub address: SocketAddr,
    pub directory: PathBuf,
    pub node: Arc<Node>,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
    is_kept: bool,
}

/// Directories that no other test has.
fn fresh_directory() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("hearth-server-test-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a directory for the test");
    path
}

impl TestServer {
    pub fn start(flags: &[&str]) -> TestServer {
        TestServer::start_with(flags, Options::default().ring_capacity)
    }

    pub fn start_with(flags: &[&str], ring_capacity: usize) -> TestServer {
        TestServer::start_in(fresh_directory(), flags, ring_capacity)
    }

    /// Serves what an earlier server left in the directory.
    pub fn start_in(directory: PathBuf, flags: &[&str], ring_capacity: usize) -> TestServer {
        let shm_dir = format!("/dev/shm/{}", directory.file_name().unwrap().to_str().unwrap());
        let mut words = vec!["--bind", "127.0.0.1", "--shm-dir", &shm_dir, "--dir"];
        words.push(directory.to_str().unwrap());
        words.extend(flags);
        let words: Vec<_> = words.into_iter().map(Into::into).collect();
        let config = crate::config::load(&words).expect("a sound configuration").config;
        let options = Options { port: Port::Any, ring_capacity, heeds_signals: false };
        let (tell, told) = channel();
        let thread = std::thread::spawn(move || {
            let server = Server::start(config, options).expect("the server starts");
            let told = (server.addresses()[0].clone(), server.stopper(), server.node().clone());
            tell.send(told).expect("the test listens");
            server.wait().expect("the server stops");
        });
        let (address, stopper, node) = told.recv().expect("the server starts");
        let Address::Tcp(address) = address else { panic!("no TCP address: {address}") };
        TestServer { address, directory, node, stopper, thread: Some(thread), is_kept: false }
    }

    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Client { reader: BufReader::new(stream.try_clone().expect("a socket")), stream }
    }

    /// Ends it in order and keeps the data.
    pub fn stop(mut self) -> PathBuf {
        self.is_kept = true;
        self.end(Stop::default());
        self.directory.clone()
    }

    fn end(&mut self, stop: Stop) {
        self.stopper.stop(stop);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !self.is_kept {
            self.end(Stop { no_save: true, ..Stop::default() });
            // Another test may look at the directory's parent; nobody needs this one.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

/// A client that waits for its replies.
pub struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Option<Vec<u8>>),
    Array(Vec<Reply>),
}

impl Client {
    pub fn send(&mut self, requests: &[&[&str]]) {
        let mut bytes = Vec::new();
        for words in requests {
            write!(bytes, "*{}\r\n", words.len()).unwrap();
            for word in *words {
                write!(bytes, "${}\r\n{word}\r\n", word.len()).unwrap();
            }
        }
        self.send_raw(&bytes);
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes requests");
    }

    /// The next reply; `None` at the end of the connection.
    pub fn reply(&mut self) -> Option<Reply> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        let (kind, rest) = line.trim_end().split_at(1);
        Some(match kind {
            "+" => Reply::Status(rest.into()),
            "-" => Reply::Error(rest.into()),
            ":" => Reply::Integer(rest.parse().expect("an integer")),
            "$" if rest == "-1" => Reply::Bulk(None),
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().expect("a length") + 2];
                self.reader.read_exact(&mut bytes).expect("the rest of the reply");
                bytes.truncate(bytes.len() - 2);
                Reply::Bulk(Some(bytes))
            }
            "*" => {
                let count: usize = rest.parse().expect("a count");
                Reply::Array((0..count).map(|_| self.reply().expect("an item")).collect())
            }
            other => panic!("a reply that begins with {other:?}"),
        })
    }

    pub fn ask(&mut self, words: &[&str]) -> Reply {
        self.send(&[words]);
        self.reply().expect("a reply")
    }
}

impl Reply {
    pub fn ok() -> Reply {
        Reply::Status("OK".into())
    }

    pub fn bulk(text: &str) -> Reply {
        Reply::Bulk(Some(text.as_bytes().to_vec()))
    }
}
