//! What the kernel says about this process.

use std::fs;

/// Processor time used, in microseconds, as finely as the kernel counts it (usually 10 ms).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In the program.
    pub user_us: u64,
    /// In the kernel for it.
    pub system_us: u64,
}

impl CpuTimes {
    /// Of all threads of the process, and of its children that have ended.
    pub fn process() -> (Self, Self) {
        Self::parse(&fs::read_to_string("/proc/self/stat").unwrap_or_default(), ticks_per_second())
    }

    /// Of the main thread.
    pub fn main_thread() -> Self {
        let path = format!("/proc/self/task/{}/stat", std::process::id());
        Self::parse(&fs::read_to_string(path).unwrap_or_default(), ticks_per_second()).0
    }

    /// Fields 14 to 17; the second field, a name in parentheses, may contain anything.
    fn parse(stat: &str, ticks_per_second: u64) -> (Self, Self) {
        let behind_name = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        let mut ticks =
            behind_name.split_ascii_whitespace().skip(11).map(|field| field.parse::<u64>().unwrap_or(0));
        let mut next_us = || ticks.next().unwrap_or(0) * 1_000_000 / ticks_per_second;
        let own = Self { user_us: next_us(), system_us: next_us() };
        (own, Self { user_us: next_us(), system_us: next_us() })
    }
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// Memory of the process in bytes, as the kernel counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// In physical memory, shared memory and files included.
    pub resident: u64,
    /// Of that, memory of its own.
    pub private: u64,
    /// Of that, shared memory: the segments.
    pub shared: u64,
}

impl ProcessMemory {
    /// As of now. Reads one small file.
    pub fn now() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    fn parse(status: &str) -> Self {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0)
                * 1024
        };
        let huge = bytes("HugetlbPages");
        Self { resident: bytes("VmRSS") + huge, private: bytes("RssAnon"), shared: bytes("RssShmem") + huge }
    }
}

/// Physical memory of the machine.
pub fn system_memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_by_name() {
        let status = "Name:\thearth\nVmRSS:\t   12 kB\nRssAnon:\t       4 kB\nRssFile:\t       5 kB\n\
                      RssShmem:\t       3 kB\nHugetlbPages:\t    2048 kB\n";
        let memory = ProcessMemory::parse(status);
        assert_eq!(memory, ProcessMemory { resident: 2060 * 1024, private: 4096, shared: 2051 * 1024 });
        assert_eq!(ProcessMemory::parse(""), ProcessMemory::default());
    }

    #[test]
    fn this_process_has_memory_and_has_used_time() {
        let memory = ProcessMemory::now();
        assert!(memory.resident >= memory.private && memory.private > 0);
        assert!(system_memory_bytes() > memory.resident);
        let started = CpuTimes::process().0;
        let used = |now: CpuTimes| now.user_us + now.system_us - started.user_us - started.system_us;
        // Busy until the kernel has counted a tick.
        while used(CpuTimes::process().0) == 0 {
            std::hint::black_box(system_memory_bytes());
        }
    }

    #[test]
    fn times_stand_behind_a_name_that_may_contain_anything() {
        let stat = "12 (a b) c) S 1 1 1 0 -1 4194304 100 0 0 0 150 25 7 3 20 0 1 0 100 0";
        let (own, children) = CpuTimes::parse(stat, 100);
        assert_eq!(own, CpuTimes { user_us: 1_500_000, system_us: 250_000 });
        assert_eq!(children, CpuTimes { user_us: 70_000, system_us: 30_000 });
        assert_eq!(CpuTimes::parse("", 100), Default::default());
    }
}
