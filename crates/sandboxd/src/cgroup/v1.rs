//! Limits and counters of cgroup v1 (Documentation/admin-guide/cgroup-v1 of the kernel).

use super::files::{self, keyed};
use super::group::Counters;
use super::kept::Kept;
use super::memory::{Charged, Seen};
use super::{hosts::Instance, numbers};
use crate::lab::{holds, Protection};
use crate::protocol::message::Limits;
use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{openat, Mode, OFlags};
use rustix::process::{pidfd_open, pidfd_send_signal, Pid, PidfdFlags, Signal};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const SOCKET_LIMIT: &str = "memory.kmem.tcp.limit_in_bytes";
/// Buffers of a sandbox's own loopback, beside its memory limit: no cgroup v1 counts both as one.
const SOCKET_BYTES: u64 = 16 * 1024 * 1024;
/// Rounds of freeze, signal, thaw before giving the group up to the caller's own retry.
const KILL_ROUNDS: usize = 8;

pub struct Hierarchies {
    memory: OwnedFd,
    cpu: OwnedFd,
    pids: OwnedFd,
    /// Without a v2 tree, CPU time is cpuacct's, membership and kill are the freezer's.
    alone: Option<Alone>,
}

struct Alone {
    cpuacct: OwnedFd,
    freezer: OwnedFd,
    /// cpu and cpuacct are often mounted together: then they are one folder.
    cpuacct_is_cpu: bool,
}

impl Hierarchies {
    pub fn open(instance: &Instance) -> Result<Hierarchies, String> {
        let cpu = instance.v1("cpu")?;
        let alone = match instance.v2_path() {
            Some(_) => None,
            None => {
                let cpuacct = instance.v1("cpuacct")?;
                let cpuacct_is_cpu = same_folder(&cpu, &cpuacct);
                Some(Alone { cpuacct, freezer: instance.v1("freezer")?, cpuacct_is_cpu })
            }
        };
        let (memory, pids) = (instance.v1("memory")?, instance.v1("pids")?);
        let hierarchies = Hierarchies { memory, cpu, pids, alone };
        files::read(hierarchies.memory.as_fd(), SOCKET_LIMIT).map_err(|error| {
            format!(
                "no limit of the socket buffers of a v1 group ({SOCKET_LIMIT}: {error}). \
                 Boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)"
            )
        })?;
        // Children inherit it: never swap a sandbox's pages.
        files::write_if_there(hierarchies.memory.as_fd(), "memory.swappiness", b"0")
            .map_err(|error| format!("cannot set memory.swappiness: {error}"))?;
        Ok(hierarchies)
    }

    /// Every folder in which a group is made.
    fn folders(&self) -> impl Iterator<Item = &OwnedFd> {
        let alone = self.alone.iter().flat_map(|alone| {
            let cpuacct = (!alone.cpuacct_is_cpu).then_some(&alone.cpuacct);
            cpuacct.into_iter().chain([&alone.freezer])
        });
        [&self.memory, &self.cpu, &self.pids].into_iter().chain(alone)
    }

    pub fn create(&self, name: &OsStr) -> io::Result<Group> {
        for folder in self.folders() {
            files::make_folder(folder.as_fd(), name)?;
        }
        let open = |folder: &OwnedFd| files::open_folder(folder.as_fd(), name);
        let alone = match &self.alone {
            None => None,
            Some(alone) => Some((open(&alone.cpuacct)?.into(), open(&alone.freezer)?)),
        };
        let group = Group {
            memory: open(&self.memory)?.into(),
            cpu: open(&self.cpu)?,
            pids: open(&self.pids)?.into(),
            alone,
            oom_event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        };
        // v1 charges socket buffers (of UDP too) to this counter, and only once it has a limit.
        files::write_number(group.memory.as_fd(), SOCKET_LIMIT, SOCKET_BYTES)?;
        group.watch_oom()?;
        Ok(group)
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        for folder in self.folders() {
            files::remove_folder(folder.as_fd(), name)?;
        }
        Ok(())
    }
}

fn same_folder(first: &OwnedFd, second: &OwnedFd) -> bool {
    let id = |folder| rustix::fs::fstat(folder).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    id(first).is_some() && id(first) == id(second)
}

/// What is read when a run ends.
const AT_END: [&str; 4] =
    [PEAK, "memory.kmem.tcp.max_usage_in_bytes", "memory.stat", "memory.oom_control"];
const PEAK: &str = "memory.max_usage_in_bytes";

pub struct Group {
    memory: Kept,
    cpu: OwnedFd,
    pids: Kept,
    /// cpuacct and freezer, where there is no v2 tree.
    alone: Option<(Kept, OwnedFd)>,
    oom_event: OwnedFd,
}

impl Group {
    pub fn write(&self, limits: &Limits, cores: u64) -> io::Result<()> {
        if holds(Protection::MemoryLimit) {
            self.write_memory(numbers::memory_bytes(limits))?;
        }
        if holds(Protection::PidsLimit) {
            files::write_number(self.pids.as_fd(), "pids.max", numbers::pids_max(limits))?;
        }
        if holds(Protection::CpuRate) {
            let quota = numbers::quota_us(limits, cores).map_or("-1".into(), |us| us.to_string());
            files::write(self.cpu.as_fd(), "cpu.cfs_quota_us", quota.as_bytes())?;
        }
        Ok(())
    }

