//! Copies bytes between a sandbox's connection and the one that was dialled for it, until both
//! sides are done or a cap is met. A side that is done is shut down towards the other (tcp(7)).

use super::words::ConnectionOutcome;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const BUFFER_BYTES: usize = 16 * 1024;
/// Of one direction, before the other one and the clocks are looked at again.
const PIECES_MAX: usize = 16;

/// What a connection is bound by, and what it is counted in.
pub struct Terms<'a> {
    /// Of the sandbox's connections together, what is left of their bytes.
    pub budget: &'a AtomicU64,
    pub sent: &'a AtomicU64,
    pub received: &'a AtomicU64,
    pub deadline: Instant,
    /// Readable when the sandbox is over.
    pub end: BorrowedFd<'a>,
    /// How long what the sandbox wrote may take to leave after its end.
    pub grace: Duration,
}

/// # Errors
/// A side that broke the connection off.
pub fn relay(
    sandbox: &TcpStream,
    remote: &TcpStream,
    terms: &Terms<'_>,
) -> io::Result<ConnectionOutcome> {
    sandbox.set_nonblocking(true)?;
    remote.set_nonblocking(true)?;
    let mut out = Flow::new(sandbox, remote);
    let mut back = Flow::new(remote, sandbox);
    let mut ends_at: Option<Instant> = None;
    loop {
        if out.is_done && (back.is_done || ends_at.is_some()) {
            return Ok(ConnectionOutcome::Closed);
        }
        let now = Instant::now();
        if ends_at.is_some_and(|end| now >= end) {
            return Ok(ConnectionOutcome::Cancelled);
        }
        if now >= terms.deadline {
            return Ok(ConnectionOutcome::TimeLimit);
        }
        let until = terms.deadline.min(ends_at.unwrap_or(terms.deadline));
        let flows = if ends_at.is_some() { [Some(&out), None] } else { [Some(&out), Some(&back)] };
        let has_ended = wait(flows, terms.end, ends_at.is_some(), until - now)?;
        if has_ended && ends_at.is_none() {
            ends_at = Some(Instant::now() + terms.grace);
        }
        let spent = out.step(terms.budget, terms.sent)?
            || (ends_at.is_none() && back.step(terms.budget, terms.received)?);
        if spent {
            return Ok(ConnectionOutcome::BytesLimit);
        }
    }
}

/// Waits until a flow can go on. `true` when the sandbox is over.
fn wait(
    flows: [Option<&Flow<'_>>; 2],
    end: BorrowedFd<'_>,
    is_ending: bool,
    longest: Duration,
) -> io::Result<bool> {
    let end_flags = if is_ending { PollFlags::empty() } else { PollFlags::IN };
    let mut fds = vec![PollFd::from_borrowed_fd(end, end_flags)];
    fds.extend(flows.into_iter().flatten().filter_map(Flow::wish));
    if is_ending {
        fds.remove(0); // Its end is told by every poll, and known.
    }
    // Rounded up: a wait of less than a millisecond must not become none, over and over.
    let longest = longest + Duration::from_millis(1);
    let timeout =
        Timespec { tv_sec: longest.as_secs() as i64, tv_nsec: i64::from(longest.subsec_nanos()) };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(!is_ending && fds.first().is_some_and(|fd| !fd.revents().is_empty()))
}

/// One direction.
struct Flow<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    written: usize,
    has_ended: bool,
    /// Everything was passed on, the end too.
    is_done: bool,
    is_spent: bool,
}

impl<'a> Flow<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream) -> Flow<'a> {
        let buffer = vec![0; BUFFER_BYTES];
        let (filled, written) = (0, 0);
        Flow {
            from,
            to,
            buffer,
            filled,
            written,
            has_ended: false,
            is_done: false,
            is_spent: false,
        }
    }

    /// What it waits for: bytes to come, or room for those that came.
    fn wish(&self) -> Option<PollFd<'a>> {
        if self.is_done {
            return None;
        }
        Some(if self.written < self.filled {
            PollFd::from_borrowed_fd(self.to.as_fd(), PollFlags::OUT)
        } else {
            PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN)
        })
    }

    /// Moves what can be moved now. `true` when the budget is spent and what it paid for is on its
    /// way.
    fn step(&mut self, budget: &AtomicU64, moved: &AtomicU64) -> io::Result<bool> {
        for _ in 0..PIECES_MAX {
            if self.is_done {
                break;
            }
            if self.written == self.filled {
                if self.is_spent {
                    return Ok(true);
                }
                let Some(count) = not_yet(self.from.read(&mut self.buffer))? else { break };
                self.has_ended = count == 0;
                let paid = spend(budget, count as u64) as usize;
                self.is_spent = paid < count;
                (self.filled, self.written) = (paid, 0);
            }
            let rest = self.buffer.get(self.written..self.filled).unwrap_or_default();
            if !rest.is_empty() {
                let Some(count) = not_yet(self.to.write(rest))? else { break };
                self.written += count;
                moved.fetch_add(count as u64, Ordering::Relaxed);
            }
            if self.has_ended && self.written == self.filled {
                let _ = self.to.shutdown(Shutdown::Write);
                self.is_done = true;
            }
        }
        Ok(false)
    }
}

/// Takes up to `wanted` from the budget; gives what it got.
fn spend(budget: &AtomicU64, wanted: u64) -> u64 {
    let take = |left: u64| Some(left - left.min(wanted));
    match budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(left) | Err(left) => left.min(wanted),
    }
}

fn not_yet(moved: io::Result<usize>) -> io::Result<Option<usize>> {
    match moved {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
