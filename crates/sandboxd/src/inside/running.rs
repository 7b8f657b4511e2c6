//! The program while it runs: its streams, its clocks, its end. PID 1 does nothing else meanwhile.

use super::counters::{Counters, Reading};
use super::payload::Host;
use super::start;
use super::words::Request;
use super::Refusal;
use crate::child::monotonic_ns;
use crate::child::report::Ended;
use crate::protocol::message::{End, LimitName, Limits, Reply, Stream, Truncated, Usage};
use crate::protocol::steps::Step;
use crate::supervise::judge::{judge, Evidence};
use crate::sys;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{wait, WaitOptions};
use std::os::fd::OwnedFd;

const MS: u64 = 1_000_000;
/// The kernel tells nobody inside of a CPU limit or an OOM kill, so the counters are read.
const LOOK_NS: u64 = 10 * MS;
const READ_BYTES: usize = 64 * 1024;
/// The killed are waited for so long; then PID 1 leaves, and the kernel ends them with it.
const GONE_NS: u64 = 5_000 * MS;

/// What PID 1 takes ahead, to have it for telling the end.
const RESERVE_BYTES: usize = 512 * 1024;

struct Running<'a> {
    limits: Limits,
    counters: &'a Counters,
    before: Reading,
    most_bytes: u64,
    started_ns: u64,
    main: i32,
    input: &'a [u8],
    stdin: Option<OwnedFd>,
    streams: [(Stream, Option<OwnedFd>); 2],
    written: [u64; 2],
    truncated: [bool; 2],
    killed_for: Option<LimitName>,
    ended: Option<Ended>,
}

/// Runs the program to its end, and everything that it started with it.
pub fn run(request: &Request, host: &Host, counters: &Counters) -> Result<End, Refusal> {
    let (ends, stdin, streams) = start::pipes().map_err(Step::Descriptors.failed())?;
    // Given back when all others are dead: files of theirs may have taken every other page.
    let reserve = vec![1u8; RESERVE_BYTES];
    let before = counters.read();
    let (main, started_ns) = start::spawn(request, host, &ends)?;
    drop(ends);
    let mut running = Running {
        limits: request.limits,
        counters,
        before,
        most_bytes: 0,
        started_ns,
        main,
        input: &request.stdin,
        stdin: Some(stdin),
        streams,
        written: [0; 2],
        truncated: [false; 2],
        killed_for: None,
        ended: None,
    };
    super::send(&Reply::Started { prepare_us: 0, prepared: false }, &[]).map_err(gone)?;
    while running.ended.is_none() && running.killed_for.is_none() {
        running.wait_for_something();
        running.feed();
        running.forward()?;
        running.reap();
        running.hold_limits();
    }
    running.end_all().map_err(Step::Release.failed())?;
    drop(std::hint::black_box(reserve));
    running.forward()?;
    Ok(running.judge())
}

fn gone(error: std::io::Error) -> Refusal {
    Refusal::Gone(error.to_string())
}

