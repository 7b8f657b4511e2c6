//! PID 1 beside a runtime that was started before there is a request.

use crate::child::payload::Payload;
use crate::child::report::Report;
use crate::child::{handoff, held, monotonic_ns, tell, wait_for_release, INIT, WAITING};
use crate::protocol::steps::{SetupFailure, Step};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{pidfd_open, Pid, PidfdFlags};
use rustix::thread::set_name;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Waits for the request, and has the runtime take it on. Gives when it began, and on which CPU.
pub fn serve(
    payload: &mut Payload<'_>,
    runtime: i32,
    ready: Option<&OwnedFd>,
) -> Result<(u64, u32), SetupFailure> {
    let Payload { site, ends, orders, .. } = payload;
    // For whoever looks at the host's processes: the runtime has its own name by now.
    set_name(WAITING).map_err(Step::Orders.failed())?;
    if let Some(held) = &site.held {
        held::reach(held, runtime)?;
        tell(ends.report.as_fd(), Report::There);
    }
    let waiter = Waiter::new(ends.release.as_fd(), runtime)?;
    if let Some(ready) = ready {
        waiter.wait_until_ready(ready)?;
        tell(ends.report.as_fd(), Report::There);
    }
    waiter.wait()?;
    orders.read(ends.orders.as_fd()).map_err(Step::Orders.failed())?;
    let cpu = handoff::take_on(orders, runtime)?;
    set_name(INIT).map_err(Step::Orders.failed())?;
    let at_ns = monotonic_ns();
    if site.held.is_some() {
        held::leave(runtime);
    }
    Ok((at_ns, cpu))
}

/// What PID 1 waits for beside a runtime: the launcher's word, and the runtime's own end.
struct Waiter<'a> {
    release: BorrowedFd<'a>,
    end: OwnedFd,
}

impl<'a> Waiter<'a> {
    fn new(release: BorrowedFd<'a>, runtime: i32) -> Result<Waiter<'a>, SetupFailure> {
        let pid = Pid::from_raw(runtime).ok_or_else(|| Step::Spawn.failed()(Errno::SRCH))?;
        let end = pidfd_open(pid, PidfdFlags::empty()).map_err(Step::Spawn.failed())?;
        Ok(Waiter { release, end })
    }

    /// One that ends before its request comes is no runtime: nobody is given this sandbox then.
    fn wait(&self) -> Result<(), SetupFailure> {
        match poll_both(&self.release, &self.end)? {
            [_, true] => Err(Step::Spawn.failed()(Errno::SRCH)),
            _ => wait_for_release(self.release),
        }
    }

    /// One that started from a template has said so by a byte. Until then nobody is given it: what
    /// could not be made what the template was has ended before.
    fn wait_until_ready(&self, ready: &OwnedFd) -> Result<(), SetupFailure> {
        poll_both(ready, &self.end)?;
        match rustix::io::read(ready, &mut [0u8; 1]) {
            Ok(1) => Ok(()),
            _ => Err(Step::Spawn.failed()(Errno::SRCH)),
        }
    }
}

/// Sleeps until one of them has something to say; which of them has.
fn poll_both(one: &impl AsFd, other: &impl AsFd) -> Result<[bool; 2], SetupFailure> {
    let mut fds = [PollFd::new(one, PollFlags::IN), PollFd::new(other, PollFlags::IN)];
    while let Err(Errno::INTR) = poll(&mut fds, None) {}
    Ok(fds.map(|fd| !fd.revents().is_empty()))
}
