//! What is written into a group for the limits of a request: the arithmetic, for both versions.

use crate::protocol::message::Limits;

pub const PERIOD_US: u64 = 100_000;

pub fn memory_bytes(limits: &Limits) -> u64 {
    limits.memory_kb.saturating_mul(1024)
}

/// One more than asked: the sandbox's own PID 1.
pub fn pids_max(limits: &Limits) -> u64 {
    limits.processes.saturating_add(1)
}

/// CPU time in each period; `None` where the program may use every core.
pub fn quota_us(limits: &Limits, cores: u64) -> Option<u64> {
    (limits.cpus < cores).then(|| limits.cpus.saturating_mul(PERIOD_US))
}