impl Running<'_> {
    fn wait_for_something(&self) {
        let wall = self.started_ns + self.limits.wall_time_ms.saturating_mul(MS);
        let left_ns = wall.saturating_sub(monotonic_ns()).min(LOOK_NS);
        let wait = Timespec { tv_sec: 0, tv_nsec: left_ns as i64 };
        let control = rustix::stdio::stdin();
        let mut fds = vec![PollFd::new(&control, PollFlags::IN)];
        fds.extend(self.stdin.as_ref().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        let open = self.streams.iter().filter_map(|(_, fd)| fd.as_ref());
        fds.extend(open.map(|fd| PollFd::new(fd, PollFlags::IN)));
        let _ = poll(&mut fds, Some(&wait));
        let client = fds.first().map_or(PollFlags::empty(), PollFd::revents);
        if !client.is_empty() {
            // Nothing is due on it: the client is gone, and the container goes with us.
            sys::exit_now(1);
        }
    }

    /// Input as far as the program takes it.
    fn feed(&mut self) {
        while let Some(stdin) = &self.stdin {
            if self.input.is_empty() {
                self.stdin = None;
                return;
            }
            match rustix::io::write(stdin, self.input) {
                Ok(count) => self.input = self.input.get(count..).unwrap_or_default(),
                Err(Errno::AGAIN | Errno::INTR) => return,
                Err(_) => self.stdin = None, // The program closed it.
            }
        }
    }

    /// Sends on what the program wrote, as much as its limit allows.
    fn forward(&mut self) -> Result<(), Refusal> {
        let mut chunk = [0u8; READ_BYTES];
        for index in 0..self.streams.len() {
            while let Some((stream, Some(pipe))) = self.streams.get(index) {
                match rustix::io::read(pipe, &mut chunk) {
                    Ok(0) => self.close(index),
                    Ok(count) => {
                        let stream = *stream;
                        let kept = self.count(index, count);
                        let bytes = chunk.get(..kept).unwrap_or_default();
                        let time_us = self.age_us(monotonic_ns());
                        if !bytes.is_empty() {
                            super::send(&Reply::Output { stream, time_us }, bytes).map_err(gone)?;
                        }
                        if self.killed_for.is_some() && self.main_lives() {
                            return Ok(());
                        }
                    }
                    Err(Errno::INTR) => {}
                    Err(_) => break,
                }
            }
        }
        Ok(())
    }

    fn main_lives(&self) -> bool {
        self.ended.is_none()
    }

    fn close(&mut self, index: usize) {
        if let Some((_, pipe)) = self.streams.get_mut(index) {
            *pipe = None;
        }
    }

    /// How many of the bytes are within the stream's limit.
    fn count(&mut self, index: usize, bytes: usize) -> usize {
        let allowed = self.limits.output_kb * 1024;
        let (Some(written), Some(truncated)) =
            (self.written.get_mut(index), self.truncated.get_mut(index))
        else {
            return 0;
        };
        let room = allowed.saturating_sub(*written);
        *written += bytes as u64;
        if *written > allowed {
            *truncated = true;
            self.killed_for = self.killed_for.or(Some(LimitName::OutputKb));
        }
        bytes.min(usize::try_from(room).unwrap_or(usize::MAX))
    }

    fn age_us(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.started_ns) / 1000
    }

    /// Takes everybody who has ended. `false` when nobody is left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == self.main => {
                    self.ended = Some(Ended {
                        at_ns: monotonic_ns(),
                        exit_code: status.exit_status(),
                        signal: status.terminating_signal(),
                        disk_full: is_full("/work") || is_full("/tmp"),
                    });
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn hold_limits(&mut self) {
        let now = self.counters.read();
        self.most_bytes = self.most_bytes.max(now.memory_bytes.saturating_sub(now.clean_bytes));
        let cpu_us = now.cpu_us.saturating_sub(self.before.cpu_us);
        let wall_us = self.age_us(monotonic_ns());
        let over = if now.oom_kills > self.before.oom_kills {
            Some(LimitName::MemoryKb)
        } else if self.ended.is_some() {
            None
        } else if cpu_us >= self.limits.cpu_time_ms.saturating_mul(1000) {
            Some(LimitName::CpuTimeMs)
        } else if wall_us >= self.limits.wall_time_ms.saturating_mul(1000) {
            Some(LimitName::WallTimeMs)
        } else {
            None
        };
        self.killed_for = self.killed_for.or(over);
    }

    /// Nobody but PID 1 is left after it, or PID 1 leaves as well.
    fn end_all(&mut self) -> std::io::Result<()> {
        let give_up_ns = monotonic_ns() + GONE_NS;
        while self.reap() {
            if monotonic_ns() > give_up_ns {
                sys::exit_now(1);
            }
            super::sys::end_all_others()?;
            let wait = Timespec { tv_sec: 0, tv_nsec: MS as i64 };
            let _ = poll(&mut [], Some(&wait));
        }
        Ok(())
    }

    fn judge(&self) -> End {
        let now = self.counters.read();
        let ended_ns = self.ended.map_or_else(monotonic_ns, |end| end.at_ns);
        let evidence = Evidence {
            killed_for: self.killed_for,
            ended: self.ended,
            oom_kills: now.oom_kills.saturating_sub(self.before.oom_kills),
            pids_refused: now.pids_refused.saturating_sub(self.before.pids_refused),
            wall_us: self.age_us(ended_ns),
            cpu_us: now.cpu_us.saturating_sub(self.before.cpu_us),
        };
        let (outcome, limits_hit) = judge(&evidence, &self.limits);
        let [stdout_bytes, stderr_bytes] = self.written;
        let [stdout, stderr] = self.truncated;
        let usage = Usage {
            wall_us: evidence.wall_us,
            cpu_us: evidence.cpu_us,
            memory_kb: self.memory_bytes(&now) / 1024,
            stdout_bytes,
            stderr_bytes,
        };
        let truncated = Truncated { stdout, stderr, artifacts: false };
        End { outcome, usage, limits_hit, truncated, layer: None }
    }

    /// The group's high-water mark, where it is the program's and not that of the runtime which
    /// started the container; else the most that was seen. Less what was there before.
    fn memory_bytes(&self, now: &Reading) -> u64 {
        let peak = if now.peak_bytes > self.before.peak_bytes { now.peak_bytes } else { 0 };
        let most = peak.saturating_sub(now.clean_bytes).max(self.most_bytes).max(now.held_bytes);
        most.saturating_sub(self.before.held_bytes)
    }
}

fn is_full(folder: &str) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|stat| stat.f_bfree == 0 || stat.f_ffree == 0)
}
