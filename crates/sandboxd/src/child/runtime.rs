//! PID 1 beside a runtime that was started before there is a request.

use crate::child::payload::Payload;
use crate::child::{handoff, held, monotonic_ns, orders, wait_for_release, INIT, WAITING};
use crate::protocol::steps::{SetupFailure, Step};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{pidfd_open, Pid, PidfdFlags};
use rustix::thread::set_name;
use std::os::fd::{AsFd, BorrowedFd};

/// Waits for the request, and has the runtime take it on. Gives when it began, and on which CPU.
pub fn serve(payload: &mut Payload<'_>, runtime: i32) -> Result<(u64, u32), SetupFailure> {
    let Payload { site, ends, orders, .. } = payload;
    // For whoever looks at the host's processes: the runtime has its own name by now.
    set_name(WAITING).map_err(Step::Orders.failed())?;
    if let Some(held) = &site.held {
        held::reach(held, runtime)?;
        orders::say_held(ends.orders.as_fd()).map_err(Step::Orders.failed())?;
    }
    wait(ends.release.as_fd(), runtime)?;
    orders.read(ends.orders.as_fd()).map_err(Step::Orders.failed())?;
    let cpu = handoff::take_on(orders, runtime)?;
    set_name(INIT).map_err(Step::Orders.failed())?;
    let at_ns = monotonic_ns();
    if site.held.is_some() {
        held::leave(runtime)?;
    }
    Ok((at_ns, cpu))
}

/// One that ends before its request comes is no runtime: nobody is given this sandbox then.
fn wait(release: BorrowedFd<'_>, runtime: i32) -> Result<(), SetupFailure> {
    let pid = Pid::from_raw(runtime).ok_or_else(|| Step::Spawn.failed()(Errno::SRCH))?;
    let end = pidfd_open(pid, PidfdFlags::empty()).map_err(Step::Spawn.failed())?;
    let mut fds = [PollFd::new(&release, PollFlags::IN), PollFd::new(&end, PollFlags::IN)];
    while let Err(Errno::INTR) = poll(&mut fds, None) {}
    match fds.map(|fd| fd.revents().is_empty()) {
        [_, true] => wait_for_release(release),
        _ => Err(Step::Spawn.failed()(Errno::SRCH)),
    }
}
