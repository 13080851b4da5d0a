//! The chores that are mostly other programs.

use std::path::PathBuf;
use std::process::Command;

use crate::mutants;
use crate::run::{Failed, Runner};
use crate::tidy;

/// Crates with fault points, and how to build them in.
const FAULT_CRATES: &str = "-p hearth-shm -p hearth-engine --features hearth-shm/fault,hearth-engine/fault";

/// Crates that contain `unsafe`.
const UNSAFE_CRATES: &str = "-p hearth-shm -p hearth-net";

/// The tests of `hearth-shm` that need no segment.
const CORES: &str = "--lib --test heap --test hash_index --test rbtree --test extent";

/// How many mutants a test run tries; which ones changes with every commit.
const MUTANTS_IN_TEST: usize = 2;

pub fn test(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    if tools(runner, &[]).is_err() {
        runner.note("tools", "some are missing: tests that need them are skipped");
    }
    check(runner, &[])?;
    runner.step("crash tests", &mut runner.command(&format!("cargo test {FAULT_CRATES} --no-fail-fast")))?;
    clients(runner, &[])?;
    if suite_source(runner)? {
        suite(runner, &[])?;
    } else {
        runner.skip("suite", "it or a tool that it needs is not here, see above");
    }
    mutants::sample(runner, MUTANTS_IN_TEST)?;
    loom(runner, &[])?;
    asan(runner, &[])
}

pub fn check(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    runner.step("format", &mut runner.command("cargo fmt --all --check"))?;
    tidy::chore(runner, &[])?;
    runner.step("clippy", &mut runner.command("cargo clippy --workspace --all-targets -- -D warnings"))?;
    let mut tests = runner.command("cargo test --workspace --no-fail-fast");
    let python = runner.target().join("tools/venv/bin/python");
    if python.exists() {
        tests.env("HEARTH_TEST_PYTHON", python);
    }
    runner.step("tests", &mut tests)?;
    if !runner.works("redis-server --version") {
        runner.skip("comparison with redis-server", "it is not installed (cargo xtask tools)");
    }
    let mut docs = runner.command("cargo doc --workspace --no-deps --document-private-items --quiet");
    runner.step("docs", docs.env("RUSTDOCFLAGS", "-D warnings"))
}

pub fn tools(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    let mut install = runner.command("scripts/install-test-tools.sh");
    runner.step("tools", install.env("CARGO_TARGET_DIR", runner.target()))
}

