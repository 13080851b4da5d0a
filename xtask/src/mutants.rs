//! Broken forms of the code, each of which must make a test fail.
//!
//! A crate lists its mutants in `mutants.txt`: lines of a name and what it breaks; the comment line that begins with
//! `cargo test` is the command that must fail. A mutant is built in with `--cfg hearth_mutant="NAME"`, given to the
//! crates of the workspace only, so that dependencies are built once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{Failed, Runner, seconds};

/// A mutant that loops for ever is ended after this time, and counts as found.
const TIME_LIMIT: Duration = Duration::from_secs(900);

/// One way to break a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mutant {
    name: String,
    breaks: String,
    /// The command that must fail.
    test: String,
}

pub fn chore(runner: &mut Runner, arguments: &[String]) -> Result<(), Failed> {
    match arguments {
        [flag, count] if flag == "--sample" => {
            let count = count.parse().map_err(|_| Failed("usage: cargo xtask mutants --sample N".into()))?;
            sample(runner, count)
        }
        names => {
            let all = mutants(runner.root())?;
            if let Some(unknown) = names.iter().find(|name| !all.iter().any(|mutant| mutant.name == **name)) {
                return Err(Failed(format!("there is no mutant {unknown}")));
            }
            let wanted = |mutant: &&Mutant| names.is_empty() || names.contains(&mutant.name);
            try_all(runner, all.iter().filter(wanted))
        }
    }
}

/// Tries `count` mutants; which ones follows from the commit, so that they change and a failure can be repeated.
pub fn sample(runner: &mut Runner, count: usize) -> Result<(), Failed> {
    let all = mutants(runner.root())?;
    let commit = runner.output("git rev-parse HEAD").unwrap_or_default();
    let start = usize::from_str_radix(commit.get(..7).unwrap_or("0"), 16).unwrap_or(0);
    let step = all.len() / count.max(1);
    let chosen = (0..count.min(all.len())).map(|index| &all[(start + index * step) % all.len()]);
    try_all(runner, chosen)
}

fn try_all<'a>(runner: &mut Runner, mutants: impl Iterator<Item = &'a Mutant>) -> Result<(), Failed> {
    let mut survivors = Vec::new();
    for mutant in mutants {
        let began = Instant::now();
        println!("\n== mutant {}: {}", mutant.name, mutant.breaks);
        let outcome = if is_found(runner, mutant)? {
            format!("found, {}", seconds(began.elapsed()))
        } else {
            survivors.push(mutant.name.as_str());
            "SURVIVED".to_owned()
        };
        println!("{outcome}");
        runner.note(&format!("mutant {}", mutant.name), &outcome);
    }
    if survivors.is_empty() {
        Ok(())
    } else {
        Err(Failed(format!("no test notices these mutants: {}", survivors.join(", "))))
    }
}

/// Does the test fail? That it does not build is an error, not a success.
fn is_found(runner: &Runner, mutant: &Mutant) -> Result<bool, Failed> {
    let target = runner.target().join("mutants");
    let wrapper =
        wrapper(&target, &mutant.name).map_err(|error| Failed(format!("{}: {error}", target.display())))?;
    let prepare = |line: &str| {
        let mut command = runner.command(line);
        command.env("CARGO_TARGET_DIR", &target).env("RUSTC_WORKSPACE_WRAPPER", &wrapper);
        command
    };
    let built = prepare(&format!("{} --no-run --quiet", mutant.test)).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err(Failed(format!("mutant {} does not build", mutant.name)));
    }
    let mut test = prepare(&format!("{} --quiet", mutant.test));
    // That it fails is all there is to know: no smallest example, no note for the next run.
    test.env("PROPTEST_MAX_SHRINK_ITERS", "0").env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
    test.stdout(Stdio::null()).stderr(Stdio::null());
    passes(&mut test).map(|passes| !passes).map_err(|error| Failed(format!("{}: {error}", mutant.test)))
}

/// Does `command` end well within the time limit?
fn passes(command: &mut Command) -> std::io::Result<bool> {
    use std::os::unix::process::CommandExt;
    // A group of its own, so that what cargo has started ends with it.
    let mut child = command.process_group(0).spawn()?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if began.elapsed() > TIME_LIMIT {
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A stand-in for the compiler that adds the mutant's flag. Cargo takes its path into account, so each mutant is
/// built anew while dependencies are not.
fn wrapper(target: &Path, name: &str) -> std::io::Result<PathBuf> {
    fs::create_dir_all(target)?;
    let path = target.join(name);
    fs::write(&path, format!("#!/bin/sh\nexec \"$@\" --cfg 'hearth_mutant=\"{name}\"'\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// The mutants of all crates.
fn mutants(root: &Path) -> Result<Vec<Mutant>, Failed> {
    let mut mutants = Vec::new();
    for folder in ["shm", "engine", "net", "."] {
        let list = root.join(folder).join("mutants.txt");
        if let Ok(text) = fs::read_to_string(&list) {
            mutants
                .extend(parse(&text).ok_or_else(|| Failed(format!("{} names no command", list.display())))?);
        }
    }
    Ok(mutants)
}

fn parse(text: &str) -> Option<Vec<Mutant>> {
    let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
    let test = comments.map(str::trim).find(|line| line.starts_with("cargo test "))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let mutant = |line: &str| {
        let (name, breaks) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        Mutant { name: name.to_owned(), breaks: breaks.trim().to_owned(), test: test.to_owned() }
    };
    Some(lines.map(mutant).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_its_command_and_its_mutants() {
        let text = "# Ways to break it:\n#     --cfg hearth_mutant=\"NAME\"\n#     cargo test -p x --test heap\n\
                    drop_record    a record is dropped\nbare\n";
        let [first, second] = parse(text).unwrap().try_into().unwrap();
        assert_eq!((first.name.as_str(), first.breaks.as_str()), ("drop_record", "a record is dropped"));
        assert_eq!(first.test, "cargo test -p x --test heap");
        assert_eq!((second.name.as_str(), second.breaks.as_str()), ("bare", ""));
        assert_eq!(parse("drop_record"), None);
    }

    #[test]
    fn failing_and_passing_commands_are_told_apart() {
        assert!(passes(&mut Command::new("true")).unwrap());
        assert!(!passes(&mut Command::new("false")).unwrap());
    }
}
