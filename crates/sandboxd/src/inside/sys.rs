//! The one system call that only a container's process 1 may make.

use std::io;

/// Ends every other process of this PID namespace (kill(2) with -1): the one call that no fork can
/// outrun. Only for process 1 of a container, whose processes are all that it can reach.
///
/// # Errors
/// `EPERM` for any other process than 1.
pub fn end_all_others() -> io::Result<()> {
    if std::process::id() != 1 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    // SAFETY: takes no pointer.
    let status = unsafe { libc::kill(-1, libc::SIGKILL) };
    match io::Error::last_os_error() {
        error if status != 0 && error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}
