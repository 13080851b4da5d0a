//! Steps: commands with a heading, timed, listed at the end.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A step that did not succeed.
#[derive(Debug)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs steps from the root of the repository.
#[derive(Debug)]
pub struct Runner {
    root: PathBuf,
    steps: Vec<(String, String)>,
}

impl Runner {
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned();
        Self { root, steps: Vec::new() }
    }

    /// The root of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds.
    pub fn target(&self) -> PathBuf {
        self.root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
    }

    /// A command line, words separated by blanks, run from the root.
    pub fn command(&self, line: &str) -> Command {
        let mut words = line.split_ascii_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).current_dir(&self.root);
        command
    }

    /// Runs `command` under the heading `name`, its output shown as it comes.
    pub fn step(&mut self, name: &str, command: &mut Command) -> Result<(), Failed> {
        println!("\n== {name}");
        let began = Instant::now();
        let status = command.status().map_err(|error| Failed(format!("{name}: {error}")))?;
        if status.success() {
            self.note(name, &seconds(began.elapsed()));
            Ok(())
        } else {
            self.note(name, "FAILED");
            Err(Failed(format!("{name} failed ({status})")))
        }
    }

    /// A step that is a function; its findings are shown, and fail it.
    pub fn findings(&mut self, name: &str, findings: &[String]) -> Result<(), Failed> {
        println!("\n== {name}");
        findings.iter().for_each(|finding| println!("{finding}"));
        if findings.is_empty() {
            self.note(name, "nothing found");
            Ok(())
        } else {
            self.note(name, "FAILED");
            Err(Failed(format!("{name}: {} findings", findings.len())))
        }
    }

    /// Says that a step cannot run here, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("\n== {name}\nskipped: {why}");
        self.note(name, &format!("skipped: {why}"));
    }

    /// A line of the summary.
    pub fn note(&mut self, name: &str, outcome: &str) {
        self.steps.push((name.to_owned(), outcome.to_owned()));
    }

    /// All steps and how they went.
    pub fn summary(&self) {
        println!("\n== summary");
        for (name, outcome) in &self.steps {
            println!("{name:32} {outcome}");
        }
    }

    /// Does `line` run without an error? Nothing is shown.
    pub fn works(&self, line: &str) -> bool {
        let mut command = self.command(line);
        command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// What `line` prints, if it runs without an error.
    pub fn output(&self, line: &str) -> Option<String> {
        let output = self.command(line).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// For people: `12.3 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
