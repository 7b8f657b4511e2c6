//! How a command ended, decided once, from what the kernel shows: pure, so that it can be tested.

use crate::child::report::Ended;
use crate::protocol::message::{LimitName, Limits, Outcome};
use crate::protocol::steps::SetupFailure;

#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The limit for which the supervisor ended the run.
    pub killed_for: Option<LimitName>,
    pub ended: Option<Ended>,
    pub oom_kills: u64,
    pub pids_refused: u64,
    pub wall_us: u64,
    pub cpu_us: u64,
}

/// The outcome, and every limit that the kernel shows was met.
pub fn judge(evidence: &Evidence, limits: &Limits) -> (Outcome, Vec<LimitName>) {
    let ended = evidence.ended;
    let signal = ended.and_then(|end| end.signal);
    let mut hit = Vec::new();
    let mut note = |met: bool, limit| {
        if met {
            hit.push(limit);
        }
    };
    let killed_for = |limit| evidence.killed_for == Some(limit);
    note(evidence.oom_kills > 0 || killed_for(LimitName::MemoryKb), LimitName::MemoryKb);
    note(killed_for(LimitName::OutputKb), LimitName::OutputKb);
    let cpu_over = evidence.cpu_us >= limits.cpu_time_ms.saturating_mul(1000);
    let cpu = killed_for(LimitName::CpuTimeMs) || cpu_over || signal == Some(libc::SIGXCPU);
    note(cpu, LimitName::CpuTimeMs);
    let wall_over = evidence.wall_us >= limits.wall_time_ms.saturating_mul(1000);
    note(killed_for(LimitName::WallTimeMs) || wall_over, LimitName::WallTimeMs);
    note(ended.is_some_and(|end| end.disk_full), LimitName::DiskKb);
    note(signal == Some(libc::SIGXFSZ), LimitName::FileKb);
    let processes = evidence.pids_refused > 0 || killed_for(LimitName::Processes);
    note(processes, LimitName::Processes);
    (outcome(evidence, &hit), hit)
}

fn outcome(evidence: &Evidence, hit: &[LimitName]) -> Outcome {
    let exit_code = evidence.ended.and_then(|end| end.exit_code);
    let signal = evidence.ended.and_then(|end| end.signal);
    // Memory first: the kernel's kill is a fact, whatever the supervisor did a moment later.
    let ending =
        [LimitName::MemoryKb, LimitName::OutputKb, LimitName::CpuTimeMs, LimitName::WallTimeMs];
    // Refused by the kernel where it counts processes, ended where they are only watched.
    let watched = evidence.killed_for.filter(|limit| *limit == LimitName::Processes);
    if let Some(limit) = ending.into_iter().find(|limit| hit.contains(limit)).or(watched) {
        let killed = if exit_code.is_none() { Some(libc::SIGKILL) } else { None };
        let signal = signal.or(killed).map(signal_name);
        return Outcome::LimitExceeded { limit, exit_code, signal };
    }
    // These refuse an operation; a program that copes and exits 0 is fine.
    let refusing = [LimitName::DiskKb, LimitName::FileKb, LimitName::Processes];
    let refused = refusing.into_iter().find(|limit| hit.contains(limit));
    match (exit_code, signal, refused) {
        (Some(0), _, _) => Outcome::Exited { exit_code: 0 },
        (None, None, _) => Outcome::SetupFailed { step: "supervise", errno: "ECHILD".to_string() },
        (exit_code, signal, Some(limit)) => {
            Outcome::LimitExceeded { limit, exit_code, signal: signal.map(signal_name) }
        }
        (Some(exit_code), _, None) => Outcome::Exited { exit_code },
        (None, Some(signal), None) => Outcome::Signalled { signal: signal_name(signal) },
    }
}

const SIGNALS: [&str; 32] = [
    "SIG0",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];
/// The first real-time signal that glibc leaves to programs (signal(7)).
const SIGRTMIN: i32 = 34;

/// The name of a signal, as signal(7) lists it.
pub fn signal_name(number: i32) -> String {
    match usize::try_from(number).ok().and_then(|index| SIGNALS.get(index)) {
        Some(name) => (*name).to_string(),
        None if number >= SIGRTMIN => format!("SIGRTMIN+{}", number - SIGRTMIN),
        None => format!("SIG{number}"),
    }
}

const ERRNOS: [(i32, &str); 24] = [
    (libc::EPERM, "EPERM"),
    (libc::ENOENT, "ENOENT"),
    (libc::EIO, "EIO"),
    (libc::E2BIG, "E2BIG"),
    (libc::ENOEXEC, "ENOEXEC"),
    (libc::EBADF, "EBADF"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EACCES, "EACCES"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::EEXIST, "EEXIST"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::EINVAL, "EINVAL"),
    (libc::ENFILE, "ENFILE"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::EROFS, "EROFS"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::ELOOP, "ELOOP"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::EOVERFLOW, "EOVERFLOW"),
    (libc::ESRCH, "ESRCH"),
];

