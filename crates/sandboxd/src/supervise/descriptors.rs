//! Descriptors run short before anything else does, and what can't be opened can't be read: a limit
//! whose counter is no longer seen does not hold. So the last ones are never given to newcomers.

use rustix::process::{getrlimit, Resource};
use std::os::fd::{AsRawFd, OwnedFd};

/// What a sandbox that lives may still need, with the small files that are read meanwhile.
const RESERVE: u64 = 64;
/// For each sandbox: pipes, groups and their counters, its network, workspace and connection.
const PER_SANDBOX: u64 = 28;
/// How long nobody is accepted when none is left, unless one that lives ends.
pub const PAUSE_NS: u64 = 20_000_000;

pub struct Descriptors {
    most: u64,
}

impl Descriptors {
    pub fn of_this_process() -> Descriptors {
        Descriptors { most: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) }
    }

    /// Whether only the reserve is left. The kernel gives the lowest number that is free, so a new
    /// descriptor's number is the count of those in use, or less.
    pub fn run_short(&self, newest: &OwnedFd) -> bool {
        newest.as_raw_fd() as u64 >= self.most.saturating_sub(RESERVE)
    }

    /// How many sandboxes fit beside each other, in this process and on this host.
    pub fn sandboxes(&self) -> u64 {
        let host = std::fs::read_to_string("/proc/sys/fs/file-max").unwrap_or_default();
        let host = host.trim().parse().unwrap_or(u64::MAX);
        self.most.min(host).saturating_sub(RESERVE) / PER_SANDBOX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{eventfd, EventfdFlags};

    #[test]
    fn the_reserve_is_what_is_left_below_the_limit() {
        let Ok(newest) = eventfd(0, EventfdFlags::CLOEXEC) else { unreachable!("no descriptor") };
        let number = newest.as_raw_fd() as u64;
        assert!(!Descriptors { most: number + RESERVE + 1 }.run_short(&newest));
        assert!(Descriptors { most: number + RESERVE }.run_short(&newest));
        assert!(Descriptors { most: 0 }.run_short(&newest));
        assert_eq!(Descriptors { most: RESERVE + PER_SANDBOX }.sandboxes(), 1);
        assert_eq!(Descriptors { most: 3 }.sandboxes(), 0);
    }
}
