//! Landlock (landlock(7)), where the kernel has it: a second wall behind the mounts. Everything
//! can be read and executed as the mounts say; only the three writable folders can be changed, no
//! device node can be made anywhere, and no signal leaves the sandbox.

use crate::lab::{holds, Protection};
use crate::sys::{self, LandlockPathBeneath, LandlockRuleset};
use rustix::fs::{open, Mode, OFlags};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
const SCOPE_ABSTRACT_SOCKETS: u64 = 1;
const SCOPE_SIGNAL: u64 = 1 << 1;
const BIND_TCP: u64 = 1;
/// How many file rights each ABI knows (uapi/linux/landlock.h).
const RIGHTS_BY_ABI: [u32; 6] = [0, 13, 14, 15, 15, 16];

/// What this kernel can enforce, found once at start.
#[derive(Clone, Copy, Debug)]
pub struct Landlock {
    handled: u64,
    scoped: u64,
    bytes: usize,
}

/// `None` where the kernel has no Landlock.
pub fn find() -> Option<Landlock> {
    let abi = sys::landlock_abi();
    let rights = RIGHTS_BY_ABI.get(abi as usize).or(RIGHTS_BY_ABI.last()).copied().unwrap_or(0);
    // The attribute struct grew: 8 bytes at first, 16 with ABI 4, 24 with ABI 6.
    let bytes = match abi {
        0 => return None,
        1..=3 => 8,
        4..=5 => 16,
        _ => 24,
    };
    let scoped = if abi >= 6 { SCOPE_SIGNAL } else { 0 };
    Some(Landlock { handled: (1 << rights) - 1, scoped, bytes })
}

pub fn restrict(landlock: &Landlock) -> io::Result<()> {
    if !holds(Protection::Landlock) {
        return Ok(());
    }
    let attributes = LandlockRuleset {
        handled_access_fs: landlock.handled,
        handled_access_net: 0,
        scoped: landlock.scoped,
    };
    let ruleset = sys::landlock_create(&attributes, landlock.bytes)?;
    let read = EXECUTE | READ_FILE | READ_DIR;
    let rules: [(&CStr, u64); 5] = [
        (c"/", read),
        (c"/dev", WRITE_FILE | TRUNCATE | IOCTL_DEV),
        (c"/work", !(MAKE_CHAR | MAKE_BLOCK)),
        (c"/tmp", !(MAKE_CHAR | MAKE_BLOCK)),
        (c"/proc", WRITE_FILE),
    ];
    for (path, rights) in rules {
        allow(ruleset.as_fd(), path, rights & landlock.handled)?;
    }
    allow(ruleset.as_fd(), c"/dev/shm", !(MAKE_CHAR | MAKE_BLOCK) & landlock.handled)?;
    sys::landlock_restrict(ruleset.as_fd())
}

/// No file, no listening, no signal: for the egress process, which has what it needs.
pub fn restrict_to_nothing(landlock: &Landlock) -> io::Result<()> {
    let scoped = if landlock.scoped == 0 { 0 } else { SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNAL };
    let handled_access_net = if landlock.bytes >= 16 { BIND_TCP } else { 0 };
    let attributes =
        LandlockRuleset { handled_access_fs: landlock.handled, handled_access_net, scoped };
    let ruleset = sys::landlock_create(&attributes, landlock.bytes)?;
    sys::landlock_restrict(ruleset.as_fd())
}

fn allow(ruleset: std::os::fd::BorrowedFd<'_>, path: &CStr, rights: u64) -> io::Result<()> {
    let folder = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let rule = LandlockPathBeneath { allowed_access: rights, parent_fd: folder.as_raw_fd() };
    sys::landlock_allow(ruleset, &rule)
}
