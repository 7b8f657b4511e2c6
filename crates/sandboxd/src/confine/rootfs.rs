//! The file system of one sandbox, put together in its own mount namespace: the template bound,
//! a /proc of its own, bounded tmpfs, the workspace; then the old root is gone (pivot_root(2)).

use crate::lab::{holds, Protection};
use crate::protocol::steps::{SetupFailure, Step};
use rustix::fs::{Mode, CWD};
use rustix::mount::{
    mount, mount_bind, mount_bind_recursive, mount_change, move_mount, unmount, MountFlags,
    MountPropagationFlags, MoveMountFlags, UnmountFlags,
};
use rustix::process::{chdir, pivot_root};
use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

/// What the child needs to know; every string is made before the clone.
pub struct Layout {
    /// The template: a mount point in the launcher's own mount namespace.
    pub root: CString,
    /// Source and target of each bind that hides a file or folder of /proc.
    pub masks: Vec<(CString, CString)>,
    /// What lies over /etc/hosts, where the sandbox has a network.
    pub hosts: Option<CString>,
    /// What lies over /data, where the sandbox has data sets (data.rs).
    pub data: Option<CString>,
    pub shm_options: CString,
}

/// The part of the root that asks for no identity: the launcher writes the id map meanwhile. Steps
/// into it; later paths are relative to it.
pub fn begin(layout: &Layout) -> Result<(), SetupFailure> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change(c"/", private).map_err(Step::PrivateMounts.failed())?;
    let root = layout.root.as_c_str();
    // A mount copied from a more privileged namespace is locked; a bind of it is ours to move.
    mount_bind_recursive(root, root).map_err(Step::Rootfs.failed())?;
    chdir(root).map_err(Step::Rootfs.failed())?;
    mount_proc()?;
    if holds(Protection::ProcMasks) {
        for (source, target) in &layout.masks {
            mount_bind(source.as_c_str(), target.as_c_str()).map_err(Step::Masks.failed())?;
        }
    }
    if let Some(hosts) = &layout.hosts {
        mount_bind(hosts.as_c_str(), c"etc/hosts").map_err(Step::Hosts.failed())?;
    }
    if let Some(data) = &layout.data {
        mount_bind_recursive(data.as_c_str(), c"data").map_err(Step::Data.failed())?;
    }
    Ok(())
}

/// What belongs to the sandbox's user: the bounded tmpfs that the launcher made, /dev/shm. Then the
/// old root is gone.
pub fn complete(
    layout: &Layout,
    work: BorrowedFd<'_>,
    tmp: BorrowedFd<'_>,
) -> Result<(), SetupFailure> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount_tmpfs(c"dev/shm", flags, &layout.shm_options)?;
    let whole = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(tmp, c"", CWD, c"tmp", whole).map_err(Step::Tmpfs.failed())?;
    move_mount(work, c"", CWD, c"work", whole).map_err(Step::Work.failed())?;
    pivot()
}

fn mount_proc() -> Result<(), SetupFailure> {
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    if holds(Protection::ProcReadonly) {
        flags |= MountFlags::RDONLY;
    }
    if !holds(Protection::PidNamespace) {
        return mount_bind_recursive(c"/proc", c"proc").map_err(Step::Proc.failed());
    }
    let options: Option<&CStr> = holds(Protection::NonDumpableInit).then_some(c"hidepid=invisible");
    mount(c"proc", c"proc", c"proc", flags, options).map_err(Step::Proc.failed())
}

fn mount_tmpfs(target: &CStr, flags: MountFlags, options: &CStr) -> Result<(), SetupFailure> {
    mount(c"tmpfs", target, c"tmpfs", flags, options).map_err(Step::Tmpfs.failed())
}

fn pivot() -> Result<(), SetupFailure> {
    if holds(Protection::PivotRoot) {
        // Both on one point: the old root lies on top of the new one, and is taken off.
        pivot_root(c".", c".").map_err(Step::PivotRoot.failed())?;
        unmount(c".", UnmountFlags::DETACH).map_err(Step::PivotRoot.failed())?;
    } else {
        // The attack lab's build: the old root stays reachable.
        rustix::fs::mkdir(c"tmp/old", Mode::from_raw_mode(0o755))
            .map_err(Step::PivotRoot.failed())?;
        pivot_root(c".", c"tmp/old").map_err(Step::PivotRoot.failed())?;
    }
    chdir(c"/").map_err(Step::PivotRoot.failed())
}
