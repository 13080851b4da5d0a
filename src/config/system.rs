//! `--check-system`: is this machine set up for the server?

use std::fmt::Write;
use std::fs;

/// A report for people, and whether nothing in it asks for a change.
pub(super) fn check() -> (String, bool) {
    let mut report = String::new();
    let mut sound = true;
    let checks = [
        ("shared memory", shared_memory(&read("/proc/self/mounts"))),
        (
            "huge pages for shared memory",
            huge_pages(&read("/sys/kernel/mm/transparent_hugepage/shmem_enabled")),
        ),
        ("open files", open_files(&read("/proc/self/limits"))),
        ("queue of connections", connection_queue(&read("/proc/sys/net/core/somaxconn"))),
    ];
    for (what, outcome) in checks {
        let (mark, text) = match outcome {
            Ok(text) => ("ok     ", text),
            Err(text) => {
                sound = false;
                ("warning", text)
            }
        };
        let _ = writeln!(report, "[{mark}] {what}: {text}");
    }
    (report, sound)
}

fn shared_memory(mounts: &str) -> Result<String, String> {
    let mount = mounts.lines().rev().map(|line| line.split(' ').collect::<Vec<_>>());
    match mount.into_iter().find(|fields| fields.get(1) == Some(&"/dev/shm")) {
        Some(fields) if fields[2] == "tmpfs" => {
            let size = fields[3].split(',').find_map(|option| option.strip_prefix("size="));
            Ok(format!("/dev/shm is a tmpfs of {}", size.unwrap_or("half the memory")))
        }
        Some(fields) => {
            Err(format!("/dev/shm is {}, not tmpfs; give --shm-dir a directory on tmpfs", fields[2]))
        }
        None => Err("/dev/shm is not mounted; give --shm-dir a directory on tmpfs or hugetlbfs".into()),
    }
}

fn huge_pages(modes: &str) -> Result<String, String> {
    match modes.split_ascii_whitespace().find_map(|mode| mode.strip_prefix('[')) {
        Some(mode) => {
            let mode = mode.trim_end_matches(']');
            if matches!(mode, "always" | "within_size" | "advise" | "force") {
                Ok(format!("given on request ({mode})"))
            } else {
                Ok(format!("{mode}; the server collapses pages itself where the kernel lets it"))
            }
        }
        None => Err("this kernel has none; restarts and misses take longer".into()),
    }
}

fn open_files(limits: &str) -> Result<String, String> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let hard = line.split_ascii_whitespace().nth(1).unwrap_or_default();
    match hard.parse::<u64>() {
        Ok(files) if files < 10_032 => {
            Err(format!("at most {files}, too few for the default of 10000 clients (ulimit -n, LimitNOFILE)"))
        }
        Ok(files) => Ok(format!("up to {files}")),
        Err(_) => Ok("no limit known".into()),
    }
}

fn connection_queue(somaxconn: &str) -> Result<String, String> {
    match somaxconn.trim().parse::<u32>() {
        Ok(length) if length < 511 => {
            Err(format!("net.core.somaxconn is {length}, less than tcp-backlog's default of 511"))
        }
        Ok(length) => Ok(format!("net.core.somaxconn is {length}")),
        Err(_) => Ok("not known".into()),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_memory_must_be_tmpfs() {
        let tmpfs = "proc /proc proc rw 0 0\ntmpfs /dev/shm tmpfs rw,size=65536k 0 0\n";
        assert_eq!(shared_memory(tmpfs), Ok("/dev/shm is a tmpfs of 65536k".into()));
        assert!(shared_memory("overlay /dev/shm overlay rw 0 0").unwrap_err().contains("overlay"));
        assert!(shared_memory("").unwrap_err().contains("not mounted"));
    }

    #[test]
    fn huge_pages_are_told_by_the_brackets() {
        assert!(huge_pages("always within_size [advise] never deny force").unwrap().contains("advise"));
        assert!(huge_pages("always advise [never] deny").unwrap().contains("never"));
        assert!(huge_pages("").is_err());
    }

    #[test]
    fn limits_are_compared_with_defaults() {
        assert!(
            open_files("Max open files            1024                 4096                 files").is_err()
        );
        assert!(
            open_files("Max open files            1024                 524288               files").is_ok()
        );
        assert!(connection_queue("128\n").is_err());
        assert!(connection_queue("4096\n").is_ok());
    }

    #[test]
    fn the_report_names_every_check() {
        let (report, _) = check();
        assert_eq!(report.lines().count(), 4);
    }
}
