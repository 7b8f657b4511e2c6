//! Resource limits of the program (getrlimit(2)): a second line behind the cgroup, and the first
//! for what no cgroup counts.

use crate::lab::{holds, Protection};
use crate::protocol::message::Limits;
use rustix::process::{getrlimit, prlimit, setrlimit, Pid, Resource, Rlimit};
use std::io;

/// Not 0: only a limit of exactly one byte keeps the kernel from starting the host's crash handler
/// where core_pattern is a pipe (core(5), fs/coredump.c). No file is that small, so none is made.
const CORE_BYTES: u64 = 1;
const MEMLOCK_BYTES: u64 = 64 * 1024;
const SIGNALS_PENDING: u64 = 1024;
/// The supervisor ends a run by the cgroup's CPU clock; the kernel's own limit stands behind it.
const CPU_SLACK_SECONDS: u64 = 2;

pub type Row = (Protection, Resource, u64);

/// How many of them a request decides.
pub const ASKED: usize = 5;

/// Soft and hard limit of what is the same for every run.
pub const FIXED: [Row; 6] = [
    (Protection::CoreLimit, Resource::Core, CORE_BYTES),
    (Protection::MemlockLimit, Resource::Memlock, MEMLOCK_BYTES),
    (Protection::MsgqueueLimit, Resource::Msgqueue, 0),
    (Protection::SigpendingLimit, Resource::Sigpending, SIGNALS_PENDING),
    (Protection::NiceLimit, Resource::Nice, 0),
    (Protection::NiceLimit, Resource::Rtprio, 0),
];

/// Which resources a request decides about.
const RESOURCES: [(Protection, Resource); ASKED] = [
    (Protection::FileLimit, Resource::Fsize),
    (Protection::OpenFiles, Resource::Nofile),
    (Protection::StackLimit, Resource::Stack),
    (Protection::PidsLimit, Resource::Nproc),
    (Protection::CpuTime, Resource::Cpu),
];

/// Soft and hard limit of what the request decides.
pub fn asked(limits: &Limits, has_pids_group: bool) -> [Row; ASKED] {
    let processes = match has_pids_group {
        // Above the cgroup's, which counts refusals; this one stands behind it.
        true => limits.processes.saturating_mul(2).saturating_add(16),
        // PID 1, and one past the limit for the watch to see (cgroup/watched.rs).
        false => limits.processes.saturating_add(2),
    };
    let kib = |value: u64| value.saturating_mul(1024);
    of([
        kib(limits.file_kb),
        limits.open_files,
        kib(limits.stack_kb),
        processes,
        limits.cpu_time_ms / 1000 + CPU_SLACK_SECONDS,
    ])
}

/// The same from values that came another way, in the same order.
pub fn of(values: [u64; ASKED]) -> [Row; ASKED] {
    let mut rows = RESOURCES.map(|(protection, resource)| (protection, resource, 0));
    for (row, value) in rows.iter_mut().zip(values) {
        row.2 = value;
    }
    rows
}

/// Sets only the soft limits, for a runtime that is booted before its request is known. Of the
/// stack both, which it is booted for: at its end execve(2) puts back the limits of the stack that
/// it began with, whoever has set others meanwhile.
pub fn apply_soft(table: &[Row]) -> io::Result<()> {
    for (protection, resource, value) in table {
        if holds(*protection) {
            let maximum = getrlimit(*resource).maximum;
            let current = Some(maximum.map_or(*value, |maximum| maximum.min(*value)));
            let maximum = if *resource == Resource::Stack { current } else { maximum };
            setrlimit(*resource, Rlimit { current, maximum })?;
        }
    }
    Ok(())
}

/// As `apply`, to another process of the same uid.
pub fn apply_to(pid: Pid, table: &[Row]) -> io::Result<()> {
    for (protection, resource, value) in table {
        if holds(*protection) {
            let limit = Rlimit { current: Some(*value), maximum: Some(*value) };
            prlimit(Some(pid), *resource, limit)?;
        }
    }
    Ok(())
}

pub fn apply(table: &[Row]) -> io::Result<()> {
    for (protection, resource, value) in table {
        if holds(*protection) {
            setrlimit(*resource, Rlimit { current: Some(*value), maximum: Some(*value) })?;
        }
    }
    Ok(())
}
