//! What runs on the sandbox's side of the clone: PID 1, which builds the sandbox and reaps, and
//! the payload, which confines itself and becomes the program. No allocation, no lock, no panic.

mod attend;
pub mod handoff;
pub mod held;
mod numbers;
pub mod orders;
mod payload;
pub mod plan;
pub mod refused;
pub mod report;
mod runtime;

use crate::child::orders::Orders;
use crate::child::payload::{run_payload, Payload};
use crate::child::plan::Site;
use crate::child::report::Report;
use crate::confine::{capabilities, namespaces, rootfs};
use crate::faults;
use crate::lab::{holds, Protection};
use crate::protocol::steps::{SetupFailure, Step};
use crate::sys;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{pipe_with, PipeFlags};
use rustix::process::{
    set_dumpable_behavior, set_parent_process_death_signal, umask, wait, DumpableBehavior, Signal,
    WaitOptions,
};
use rustix::thread::{sched_yield, set_name, set_thread_res_gid, set_thread_res_uid, Gid, Uid};
use rustix::time::{clock_gettime, ClockId};
use std::ffi::{c_void, CStr};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The child's ends of what ties it to the launcher.
pub struct Ends {
    pub release: OwnedFd,
    pub report: OwnedFd,
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub work: OwnedFd,
    pub tmp: OwnedFd,
    /// The file in memory that carries the request over (orders.rs).
    pub orders: OwnedFd,
}

/// Memory that the child uses, made before the clone.
pub struct Room {
    stack: Vec<u8>,
    orders: Orders,
    /// Of a runtime that starts at once, and waits for its request itself.
    boot: Option<Orders>,
}

impl Room {
    pub fn make(boot: Option<Vec<u8>>) -> Room {
        let stack = vec![0; PAYLOAD_STACK_BYTES];
        Room { stack, orders: Orders::room(), boot: boot.map(Orders::known) }
    }
}

const INIT: &CStr = c"gozo-init";
/// What holds a sandbox that was made ahead: its payload, or PID 1 once a runtime was booted there.
const WAITING: &CStr = c"gozo-waiting";
const PAYLOAD_STACK_BYTES: usize = 256 * 1024;

/// PID 1 of the sandbox. Never returns.
pub fn run_init(site: &Site, ends: Ends, room: Room) -> ! {
    let Room { mut stack, orders, boot } = room;
    let report = ends.report.as_fd();
    if let Err(failure) = build(site, &ends) {
        tell(report, Report::Failed(failure));
        sys::exit_now(1);
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(Step::Spawn.failed());
    let is_told = boot.is_some() && site.held.is_none();
    let says_ready = site.starts_from_template();
    let started = pipe().and_then(|started| {
        Ok((started, is_told.then(pipe).transpose()?, says_ready.then(pipe).transpose()?))
    });
    let spawned = started.and_then(|((gone, presence), handoff, readiness)| {
        let (told, teller) = handoff.unzip();
        let (hears, says) = readiness.unzip();
        // Never dropped: to free memory is no more for us than to allocate it.
        let payload = Payload::new((site, &ends), (orders, boot), (presence, told, says));
        let mut payload = ManuallyDrop::new(payload);
        let argument = std::ptr::from_mut::<Payload<'_>>(&mut payload).cast::<c_void>();
        faults::reach(Step::Spawn);
        let pid = sys::spawn_sharing_memory(&mut stack, run_payload, argument, false);
        let pid = pid.map_err(Step::Spawn.failed())?;
        close_own(&payload.presence);
        payload.handoff.iter().chain(&payload.ready).for_each(close_own);
        wait_until_gone(gone.as_fd());
        if let Some(failure) = payload.failure {
            return Err(failure);
        }
        let prepare_cpu_us = payload.cpu_us + process_cpu_us();
        let (mut at_ns, mut cpu) = (payload.at_ns, payload.cpu);
        if payload.boot.is_some() {
            (at_ns, cpu) = runtime::serve(&mut payload, pid, hears.as_ref())?;
        }
        tell(report, Report::Started { at_ns, prepare_cpu_us, cpu });
        if let Some(teller) = teller {
            handoff::write(&payload.orders, teller.as_fd());
        }
        Ok((pid, payload.orders.talks()))
    });
    let (pid, talks) = match spawned {
        Ok(spawned) => spawned,
        Err(failure) => {
            tell(report, Report::Failed(failure));
            sys::exit_now(1);
        }
    };
    for end in [&ends.stdin, &ends.stdout, &ends.stderr] {
        close_own(end);
    }
    if holds(Protection::Capabilities) {
        let _ = capabilities::keep_none();
    }
    tell(report, Report::Ended(attend::until_end(pid, &ends, talks)));
    // The launcher may have been put on this CPU, and its client waits: we have time to end.
    sched_yield();
    if !holds(Protection::KillAtEnd) {
        while wait(WaitOptions::empty()).is_ok() {}
    }
    sys::exit_now(0);
}

/// Closes PID 1's own of a descriptor that the payload has, too.
fn close_own(end: &OwnedFd) {
    let number = end.as_raw_fd() as u32;
    let _ = sys::close_range(number, number);
}

/// The payload has left our memory when nobody holds the other end of this pipe: it executed the
/// program or it ended. Not by CLONE_VFORK: who waits so counts in the host's load, for minutes.
fn wait_until_gone(gone: BorrowedFd<'_>) {
    let mut byte = [0u8; 1];
    while matches!(rustix::io::read(gone, &mut byte), Ok(1..) | Err(Errno::INTR)) {}
}

/// Everything that PID 1 does before there is a payload.
fn build(site: &Site, ends: &Ends) -> Result<(), SetupFailure> {
    close_others(site, ends).map_err(Step::Release.failed())?;
    sys::reset_signals().map_err(Step::Release.failed())?;
    rootfs::begin(&site.layout)?;
    wait_for_release(ends.release.as_fd())?;
    if !holds(Protection::Descriptors) {
        leave_one_open().map_err(Step::Descriptors.failed())?;
    }
    if holds(Protection::UserNamespace) {
        become_sandbox(namespaces::INSIDE_ID).map_err(Step::Identity.failed())?;
    }
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Step::ParentDeath.failed())?;
    check_launcher_lives(ends.release.as_fd())?;
    umask(Mode::from_raw_mode(0o022));
    rootfs::complete(&site.layout, ends.work.as_fd(), ends.tmp.as_fd())?;
    if holds(Protection::UtsNamespace) {
        rustix::system::sethostname(b"sandbox").map_err(Step::Hostname.failed())?;
        rustix::system::setdomainname(b"(none)").map_err(Step::Hostname.failed())?;
    }
    wait_for_release(ends.release.as_fd())?;
    if holds(Protection::CgroupNamespace) {
        sys::unshare(libc::CLONE_NEWCGROUP).map_err(Step::CgroupNamespace.failed())?;
    }
    let dumpable = if holds(Protection::NonDumpableInit) {
        DumpableBehavior::NotDumpable
    } else {
        DumpableBehavior::Dumpable
    };
    set_name(INIT).map_err(Step::InitConfine.failed())?;
    set_dumpable_behavior(dumpable).map_err(Step::InitConfine.failed())?;
    rustix::process::chdir(c"/work").map_err(Step::InitConfine.failed())
}

