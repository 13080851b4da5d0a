//! Servers of a test's own: the built program, or the reference server, in directories that go with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;

/// A running server, killed and swept away when dropped.
pub struct TestServer {
    child: Child,
    program: PathBuf,
    arguments: Vec<String>,
    dir: PathBuf,
    shm_dir: PathBuf,
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The longest that a server may take to answer its first PING before the test fails.
const START_LIMIT: Duration = Duration::from_secs(60);

impl TestServer {
    /// Hearth on a unix socket, with further arguments.
    pub fn hearth(arguments: &[&str]) -> TestServer {
        let mut server = TestServer::prepare(PathBuf::from(env!("CARGO_BIN_EXE_hearth")));
        let shm_dir = server.shm_dir.display().to_string();
        server.arguments.extend(["--shm-dir".to_owned(), shm_dir]);
        server.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        server.start();
        server
    }

    /// Another Hearth, not started yet, on the segments of `other`.
    pub fn on_segments_of(other: &TestServer, arguments: &[&str]) -> TestServer {
        let mut server = TestServer::prepare(PathBuf::from(env!("CARGO_BIN_EXE_hearth")));
        let shm_dir = other.shm_dir.display().to_string();
        server.arguments.extend(["--shm-dir".to_owned(), shm_dir]);
        server.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        server
    }

    /// Polls until the server has logged a text; panics with its log if it ends before or takes too long.
    pub fn wait_for_log(&mut self, text: &str) {
        let begin = Instant::now();
        while !self.log().contains(text) {
            let ended = self.child.try_wait().expect("a child process");
            if ended.is_some() || begin.elapsed() > START_LIMIT {
                panic!("the server did not log {text:?} ({ended:?}); its log:\n{}", self.log());
            }
            thread::yield_now();
        }
    }

    /// The reference server, if it is installed.
    pub fn redis(arguments: &[&str]) -> Option<TestServer> {
        let path = std::env::var_os("PATH")?;
        let program =
            std::env::split_paths(&path).map(|dir| dir.join("redis-server")).find(|it| it.exists())?;
        let mut server = TestServer::prepare(program);
        server.arguments.extend(["--save".to_owned(), String::new()]);
        server.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        server.start();
        Some(server)
    }

    fn prepare(program: PathBuf) -> TestServer {
        let unique =
            format!("hearth-test-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(&unique);
        fs::create_dir_all(&dir).expect("a directory for the test");
        let arguments = [
            "--port",
            "0",
            "--unixsocket",
            &dir.join("socket").display().to_string(),
            "--dir",
            &dir.display().to_string(),
            "--enable-debug-command",
            "yes",
        ];
        TestServer {
            // Replaced by `start`; a process that has ended is easy to come by.
            child: Command::new("true").spawn().expect("a process"),
            program,
            arguments: arguments.map(str::to_owned).to_vec(),
            shm_dir: Path::new("/dev/shm").join(unique),
            dir,
        }
    }

    /// Starts the program and waits until it answers.
    pub fn start(&mut self) {
        self.spawn();
        self.wait_until_it_answers();
    }

    /// Starts the program without waiting.
    pub fn spawn(&mut self) {
        let _ = self.child.wait();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).expect("a log file");
        self.child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("the server program starts");
    }

    /// Polls until the server answers PING; panics with its log if it ends or takes too long.
    pub fn wait_until_it_answers(&mut self) {
        let begin = Instant::now();
        loop {
            if let Ok(mut client) = self.try_client()
                && client.send(&["PING"]).is_ok()
                && client.receive().is_ok()
            {
                return;
            }
            let ended = self.child.try_wait().expect("a child process");
            if ended.is_some() || begin.elapsed() > START_LIMIT {
                panic!("the server did not start ({ended:?}); its log:\n{}", self.log());
            }
            thread::yield_now();
        }
    }

    fn try_client(&self) -> io::Result<Client> {
        Client::unix(&self.socket())
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        self.try_client().expect("the server accepts connections")
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn shm_dir(&self) -> &Path {
        &self.shm_dir
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Everything that the server has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process as `kill -9` does, and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child process");
        self.child.wait().expect("a child process");
    }

    /// Runs `hearth segments` on this server's segments; its exit code and all that it prints.
    pub fn segments(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let mut command = Command::new(&self.program);
        command.arg("segments").args(arguments).arg("--shm-dir").arg(&self.shm_dir);
        let output = command.output().expect("the program runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&said).into_owned())
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child process")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("log of {}:\n{}", self.program.display(), self.log());
        }
        let _ = fs::remove_dir_all(&self.dir);
        let _ = fs::remove_dir_all(&self.shm_dir);
    }
}
