//! Opening what may lie in a folder that a program could write to (openat2(2)): the kernel refuses
//! to leave the folder, whatever is put there while it looks.

use rustix::fs::{fstat, openat2, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// `EAGAIN` is the kernel's word for a path that changed while it looked; so often and no more.
const TRIES: usize = 8;

fn whole() -> ResolveFlags {
    ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV
}

/// Opens `name` in `folder` and nowhere else. A FIFO is never waited for.
///
/// # Errors
/// `ELOOP` for a symlink, `EXDEV` for what leads out of the folder or onto another mount.
pub fn beneath(
    folder: BorrowedFd<'_>,
    name: &str,
    flags: OFlags,
    mode: u32,
) -> io::Result<OwnedFd> {
    by(folder, name, flags, (mode, whole()))
}

/// The attack lab's build: as `open` would, links and all.
pub fn anywhere(folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    by(folder, name, OFlags::RDONLY, (0, ResolveFlags::empty()))
}

fn by(
    folder: BorrowedFd<'_>,
    name: &str,
    flags: OFlags,
    (mode, resolve): (u32, ResolveFlags),
) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
    for _ in 1..TRIES {
        match openat2(folder, name, flags, Mode::from_raw_mode(mode), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
    Ok(openat2(folder, name, flags, Mode::from_raw_mode(mode), resolve)?)
}

pub fn folder(parent: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    beneath(parent, name, OFlags::RDONLY | OFlags::DIRECTORY, 0)
}

/// The size of a regular file.
///
/// # Errors
/// `EINVAL` for what is none: a program may have left a FIFO where a file is expected.
pub fn check_regular(file: &OwnedFd) -> io::Result<usize> {
    let stat = fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL.into());
    }
    Ok(usize::try_from(stat.st_size).unwrap_or(usize::MAX))
}
