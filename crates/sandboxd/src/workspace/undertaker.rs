//! A process beside the launcher that lets go of full workspaces. Whoever closes a tmpfs last frees
//! its pages, 100 ms for 700 MiB; in the launcher's loop every other sandbox would wait for that.
//! It has no privilege, runs nothing, and ends when the launcher does (ADR 0030).

use crate::confine::capabilities;
use crate::sys::{self, Cloned};
use rustix::fs::fstatfs;
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::{
    recvmsg, sendmsg, socketpair, AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage,
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

/// Less than this is freed within half a millisecond by whoever closes it.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;
const HOLD: u8 = b'h';
const LET_GO: u8 = b'l';

pub struct Undertaker {
    way: OwnedFd,
    /// It stays a zombie, if it is killed, until the launcher ends: one, and no more.
    _process: OwnedFd,
}

impl Undertaker {
    /// # Errors
    /// The kernel's errno where there is no descriptor or process left.
    pub fn start() -> io::Result<Undertaker> {
        let flags = SocketFlags::CLOEXEC;
        let (way, end) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        match sys::clone3(0, None)? {
            Cloned::Child => {
                drop(way);
                let status = i32::from(work(&end).is_err());
                sys::exit_now(status);
            }
            Cloned::Parent(_, process) => Ok(Undertaker { way, _process: process }),
        }
    }

    /// Takes another reference to a mount.
    fn hold(&self, mount: &OwnedFd) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        let passed = [mount.as_fd()];
        if !message.push(SendAncillaryMessage::ScmRights(&passed)) {
            return Err(Errno::INVAL.into());
        }
        self.tell(HOLD, &mut message)
    }

    fn tell(&self, what: u8, message: &mut SendAncillaryBuffer<'_, '_, '_>) -> io::Result<()> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(&self.way, &[IoSlice::new(&[what])], message, flags)?;
        Ok(())
    }
}

/// Sees to it that somebody else closes large mounts last: `prepare` before they are closed, and
/// it goes itself when they are. Where the process can't take them (it was killed, its queue is
/// full) the caller frees the pages after all.
#[derive(Default)]
pub struct Farewell {
    undertaker: Option<Rc<Undertaker>>,
    is_prepared: bool,
}

impl Farewell {
    pub fn by(undertaker: &Rc<Undertaker>) -> Farewell {
        Farewell { undertaker: Some(Rc::clone(undertaker)), is_prepared: false }
    }

    pub fn prepare(&mut self, mounts: [&OwnedFd; 2]) {
        let Some(undertaker) = &self.undertaker else { return };
        for mount in mounts.into_iter().filter(|mount| is_large(mount)) {
            self.is_prepared |= undertaker.hold(mount).is_ok();
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if let Some(undertaker) = self.undertaker.as_ref().filter(|_| self.is_prepared) {
            let _ = undertaker.tell(LET_GO, &mut SendAncillaryBuffer::default());
        }
    }
}

fn is_large(mount: &OwnedFd) -> bool {
    fstatfs(mount).is_ok_and(|stat| {
        let used = stat.f_blocks.saturating_sub(stat.f_bfree);
        used.saturating_mul(stat.f_bsize.unsigned_abs()) >= LARGE_BYTES
    })
}

/// Closes what it is sent, until the launcher's end of the way is closed.
fn work(end: &OwnedFd) -> io::Result<()> {
    let number = end.as_raw_fd() as u32;
    sys::close_range(0, number.saturating_sub(1))?;
    sys::close_range(number + 1, u32::MAX)?;
    capabilities::drop_all()?;
    rustix::thread::set_no_new_privs(true)?;
    let mut held = Vec::new();
    loop {
        let mut byte = [0u8; 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut message = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        match recvmsg(end, &mut [IoSliceMut::new(&mut byte)], &mut message, flags) {
            Ok(received) if received.bytes == 0 => return Ok(()),
            Ok(_) if byte == [LET_GO] => held.clear(),
            Ok(_) => held.extend(message.drain().filter_map(descriptors).flatten()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn descriptors(message: RecvAncillaryMessage<'_>) -> Option<Vec<OwnedFd>> {
    match message {
        RecvAncillaryMessage::ScmRights(passed) => Some(passed.collect()),
        _ => None,
    }
}
