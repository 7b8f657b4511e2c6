//! Limits where no cgroup is to be had: the launcher looks at the sandbox every few milliseconds
//! and ends what is past them (docs/architecture.md, "Reduced"). Between two looks a program can be
//! past its limit; RLIMIT_NPROC, counted for each user namespace since Linux 5.14, holds processes
//! one above theirs, so that a look can see it.

use super::census::{self, Places};
use super::group::{Counters, Group, GroupLimits};
use super::memory::{Charged, Seen};
use crate::child::monotonic_ns;
use crate::protocol::message::{LimitName, Limits};
use rustix::fs::{open, Mode, OFlags};
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

const MS: u64 = 1_000_000;
/// What one CPU can take at most, 4 GiB a second: how soon the limit could be met.
const KB_PER_MS_AND_CPU: u64 = 4 * 1024;
const STEP_MS_MIN: u64 = 2;
const STEP_MS_MAX: u64 = 10;
/// A look takes at most one part in so many of the launcher's time.
const SHARE: u64 = 4;
/// The exact figure is dear: within the limit it is asked for this often.
const EXACT_AGAIN_NS: u64 = 50 * MS;

/// One sandbox under watch.
#[derive(Default)]
pub struct Watched {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    limits: Option<Limits>,
    /// PID 1's folder in the launcher's /proc: it names this process for good.
    init: Option<OwnedFd>,
    places: Option<Places>,
    looks: u32,
    step_ns: u64,
    exact_ns: u64,
    peak_kb: u64,
    cpu_us: u64,
    refused: u64,
}

impl Watched {
    pub fn set(&self, limits: &Limits) {
        self.state.borrow_mut().limits = Some(*limits);
    }

    pub fn attach(&self, pid: u32) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let init = open(format!("/proc/{pid}"), flags, Mode::empty())?;
        self.state.borrow_mut().init = Some(init);
        Ok(())
    }

    /// Looks once. Gives the limit for which the sandbox is to be ended.
    pub fn look(&self) -> Option<LimitName> {
        self.state.borrow_mut().look()
    }

    /// Takes the last figures, which are there between PID 1's end and its being reaped.
    pub fn look_at_end(&self) {
        let mut state = self.state.borrow_mut();
        let ended = state.init.as_ref().map_or(0, |init| census::ended_cpu_us(init.as_fd()));
        state.cpu_us = state.cpu_us.max(ended);
        state.places = None;
    }

    /// When to look again: soon at first, since most programs are short.
    pub fn step_ns(&self) -> u64 {
        let state = self.state.borrow();
        let early = MS << state.looks.min(10);
        early.min(state.step_ns.max(STEP_MS_MIN * MS))
    }

    pub fn cpu_us(&self) -> u64 {
        self.state.borrow().cpu_us
    }

    /// The largest look so far: nothing of toolchain files is in it.
    pub fn tell_memory(&self, seen: &mut Seen) {
        let peak = self.state.borrow().peak_kb * 1024;
        let (file, shmem, dirty) = (0, 0, 0);
        seen.look(&Charged { peak, usage: peak, file, shmem, dirty, anon: peak });
    }

    pub fn counters(&self) -> Counters {
        let state = self.state.borrow();
        Counters { cpu_us: state.cpu_us, oom_kills: 0, pids_refused: state.refused }
    }
}

impl Group {
    /// Whether the kernel counts its processes, and refuses what is past their limit.
    pub fn holds_processes(&self) -> bool {
        !matches!(self.limits, GroupLimits::Watched(_))
    }

    /// Where no cgroup does it: looks whether a limit is passed. The kernel's own need no look.
    pub fn look(&self) -> Option<LimitName> {
        match &self.limits {
            GroupLimits::Watched(watched) => watched.look(),
            GroupLimits::V1(_) | GroupLimits::V2 => None,
        }
    }

