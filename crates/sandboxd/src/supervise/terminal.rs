//! A terminal for one program: a pseudoterminal (pty(7)) of a devpts of its own, which is mounted
//! nowhere. So there is no name in the sandbox, or outside of it, by which it or another could be
//! opened; the program has the slave's descriptor, and the launcher the master's (docs/adr/0077).

use crate::protocol::interactive::Size;
use rustix::fs::{openat, Mode, OFlags};
use rustix::mount::{
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, FsMountFlags, FsOpenFlags,
    MountAttrFlags,
};
use rustix::pty::{ioctl_tiocgptpeer, unlockpt, OpenptFlags};
use rustix::termios::{tcsetwinsize, Winsize};
use std::io;
use std::os::fd::OwnedFd;

/// Master, which does not block, and slave.
pub fn open(size: Size) -> io::Result<(OwnedFd, OwnedFd)> {
    let context = fsopen(c"devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [(c"ptmxmode", c"0600"), (c"mode", c"0600"), (c"max", c"1")] {
        fsconfig_set_string(&context, key, value)?;
    }
    fsconfig_create(&context)?;
    // Not nodev: the program may open its terminal again by its descriptor (/dev/stdin).
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let master = openat(&mount, c"ptmx", flags, Mode::empty())?;
    unlockpt(&master)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = ioctl_tiocgptpeer(&master, flags)?;
    resize(&master, size);
    Ok((master, slave))
}

/// The foreground group of the program's session is told (SIGWINCH).
pub fn resize(master: &OwnedFd, Size { columns, rows }: Size) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let _ = tcsetwinsize(master, size);
}