    /// The least that the kernel takes, or its default (sched-design-CFS.rst).
    pub fn stand_back(&self, is_last: bool) -> io::Result<()> {
        files::write_number(self.cpu.as_fd(), "cpu.shares", if is_last { 2 } else { 1024 })
    }

    /// Memory alone must never be allowed more than memory with swap: which one is written first
    /// depends on what was there before.
    fn write_memory(&self, bytes: u64) -> io::Result<()> {
        let memory = self.memory.as_fd();
        let with_swap = || {
            let all = bytes.to_string();
            files::write_if_there(memory, "memory.memsw.limit_in_bytes", all.as_bytes())
        };
        if files::write_number(memory, "memory.limit_in_bytes", bytes).is_err() {
            with_swap()?;
            files::write_number(memory, "memory.limit_in_bytes", bytes)?;
        }
        with_swap()
    }

    fn watch_oom(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let control = openat(self.memory.as_fd(), "memory.oom_control", flags, Mode::empty())?;
        let words = format!("{} {}", self.oom_event.as_raw_fd(), control.as_raw_fd());
        files::write(self.memory.as_fd(), "cgroup.event_control", words.as_bytes())
    }

    pub fn join(&self, pid: u32) -> io::Result<()> {
        let alone =
            self.alone.iter().flat_map(|(cpuacct, freezer)| [cpuacct.as_fd(), freezer.as_fd()]);
        let folders = [self.memory.as_fd(), self.cpu.as_fd(), self.pids.as_fd()];
        for folder in folders.into_iter().chain(alone) {
            files::write_number(folder, "cgroup.procs", u64::from(pid))?;
        }
        Ok(())
    }

    pub fn oom_event(&self) -> Option<&OwnedFd> {
        Some(&self.oom_event)
    }

    /// Freezes the group, so that nobody in it can fork, and signals each by its pidfd.
    pub fn freeze_and_kill(&self) {
        let Some((_, freezer)) = &self.alone else { return };
        for _ in 0..KILL_ROUNDS {
            let _ = files::write(freezer.as_fd(), "freezer.state", b"FROZEN");
            let members = files::read_list(freezer.as_fd(), "cgroup.procs").unwrap_or_default();
            for pid in members.lines().filter_map(|line| line.parse::<i32>().ok()) {
                let Some(pid) = Pid::from_raw(pid) else { continue };
                if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
                    let _ = pidfd_send_signal(process, Signal::KILL);
                }
            }
            let _ = files::write(freezer.as_fd(), "freezer.state", b"THAWED");
            if members.is_empty() {
                return;
            }
        }
    }

    /// `None` where the v2 tree counts CPU time.
    pub fn cpu_us(&self) -> Option<u64> {
        let (cpuacct, _) = self.alone.as_ref()?;
        Some(cpuacct.read_number("cpuacct.usage") / 1000)
    }

    pub fn processes(&self) -> u64 {
        self.pids.read_number("pids.current")
    }

    /// The high-water mark falls to what is used now (memory.rst).
    pub fn forget_peak(&self) {
        let _ = files::write(self.memory.as_fd(), PEAK, b"0");
    }

    pub fn look_at_memory(&self, seen: &mut Seen) {
        let peak = self.memory.read_number(PEAK)
            + self.memory.read_number("memory.kmem.tcp.max_usage_in_bytes");
        let Some(usage) =
            seen.used_if_new(peak, || self.memory.read_number("memory.usage_in_bytes"))
        else {
            return;
        };
        let stat = self.memory.read("memory.stat").unwrap_or_default();
        seen.look(&Charged {
            peak,
            usage,
            file: keyed(&stat, "cache"),
            shmem: keyed(&stat, "shmem"),
            dirty: keyed(&stat, "dirty") + keyed(&stat, "writeback"),
            anon: keyed(&stat, "rss"),
        });
    }

    pub fn counters(&self) -> Counters {
        let pids = self.pids.read("pids.events").unwrap_or_default();
        let oom_kills = oom_kills(&self.memory);
        Counters { cpu_us: 0, oom_kills, pids_refused: keyed(&pids, "max") }
    }

    /// Opens what will be read when its run has ended.
    pub fn keep_open(&self) {
        self.memory.keep(&AT_END);
        self.pids.keep(&["pids.current", "pids.events"]);
        self.alone.iter().for_each(|(cpuacct, _)| cpuacct.keep(&["cpuacct.usage"]));
    }
}

/// Not asked of `memory.failcnt` first: Linux 6.18 leaves that at 0 where it killed.
fn oom_kills(memory: &Kept) -> u64 {
    keyed(&memory.read("memory.oom_control").unwrap_or_default(), "oom_kill")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_kill_counts_though_no_failure_was_counted() {
        let folder = std::env::temp_dir().join(format!("gozo-v1-{}", std::process::id()));
        let written = fs::create_dir(&folder)
            .and_then(|()| fs::write(folder.join("memory.failcnt"), "0\n"))
            .and_then(|()| {
                let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n";
                fs::write(folder.join("memory.oom_control"), control)
            });
        let opened = fs::File::open(&folder);
        let kills = opened.map(|memory| oom_kills(&Kept::from(OwnedFd::from(memory))));
        let _ = fs::remove_dir_all(&folder);
        assert!(written.is_ok());
        assert_eq!(kills.ok(), Some(1));
    }
}