/// The scripts in `tests/clients`, each given the server program, with the Python that has redis-py.
pub fn clients(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    let python = runner.target().join("tools/venv/bin/python");
    if !python.exists() {
        runner.skip("clients", "no redis-py (cargo xtask tools)");
        return Ok(());
    }
    runner.step("build the server", &mut runner.command("cargo build --package hearth"))?;
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(runner.root().join("tests/clients"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    scripts.sort();
    for script in scripts {
        let name = format!("client {}", script.file_stem().unwrap_or_default().display());
        let mut command = Command::new(&python);
        command.arg(script).arg(runner.target().join("debug/hearth")).current_dir(runner.root());
        runner.step(&name, &mut command)?;
    }
    Ok(())
}

/// The Tcl suite of Redis against the built server; `arguments` are those of `redis-tests/run.py`.
pub fn suite(runner: &mut Runner, arguments: &[String]) -> Result<(), Failed> {
    runner.step("build the server", &mut runner.command("cargo build --package hearth"))?;
    let mut run = runner.command("python3 redis-tests/run.py --server");
    run.arg(runner.target().join("debug/hearth")).args(arguments);
    runner.step("suite", &mut run)
}

/// Fetches the suite if it is not here yet. False: without the network, or where a tool is missing.
fn suite_source(runner: &mut Runner) -> Result<bool, Failed> {
    const UNAVAILABLE: i32 = 3;
    println!("\n== suite source");
    let status = runner.command("python3 redis-tests/run.py --fetch").status();
    match status.map(|status| status.code()) {
        Ok(Some(0)) => Ok(true),
        Ok(Some(UNAVAILABLE)) => Ok(false),
        other => Err(Failed(format!("suite source: {other:?}"))),
    }
}

pub fn crash(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    let mut all =
        runner.command(&format!("cargo test --release {FAULT_CRATES} --no-fail-fast -- --include-ignored"));
    all.env("HEARTH_CRASH_FULL", "1").env("PROPTEST_CASES", "4000");
    runner.step("every crash and panic", &mut all)?;
    let mut soak = runner.command("cargo test --release --package hearth --test crash -- --nocapture");
    runner.step("kill -9 soak", soak.env("HEARTH_SOAK_ROUNDS", "200"))
}

pub fn loom(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    if !runner.root().join("net/tests/loom.rs").exists() {
        runner.skip("loom", "there is no net/tests/loom.rs");
        return Ok(());
    }
    let mut loom = runner.command("cargo test --package hearth-net --release --test loom");
    // A directory of its own: the flag would otherwise rebuild everything twice.
    loom.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", runner.target().join("loom"));
    runner.step("loom", &mut loom)
}

pub fn asan(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    let Some(host) = nightly_host(runner) else {
        runner.skip("asan", "no nightly toolchain (rustup toolchain install nightly)");
        return Ok(());
    };
    let mut asan =
        runner.command(&format!("cargo +nightly test --target {host} {UNSAFE_CRATES} --no-fail-fast"));
    asan.env("RUSTFLAGS", "-Zsanitizer=address").env("CARGO_TARGET_DIR", runner.target().join("asan"));
    if std::env::var_os("PROPTEST_CASES").is_none() {
        asan.env("PROPTEST_CASES", "16");
    }
    // Doc tests do not get the flags; processes that are killed on purpose leak.
    asan.args(["--lib", "--tests"]).env("ASAN_OPTIONS", "detect_leaks=0");
    runner.step("asan", &mut asan)
}

/// The cores on heap memory under valgrind, with few cases: it runs them some fifty times slower.
pub fn valgrind(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    if !runner.works("valgrind --version") {
        runner.skip("valgrind", "not installed (apt-get install valgrind)");
        return Ok(());
    }
    let host = host(runner, "rustc").ok_or(Failed("rustc does not name its host".into()))?;
    let wrapper = format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_"));
    let mut valgrind =
        runner.command(&format!("cargo test --target {host} --package hearth-shm --no-fail-fast {CORES}"));
    // Blocks that are still held at the end are none of its concern.
    valgrind.env(wrapper, "valgrind --quiet --error-exitcode=1 --leak-check=no");
    if std::env::var_os("PROPTEST_CASES").is_none() {
        valgrind.env("PROPTEST_CASES", "2");
    }
    runner.step("valgrind", &mut valgrind)
}

pub fn miri(runner: &mut Runner, _: &[String]) -> Result<(), Failed> {
    if !runner.works("cargo +nightly miri --version") {
        runner.skip("miri", "not installed (rustup component add miri --toolchain nightly)");
        return Ok(());
    }
    let mut miri = runner.command("cargo +nightly miri test --package hearth-shm --lib");
    miri.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "4");
    miri.env("CARGO_TARGET_DIR", runner.target().join("miri"));
    runner.step("miri", &mut miri)
}

pub fn fuzz(runner: &mut Runner, arguments: &[String]) -> Result<(), Failed> {
    let seconds = match arguments.first().map(|text| text.parse::<u32>()) {
        None => 60,
        Some(Ok(seconds)) => seconds,
        Some(Err(_)) => return Err(Failed("usage: cargo xtask fuzz [SECONDS]".into())),
    };
    if !runner.works("cargo +nightly fuzz --version") {
        runner.skip("fuzz", "not installed (cargo +nightly install cargo-fuzz)");
        return Ok(());
    }
    let targets = runner.output("cargo +nightly fuzz list").unwrap_or_default();
    if targets.trim().is_empty() {
        return Err(Failed("there are no fuzz targets".into()));
    }
    targets.lines().try_for_each(|target| {
        // Memory that is there from run to run would be searched for leaks again and again.
        let line = format!("cargo +nightly fuzz run {target} -- -max_total_time={seconds} -detect_leaks=0");
        runner.step(&format!("fuzz {target}"), &mut runner.command(&line))
    })
}

/// The host triple of the nightly toolchain, if there is one.
fn nightly_host(runner: &Runner) -> Option<String> {
    host(runner, "rustc +nightly")
}

/// The host triple of a compiler, if it is there.
fn host(runner: &Runner, rustc: &str) -> Option<String> {
    let version = runner.output(&format!("{rustc} --version --verbose"))?;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}
