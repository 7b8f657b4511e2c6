//! Limits and counters of cgroup v1 (Documentation/admin-guide/cgroup-v1 of the kernel).

use super::files::{self, keyed};
use super::{hosts::Instance, Counters};
use crate::lab::{holds, Protection};
use crate::protocol::message::Limits;
use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{openat, Mode, OFlags};
use rustix::process::{pidfd_open, pidfd_send_signal, Pid, PidfdFlags, Signal};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const CFS_PERIOD_US: u64 = 100_000;
/// Rounds of freeze, signal, thaw before giving the group up to the caller's own retry.
const KILL_ROUNDS: usize = 8;

pub struct Hierarchies {
    memory: OwnedFd,
    cpu: OwnedFd,
    cpuacct: OwnedFd,
    pids: OwnedFd,
    freezer: OwnedFd,
    /// Without a v2 tree, membership and kill are the freezer's.
    use_freezer: bool,
}

impl Hierarchies {
    pub fn open(instance: &Instance) -> Result<Hierarchies, String> {
        let hierarchies = Hierarchies {
            memory: instance.v1("memory")?,
            cpu: instance.v1("cpu")?,
            cpuacct: instance.v1("cpuacct")?,
            pids: instance.v1("pids")?,
            freezer: instance.v1("freezer")?,
            use_freezer: instance.v2_path().is_none(),
        };
        // Children inherit it: never swap a sandbox's pages.
        files::write_if_there(hierarchies.memory.as_fd(), "memory.swappiness", b"0")
            .map_err(|error| format!("cannot set memory.swappiness: {error}"))?;
        Ok(hierarchies)
    }

    /// Controllers mounted together (cpu,cpuacct) share one folder: each is made once.
    fn distinct(&self) -> Vec<&OwnedFd> {
        let mut folders = vec![&self.memory, &self.cpu, &self.cpuacct, &self.pids];
        if self.use_freezer {
            folders.push(&self.freezer);
        }
        let mut seen = Vec::new();
        folders.retain(|folder| {
            let id = rustix::fs::fstat(folder).map(|stat| (stat.st_dev, stat.st_ino)).ok();
            let new = !seen.contains(&id);
            seen.push(id);
            new
        });
        folders
    }

    pub fn create(&self, name: &OsStr) -> io::Result<Group> {
        for folder in self.distinct() {
            files::make_folder(folder.as_fd(), name)?;
        }
        let open = |folder: &OwnedFd| files::open_folder(folder.as_fd(), name);
        Ok(Group {
            memory: open(&self.memory)?,
            cpu: open(&self.cpu)?,
            cpuacct: open(&self.cpuacct)?,
            pids: open(&self.pids)?,
            freezer: if self.use_freezer { Some(open(&self.freezer)?) } else { None },
            oom_event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        for folder in self.distinct() {
            files::remove_folder(folder.as_fd(), name)?;
        }
        Ok(())
    }
}

pub struct Group {
    memory: OwnedFd,
    cpu: OwnedFd,
    cpuacct: OwnedFd,
    pids: OwnedFd,
    freezer: Option<OwnedFd>,
    oom_event: OwnedFd,
}

impl Group {
    pub fn write(&self, limits: &Limits, cores: u64) -> io::Result<()> {
        if holds(Protection::MemoryLimit) {
            let bytes = limits.memory_kb * 1024;
            files::write_number(self.memory.as_fd(), "memory.limit_in_bytes", bytes)?;
            let all = bytes.to_string();
            files::write_if_there(
                self.memory.as_fd(),
                "memory.memsw.limit_in_bytes",
                all.as_bytes(),
            )?;
            self.watch_oom()?;
        }
        if holds(Protection::PidsLimit) {
            // One more than asked: the sandbox's own PID 1.
            files::write_number(self.pids.as_fd(), "pids.max", limits.processes + 1)?;
        }
        if limits.cpus < cores && holds(Protection::CpuRate) {
            let quota = limits.cpus * CFS_PERIOD_US;
            files::write_number(self.cpu.as_fd(), "cpu.cfs_quota_us", quota)?;
        }
        Ok(())
    }

    fn watch_oom(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let control = openat(&self.memory, "memory.oom_control", flags, Mode::empty())?;
        let words = format!("{} {}", self.oom_event.as_raw_fd(), control.as_raw_fd());
        files::write(self.memory.as_fd(), "cgroup.event_control", words.as_bytes())
    }

    pub fn join(&self, pid: u32) -> io::Result<()> {
        let groups = [&self.memory, &self.cpu, &self.cpuacct, &self.pids];
        for group in groups.into_iter().chain(&self.freezer) {
            files::write_number(group.as_fd(), "cgroup.procs", u64::from(pid))?;
        }
        Ok(())
    }

    pub fn oom_event(&self) -> Option<&OwnedFd> {
        Some(&self.oom_event)
    }

    /// Freezes the group, so that nobody in it can fork, and signals each by its pidfd.
    pub fn freeze_and_kill(&self) {
        let Some(freezer) = &self.freezer else { return };
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

    pub fn cpu_us(&self) -> u64 {
        files::read_number(self.cpuacct.as_fd(), "cpuacct.usage") / 1000
    }

    pub fn counters(&self) -> Counters {
        let peak = files::read_number(self.memory.as_fd(), "memory.max_usage_in_bytes");
        let stat = files::read(self.memory.as_fd(), "memory.stat").unwrap_or_default();
        let oom = files::read(self.memory.as_fd(), "memory.oom_control").unwrap_or_default();
        let pids = files::read(self.pids.as_fd(), "pids.events").unwrap_or_default();
        let dirty = keyed(&stat, "dirty") + keyed(&stat, "writeback");
        let memory_kb = files::counted_memory_kb(
            peak,
            keyed(&stat, "cache"),
            keyed(&stat, "shmem"),
            dirty,
            keyed(&stat, "rss"),
        );
        Counters {
            cpu_us: self.cpu_us(),
            memory_kb,
            oom_kills: keyed(&oom, "oom_kill"),
            pids_refused: keyed(&pids, "max"),
        }
    }
}
