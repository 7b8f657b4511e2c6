//! The payload between PID 1's clone and the program's execve: it takes its streams, confines
//! itself, layer by layer, and waits for its orders.

use super::{
    become_sandbox, close_all_but, given, monotonic_ns, process_cpu_us, wait_for_release, Ends,
    WAITING,
};
use crate::child::handoff::HANDOFF;
use crate::child::held::be_traced;
use crate::child::numbers;
use crate::child::orders::Orders;
use crate::child::plan::{Given, Site};
use crate::child::refused::cannot_execute;
use crate::confine::{capabilities, landlock, namespaces, rlimits};
use crate::faults;
use crate::lab::{holds, Protection};
use crate::protocol::steps::{SetupFailure, Step};
use crate::sys;
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::thread::{
    sched_getcpu, sched_setaffinity, set_name, set_no_new_privs, set_thread_groups,
};
use std::ffi::{c_int, c_void};
use std::os::fd::{AsFd, OwnedFd};

/// What PID 1 and its payload share until the payload is the program.
pub struct Payload<'a> {
    pub site: &'a Site,
    pub ends: &'a Ends,
    pub orders: Orders,
    /// Its closing tells PID 1 that the payload has left their memory.
    pub presence: OwnedFd,
    pub failure: Option<SetupFailure>,
    pub at_ns: u64,
    pub cpu_us: u64,
    pub cpu: u32,
    /// What a runtime is told when its request has come; PID 1 keeps the other end.
    pub handoff: Option<OwnedFd>,
    /// Where a runtime that starts from a template says that it waits; PID 1 keeps the other end.
    pub ready: Option<OwnedFd>,
    /// Of a runtime that starts before there is a request.
    pub boot: Option<Orders>,
}

/// What a booted runtime reads its request from, and says by that it waits.
type Told<'a> = (Option<&'a OwnedFd>, Option<&'a OwnedFd>);

impl<'a> Payload<'a> {
    pub fn new(
        (site, ends): (&'a Site, &'a Ends),
        (orders, boot): (Orders, Option<Orders>),
        (presence, handoff, ready): (OwnedFd, Option<OwnedFd>, Option<OwnedFd>),
    ) -> Payload<'a> {
        let (failure, at_ns, cpu_us, cpu) = (None, 0, 0, 0);
        Payload { site, ends, orders, presence, failure, at_ns, cpu_us, cpu, handoff, ready, boot }
    }
}

/// The payload until it is the program: it shares PID 1's memory, which sleeps meanwhile.
pub extern "C" fn run_payload(argument: *mut c_void) -> c_int {
    // SAFETY is argued in sys.rs: `run_init` passes a live `&mut Payload` and sleeps until we left.
    let payload = sys::borrow_payload::<Payload<'_>>(argument);
    let told = (payload.handoff.as_ref(), payload.ready.as_ref());
    let traced = match payload.site.held {
        Some(_) => be_traced().map_err(Step::Spawn.failed()),
        None => Ok(()),
    };
    let confined =
        traced.and_then(|()| confine(payload.site, payload.ends, (&payload.presence, told)));
    let prepared = confined.and_then(|()| match &mut payload.boot {
        Some(boot) => begin_boot(boot, (&payload.presence, told), payload.site),
        None => follow(&mut payload.orders, payload.ends),
    });
    if let Err(failure) = prepared {
        payload.failure = Some(failure);
        sys::exit_now(1);
    }
    let orders = payload.boot.as_ref().unwrap_or(&payload.orders);
    payload.cpu_us = process_cpu_us();
    payload.cpu = sched_getcpu() as u32;
    payload.at_ns = monotonic_ns();
    faults::reach(Step::Exec);
    let errno = sys::execve(orders.argv(), orders.envp());
    if payload.boot.is_some() {
        // There is no request yet that could be told of it: the launcher sees that it is gone.
        sys::exit_now(1);
    }
    if let Some(status) = cannot_execute(orders.program(), errno) {
        sys::exit_now(status);
    }
    payload.failure = Some(SetupFailure { step: Step::Exec, errno });
    sys::exit_now(1)
}

