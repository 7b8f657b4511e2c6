//! The clocks of a run, as arithmetic: nanoseconds since boot in, nanoseconds since boot out.

use crate::protocol::message::Limits;

const MS: u64 = 1_000_000;
const CPU_CHECK_MIN_NS: u64 = MS;

/// When the wall time of a run that started then is over.
pub fn wall_ends_ns(limits: &Limits, start_ns: u64) -> u64 {
    start_ns.saturating_add(limits.wall_time_ms.saturating_mul(MS))
}

pub fn is_cpu_used_up(limits: &Limits, used_us: u64) -> bool {
    used_us >= limits.cpu_time_ms.saturating_mul(1000)
}

/// The earliest moment at which the CPU limit can be met: all CPUs busy until then.
pub fn next_cpu_check_ns(limits: &Limits, used_us: u64, now_ns: u64) -> u64 {
    let left_us = limits.cpu_time_ms.saturating_mul(1000).saturating_sub(used_us);
    let step_ns = left_us.saturating_mul(1000) / limits.cpus.max(1);
    now_ns.saturating_add(step_ns.max(CPU_CHECK_MIN_NS))
}

pub fn output_bytes_max(limits: &Limits) -> u64 {
    limits.output_kb.saturating_mul(1024)
}
