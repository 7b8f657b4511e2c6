//! Sandboxes that wait for a request: confined already, all but what the request decides. Each
//! serves one request, or none; one that nobody takes is taken down like any other.

use crate::cgroup::memory::Seen;
use crate::child::monotonic_ns;
use crate::child::plan::Plan;
use crate::protocol::message::Limits;
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::launch::{Launched, Pipes};
use crate::supervise::network::egress::Egress;
use crate::supervise::running::Running;
use crate::supervise::slots::Slot;
use crate::workspace::Workspace;
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// Where those go that were dropped: the launcher's next round takes them down.
pub type Graveyard = Rc<RefCell<Vec<(Running, Rc<Slot>)>>>;

/// What a sandbox is made of.
pub struct Parts {
    pub launched: Launched,
    pub pipes: Pipes,
    pub workspace: Workspace,
    pub slot: Rc<Slot>,
}

/// A runtime that waits in a sandbox.
pub struct Booted {
    /// The file that it has opened already, which the program is written into.
    pub blank: Option<String>,
    /// It makes the file `ready` in its folder when it waits.
    pub says_ready: bool,
    /// It is stopped in its start.
    pub is_held: bool,
    /// It started from what another was.
    pub is_of_template: bool,
}

impl Booted {
    /// PID 1 tells when it waits, or that it never will.
    fn says_where(&self) -> bool {
        self.is_held || self.is_of_template
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Phase {
    /// Nothing runs in it but our own process.
    Empty,
    Boots,
    Waits,
    /// It failed, or something has ended it.
    Gone,
}

pub struct Parked {
    parts: Option<Parts>,
    graveyard: Graveyard,
    booted: Option<Booted>,
}

impl Parked {
    pub fn new(parts: Parts, booted: Option<Booted>, graveyard: &Graveyard) -> Parked {
        Parked { parts: Some(parts), graveyard: Rc::clone(graveyard), booted }
    }

    /// How far it is. A runtime that takes seconds to boot says when it waits, in this folder.
    pub fn phase(&self, folder: &str) -> Phase {
        let Some(Parts { launched, workspace, .. }) = &self.parts else { return Phase::Gone };
        match &self.booted {
            _ if !launched.waits() => Phase::Gone,
            None => Phase::Waits,
            Some(booted) if booted.says_where() => match launched.is_there() {
                true => Phase::Waits,
                false => Phase::Boots,
            },
            // The first process is ours: its runtime is not started yet, or has ended.
            Some(_) if launched.group.processes() <= 1 => Phase::Empty,
            Some(booted) if booted.says_ready && !workspace.has(folder, "ready") => Phase::Boots,
            Some(_) => Phase::Waits,
        }
    }

    /// Whether it is known to have failed: unlike one whose runtime has not started yet.
    pub fn has_ended(&self) -> bool {
        !self.parts.as_ref().is_some_and(|parts| parts.launched.waits())
    }

    /// Whether PID 1 has told that its runtime waits.
    pub fn is_there(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.launched.is_there())
    }

    pub fn is_booted(&self) -> bool {
        self.booted.is_some()
    }

    pub fn says_where(&self) -> bool {
        self.booted.as_ref().is_some_and(Booted::says_where)
    }

    pub fn is_of_template(&self) -> bool {
        self.booted.as_ref().is_some_and(|booted| booted.is_of_template)
    }

    /// Whether this is the file that its runtime has opened already: then it is written into, once.
    pub fn has_blank(&mut self, path: &str) -> bool {
        let booted = self.booted.as_mut();
        booted.and_then(|booted| booted.blank.take_if(|blank| blank == path)).is_some()
    }

    pub fn workspace(&mut self) -> Option<&mut Workspace> {
        self.parts.as_mut().map(|parts| &mut parts.workspace)
    }

    /// Where PID 1 tells how far it is.
    pub fn report(&self) -> Option<&OwnedFd> {
        self.parts.as_ref().map(|parts| &parts.launched.report)
    }

    pub fn egress(&self) -> Option<&Egress> {
        self.parts.as_ref().and_then(|parts| parts.launched.egress.as_ref())
    }

    pub fn egress_mut(&mut self) -> Option<&mut Egress> {
        self.parts.as_mut().and_then(|parts| parts.launched.egress.as_mut())
    }

    /// The CPUs that have the fewest other sandboxes.
    pub fn best_cpus(&self) -> Vec<usize> {
        self.parts.as_ref().map_or_else(Vec::new, |parts| parts.slot.best_cpus())
    }

    /// The peak of memory is its request's from here on; what is held has used in its own start
    /// what a cold one uses. Gives the CPU time that booting took.
    pub fn leave_boot(&self) -> u64 {
        self.parts.as_ref().map_or(0, |parts| {
            if !self.is_held() {
                parts.launched.group.forget_peak();
            }
            parts.launched.group.cpu_us()
        })
    }

    fn is_held(&self) -> bool {
        self.booted.as_ref().is_some_and(|booted| booted.is_held)
    }

    /// Writes the limits that the next request will likely ask for.
    ///
    /// # Errors
    /// The kernel's, of a cgroup's file.
    pub fn limit(&self, limits: &Limits, cores: u64) -> std::io::Result<()> {
        self.parts.as_ref().map_or(Ok(()), |parts| parts.launched.group.limit(limits, cores))
    }

    /// A runtime that was booted in the background gets its request's limits, and its share of the
    /// CPU.
    ///
    /// # Errors
    /// The kernel's, of a cgroup's file: it may hold more than the request allows.
    pub fn take_over(&self, limits: &Limits, cores: u64) -> std::io::Result<()> {
        let Some(parts) = &self.parts else { return Ok(()) };
        let group = &parts.launched.group;
        if self.is_held() && group.may_hold_more(limits) && self.memory_kb() > limits.memory_kb {
            return Err(std::io::ErrorKind::OutOfMemory.into());
        }
        parts.launched.group.limit(limits, cores)?;
        parts.launched.group.stand_back(false)
    }

    /// What it holds while it waits.
    pub fn memory_kb(&self) -> u64 {
        let mut seen = Seen::default();
        self.parts.iter().for_each(|parts| parts.launched.group.look_at_memory(&mut seen));
        seen.kb()
    }

    /// Lets the program start.
    ///
    /// # Errors
    /// The step that failed; the sandbox is taken down then.
    pub fn go(mut self, plan: &Plan, cores: u64) -> Result<Parts, SetupFailure> {
        let gone = SetupFailure { step: Step::Release, errno: libc::ESRCH };
        self.parts.as_ref().ok_or(gone)?.launched.go(plan, cores)?;
        self.parts.take().ok_or(gone)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        if let Some(Parts { launched, pipes, slot, .. }) = self.parts.take() {
            let now_ns = monotonic_ns();
            let mut running = Running::new(launched, pipes, Limits::default(), now_ns);
            running.cancel(now_ns);
            self.graveyard.borrow_mut().push((running, slot));
        }
    }
}
