//! One sandbox while it runs: its clocks, its streams, its end.

pub mod clocks;
mod ending;

use crate::cgroup::memory::Seen;
use crate::child::report::{Ended, Report, REPORT_BYTES};
use crate::lab::{holds, Protection};
use crate::protocol::message::{LimitName, Limits, Stream};
use crate::protocol::steps::SetupFailure;
use crate::supervise::launch::{Launched, Pipes};
use rustix::io::Errno;
use rustix::process::{pidfd_send_signal, waitid, Signal, WaitId, WaitIdOptions};
use std::os::fd::{AsFd, OwnedFd};

const MS: u64 = 1_000_000;
/// Longest time from the clone to the program's execve.
const SETUP_NS: u64 = 10_000 * MS;
/// A killed sandbox is killed again until it is gone, and given up after a while.
const KILL_AGAIN_NS: u64 = 50 * MS;
const KILL_GIVE_UP_NS: u64 = 5_000 * MS;
/// How often the memory in use is looked at. A program can keep from its figure what it reads from
/// the disk within one such step, no more.
const MEMORY_STEP_NS: u64 = 20 * MS;
pub const READ_BYTES: usize = 64 * 1024;

/// Why the supervisor ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    For(LimitName),
    Cancelled,
    SetupTooSlow,
}

pub struct Running {
    pub launched: Launched,
    pub limits: Limits,
    pub stdin: Option<OwnedFd>,
    stdout: OwnedFd,
    stderr: OwnedFd,
    ended_streams: [bool; 2],
    pub began_ns: u64,
    started_ns: Option<u64>,
    prepare_cpu_us: u64,
    /// What its runtime used before it was given a program is not the program's.
    pub booted_cpu_us: u64,
    failure: Option<SetupFailure>,
    ended: Option<Ended>,
    killed: Option<(Killed, u64)>,
    next_kill_ns: u64,
    next_cpu_ns: u64,
    next_memory_ns: u64,
    memory: Seen,
    written: [u64; 2],
    truncated: [bool; 2],
    pub cpu: Option<usize>,
    /// PID 1 was reaped: every process of the sandbox is dead. When.
    pub dead_ns: Option<u64>,
}

impl Running {
    pub fn new(launched: Launched, pipes: Pipes, limits: Limits, began_ns: u64) -> Running {
        Running {
            launched,
            limits,
            stdin: Some(pipes.stdin),
            stdout: pipes.stdout,
            stderr: pipes.stderr,
            ended_streams: [false; 2],
            began_ns,
            started_ns: None,
            prepare_cpu_us: 0,
            booted_cpu_us: 0,
            failure: None,
            ended: None,
            killed: None,
            next_kill_ns: u64::MAX,
            next_cpu_ns: u64::MAX,
            next_memory_ns: u64::MAX,
            memory: Seen::default(),
            written: [0; 2],
            truncated: [false; 2],
            cpu: None,
            dead_ns: None,
        }
    }

    pub fn has_started(&self) -> bool {
        self.started_ns.is_some()
    }

    /// The pipe of a stream that has not ended.
    pub fn pipe(&self, stream: Stream) -> Option<&OwnedFd> {
        let ended = self.ended_streams.get(stream as usize).copied().unwrap_or(true);
        match stream {
            _ if ended => None,
            Stream::Stdout => Some(&self.stdout),
            Stream::Stderr => Some(&self.stderr),
        }
    }

    /// Every descriptor that a poller may be watching.
    pub fn descriptors(&self) -> impl Iterator<Item = &OwnedFd> {
        let fixed = [&self.stdout, &self.stderr, &self.launched.pidfd, &self.launched.report];
        fixed.into_iter().chain(&self.stdin).chain(self.launched.others())
    }

