//! Limits and counters of cgroup v1 (Documentation/admin-guide/cgroup-v1 of the kernel).

use super::files::{self, keyed};
use super::group::Counters;
use super::memory::{Charged, Seen};
use super::{hosts::Instance, numbers};
use crate::lab::{holds, Protection};
use crate::protocol::message::Limits;
use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{openat, Mode, OFlags};
use rustix::process::{pidfd_open, pidfd_send_signal, Pid, PidfdFlags, Signal};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

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
            Some(alone) => Some((open(&alone.cpuacct)?, open(&alone.freezer)?)),
        };
        let group = Group {
            memory: open(&self.memory)?,
            cpu: open(&self.cpu)?,
            pids: open(&self.pids)?,
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

pub struct Group {
    memory: OwnedFd,
    cpu: OwnedFd,
    pids: OwnedFd,
    /// cpuacct and freezer, where there is no v2 tree.
    alone: Option<(OwnedFd, OwnedFd)>,
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
        let control = openat(&self.memory, "memory.oom_control", flags, Mode::empty())?;
        let words = format!("{} {}", self.oom_event.as_raw_fd(), control.as_raw_fd());
        files::write(self.memory.as_fd(), "cgroup.event_control", words.as_bytes())
    }

    pub fn join(&self, pid: u32) -> io::Result<()> {
        let alone = self.alone.iter().flat_map(|(cpuacct, freezer)| [cpuacct, freezer]);
        for group in [&self.memory, &self.cpu, &self.pids].into_iter().chain(alone) {
            files::write_number(group.as_fd(), "cgroup.procs", u64::from(pid))?;
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
            let members = files::read(freezer.as_fd(), "cgroup.procs").unwrap_or_default();
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
        Some(files::read_number(cpuacct.as_fd(), "cpuacct.usage") / 1000)
    }

    pub fn processes(&self) -> u64 {
        files::read_number(self.pids.as_fd(), "pids.current")
    }

    /// The high-water mark falls to what is used now (memory.rst).
    pub fn forget_peak(&self) {
        let _ = files::write(self.memory.as_fd(), "memory.max_usage_in_bytes", b"0");
    }

    pub fn look_at_memory(&self, seen: &mut Seen) {
        let memory = self.memory.as_fd();
        let peak = files::read_number(memory, "memory.max_usage_in_bytes")
            + files::read_number(memory, "memory.kmem.tcp.max_usage_in_bytes");
        let usage = files::read_number(memory, "memory.usage_in_bytes");
        if seen.covers(peak, usage) {
            return;
        }
        let stat = files::read(memory, "memory.stat").unwrap_or_default();
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
        let memory = self.memory.as_fd();
        let pids = files::read(self.pids.as_fd(), "pids.events").unwrap_or_default();
        Counters { cpu_us: 0, oom_kills: oom_kills(memory), pids_refused: keyed(&pids, "max") }
    }
}

/// Not asked of `memory.failcnt` first: Linux 6.18 leaves that at 0 where it killed.
fn oom_kills(memory: BorrowedFd<'_>) -> u64 {
    keyed(&files::read(memory, "memory.oom_control").unwrap_or_default(), "oom_kill")
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
        let kills = opened.as_ref().map(|memory| oom_kills(memory.as_fd()));
        let _ = fs::remove_dir_all(&folder);
        assert!(written.is_ok());
        assert_eq!(kills.ok(), Some(1));
    }
}