    /// How long until the next look.
    pub fn look_step_ns(&self) -> u64 {
        match &self.limits {
            GroupLimits::Watched(watched) => watched.step_ns(),
            GroupLimits::V1(_) | GroupLimits::V2 => u64::MAX,
        }
    }

    /// PID 1 is dead and not yet reaped.
    pub fn look_at_end(&self) {
        if let GroupLimits::Watched(watched) = &self.limits {
            watched.look_at_end();
        }
    }
}

impl State {
    fn look(&mut self) -> Option<LimitName> {
        let limits = self.limits?;
        let began_ns = monotonic_ns();
        self.looks = self.looks.saturating_add(1);
        if self.places.is_none() {
            self.places = Places::open(self.init.as_ref()?.as_fd()).ok();
        }
        let places = self.places.as_ref()?;
        let counted = places.count().ok()?;
        self.cpu_us = self.cpu_us.max(counted.cpu_us);
        // Of several processes the quick figure is too high: they share what they have of a fork.
        let quick_kb = counted.memory_kb();
        let is_past = quick_kb > limits.memory_kb;
        let is_news = quick_kb > self.peak_kb && began_ns > self.exact_ns + EXACT_AGAIN_NS;
        let mut memory_kb = quick_kb;
        if counted.processes > 1 && (is_past || is_news) {
            self.exact_ns = began_ns;
            memory_kb = places.exact_memory_kb(&counted).unwrap_or(quick_kb);
        } else if counted.processes > 1 {
            memory_kb = self.peak_kb.min(quick_kb);
        }
        self.peak_kb = self.peak_kb.max(memory_kb);
        self.refused += u64::from(counted.tasks > limits.processes);
        let took_ns = monotonic_ns().saturating_sub(began_ns);
        self.step_ns = step_ns(&limits, quick_kb).max(took_ns.saturating_mul(SHARE));
        past(&limits, memory_kb, counted.tasks)
    }
}

/// One process above its limit is what the kernel allows, to be seen; more is what it did not hold.
fn past(limits: &Limits, memory_kb: u64, tasks: u64) -> Option<LimitName> {
    if memory_kb > limits.memory_kb {
        return Some(LimitName::MemoryKb);
    }
    (tasks > limits.processes + 1).then_some(LimitName::Processes)
}

fn step_ns(limits: &Limits, memory_kb: u64) -> u64 {
    let left_kb = limits.memory_kb.saturating_sub(memory_kb);
    let soonest_ms = left_kb / (KB_PER_MS_AND_CPU * limits.cpus.max(1));
    soonest_ms.clamp(STEP_MS_MIN, STEP_MS_MAX) * MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        wall_time_ms: 1,
        cpu_time_ms: 1,
        memory_kb: 65_536,
        stack_kb: 64,
        cpus: 1,
        output_kb: 0,
        disk_kb: 4,
        file_kb: 0,
        processes: 8,
        open_files: 8,
    };

    #[test]
    fn at_the_limit_is_within_it_and_past_it_is_not() {
        assert_eq!(past(&LIMITS, 65_536, 8), None);
        assert_eq!(past(&LIMITS, 65_537, 8), Some(LimitName::MemoryKb));
        assert_eq!(past(&LIMITS, 0, 9), None);
        assert_eq!(past(&LIMITS, 0, 10), Some(LimitName::Processes));
    }

    #[test]
    fn the_first_looks_come_soon() {
        let watched = Watched::default();
        assert_eq!(watched.step_ns(), MS);
        watched.state.borrow_mut().looks = 1;
        assert_eq!(watched.step_ns(), 2 * MS);
    }

    proptest! {
        #[test]
        fn the_next_look_is_never_far(memory_kb: u64, cpus in 1u64..512) {
            let step = step_ns(&Limits { cpus, ..LIMITS }, memory_kb);
            prop_assert!((STEP_MS_MIN * MS..=STEP_MS_MAX * MS).contains(&step));
        }
    }
}
