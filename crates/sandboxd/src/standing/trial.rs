//! A first sandbox's namespaces and /proc, made and thrown away at start: a host that refuses them
//! to an ordinary user is told of then, not by every program that does not start.

use super::switches;
use crate::confine::rootfs::{self, Layout};
use crate::sys::{self, Cloned};
use rustix::process::{waitid, WaitId, WaitIdOptions};
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// # Errors
/// What can't be made, and the switches of this host that may be why.
pub fn run(root: &Path) -> Result<(), String> {
    let told = |what: &str, errno: i32| {
        let error = io::Error::from_raw_os_error(errno);
        format!("cannot make {what} of a sandbox's own: {error}.{}", switches::remedies())
    };
    let root = CString::new(root.as_os_str().as_bytes()).unwrap_or_default();
    let layout = Layout {
        root,
        masks: Vec::new(),
        hosts: None,
        data: None,
        shm_options: CString::default(),
    };
    let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS;
    match sys::clone3(flags as u64, None) {
        Ok(Cloned::Child) => {
            sys::exit_now(rootfs::begin(&layout).err().map_or(0, |failure| failure.errno))
        }
        Ok(Cloned::Parent(_, pidfd)) => {
            let ended = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
            match ended.ok().flatten().and_then(|status| status.exit_status()) {
                Some(0) => Ok(()),
                errno => Err(told("a /proc", errno.unwrap_or(libc::EIO))),
            }
        }
        Err(error) => Err(told("a user namespace", error.raw_os_error().unwrap_or(libc::EIO))),
    }
}
