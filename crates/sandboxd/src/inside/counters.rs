//! The container's own cgroup, as the engine mounts it read-only at /sys/fs/cgroup: what was used,
//! and the kernel's own counts of what was refused. The program sees it too; it is its own.
//!
//! They are read at the very moment at which there is no memory left: the files are kept open, and
//! a reading allocates nothing, neither here nor, after the first, in the kernel.

use rustix::event::{poll, Timespec};
use rustix::io::Errno;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Above it a number of memory.limit_in_bytes means that there is no limit.
const NO_LIMIT: u64 = 1 << 60;

pub struct Counters {
    pub version: &'static str,
    /// Where the ceilings are: memory, pids, CPU rate.
    memory: PathBuf,
    pids: PathBuf,
    rate: PathBuf,
    stat: Counter,
    now: Counter,
    peak: Counter,
    kills: Counter,
    cpu: Counter,
    refusals: Counter,
}

/// What there is, is used, was used at most, was refused, and the CPU's time.
const V1: [&str; 5] = [
    "memory.stat",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.oom_control",
    "cpuacct.usage",
];
const V2: [&str; 5] = ["memory.stat", "memory.current", "memory.peak", "memory.events", "cpu.stat"];
/// Of memory.stat: shared, files with the shared, what of them is not on disk yet, anonymous.
const V1_FIELDS: [&str; 4] = ["total_shmem", "total_cache", "total_dirty", "total_rss"];
const V2_FIELDS: [&str; 4] = ["shmem", "file", "file_dirty", "anon"];

/// One file of a cgroup; absent where the kernel has none.
struct Counter {
    file: Option<File>,
}

/// memory.stat has some 2 KiB on v2.
const TEXT_BYTES: usize = 8 * 1024;
/// How long a reading waits for the memory that it takes in the kernel.
const TRIES: usize = 1000;

impl Counter {
    fn open(folder: &Path, name: &str) -> Counter {
        Counter { file: File::open(folder.join(name)).ok() }
    }

    fn number(&self) -> u64 {
        let mut room = [0; TEXT_BYTES];
        self.text(&mut room).trim().parse().unwrap_or(0)
    }

    fn fields<const COUNT: usize>(&self, names: &[&str; COUNT]) -> [u64; COUNT] {
        let mut room = [0; TEXT_BYTES];
        let text = self.text(&mut room);
        names.map(|name| field(text, name))
    }

    fn text<'a>(&self, room: &'a mut [u8; TEXT_BYTES]) -> &'a str {
        let Some(file) = &self.file else { return "" };
        for _ in 0..TRIES {
            match rustix::io::pread(file, &mut room[..], 0) {
                Ok(count) => {
                    return std::str::from_utf8(room.get(..count).unwrap_or_default())
                        .unwrap_or_default();
                }
                Err(Errno::NOMEM | Errno::INTR) => {
                    let wait = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                    let _ = poll(&mut [], Some(&wait));
                }
                Err(_) => break,
            }
        }
        ""
    }
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
            return Counters::open("v2", [base, base, base, base], &V2);
        }
        let first = |names: [&str; 3]| {
            let found = names.iter().map(|name| base.join(name)).find(|path| path.is_dir());
            found.unwrap_or_else(|| base.join("absent"))
        };
        let memory = base.join("memory");
        let pids = base.join("pids");
        let rate = first(["cpu", "cpu,cpuacct", "cpuacct,cpu"]);
        let cpu = first(["cpuacct", "cpu,cpuacct", "cpuacct,cpu"]);
        Counters::open("v1", [&memory, &pids, &rate, &cpu], &V1)
    }

    fn open(version: &'static str, folders: [&Path; 4], names: &[&str; 5]) -> Counters {
        let [memory, pids, rate, cpu] = folders;
        let [stat, now, peak, kills, used] = names;
        Counters {
            version,
            memory: memory.to_path_buf(),
            pids: pids.to_path_buf(),
            rate: rate.to_path_buf(),
            stat: Counter::open(memory, stat),
            now: Counter::open(memory, now),
            peak: Counter::open(memory, peak),
            kills: Counter::open(memory, kills),
            cpu: Counter::open(cpu, used),
            refusals: Counter::open(pids, "pids.events"),
        }
    }

    pub fn read(&self) -> Reading {
        let names = if self.version == "v2" { &V2_FIELDS } else { &V1_FIELDS };
        let [shared, file, dirty, held] = self.stat.fields(names);
        let [cpu] = if self.version == "v2" {
            self.cpu.fields(&["usage_usec"])
        } else {
            [self.cpu.number() / 1000]
        };
        let [oom_kills] = self.kills.fields(&["oom_kill"]);
        let [pids_refused] = self.refusals.fields(&["max"]);
        Reading {
            cpu_us: cpu,
            memory_bytes: self.now.number(),
            peak_bytes: self.peak.number(),
            held_bytes: held + shared,
            clean_bytes: file.saturating_sub(shared).saturating_sub(dirty),
            oom_kills,
            pids_refused,
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
