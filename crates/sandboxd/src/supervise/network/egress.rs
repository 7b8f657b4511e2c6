//! The launcher's side of a sandbox's connections: what may be asked for, the egress process
//! outside, and the account of what went through (ADR 0027).

use crate::egress::target::Target;
use crate::egress::words::{Account, ConnectionOutcome, Order, Word, TARGETS_MAX, WORD_BYTES_MAX};
use crate::egress::GRACE;
use crate::protocol::message::{Connection, Network};
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::network::way::HostsFile;
use crate::supervise::slots::Slot;
use rustix::cmsg_space;
use rustix::io::{ioctl_fionbio, Errno};
use rustix::net::{
    recv, sendmsg, shutdown, socketpair, AddressFamily, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
};
use rustix::process::{
    pidfd_open, pidfd_send_signal, waitid, Pid, PidfdFlags, Signal, WaitId, WaitIdOptions,
};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;

/// It ends by itself within its grace, and is not waited for much longer.
const ACCOUNT_NS_MAX: u64 = 2 * GRACE.as_nanos() as u64;
/// The egress process of one sandbox, and what it told so far.
pub struct Egress {
    pidfd: OwnedFd,
    control: OwnedFd,
    /// A uid that no sandbox and no other egress process has.
    _slot: Rc<Slot>,
    _hosts: HostsFile,
    targets: Vec<Target>,
    connections_max: usize,
    /// One for itself, one for each beginning and end; one that says more is not listened to.
    words_left: usize,
    log: Vec<Connection>,
    readiness: Readiness,
    has_ended: bool,
    is_reaped: bool,
    finish_by_ns: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Awaited,
    Ready,
    Failed(i32),
}

/// What an egress process is made from.
pub struct Making {
    pub network: Network,
    pub listeners: Vec<OwnedFd>,
    pub slot: Rc<Slot>,
    pub hosts: HostsFile,
    /// An empty folder.
    pub root: PathBuf,
}

impl Egress {
    /// Starts it.
    ///
    /// # Errors
    /// The kernel's answer; nothing of it is left then.
    pub fn start(making: Making) -> Result<Egress, SetupFailure> {
        let Making { network: Network { allow, caps }, listeners, slot, hosts, root } = making;
        let order = Order { targets: allow, caps, host_id: slot.host_id, root };
        let (pidfd, control) = spawn().map_err(Step::Egress.failed())?;
        let egress = Egress {
            pidfd,
            control,
            _slot: slot,
            _hosts: hosts,
            targets: order.targets.clone(),
            connections_max: caps.connections_max as usize,
            words_left: 2 * (caps.connections_max as usize + 1) + 1,
            log: Vec::new(),
            readiness: Readiness::Awaited,
            has_ended: false,
            is_reaped: false,
            finish_by_ns: None,
        };
        send(&egress.control, &order, &listeners).map_err(Step::Egress.failed())?;
        ioctl_fionbio(&egress.control, true).map_err(Step::Egress.failed())?;
        Ok(egress)
    }

    /// Whether it said that it is confined; `None` as long as it said nothing. No program starts
    /// before that.
    pub fn readiness(&self) -> Option<Result<(), SetupFailure>> {
        match self.readiness {
            Readiness::Awaited => None,
            Readiness::Ready => Some(Ok(())),
            Readiness::Failed(errno) => Some(Err(SetupFailure { step: Step::Egress, errno })),
        }
    }

    /// It was waited for long enough.
    pub fn give_up(&mut self) {
        if self.readiness == Readiness::Awaited {
            self.readiness = Readiness::Failed(libc::ETIMEDOUT);
        }
    }

