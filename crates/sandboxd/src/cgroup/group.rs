//! What one sandbox is limited, counted and ended by.

use super::kept::Kept;
use super::{files, memory, v1, v2, watched};
use crate::protocol::message::Limits;
use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the kernel counted for one sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub cpu_us: u64,
    pub oom_kills: u64,
    /// How often a new process was refused.
    pub pids_refused: u64,
}

/// The groups of one sandbox.
pub struct Group {
    pub(super) name: OsString,
    pub(super) limits: GroupLimits,
    pub(super) unified: Option<Kept>,
    /// The limits that were written last.
    pub(super) in_force: Cell<Option<Limits>>,
}

pub(super) enum GroupLimits {
    V1(Box<v1::Group>),
    V2,
    Watched(Box<watched::Watched>),
}

impl Group {
    /// The v2 folder that clone3 can start a child in.
    pub fn clone_target(&self) -> Option<BorrowedFd<'_>> {
        self.unified.as_ref().map(AsFd::as_fd)
    }

    /// Moves a process that CLONE_INTO_CGROUP could not place (v1 knows no such thing) and checks
    /// that it arrived in every group.
    pub fn join(&self, pid: u32) -> io::Result<()> {
        match &self.limits {
            GroupLimits::V1(group) => {
                group.join(pid)?;
                let alone = ["memory", "cpu", "pids", "cpuacct", "freezer"];
                let hybrid = ["memory", "cpu", "pids", ""];
                let expected = if self.unified.is_some() { &hybrid[..] } else { &alone[..] };
                files::check_membership(pid, &self.name, expected)
            }
            GroupLimits::V2 => files::check_membership(pid, &self.name, &[""]),
            GroupLimits::Watched(watched) => watched.attach(pid),
        }
    }

    /// Writes every limit, unless these are in force already. Of times no group knows.
    pub fn limit(&self, limits: &Limits, cores: u64) -> io::Result<()> {
        let limits = &Limits { cpu_time_ms: 0, wall_time_ms: 0, ..*limits };
        if self.in_force.get() == Some(*limits) {
            return Ok(());
        }
        self.in_force.set(None);
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(controllers), _) => controllers.write(limits, cores)?,
            (GroupLimits::V2, Some(folder)) => v2::write(folder.as_fd(), limits, cores)?,
            (GroupLimits::V2, None) => return Err(io::ErrorKind::NotFound.into()),
            (GroupLimits::Watched(watched), _) => watched.set(limits),
        }
        self.in_force.set(Some(*limits));
        Ok(())
    }

    /// Whether the limits in force let it hold more than these would.
    pub fn may_hold_more(&self, limits: &Limits) -> bool {
        self.in_force.get().is_none_or(|force| force.memory_kb > limits.memory_kb)
    }

    /// Opens what will be read when its run has ended, while it runs: then somebody waits for it.
    pub fn keep_open(&self) {
        if let Some(unified) = &self.unified {
            unified.keep(&["cpu.stat"]);
        }
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.keep_open(),
            (GroupLimits::V2, Some(folder)) => v2::keep_open(folder),
            (GroupLimits::V2, None) | (GroupLimits::Watched(_), _) => {}
        }
    }

    /// Whether it gets the CPU only where no other sandbox wants it. Sandboxes that are watched
    /// have no such rank.
    pub fn stand_back(&self, is_last: bool) -> io::Result<()> {
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.stand_back(is_last),
            (GroupLimits::V2, Some(folder)) => v2::stand_back(folder.as_fd(), is_last),
            (GroupLimits::V2, None) | (GroupLimits::Watched(_), _) => Ok(()),
        }
    }

    /// A descriptor that becomes readable when v1 meets the memory limit; v2 kills the group.
    pub fn oom_event(&self) -> Option<&OwnedFd> {
        match &self.limits {
            GroupLimits::V1(group) => group.oom_event(),
            GroupLimits::V2 | GroupLimits::Watched(_) => None,
        }
    }

    /// Kills every process in the group, whatever it does, without naming one by number. Without
    /// a group, PID 1's death is what kills them (pid_namespaces(7)).
    pub fn kill(&self) {
        match (&self.unified, &self.limits) {
            (Some(folder), _) => {
                let _ = files::write(folder.as_fd(), "cgroup.kill", b"1");
            }
            (None, GroupLimits::V1(group)) => group.freeze_and_kill(),
            (None, GroupLimits::V2 | GroupLimits::Watched(_)) => {}
        }
    }

    pub fn cpu_us(&self) -> u64 {
        let alone = match &self.limits {
            GroupLimits::V1(group) => group.cpu_us(),
            GroupLimits::V2 => None,
            GroupLimits::Watched(watched) => Some(watched.cpu_us()),
        };
        // cpu.stat is there without any controller of v2 (cgroup-v2.rst).
        let unified = || self.unified.as_ref().map(v2::cpu_us);
        alone.or_else(unified).unwrap_or(0)
    }

    /// What a runtime held as it booted, and holds no more, is not its request's. Where the tree is
    /// v2 alone it stays: there a mark falls only for the descriptor that was written to.
    pub fn forget_peak(&self) {
        if let GroupLimits::V1(group) = &self.limits {
            group.forget_peak();
        }
    }

    /// Processes and threads in the group now, PID 1 included.
    pub fn processes(&self) -> u64 {
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.processes(),
            (GroupLimits::V2, Some(folder)) => v2::processes(folder),
            (GroupLimits::V2, None) | (GroupLimits::Watched(_), _) => u64::MAX,
        }
    }

    /// Adds what can be seen of the memory in use now to what earlier looks have seen.
    pub fn look_at_memory(&self, seen: &mut memory::Seen) {
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.look_at_memory(seen),
            (GroupLimits::V2, Some(folder)) => v2::look_at_memory(folder, seen),
            (GroupLimits::V2, None) => {}
            (GroupLimits::Watched(watched), _) => watched.tell_memory(seen),
        }
    }

    pub fn counters(&self) -> Counters {
        let counters = match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.counters(),
            (GroupLimits::V2, Some(folder)) => v2::counters(folder),
            (GroupLimits::V2, None) => Counters::default(),
            (GroupLimits::Watched(watched), _) => watched.counters(),
        };
        Counters { cpu_us: self.cpu_us(), ..counters }
    }
}