/// The name of an errno, as errno(3) lists it; its number where it is an unusual one.
pub fn errno_name(number: i32) -> String {
    let known = ERRNOS.iter().find(|(errno, _)| *errno == number);
    known.map_or_else(|| format!("errno {number}"), |(_, name)| (*name).to_string())
}

/// The outcome of a setup that failed.
pub fn setup_failed(failure: SetupFailure) -> Outcome {
    Outcome::SetupFailed { step: failure.step.name(), errno: errno_name(failure.errno) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        wall_time_ms: 1000,
        cpu_time_ms: 1000,
        memory_kb: 1,
        stack_kb: 1,
        cpus: 1,
        output_kb: 1,
        disk_kb: 1,
        file_kb: 1,
        processes: 1,
        open_files: 1,
    };

    fn exited(code: i32) -> Evidence {
        let ended = Ended { at_ns: 0, exit_code: Some(code), signal: None, disk_full: false };
        Evidence {
            killed_for: None,
            ended: Some(ended),
            oom_kills: 0,
            pids_refused: 0,
            wall_us: 1,
            cpu_us: 1,
        }
    }

    fn signalled(signal: i32) -> Evidence {
        let ended = Ended { at_ns: 0, exit_code: None, signal: Some(signal), disk_full: false };
        Evidence { ended: Some(ended), ..exited(0) }
    }

    fn limit_of(evidence: &Evidence) -> Option<LimitName> {
        match judge(evidence, &LIMITS).0 {
            Outcome::LimitExceeded { limit, .. } => Some(limit),
            _ => None,
        }
    }

    #[test]
    fn a_clean_exit_keeps_its_code() {
        assert_eq!(judge(&exited(3), &LIMITS).0, Outcome::Exited { exit_code: 3 });
    }

    #[test]
    fn sigkill_with_an_oom_kill_is_the_memory_limit_and_without_one_a_signal() {
        let evidence = signalled(libc::SIGKILL);
        assert_eq!(
            judge(&evidence, &LIMITS).0,
            Outcome::Signalled { signal: "SIGKILL".to_string() }
        );
        assert_eq!(limit_of(&Evidence { oom_kills: 1, ..evidence }), Some(LimitName::MemoryKb));
    }

    #[test]
    fn a_refused_process_is_no_failure_of_a_program_that_copes() {
        let copes = Evidence { pids_refused: 4, ..exited(0) };
        assert_eq!(judge(&copes, &LIMITS).0, Outcome::Exited { exit_code: 0 });
        assert_eq!(judge(&copes, &LIMITS).1, vec![LimitName::Processes]);
        assert_eq!(
            limit_of(&Evidence { pids_refused: 4, ..exited(1) }),
            Some(LimitName::Processes)
        );
    }

    #[test]
    fn time_is_over_at_its_bound_and_not_before() {
        assert_eq!(limit_of(&Evidence { cpu_us: 999_999, ..exited(0) }), None);
        let at = Evidence { cpu_us: 1_000_000, ..exited(0) };
        assert_eq!(limit_of(&at), Some(LimitName::CpuTimeMs));
        let late = Evidence { wall_us: 1_000_000, ..exited(0) };
        assert_eq!(limit_of(&late), Some(LimitName::WallTimeMs));
        assert_eq!(limit_of(&Evidence { wall_us: 999_999, ..exited(0) }), None);
    }

    #[test]
    fn a_pid_1_that_vanished_is_the_launchers_failure() {
        let lost = Evidence { ended: None, ..exited(0) };
        assert!(matches!(judge(&lost, &LIMITS).0, Outcome::SetupFailed { .. }));
    }

    proptest! {
        #[test]
        fn every_limit_that_ended_a_run_is_among_those_hit(
            (oom_kills, pids_refused) in (0u64..2, 0u64..2),
            (wall_us, cpu_us) in (0u64..2_000_000, 0u64..2_000_000),
            (code, signal) in (proptest::option::of(0i32..256), proptest::option::of(1i32..65)),
            disk_full: bool,
        ) {
            let ended = Ended { at_ns: 0, exit_code: code, signal, disk_full };
            let evidence = Evidence { killed_for: None, ended: Some(ended), oom_kills,
                pids_refused, wall_us, cpu_us };
            let (outcome, hit) = judge(&evidence, &LIMITS);
            if let Outcome::LimitExceeded { limit, .. } = outcome {
                prop_assert!(hit.contains(&limit));
            }
            if oom_kills > 0 {
                prop_assert_eq!(limit_of(&evidence), Some(LimitName::MemoryKb));
            }
        }
    }

    #[test]
    fn signals_have_their_names() {
        assert_eq!(signal_name(9), "SIGKILL");
        assert_eq!(signal_name(31), "SIGSYS");
        assert_eq!(signal_name(36), "SIGRTMIN+2");
    }
}
