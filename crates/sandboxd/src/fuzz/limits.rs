//! The arithmetic of limits: whatever is asked for, a number that the kernel is told is the number
//! that was meant, and what is refused could not have been.

use crate::cgroup::numbers::{memory_bytes, pids_max, quota_us, PERIOD_US};
use crate::child::plan::{check_limits, tmpfs_size};
use crate::confine::rlimits;
use crate::protocol::message::Limits;
use crate::supervise::running::clocks::{
    is_cpu_used_up, next_cpu_check_ns, output_bytes_max, wall_ends_ns,
};
use proptest::prelude::*;

/// Any number at all, or one beside a bound, where mistakes are.
fn number() -> impl Strategy<Value = u64> {
    let bounds = [0u64, 1, 4, 8, 64, 512, 4096, 256 << 10, 600_000, 1 << 20, 64 << 20, u64::MAX];
    let near = (proptest::sample::select(bounds.to_vec()), 0u64..3);
    prop_oneof![
        any::<u64>(),
        near.clone().prop_map(|(bound, by)| bound.saturating_add(by)),
        near.prop_map(|(bound, by)| bound.saturating_sub(by)),
    ]
}

fn asked() -> impl Strategy<Value = Limits> {
    proptest::array::uniform10(number()).prop_map(limits_of)
}

/// What every launcher with so many cores accepts.
fn accepted(cores: u64) -> impl Strategy<Value = Limits> {
    let clocks = (1..=600_000u64, 1..=600_000u64, 512..=64u64 << 20, 64..=1u64 << 20);
    let counts = (1..=cores, 0..=16u64 << 10, 4..=1u64 << 20, 0..=1u64 << 20);
    (clocks, counts, 1..=512u64, 8..=4096u64).prop_map(|(first, second, processes, files)| {
        let ((wall, cpu, memory, stack), (cpus, output, disk, file)) = (first, second);
        limits_of([wall, cpu, memory, stack, cpus, output, disk, file, processes, files])
    })
}

fn limits_of(numbers: [u64; 10]) -> Limits {
    let [wall_time_ms, cpu_time_ms, memory_kb, stack_kb, cpus, ..] = numbers;
    let [.., output_kb, disk_kb, file_kb, processes, open_files] = numbers;
    Limits {
        wall_time_ms,
        cpu_time_ms,
        memory_kb,
        stack_kb,
        cpus,
        output_kb,
        disk_kb,
        file_kb,
        processes,
        open_files,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn accepted_limits_are_told_the_kernel_as_they_were_meant(limits in accepted(64)) {
        prop_assert!(check_limits(&limits, 64).is_ok());
        let exact = |value: u64, unit: u64| u128::from(value) * u128::from(unit);
        prop_assert_eq!(u128::from(memory_bytes(&limits)), exact(limits.memory_kb, 1024));
        prop_assert!(i64::try_from(memory_bytes(&limits)).is_ok(), "the kernel's number is signed");
        prop_assert_eq!(pids_max(&limits), limits.processes + 1);
        prop_assert_eq!(u128::from(output_bytes_max(&limits)), exact(limits.output_kb, 1024));
        match quota_us(&limits, 64) {
            Some(quota) => prop_assert_eq!(quota / limits.cpus, PERIOD_US),
            None => prop_assert_eq!(limits.cpus, 64),
        }
        let size = tmpfs_size(limits.disk_kb);
        prop_assert_eq!(size.strip_suffix('k').map(str::parse), Some(Ok(limits.disk_kb)));
        for (_, _, value) in rlimits::asked(&limits, true) {
            prop_assert!(value <= 1 << 30, "{value} is more than any ceiling in bytes");
        }
    }

    #[test]
    fn a_limit_past_its_ceiling_is_refused_whatever_the_others_are(
        limits in accepted(64), which in 0usize..10, far in number(),
    ) {
        let Limits { wall_time_ms, cpu_time_ms, memory_kb, stack_kb, cpus, .. } = limits;
        let Limits { output_kb, disk_kb, file_kb, processes, open_files, .. } = limits;
        let mut numbers = [wall_time_ms, cpu_time_ms, memory_kb, stack_kb, cpus, output_kb, disk_kb,
            file_kb, processes, open_files];
        let ceilings = [600_000, 600_000, 64 << 20, 1 << 20, 64, 256 << 10, 1 << 20, 1 << 20, 512,
            4096u64];
        numbers[which] = ceilings[which].saturating_add(far).saturating_add(1);
        prop_assert!(check_limits(&limits_of(numbers), 64).is_err());
    }

    #[test]
    fn no_number_overflows_even_where_nothing_was_checked(
        limits in asked(), (cores, used, now) in (number(), number(), number()),
    ) {
        let _ = check_limits(&limits, cores);
        let _ = (memory_bytes(&limits), pids_max(&limits), quota_us(&limits, cores));
        let _ = rlimits::asked(&limits, true);
        let _ = (tmpfs_size(limits.disk_kb), output_bytes_max(&limits));
        prop_assert!(wall_ends_ns(&limits, now) >= now);
        prop_assert!(next_cpu_check_ns(&limits, used, now) >= now);
        prop_assert!(is_cpu_used_up(&limits, u64::MAX));
    }

    #[test]
    fn the_next_look_at_the_cpu_clock_is_never_too_late(
        limits in accepted(64), used in 0u64..1_000_000_000, now in 0u64..1 << 60,
    ) {
        let wait_ns = next_cpu_check_ns(&limits, used, now) - now;
        let most_us = used as u128 + u128::from(wait_ns) * u128::from(limits.cpus) / 1000;
        let limit_us = u128::from(limits.cpu_time_ms) * 1000;
        // All cores busy until then use no more than is left, or than one shortest look.
        prop_assert!(most_us <= limit_us.max(used as u128 + 1000 * u128::from(limits.cpus)));
        prop_assert!(wait_ns >= 1_000_000);
    }
}