/// Closes what the fork copied of other sandboxes and of the launcher.
fn close_others(site: &Site, ends: &Ends) -> std::io::Result<()> {
    let Ends { release, report, stdin, stdout, stderr, work, tmp, orders } = ends;
    let (image, object) = given(site, release);
    close_all_but([release, report, stdin, stdout, stderr, work, tmp, orders, image, object])
}

/// What its runtime is given; where that is nothing, another descriptor twice.
fn given<'a>(site: &'a Site, other: &'a OwnedFd) -> (&'a OwnedFd, &'a OwnedFd) {
    site.given.as_ref().map_or((other, other), |given| (&given.image, &given.object))
}

/// Closes every descriptor from 3 on but these.
fn close_all_but<const COUNT: usize>(kept: [&OwnedFd; COUNT]) -> std::io::Result<()> {
    let mut kept = kept.map(|end| end.as_raw_fd() as u32);
    kept.sort_unstable();
    let mut next = 3;
    for fd in kept {
        if fd >= next {
            sys::close_range(next, fd.saturating_sub(1))?;
            next = fd + 1;
        }
    }
    sys::close_range(next, u32::MAX)
}

/// The attack lab's build: a file of the host stays open at 9.
fn leave_one_open() -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(c"/etc/passwd", flags, Mode::empty())?;
    sys::keep_open_as(file.as_fd(), 9)
}

fn wait_for_release(release: BorrowedFd<'_>) -> Result<(), SetupFailure> {
    let mut byte = [0u8; 1];
    match rustix::io::read(release, &mut byte) {
        Ok(1) => Ok(()),
        Ok(_) => sys::exit_now(1),
        Err(error) => Err(Step::Release.failed()(error)),
    }
}

/// The death signal counts from now on: a launcher that died before it closed the pipe.
fn check_launcher_lives(release: BorrowedFd<'_>) -> Result<(), SetupFailure> {
    let mut fds = [PollFd::new(&release, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).map_err(Step::ParentDeath.failed())?;
    if fds.iter().any(|fd| fd.revents().contains(PollFlags::HUP)) {
        sys::exit_now(1);
    }
    Ok(())
}

fn become_sandbox(id: u32) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

fn tell(report: BorrowedFd<'_>, what: Report) {
    let _ = rustix::io::write(report, &what.encode());
}

pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn process_cpu_us() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as u64 * 1_000_000 + used.tv_nsec as u64 / 1000
}