/// The last layers, in order; after them only what the request decides, and execve.
fn confine(site: &Site, ends: &Ends, kept: (&OwnedFd, Told<'_>)) -> Result<(), SetupFailure> {
    if holds(Protection::NewSession) {
        setsid().map_err(Step::Session.failed())?;
    }
    rlimits::apply(&rlimits::FIXED).map_err(Step::Rlimits.failed())?;
    take_streams(site, ends, kept).map_err(Step::Descriptors.failed())?;
    if site.has_terminal && holds(Protection::NewSession) {
        ioctl_tiocsctty(rustix::stdio::stdin()).map_err(Step::Session.failed())?;
    }
    if holds(Protection::UserNamespace) {
        become_sandbox(namespaces::INSIDE_ID).map_err(Step::Credentials.failed())?;
    } else {
        leave_root(site.host_id).map_err(Step::Credentials.failed())?;
    }
    capabilities::drop_all().map_err(Step::Capabilities.failed())?;
    if holds(Protection::NoNewPrivileges) {
        set_no_new_privs(true).map_err(Step::NoNewPrivileges.failed())?;
    }
    if let Some(landlock) = &site.host.landlock {
        landlock::restrict(landlock).map_err(Step::Landlock.failed())?;
    }
    if holds(Protection::Seccomp) {
        sys::install_seccomp(&site.host.filter).map_err(Step::Seccomp.failed())?;
    }
    Ok(())
}

/// Waits until there is a request, and takes on what it decides. The wait may be minutes.
fn follow(orders: &mut Orders, ends: &Ends) -> Result<(), SetupFailure> {
    // For whoever looks at the host's processes; execve gives it the program's name.
    set_name(WAITING).map_err(Step::Orders.failed())?;
    wait_for_release(ends.release.as_fd())?;
    orders.read(ends.orders.as_fd()).map_err(Step::Orders.failed())?;
    pin(orders)?;
    rlimits::apply(&rlimits::of(orders.rlimits())).map_err(Step::Rlimits.failed())
}

/// Starts a runtime that will wait itself: its limits can still become those of its request.
fn begin_boot(
    boot: &mut Orders,
    (presence, (handoff, ready)): (&OwnedFd, Told<'_>),
    site: &Site,
) -> Result<(), SetupFailure> {
    boot.understand().map_err(Step::Orders.failed())?;
    pin(boot)?;
    let given = site.given.as_ref();
    let ends = [
        handoff.map(|end| (end, HANDOFF)),
        given.map(|given| (&given.image, Given::IMAGE)),
        given.map(|given| (&given.object, Given::OBJECT)),
        ready.map(|end| (end, Given::READY)),
    ];
    numbers::place(ends, presence).map_err(Step::Descriptors.failed())?;
    rlimits::apply_soft(&rlimits::of(boot.rlimits())).map_err(Step::Rlimits.failed())
}

fn pin(orders: &Orders) -> Result<(), SetupFailure> {
    if holds(Protection::Affinity) {
        let set = orders.cpus(sched_getcpu());
        sched_setaffinity(None, &set).map_err(Step::Affinity.failed())?;
    }
    Ok(())
}

/// The attack lab's build without a user namespace: the capabilities must survive the change of
/// uid, to be dropped by their own step.
fn leave_root(id: u32) -> rustix::io::Result<()> {
    set_thread_groups(&[])?;
    rustix::thread::set_keep_capabilities(true)?;
    become_sandbox(id)
}

/// Descriptors 0, 1 and 2 are the pipes; every other one is closed, but those that the payload and
/// PID 1 wait on, which execve closes.
fn take_streams(
    site: &Site,
    ends: &Ends,
    (presence, (handoff, ready)): (&OwnedFd, Told<'_>),
) -> std::io::Result<()> {
    rustix::stdio::dup2_stdin(&ends.stdin)?;
    rustix::stdio::dup2_stdout(&ends.stdout)?;
    rustix::stdio::dup2_stderr(&ends.stderr)?;
    if holds(Protection::Descriptors) {
        // Where there is none, the same one twice.
        let (image, object) = given(site, presence);
        let [handoff, ready] = [handoff, ready].map(|end| end.unwrap_or(presence));
        close_all_but([&ends.release, &ends.orders, presence, handoff, ready, image, object])
    } else {
        Ok(())
    }
}
