//! Panics in the log.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU32, Ordering};

/// So many panics are logged with their backtrace; after them, only where they happened. A bug that every request
/// meets must not fill the disk.
const BACKTRACES_MAX: u32 = 16;

/// From now on panics are logged instead of printed. What a panic inside a command means for data and client is
/// decided where it is caught.
pub fn log_panics() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|panic| {
        let first = SEEN.fetch_add(1, Ordering::Relaxed) < BACKTRACES_MAX;
        tracing::error!("{}", describe(panic));
        if first {
            for line in Backtrace::force_capture().to_string().lines() {
                tracing::error!("{line}");
            }
        }
    }));
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let reason = panic.payload_as_str().unwrap_or("(no message)");
    format!("BUG: panic in thread '{thread}' at {place}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    static DESCRIBED: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[test]
    fn a_panic_is_described_by_thread_place_and_reason() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| DESCRIBED.lock().unwrap().push(describe(panic))));
        let thread = std::thread::Builder::new().name("worker-7".into());
        let outcome = thread.spawn(|| panic!("number {}", 5)).unwrap().join();
        std::panic::set_hook(before);
        assert!(outcome.is_err());
        let described = DESCRIBED.lock().unwrap();
        let line = described.iter().find(|line| line.contains("worker-7")).unwrap();
        assert!(line.starts_with("BUG: panic in thread 'worker-7' at src/telemetry/panics.rs:"), "{line}");
        assert!(line.ends_with(": number 5"), "{line}");
    }
}
