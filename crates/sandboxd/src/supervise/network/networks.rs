//! Network namespaces made ahead: the kernel takes half a millisecond for one, more than for all
//! others together, and nothing about it depends on a request. Each is new, has a loopback and
//! nothing else, and serves one sandbox. It belongs to the host's user namespace, so not even a
//! program that had its own namespace's capabilities could change it (network_namespaces(7)).

use crate::sys;
use rustix::fs::{open, Mode, OFlags};
use rustix::net::{bind, listen, socket_with, AddressFamily, SocketFlags, SocketType};
use rustix::thread::{move_into_link_name_space, LinkNameSpaceType};
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, OwnedFd};

const SPARES: usize = 4;
/// Connections that wait for the egress process to take them.
const BACKLOG: i32 = 16;

pub struct Networks {
    /// The launcher's own.
    home: OwnedFd,
    spares: Vec<OwnedFd>,
}

impl Networks {
    /// # Errors
    /// /proc is not there, or the kernel has no network namespaces.
    pub fn new() -> io::Result<Networks> {
        Ok(Networks { home: current()?, spares: Vec::new() })
    }

    pub fn take(&mut self) -> io::Result<OwnedFd> {
        match self.spares.pop() {
            Some(network) => Ok(network),
            None => self.make(),
        }
    }

    /// Makes one in a quiet moment, if there are few. `true` when it did.
    pub fn stock(&mut self) -> bool {
        let wanted = self.spares.len() < SPARES;
        let made = if wanted { self.make().ok() } else { None };
        let is_made = made.is_some();
        self.spares.extend(made);
        is_made
    }

    /// Makes the launcher's next children start in this namespace.
    pub fn enter(network: &OwnedFd) -> io::Result<()> {
        Ok(move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    pub fn leave(&self) -> io::Result<()> {
        Networks::enter(&self.home)
    }

    /// Listens at addresses inside of a namespace: what is bound stays there, whoever holds it.
    ///
    /// # Errors
    /// The kernel's answer to the first socket that could not be had.
    pub fn listen(
        &self,
        network: &OwnedFd,
        addresses: &[SocketAddrV4],
    ) -> io::Result<Vec<OwnedFd>> {
        Networks::enter(network)?;
        let made = addresses.iter().map(listener).collect();
        if self.leave().is_err() {
            sys::exit_now(1); // As after a clone: not to be at home is no state to go on in.
        }
        made
    }

    fn make(&self) -> io::Result<OwnedFd> {
        sys::unshare(libc::CLONE_NEWNET)?;
        let made = current().and_then(|network| furnish().map(|()| network));
        self.leave()?;
        made
    }
}

fn listener(address: &SocketAddrV4) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    bind(&socket, address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

fn current() -> io::Result<OwnedFd> {
    Ok(open(c"/proc/self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// The loopback goes up, and queues of connections that nobody accepted, which no memory cgroup
/// counts, are kept short (/proc/sys/net is that of the namespace one is in). Older kernels don't
/// show that knob to a namespace of an ordinary user (ADR 0031): there it stays at 4096.
fn furnish() -> io::Result<()> {
    match std::fs::write("/proc/sys/net/core/somaxconn", "128") {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sys::loopback_up(socket.as_fd())
}
