//! A sandbox that was asked for and whose files are arriving: the workspace exists, nothing runs.

use crate::child::monotonic_ns;
use crate::child::plan::Plan;
use crate::protocol::message::{
    End, ErrorCode, FileHeader, LimitName, Outcome, Recipe, Start, Truncated, Usage, Words,
};
use crate::protocol::steps::SetupFailure;
use crate::session::asked::understand;
use crate::session::sandbox::{Sandbox, Wishes};
use crate::supervise::context::Context;
use crate::supervise::data;
use crate::supervise::judge::setup_failed;
use crate::supervise::network::egress::Egress;
use crate::supervise::network::way;
use crate::supervise::parked::{Parked, Parts};
use crate::supervise::running::Running;
use crate::supervise::slots::{lend, Lease};
use crate::supervise::spares::late::{self, Late};
use crate::supervise::spares::{obtain, Kindred, Obtained, Own, Purpose, Unavailable};
use crate::workspace::Writing;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// How long an egress process may take to confine itself; it takes some milliseconds.
const READY_NS_MAX: u64 = 5_000_000_000;

pub struct Filling {
    start: Start,
    recipe: Rc<Recipe>,
    words: Words,
    parked: Parked,
    /// It was made before the request came.
    prepared: bool,
    lease: Option<Lease>,
    /// Its runtime is on its way: what the client says waits.
    late: Option<Late>,
    began_ns: u64,
}

/// Why there will be no sandbox: the client's words, or an end like any other.
pub enum Refusal {
    Error(ErrorCode, String),
    Ended(Box<End>),
}

impl From<(ErrorCode, String)> for Refusal {
    fn from((code, message): (ErrorCode, String)) -> Refusal {
        Refusal::Error(code, message)
    }
}

impl From<Unavailable> for Refusal {
    fn from(why: Unavailable) -> Refusal {
        match why {
            Unavailable::Busy => Unavailable::busy().into(),
            Unavailable::Failed(failure) => failure.into(),
        }
    }
}

impl From<SetupFailure> for Refusal {
    fn from(failure: SetupFailure) -> Refusal {
        Refusal::Ended(Box::new(ended(setup_failed(failure), Vec::new())))
    }
}

fn ended(outcome: Outcome, limits_hit: Vec<LimitName>) -> End {
    let (usage, truncated) = (Usage::default(), Truncated::default());
    End { outcome, usage, limits_hit, truncated, layer: None }
}

impl Filling {
    pub fn begin(
        start: Start,
        words: &[u8],
        context: &mut Context,
        now_ns: u64,
    ) -> Result<Filling, Refusal> {
        if context.draining {
            return Err(Refusal::Ended(Box::new(ended(Outcome::Cancelled, Vec::new()))));
        }
        let words = understand(&start, words, context.host.cores)?;
        if let Some(network) = &start.network {
            way::check(network, &context.network_allow)?;
        }
        let recipe = context.recipe(&start.recipe).cloned();
        let recipe = recipe.ok_or((ErrorCode::Recipe, "unknown recipe".to_string()))?;
        let lower = match &start.layer {
            None => None,
            Some(handle) => {
                let layer = context.layer(handle);
                let layer = layer.ok_or((ErrorCode::Layer, "unknown layer".to_string()))?;
                Some((layer.path.clone(), Rc::clone(&layer.slot)))
            }
        };
        // A run owns the files of its layer; others at the same time get a uid of their own.
        let lease = lower.as_ref().and_then(|(_, slot)| lend(slot));
        let (purpose, owner) = match (lower, start.keep) {
            (Some((path, slot)), _) => (Purpose::Over(path), Some(slot)),
            (None, true) => (Purpose::Kept, None),
            (None, false) => (Purpose::Plain, None),
        };
        let lent = owner.filter(|_| lease.is_some());
        let way = start.network.clone().map(|asked| way::open(asked, context)).transpose()?;
        let kindred = Kindred { recipe: &recipe, words: &words, purpose: &purpose };
        let terminal = start.interactive.and_then(|interactive| interactive.terminal);
        let data = data::open(&start.data, context)?;
        let own = Own { way, data, terminal, ..Own::default() };
        let obtained = obtain(context, &kindred, (lent, &start.limits), own)?;
        let Obtained { parked, is_ready: prepared, late } = obtained;
        Ok(Filling { start, recipe, words, parked, prepared, lease, late, began_ns: now_ns })
    }

