//! Resource limits of the program (getrlimit(2)): a second line behind the cgroup, and the first
//! for what no cgroup counts.

use crate::lab::{holds, Protection};
use crate::protocol::message::Limits;
use rustix::process::{setrlimit, Resource, Rlimit};
use std::io;

/// Not 0: only a limit of exactly one byte keeps the kernel from starting the host's crash handler
/// where core_pattern is a pipe (core(5), fs/coredump.c). No file is that small, so none is made.
const CORE_BYTES: u64 = 1;
const MEMLOCK_BYTES: u64 = 64 * 1024;
const SIGNALS_PENDING: u64 = 1024;
/// The supervisor ends a run by the cgroup's CPU clock; the kernel's own limit stands behind it.
const CPU_SLACK_SECONDS: u64 = 2;

/// Soft and hard limit of each resource for one run, with the protection that each one is.
pub fn table(limits: &Limits) -> [(Protection, Resource, u64); 11] {
    let kib = |value: u64| value.saturating_mul(1024);
    [
        (Protection::CoreLimit, Resource::Core, CORE_BYTES),
        (Protection::FileLimit, Resource::Fsize, kib(limits.file_kb)),
        (Protection::OpenFiles, Resource::Nofile, limits.open_files),
        (Protection::StackLimit, Resource::Stack, kib(limits.stack_kb)),
        (Protection::MemlockLimit, Resource::Memlock, MEMLOCK_BYTES),
        (Protection::MsgqueueLimit, Resource::Msgqueue, 0),
        (Protection::SigpendingLimit, Resource::Sigpending, SIGNALS_PENDING),
        (Protection::NiceLimit, Resource::Nice, 0),
        (Protection::NiceLimit, Resource::Rtprio, 0),
        // Above the cgroup's, which counts refusals; this one stands behind it.
        (Protection::PidsLimit, Resource::Nproc, limits.processes * 2 + 16),
        (Protection::CpuTime, Resource::Cpu, limits.cpu_time_ms / 1000 + CPU_SLACK_SECONDS),
    ]
}

pub fn apply(table: &[(Protection, Resource, u64)]) -> io::Result<()> {
    for (protection, resource, value) in table {
        if holds(*protection) {
            setrlimit(*resource, Rlimit { current: Some(*value), maximum: Some(*value) })?;
        }
    }
    Ok(())
}
