//! What is said of a run at its end.

use super::{Killed, Running};
use crate::cgroup::group::Counters;
use crate::lab::{holds, Protection};
use crate::protocol::message::{End, LimitName, Outcome, Truncated, Usage};
use crate::supervise::judge::{self, judge, Evidence};

impl Running {
    /// The end of the run, from what the kernel shows. Call it when all output is read.
    pub fn end(&self, artifacts_cut: bool) -> End {
        let counters = self.launched.group.counters();
        let mut memory = self.memory;
        self.launched.group.look_at_memory(&mut memory);
        let (wall_us, cpu_us) = self.times(&counters);
        let usage = Usage {
            wall_us,
            cpu_us,
            memory_kb: memory.kb(),
            stdout_bytes: self.written[0],
            stderr_bytes: self.written[1],
        };
        let truncated = Truncated {
            stdout: self.truncated[0],
            stderr: self.truncated[1],
            artifacts: artifacts_cut,
        };
        let (outcome, limits_hit) = self.outcome(&counters, wall_us, cpu_us);
        End { outcome, usage, limits_hit, truncated, layer: None }
    }

    fn times(&self, counters: &Counters) -> (u64, u64) {
        let Some(start) = self.started_ns else { return (0, 0) };
        let end = self.ended.map(|ended| ended.at_ns).or(self.dead_ns).unwrap_or(start);
        (end.saturating_sub(start) / 1000, counters.cpu_us.saturating_sub(self.prepare_cpu_us))
    }

    fn outcome(&self, counters: &Counters, wall_us: u64, cpu_us: u64) -> (Outcome, Vec<LimitName>) {
        if let Some(failure) = self.failure {
            return (judge::setup_failed(failure), Vec::new());
        }
        let killed_for = match self.killed {
            Some((Killed::Cancelled, _)) => return (Outcome::Cancelled, Vec::new()),
            Some((Killed::SetupTooSlow, _)) => {
                let errno = judge::errno_name(libc::ETIMEDOUT);
                return (Outcome::SetupFailed { step: "supervise", errno }, Vec::new());
            }
            Some((Killed::For(limit), _)) => Some(limit),
            None => None,
        };
        let evidence = Evidence {
            killed_for,
            ended: self.ended,
            oom_kills: counters.oom_kills,
            pids_refused: counters.pids_refused,
            wall_us: if holds(Protection::WallTime) { wall_us } else { 0 },
            cpu_us: if holds(Protection::CpuTime) { cpu_us } else { 0 },
        };
        judge(&evidence, &self.limits)
    }
}
