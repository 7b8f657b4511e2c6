//! `sandboxd egress`: the process outside that carries one sandbox's connections (ADR 0027). The
//! launcher starts it with a socket as its standard input, hands over an order and listeners that
//! it made inside of the sandbox's network, and ends it with the sandbox.

mod address;
mod confine;
mod dial;
mod dns;
mod own;
mod relay;
mod resolve;
mod serve;
pub mod target;
pub mod words;

use crate::sys;
use resolve::Resolver;
use rustix::cmsg_space;
use rustix::io::dup;
use rustix::net::{recvmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
pub use serve::GRACE;
use serve::{serve, Shared};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use words::{Order, Word, ORDER_BYTES_MAX, TARGETS_MAX};

/// The whole life of the process.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandboxd egress: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    sys::close_range(3, u32::MAX)?;
    // Each arena would reserve 64 MiB of address space, which is limited below.
    sys::tune_allocator(&[(libc::M_ARENA_MAX, 1)]);
    let control = dup(io::stdin())?;
    let (order, listeners) = receive(&control)?;
    // Before the root changes: both are the host's, as they are now.
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let resolver = Resolver::new(&text("/etc/resolv.conf"), &text("/etc/hosts"));
    let confined = confine::confine(&order);
    let shared = Arc::new(Shared::new(order, resolver, control));
    if let Err(error) = confined {
        shared.tell(&Word::Failed { errno: error.raw_os_error().unwrap_or(libc::EIO) })?;
        return Err(error);
    }
    shared.tell(&Word::Ready)?;
    serve(&shared, listeners)
}

/// The launcher's order, and a listener for each of its targets.
fn receive(control: &OwnedFd) -> io::Result<(Order, Vec<OwnedFd>)> {
    let mut bytes = vec![0u8; ORDER_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(TARGETS_MAX))];
    let mut descriptors = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let count = {
        let mut pieces = [IoSliceMut::new(&mut bytes)];
        recvmsg(control.as_fd(), &mut pieces, &mut descriptors, flags)?.bytes
    };
    let order: Order = serde_json::from_slice(bytes.get(..count).unwrap_or_default())?;
    let mut listeners = Vec::new();
    for message in descriptors.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            listeners.extend(received);
        }
    }
    if listeners.len() != order.targets.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((order, listeners))
}