    /// For a poller, as long as there is something to come.
    pub fn descriptor(&self) -> &OwnedFd {
        &self.control
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Takes in what the process told.
    pub fn read(&mut self) {
        while !self.has_ended {
            match self.receive() {
                Ok(Some(word)) => self.take_in(word),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Ok(None) | Err(_) => self.has_ended = true,
            }
        }
        if self.readiness == Readiness::Awaited {
            self.readiness = Readiness::Failed(libc::ECONNRESET);
        }
    }

    /// The next word; `None` at its end, or where it says what it must not.
    fn receive(&mut self) -> Result<Option<Word>, Errno> {
        let mut bytes = [0u8; WORD_BYTES_MAX];
        let (count, _) = recv(&self.control, &mut bytes[..], RecvFlags::empty())?;
        Ok(serde_json::from_slice(bytes.get(..count).unwrap_or_default()).ok())
    }

    /// A process that was taken over can tell wrong numbers of its own sandbox's connections, and
    /// nothing else.
    fn take_in(&mut self, word: Word) {
        let Some(left) = self.words_left.checked_sub(1) else {
            self.has_ended = true;
            return;
        };
        self.words_left = left;
        match word {
            Word::Ready if self.readiness == Readiness::Awaited => {
                self.readiness = Readiness::Ready;
            }
            Word::Failed { errno } if self.readiness == Readiness::Awaited => {
                self.readiness = Readiness::Failed(errno);
                self.has_ended = true;
            }
            Word::Opened { number, target } if number as usize == self.log.len() => {
                match self.targets.get(target) {
                    Some(target) if self.log.len() <= self.connections_max => {
                        self.log.push(opened(target));
                    }
                    _ => self.has_ended = true,
                }
            }
            Word::Closed { number, account } => match self.log.get_mut(number as usize) {
                Some(connection) => connection.account = account,
                None => self.has_ended = true,
            },
            _ => self.has_ended = true,
        }
    }

    /// The sandbox is over. `true` when every connection was accounted for, or the time for it is.
    pub fn finish(&mut self, now_ns: u64) -> bool {
        if self.finish_by_ns.is_none() {
            self.finish_by_ns = Some(now_ns + ACCOUNT_NS_MAX);
            let _ = shutdown(&self.control, Shutdown::Write);
        }
        self.read();
        self.has_ended || self.finish_by_ns.is_some_and(|by_ns| now_ns >= by_ns)
    }

    /// When `finish` wants to be called again.
    pub fn deadline_ns(&self) -> Option<u64> {
        self.finish_by_ns.filter(|_| !self.has_ended)
    }

    pub fn log(&self) -> &[Connection] {
        &self.log
    }

    /// Ends it, if it lives. `true` when it was reaped: its uid is free.
    pub fn is_gone(&mut self) -> bool {
        self.reap(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
    }

    fn reap(&mut self, how: WaitIdOptions) -> bool {
        if !self.is_reaped {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            let reaped = waitid(WaitId::PidFd(self.pidfd.as_fd()), how);
            self.is_reaped = matches!(reaped, Ok(Some(_)) | Err(Errno::CHILD));
        }
        self.is_reaped
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        self.reap(WaitIdOptions::EXITED);
    }
}

/// What is known of a connection until its end was told: that the process ended under it.
fn opened(target: &Target) -> Connection {
    let account = Account {
        address: None,
        bytes_sent: 0,
        bytes_received: 0,
        time_ms: 0,
        outcome: ConnectionOutcome::EgressLost,
    };
    Connection { host: target.host.clone(), port: target.port, account }
}

/// Our own program, as it runs now, with nothing of ours but one end of a socket.
fn spawn() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let mut child = Command::new("/proc/self/exe")
        .arg0("sandboxd")
        .arg("egress")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = Pid::from_raw(child.id() as i32).ok_or(Errno::SRCH)?;
    // It is our child and not reaped, so its pid is nobody else's.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok((pidfd, ours)),
        Err(error) => {
            drop(ours); // It reads an end instead of an order, and ends.
            child.wait()?;
            Err(error.into())
        }
    }
}

fn send(control: &OwnedFd, order: &Order, listeners: &[OwnedFd]) -> io::Result<()> {
    let bytes = serde_json::to_vec(order)?;
    let borrowed: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(TARGETS_MAX))];
    let mut descriptors = SendAncillaryBuffer::new(&mut space);
    if !descriptors.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(Errno::TOOBIG.into());
    }
    sendmsg(control, &[IoSlice::new(&bytes)], &mut descriptors, SendFlags::NOSIGNAL)?;
    Ok(())
}
