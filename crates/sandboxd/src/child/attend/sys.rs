//! The one system call that only a sandbox's process 1 may make.

use std::io;

/// Sends a signal to the process group that a child of ours leads (kill(2)). Only for process 1 of
/// a pid namespace, whose processes are all that it can reach, and only for a child that it has not
/// reaped: its number can be nobody else's, and neither can its group's.
///
/// # Errors
/// `EPERM` for any other process than 1, `EINVAL` for what is no child's number, `ESRCH` where the
/// group is gone.
pub fn signal_group_of(child: i32, signal: i32) -> io::Result<()> {
    if std::process::id() != 1 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    if child <= 1 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: takes no pointer; `-child` is below -1, so it is one group and never "all".
    match unsafe { libc::kill(-child, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