    pub fn raw_pipe(&self, stream: Stream) -> &OwnedFd {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    pub fn end_stream(&mut self, stream: Stream) {
        if let Some(ended) = self.ended_streams.get_mut(stream as usize) {
            *ended = true;
        }
    }

    /// Reads what PID 1 reported. Gives the time from the launch to the start, once.
    pub fn read_reports(&mut self) -> Option<u64> {
        let mut started = None;
        let mut bytes = [0u8; REPORT_BYTES];
        while let Ok(REPORT_BYTES) = rustix::io::read(&self.launched.report, &mut bytes) {
            match Report::decode(&bytes) {
                Some(Report::Started { at_ns, prepare_cpu_us, cpu }) => {
                    self.cpu = Some(cpu as usize);
                    self.started_ns = Some(at_ns);
                    self.prepare_cpu_us = prepare_cpu_us.max(self.booted_cpu_us);
                    self.next_cpu_ns = self.next_look_ns(0, at_ns);
                    self.next_memory_ns = at_ns + MEMORY_STEP_NS;
                    started = Some(at_ns.saturating_sub(self.began_ns) / 1000);
                }
                Some(Report::Ended(ended)) => self.ended = Some(ended),
                Some(Report::Failed(failure)) => self.failure = Some(failure),
                Some(Report::There) | None => {}
            }
        }
        started
    }

    pub fn age_us(&self, now_ns: u64) -> u64 {
        self.started_ns.map_or(0, |start| now_ns.saturating_sub(start) / 1000)
    }

    /// Counts what was read of a stream; gives how many of the bytes are within its limit.
    pub fn count(&mut self, stream: Stream, bytes: usize, now_ns: u64) -> usize {
        let index = stream as usize;
        let allowed = clocks::output_bytes_max(&self.limits);
        let (Some(written), Some(truncated)) =
            (self.written.get_mut(index), self.truncated.get_mut(index))
        else {
            return 0;
        };
        let room = allowed.saturating_sub(*written);
        *written += bytes as u64;
        if *written > allowed {
            *truncated = true;
            if holds(Protection::OutputLimit) {
                self.kill(Killed::For(LimitName::OutputKb), now_ns);
            }
        }
        bytes.min(usize::try_from(room).unwrap_or(usize::MAX))
    }

    pub fn cancel(&mut self, now_ns: u64) {
        self.kill(Killed::Cancelled, now_ns);
    }

    /// v1 met the memory limit: the kernel killed one process, we end the rest at once.
    pub fn oom(&mut self, now_ns: u64) {
        self.kill(Killed::For(LimitName::MemoryKb), now_ns);
    }

    fn kill(&mut self, why: Killed, now_ns: u64) {
        if self.killed.is_none() {
            self.killed = Some((why, now_ns));
        }
        let _ = pidfd_send_signal(&self.launched.pidfd, Signal::KILL);
        self.launched.group.kill();
        self.next_kill_ns = now_ns + KILL_AGAIN_NS;
    }

    /// When `tick` wants to be called next.
    pub fn deadline_ns(&self) -> u64 {
        if self.killed.is_some() {
            return self.next_kill_ns;
        }
        match self.started_ns {
            None => self.began_ns + SETUP_NS,
            Some(start) => {
                let wall = clocks::wall_ends_ns(&self.limits, start);
                let wall = if holds(Protection::WallTime) { wall } else { u64::MAX };
                wall.min(self.next_cpu_ns).min(self.next_memory_ns)
            }
        }
    }

    /// Holds the clocks to their limits. `false` when the sandbox could not be killed.
    pub fn tick(&mut self, now_ns: u64) -> bool {
        if now_ns < self.deadline_ns() {
            return true;
        }
        if let Some((why, since_ns)) = self.killed {
            self.kill(why, now_ns);
            return now_ns.saturating_sub(since_ns) < KILL_GIVE_UP_NS;
        }
        let Some(start) = self.started_ns else {
            self.kill(Killed::SetupTooSlow, now_ns);
            return true;
        };
        if now_ns >= clocks::wall_ends_ns(&self.limits, start) && holds(Protection::WallTime) {
            self.kill(Killed::For(LimitName::WallTimeMs), now_ns);
            return true;
        }
        if now_ns >= self.next_memory_ns {
            self.launched.group.look_at_memory(&mut self.memory);
            self.next_memory_ns = now_ns + MEMORY_STEP_NS;
        }
        if now_ns < self.next_cpu_ns {
            return true;
        }
        let watched = self.launched.group.look();
        let used_us = self.launched.group.cpu_us().saturating_sub(self.prepare_cpu_us);
        let cpu_over = clocks::is_cpu_used_up(&self.limits, used_us);
        let cpu = (cpu_over && holds(Protection::CpuTime)).then_some(LimitName::CpuTimeMs);
        if let Some(limit) = watched.or(cpu) {
            self.kill(Killed::For(limit), now_ns);
        } else {
            self.next_cpu_ns = self.next_look_ns(used_us, now_ns);
        }
        true
    }

    /// When the CPU limit can be met at the earliest, or what no cgroup limits is looked at again.
    fn next_look_ns(&self, used_us: u64, now_ns: u64) -> u64 {
        let look_ns = now_ns.saturating_add(self.launched.group.look_step_ns());
        clocks::next_cpu_check_ns(&self.limits, used_us, now_ns).min(look_ns)
    }

    /// PID 1 can be reaped: the kernel has ended every process of its pid namespace.
    pub fn reap(&mut self, now_ns: u64) {
        self.launched.group.look_at_end();
        let id = WaitId::PidFd(self.launched.pidfd.as_fd());
        let reaped = waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        if matches!(reaped, Ok(Some(_)) | Err(Errno::CHILD)) {
            self.dead_ns = Some(now_ns);
            self.launched.group.kill();
        }
    }

    /// Only our PID 1 is left: nothing more can be written or used, and the answer need not wait
    /// for the kernel to take the namespaces down.
    pub fn is_settled(&self) -> bool {
        self.dead_ns.is_some()
            || (self.ended.is_some()
                && holds(Protection::PidsLimit)
                && self.launched.group.processes() == 1)
    }
}

/// Whatever becomes of the one who watches it, no sandbox outlives its supervision.
impl Drop for Running {
    fn drop(&mut self) {
        if self.dead_ns.is_none() && holds(Protection::Teardown) {
            let _ = pidfd_send_signal(&self.launched.pidfd, Signal::KILL);
            self.launched.group.kill();
        }
    }
}
