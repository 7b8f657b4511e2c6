//! One root that sandboxes start from: a toolchain's /usr, a minimal /dev, a synthetic /etc;
//! read-only as a whole. The toolchain is the host's, or a pack's; never some of both.

use super::caches;
use super::etc::{self, folder};
use super::packs::Tree;
use crate::lab::{holds, Protection};
use crate::sys;
use rustix::fs::{makedev, mknodat, statat, symlinkat, AtFlags, FileType, Mode, CWD};
use rustix::mount::{
    mount, mount_bind, mount_bind_recursive, move_mount, open_tree, MountFlags, MoveMountFlags,
    OpenTreeFlags,
};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

pub const ATTR_RDONLY: u64 = 0x1;
pub const ATTR_NOSUID: u64 = 0x2;
pub const ATTR_NODEV: u64 = 0x4;
pub const ATTR_NOEXEC: u64 = 0x8;

const DEVICES: [(&str, u32); 5] =
    [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)];

/// Names beside /usr that are links into it where it is merged.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib64", "lib32", "libx32"];

/// Where its toolchain comes from.
pub enum Source<'a> {
    /// /usr of the host, and of its /etc what toolchains read; what was made ahead of them.
    Host(Option<OwnedFd>),
    Pack(&'a Tree),
}

/// Builds a root on an empty folder. What a failure leaves mounted is the caller's to take away.
pub fn make(root: &Path, source: &Source<'_>) -> io::Result<()> {
    // A pack's configuration is copied, and needs room.
    mount(c"root", root, c"tmpfs", MountFlags::empty(), c"mode=0755,size=16m")?;
    for name in ["usr", "etc", "dev", "proc", "work", "tmp", "data"] {
        folder(&root.join(name), 0o755)?;
    }
    match source {
        Source::Host(caches) => {
            mount_bind_recursive("/usr", root.join("usr"))?;
            for name in MERGED {
                copy_top_level(root, name)?;
            }
            etc::of_host(&root.join("etc"))?;
            if let Some(opened) = caches {
                caches::attach_below(root, opened)?;
            }
        }
        Source::Pack(tree) => {
            attach(&tree.usr, &root.join("usr"))?;
            for name in MERGED {
                link_merged(tree, root, name)?;
            }
            etc::of_pack(&root.join("etc"), tree.etc.as_ref())?;
        }
    }
    let read_only = if holds(Protection::RootfsReadonly) { ATTR_RDONLY } else { 0 };
    let nosuid = if holds(Protection::Nosuid) { ATTR_NOSUID } else { 0 };
    attributes(root, read_only | nosuid | ATTR_NODEV)?;
    // The device nodes come last: this mount alone is not nodev.
    make_devices(&root.join("dev"))
}

/// Mounts the opened folder itself: no path is looked up again. Nothing that is mounted below it
/// comes along.
pub fn attach(opened: &OwnedFd, target: &Path) -> io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let clone = open_tree(opened, c"", flags)?;
    Ok(move_mount(&clone, c"", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// A pack's tree is merged always.
fn link_merged(tree: &Tree, root: &Path, name: &str) -> io::Result<()> {
    match statat(tree.usr.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(symlinkat(format!("usr/{name}"), CWD, root.join(name))?),
        Err(_) => Ok(()),
    }
}

/// Sets attributes of a mount and of all below it.
pub fn attributes(path: &Path, attributes: u64) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    sys::set_mount_attributes(&path, attributes, true)
}

/// /bin and its like are links into /usr on merged systems, folders on others.
fn copy_top_level(root: &Path, name: &str) -> io::Result<()> {
    let host = Path::new("/").join(name);
    match fs::symlink_metadata(&host) {
        Ok(kind) if kind.is_symlink() => {
            Ok(symlinkat(fs::read_link(&host)?, CWD, root.join(name))?)
        }
        Ok(kind) if kind.is_dir() => {
            folder(&root.join(name), 0o755)?;
            Ok(mount_bind_recursive(&host, root.join(name))?)
        }
        _ => Ok(()),
    }
}

/// A node of our own; where only the host's root may make one, the host's own, if it is the one.
fn make_device(path: &Path, name: &str, number: u64) -> io::Result<()> {
    let mode = Mode::from_raw_mode(0o666);
    match mknodat(CWD, path, FileType::CharacterDevice, mode, number) {
        Ok(()) => return fs::set_permissions(path, fs::Permissions::from_mode(0o666)),
        Err(rustix::io::Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let host = Path::new("/dev").join(name);
    fs::write(path, "")?;
    mount_bind(&host, path)?;
    let bound = fs::metadata(path)?;
    if bound.file_type().is_char_device() && bound.rdev() == number {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is another device", host.display())))
}

fn make_devices(dev: &Path) -> io::Result<()> {
    if !holds(Protection::Devices) {
        return Ok(mount_bind_recursive("/dev", dev)?);
    }
    mount(c"dev", dev, c"tmpfs", MountFlags::NOSUID | MountFlags::NOEXEC, c"mode=0755,size=64k")?;
    for (name, minor) in DEVICES {
        make_device(&dev.join(name), name, makedev(1, minor))?;
    }
    folder(&dev.join("shm"), 0o755)?;
    for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlinkat(format!("/proc/self/fd{target}"), CWD, dev.join(name))?;
    }
    let read_only = if holds(Protection::RootfsReadonly) { ATTR_RDONLY } else { 0 };
    attributes(dev, read_only | ATTR_NOSUID | ATTR_NOEXEC)
}
