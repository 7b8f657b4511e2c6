//! The egress process at work: accepts what the sandbox connects to, one thread a connection, and
//! tells the launcher of each beginning and end.

use super::dial::{dial, NotDialled};
use super::relay::{relay, Terms};
use super::resolve::Resolver;
use super::words::{Account, ConnectionOutcome, Order, Word};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{accept_with, send, SendFlags, SocketFlags};
use std::io;
use std::net::{IpAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const STACK_BYTES: usize = 128 * 1024;
/// From a name to a connection, within the time of the connection.
const DIAL_TIME: Duration = Duration::from_secs(10);
/// How long what a program wrote may take to leave after the program's end.
pub const GRACE: Duration = Duration::from_millis(250);

/// What all connections of the sandbox share.
pub struct Shared {
    pub order: Order,
    pub resolver: Resolver,
    pub control: OwnedFd,
    budget: AtomicU64,
    living: Mutex<u32>,
    one_ended: Condvar,
}

/// One connection's counters, while it lives and for its account.
struct Tally {
    number: u32,
    began: Instant,
    address: OnceLock<IpAddr>,
    sent: AtomicU64,
    received: AtomicU64,
    is_told: AtomicBool,
}

impl Shared {
    pub fn new(order: Order, resolver: Resolver, control: OwnedFd) -> Shared {
        let budget = AtomicU64::new(order.caps.bytes_max);
        let (living, one_ended) = (Mutex::new(0), Condvar::new());
        Shared { order, resolver, control, budget, living, one_ended }
    }

    /// # Errors
    /// The launcher is gone.
    pub fn tell(&self, word: &Word) -> io::Result<()> {
        let bytes = serde_json::to_vec(word)?;
        Ok(send(&self.control, &bytes, SendFlags::NOSIGNAL).map(drop)?)
    }

    /// The account of a connection goes out once, whoever closes it.
    fn close(&self, tally: &Tally, outcome: ConnectionOutcome) {
        if tally.is_told.swap(true, Ordering::AcqRel) {
            return;
        }
        let account = Account {
            address: tally.address.get().copied(),
            bytes_sent: tally.sent.load(Ordering::Relaxed),
            bytes_received: tally.received.load(Ordering::Relaxed),
            time_ms: tally.began.elapsed().as_millis() as u64,
            outcome,
        };
        let _ = self.tell(&Word::Closed { number: tally.number, account });
    }

    fn count(&self, change: i32) {
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        *living = living.saturating_add_signed(change);
        self.one_ended.notify_all();
    }

    fn wait_for_the_last(&self, longest: Duration) {
        let living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.one_ended.wait_timeout_while(living, longest, |living| *living > 0));
    }
}

/// Serves until the launcher closes its side, then until the last bytes left or `GRACE` is over.
///
/// # Errors
/// The kernel's answer to a poll that can't go on.
pub fn serve(shared: &Arc<Shared>, mut listeners: Vec<OwnedFd>) -> io::Result<()> {
    let mut tallies: Vec<Arc<Tally>> = Vec::new();
    loop {
        let control = PollFd::from_borrowed_fd(shared.control.as_fd(), PollFlags::IN);
        let mut fds = vec![control];
        fds.extend(listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready.first() == Some(&true) {
            break;
        }
        for (target, listener) in listeners.iter().enumerate() {
            if ready.get(target + 1) == Some(&true) {
                accept(shared, listener, (target, &mut tallies));
            }
        }
        if tallies.len() > shared.order.caps.connections_max as usize {
            listeners.clear(); // Whoever connects from now on is refused by the kernel.
        }
    }
    drop(listeners);
    shared.wait_for_the_last(GRACE);
    for tally in &tallies {
        shared.close(tally, ConnectionOutcome::Cancelled);
    }
    Ok(())
}

fn accept(
    shared: &Arc<Shared>,
    listener: &OwnedFd,
    (target, tallies): (usize, &mut Vec<Arc<Tally>>),
) {
    let connections_max = shared.order.caps.connections_max as usize;
    if tallies.len() > connections_max {
        return;
    }
    let Ok(sandbox) = accept_with(listener, SocketFlags::CLOEXEC) else { return };
    let sandbox = TcpStream::from(sandbox);
    let tally = Arc::new(Tally {
        number: tallies.len() as u32,
        began: Instant::now(),
        address: OnceLock::new(),
        sent: AtomicU64::new(0),
        received: AtomicU64::new(0),
        is_told: AtomicBool::new(false),
    });
    tallies.push(Arc::clone(&tally));
    let _ = shared.tell(&Word::Opened { number: tally.number, target });
    if tallies.len() > connections_max {
        break_off(&sandbox);
        return shared.close(&tally, ConnectionOutcome::ConnectionsLimit);
    }
    shared.count(1);
    let (mine, theirs) = (Arc::clone(shared), Arc::clone(&tally));
    let connection = move || {
        let outcome = connect(&mine, &theirs, (&sandbox, target));
        mine.close(&theirs, outcome);
        drop(sandbox);
        mine.count(-1);
    };
    // A thread that can't be had took its side of the connection with it.
    if thread::Builder::new().stack_size(STACK_BYTES).spawn(connection).is_err() {
        shared.count(-1);
        shared.close(&tally, ConnectionOutcome::ConnectFailed);
    }
}

/// One connection, from the sandbox's to the end of both.
fn connect(
    shared: &Shared,
    tally: &Tally,
    (sandbox, target): (&TcpStream, usize),
) -> ConnectionOutcome {
    let Some(target) = shared.order.targets.get(target) else {
        return ConnectionOutcome::Unresolved;
    };
    let deadline = tally.began + Duration::from_millis(shared.order.caps.time_ms_max);
    let dialled = dial(&shared.resolver, target, deadline.min(tally.began + DIAL_TIME));
    let remote = match dialled {
        Ok((remote, address)) => {
            let _ = tally.address.set(address);
            remote
        }
        Err(NotDialled { outcome, address }) => {
            address.map(|address| tally.address.set(address));
            break_off(sandbox);
            return outcome;
        }
    };
    let _ = (sandbox.set_nodelay(true), remote.set_nodelay(true));
    let terms = Terms {
        budget: &shared.budget,
        sent: &tally.sent,
        received: &tally.received,
        deadline,
        end: shared.control.as_fd(),
        grace: GRACE,
    };
    let outcome = relay(sandbox, &remote, &terms).unwrap_or(ConnectionOutcome::Reset);
    if outcome != ConnectionOutcome::Closed {
        break_off(sandbox);
        break_off(&remote);
    }
    outcome
}

/// What was cut must not look like an end: the other side gets a reset (socket(7), SO_LINGER).
fn break_off(stream: &TcpStream) {
    let _ = set_socket_linger(stream, Some(Duration::ZERO));
}
