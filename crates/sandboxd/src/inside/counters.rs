//! The container's own cgroup, as the engine mounts it read-only at /sys/fs/cgroup: what was used,
//! and the kernel's own counts of what was refused. The program sees it too; it is its own.

use std::fs;
use std::path::{Path, PathBuf};

/// Above it a number of memory.limit_in_bytes means that there is no limit.
const NO_LIMIT: u64 = 1 << 60;

pub struct Counters {
    pub version: &'static str,
    memory: PathBuf,
    cpu: PathBuf,
    rate: PathBuf,
    pids: PathBuf,
}

/// All counters at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    pub cpu_us: u64,
    pub memory_bytes: u64,
    pub peak_bytes: u64,
    /// Anonymous and shared memory: what can't be thrown away.
    pub held_bytes: u64,
    /// Pages of files that can be: whoever touches a toolchain first is charged for it.
    pub clean_bytes: u64,
    pub oom_kills: u64,
    pub pids_refused: u64,
}

/// What the engine set; `None` where nothing holds.
#[derive(Clone, Copy, Debug)]
pub struct Ceilings {
    pub memory_bytes: Option<u64>,
    pub pids: Option<u64>,
    /// A rate at all.
    pub cpu: bool,
}

impl Counters {
    pub fn find() -> Counters {
        let base = Path::new("/sys/fs/cgroup");
        if base.join("cgroup.controllers").exists() {
            let all = || base.to_path_buf();
            return Counters { version: "v2", memory: all(), cpu: all(), rate: all(), pids: all() };
        }
        let first = |names: [&str; 3]| {
            let found = names.iter().map(|name| base.join(name)).find(|path| path.is_dir());
            found.unwrap_or_else(|| base.join("absent"))
        };
        Counters {
            version: "v1",
            memory: base.join("memory"),
            cpu: first(["cpuacct", "cpu,cpuacct", "cpuacct,cpu"]),
            rate: first(["cpu", "cpu,cpuacct", "cpuacct,cpu"]),
            pids: base.join("pids"),
        }
    }

    pub fn read(&self) -> Reading {
        if self.version == "v2" {
            self.read_v2()
        } else {
            self.read_v1()
        }
    }

    fn read_v2(&self) -> Reading {
        let stat = text(&self.memory, "memory.stat");
        let shared = field(&stat, "shmem");
        let file = field(&stat, "file").saturating_sub(shared);
        Reading {
            cpu_us: field(&text(&self.cpu, "cpu.stat"), "usage_usec"),
            memory_bytes: number(&self.memory, "memory.current"),
            peak_bytes: number(&self.memory, "memory.peak"),
            held_bytes: field(&stat, "anon") + shared,
            clean_bytes: file.saturating_sub(field(&stat, "file_dirty")),
            oom_kills: field(&text(&self.memory, "memory.events"), "oom_kill"),
            pids_refused: field(&text(&self.pids, "pids.events"), "max"),
        }
    }

    fn read_v1(&self) -> Reading {
        let stat = text(&self.memory, "memory.stat");
        let shared = field(&stat, "total_shmem");
        let file = field(&stat, "total_cache").saturating_sub(shared);
        Reading {
            cpu_us: number(&self.cpu, "cpuacct.usage") / 1000,
            memory_bytes: number(&self.memory, "memory.usage_in_bytes"),
            peak_bytes: number(&self.memory, "memory.max_usage_in_bytes"),
            held_bytes: field(&stat, "total_rss") + shared,
            clean_bytes: file.saturating_sub(field(&stat, "total_dirty")),
            oom_kills: field(&text(&self.memory, "memory.oom_control"), "oom_kill"),
            pids_refused: field(&text(&self.pids, "pids.events"), "max"),
        }
    }

    pub fn ceilings(&self) -> Ceilings {
        let (memory, rate, free) = if self.version == "v2" {
            ("memory.max", "cpu.max", "max")
        } else {
            ("memory.limit_in_bytes", "cpu.cfs_quota_us", "-1")
        };
        let limit = |path: &Path, name: &str| text(path, name).trim().parse::<u64>().ok();
        let rate = text(&self.rate, rate);
        Ceilings {
            memory_bytes: limit(&self.memory, memory).filter(|bytes| *bytes < NO_LIMIT),
            pids: limit(&self.pids, "pids.max"),
            cpu: !rate.is_empty() && !rate.starts_with(free),
        }
    }
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

fn number(folder: &Path, name: &str) -> u64 {
    text(folder, name).trim().parse().unwrap_or(0)
}

/// The value of `name` in lines of `name value`.
fn field(text: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let stat = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(stat, "oom_kill"), 3);
        assert_eq!(field(stat, "oom"), 0);
        assert_eq!(field("", "oom_kill"), 0);
    }
}