    /// What tells that its runtime is there, or has failed, while that is waited for.
    pub fn late_report(&self) -> Option<&OwnedFd> {
        self.late.as_ref().and_then(|_| self.parked.report())
    }

    pub fn is_late(&self, now_ns: u64) -> bool {
        self.late.as_ref().is_some_and(|late| !late::is_settled(&self.parked, late, now_ns))
    }

    /// Its runtime is there, or it starts cold.
    pub fn settle(mut self, context: &mut Context) -> Result<Filling, Refusal> {
        let Some(late) = self.late.take() else { return Ok(self) };
        let purpose = if self.start.keep { Purpose::Kept } else { Purpose::Plain };
        let limits = &self.start.limits;
        self.parked = late::settle(context, (self.parked, late), &purpose, limits)?;
        Ok(self)
    }

    pub fn write(&mut self, file: &FileHeader, bytes: &[u8]) -> Result<(), Refusal> {
        let exists = self.parked.has_blank(&file.path);
        let how = Writing { executable: file.executable, append: file.append, exists };
        let Some(workspace) = self.parked.workspace() else { return Ok(()) };
        workspace.write(&file.path, bytes, how).map_err(|error| {
            if error.raw_os_error() == Some(libc::ENOSPC) {
                let limit = LimitName::DiskKb;
                let outcome = Outcome::LimitExceeded { limit, exit_code: None, signal: None };
                return Refusal::Ended(Box::new(ended(outcome, vec![limit])));
            }
            Refusal::Error(ErrorCode::Path, format!("cannot write {}: {error}", file.path))
        })
    }

    pub fn egress(&self) -> Option<&Egress> {
        self.parked.egress()
    }

    pub fn egress_mut(&mut self) -> Option<&mut Egress> {
        self.parked.egress_mut()
    }

    /// By when what is waited for has to be there: an egress process, or a runtime.
    pub fn awaits_until_ns(&self) -> Option<u64> {
        if let Some(late) = &self.late {
            return Some(late.until_ns());
        }
        let awaited = self.egress().is_some_and(|egress| egress.readiness().is_none());
        awaited.then_some(self.began_ns + READY_NS_MAX)
    }

    /// Sets the sandbox going.
    pub fn launch(self, context: &mut Context) -> Result<Sandbox, Refusal> {
        if context.draining {
            return Err(Refusal::Ended(Box::new(ended(Outcome::Cancelled, Vec::new()))));
        }
        if let Some(readiness) = self.egress().and_then(Egress::readiness) {
            readiness?;
        }
        let limits = self.start.limits;
        let mut plan = Plan::new((&self.recipe, &self.words), limits, self.parked.best_cpus())?;
        plan.talks = self.start.interactive.is_some();
        let boot = self.recipe.boot.as_ref().filter(|_| self.parked.is_booted());
        let mut booted_cpu_us = 0;
        if let Some(boot) = boot {
            plan = plan.told((&self.recipe, boot));
            booted_cpu_us = self.parked.leave_boot();
            // The kernel counts what booting took as well.
            plan.limits.cpu_time_ms += booted_cpu_us.div_ceil(1000);
        }
        let parts = self.parked.go(&plan, context.host.cores)?;
        let Parts { launched, pipes, workspace, slot } = parts;
        // Never before the sandbox's own clock: files may have taken their time.
        let began_ns = self.began_ns.min(monotonic_ns());
        context.begin_running();
        let wishes = Wishes {
            keep: self.start.keep,
            artifacts: self.words.artifacts,
            prepared: self.prepared,
            interactive: self.start.interactive,
            _lease: self.lease,
        };
        launched.group.keep_open();
        let mut running = Running::new(launched, pipes, limits, began_ns);
        running.booted_cpu_us = booted_cpu_us;
        Ok(Sandbox::new(running, workspace, slot, wishes))
    }
}
