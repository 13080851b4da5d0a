//! How many workers there shall be, and on which processors they run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that this process may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Cores {
    /// By core, the processors of each, ascending.
    cores: Vec<Vec<usize>>,
    /// How many processors' worth of time the cgroup grants; `None` for no limit.
    quota: Option<f64>,
}

/// Workers and their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// By worker: the processor it is pinned to, if it is.
    pub pins: Vec<Option<usize>>,
}

impl Cores {
    /// As the system says: affinity, topology, cgroup.
    pub fn of_this_process() -> Cores {
        let allowed = match sched_getaffinity(None) {
            Ok(set) => (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect(),
            Err(_) => vec![0],
        };
        Cores {
            cores: cores_of(&allowed, Path::new("/sys/devices/system/cpu")),
            quota: quota_of(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup")),
        }
    }

    /// One worker per core and as the quota allows, unless `threads` says how many. Those who have the
    /// machine to themselves are pinned, and those for whom `list` names processors; fewer workers than cores leave
    /// the choice to the system, which knows what else runs.
    pub fn plan(&self, threads: usize, list: &[u32]) -> Plan {
        let by_quota = self.quota.map_or(usize::MAX, |quota| (quota as usize).max(1));
        let count = if threads > 0 { threads } else { self.cores.len().min(by_quota).max(1) };
        let pins: Vec<Option<usize>> = if !list.is_empty() {
            (0..count).map(|worker| Some(list[worker % list.len()] as usize)).collect()
        } else if count == self.cores.len() {
            self.cores.iter().map(|processors| processors.first().copied()).collect()
        } else {
            vec![None; count]
        };
        Plan { pins }
    }
}

impl Plan {
    pub fn worker_count(&self) -> usize {
        self.pins.len()
    }
}

/// Keeps the calling thread on one processor.
pub fn pin(processor: usize) -> rustix::io::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set)
}

/// Groups processors by the core they are threads of.
fn cores_of(allowed: &[usize], root: &Path) -> Vec<Vec<usize>> {
    let mut cores: BTreeMap<(u64, u64), Vec<usize>> = BTreeMap::new();
    for &processor in allowed {
        let number = |name: &str| -> Option<u64> {
            let path = root.join(format!("cpu{processor}/topology/{name}"));
            fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        // Where the system does not say, every processor is a core of its own.
        let core = match (number("physical_package_id"), number("core_id")) {
            (Some(package), Some(core)) => (package, core),
            _ => (u64::MAX, processor as u64),
        };
        cores.entry(core).or_default().push(processor);
    }
    let mut cores: Vec<Vec<usize>> = cores.into_values().collect();
    cores.sort();
    cores
}

/// The least quota on the way from this process's cgroup up to the root; both versions of cgroups.
fn quota_of(membership: &Path, root: &Path) -> Option<f64> {
    let text = fs::read_to_string(membership).ok()?;
    let quotas = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            least(root, path, |group| parse_quota(&fs::read_to_string(group.join("cpu.max")).ok()?))
        } else if controllers.split(',').any(|controller| controller == "cpu") {
            least(&root.join("cpu"), path, |group| {
                let part = |name: &str| fs::read_to_string(group.join(name)).ok();
                let (quota, period) = (part("cpu.cfs_quota_us")?, part("cpu.cfs_period_us")?);
                parse_quota(&format!("{} {}", quota.trim(), period.trim()))
            })
        } else {
            None
        }
    });
    quotas.min_by(f64::total_cmp)
}

/// The least of what `quota` says about `path` below `root` and every group above it.
fn least(root: &Path, path: &str, quota: impl Fn(&Path) -> Option<f64>) -> Option<f64> {
    let mut group: PathBuf = root.join(path);
    let mut least: Option<f64> = None;
    loop {
        if let Some(found) = quota(&group) {
            least = Some(least.map_or(found, |known| known.min(found)));
        }
        if group == root || !group.pop() {
            return least;
        }
    }
}

/// `quota period` in microseconds; `max` or a negative quota is no limit.
fn parse_quota(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(cores: &[&[usize]], quota: Option<f64>) -> Cores {
        Cores { cores: cores.iter().map(|core| core.to_vec()).collect(), quota }
    }

    #[test]
    fn one_worker_per_core_within_the_quota() {
        let four = cores(&[&[0, 4], &[1, 5], &[2, 6], &[3, 7]], None);
        assert_eq!(four.plan(0, &[]).pins, [Some(0), Some(1), Some(2), Some(3)]);
        let limited = cores(&[&[0, 4], &[1, 5], &[2, 6], &[3, 7]], Some(2.5));
        assert_eq!(limited.plan(0, &[]).pins, [None, None]);
        assert_eq!(cores(&[&[3]], Some(0.5)).plan(0, &[]).pins, [Some(3)]);
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let two = cores(&[&[0], &[1]], Some(1.0));
        assert_eq!(two.plan(1, &[]).pins, [None]);
        assert_eq!(two.plan(2, &[]).pins, [Some(0), Some(1)]);
        assert_eq!(two.plan(3, &[]).pins, [None, None, None]);
        assert_eq!(two.plan(3, &[1, 0]).pins, [Some(1), Some(0), Some(1)]);
    }

    #[test]
    fn siblings_are_one_core() {
        let root = std::env::temp_dir().join(format!("hearth-cores-{}", std::process::id()));
        for (processor, core) in [(0, 0), (1, 1), (2, 0), (3, 1)] {
            let topology = root.join(format!("cpu{processor}/topology"));
            fs::create_dir_all(&topology).unwrap();
            fs::write(topology.join("physical_package_id"), "0\n").unwrap();
            fs::write(topology.join("core_id"), format!("{core}\n")).unwrap();
        }
        assert_eq!(cores_of(&[0, 1, 2, 3], &root), [vec![0, 2], vec![1, 3]]);
        assert_eq!(cores_of(&[1, 2, 9], &root), [vec![1], vec![2], vec![9]]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn the_strictest_group_counts() {
        let root = std::env::temp_dir().join(format!("hearth-quota-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join("cpu/c")).unwrap();
        fs::write(root.join("a/cpu.max"), "150000 100000\n").unwrap();
        fs::write(root.join("a/b/cpu.max"), "max 100000\n").unwrap();
        fs::write(root.join("cpu/c/cpu.cfs_quota_us"), "-1\n").unwrap();
        fs::write(root.join("cpu/c/cpu.cfs_period_us"), "100000\n").unwrap();
        let membership = root.join("membership");
        fs::write(&membership, "0::/a/b\n").unwrap();
        assert_eq!(quota_of(&membership, &root), Some(1.5));
        fs::write(&membership, "3:cpu,cpuacct:/c\n2:memory:/a\n").unwrap();
        assert_eq!(quota_of(&membership, &root), None);
        fs::write(root.join("cpu/c/cpu.cfs_quota_us"), "50000\n").unwrap();
        assert_eq!(quota_of(&membership, &root), Some(0.5));
        fs::remove_dir_all(root).unwrap();
    }
}
