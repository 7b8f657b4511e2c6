//! The workspace of a sandbox: a tmpfs that the launcher mounts, fills before the program exists,
//! and reads after everything in the sandbox is dead. Nothing is ever opened by a path that a
//! program could have prepared: one segment at a time, beneath an open folder (ADR 0029).

pub mod adopt;
mod artifacts;
mod glob;
pub mod open;
mod path;
#[cfg(test)]
mod races;
mod undertaker;

pub use artifacts::{collect, Artifact};
use undertaker::Farewell;
pub use undertaker::Undertaker;
#[cfg(any(test, fuzzing))]
pub use {glob::segments, glob::Glob, path::split};

use crate::bytes::write_all;
use crate::child::plan::{tmpfs_inodes, tmpfs_size};
use crate::lab::{holds, Protection};
use crate::sys;
use rustix::fs::{fchmod, fchown, mkdirat, setxattr, Gid, Mode, OFlags, Uid, XattrFlags, CWD};
use rustix::io::Errno;
use rustix::mount::{
    fsconfig_create, fsconfig_reconfigure, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
    fspick, move_mount, open_tree, unmount, FsMountFlags, FsOpenFlags, FsPickFlags, MountAttrFlags,
    MoveMountFlags, OpenTreeFlags, UnmountFlags,
};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub struct Workspace {
    /// The mount that the child moves to /work.
    mount: OwnedFd,
    /// The mount that the child moves to /tmp.
    tmp: OwnedFd,
    /// Where its tmpfs is mounted in the launcher's namespace, if it has to do with a layer.
    attached: Option<PathBuf>,
    disk_kb: u64,
    host_id: u32,
    /// Goes after the mounts: fields go in the order in which they stand here.
    farewell: Farewell,
}

pub enum Kind<'a> {
    /// A tmpfs of its own. The path is for the attack lab's build, where all share one there.
    Plain(&'a Path),
    /// The same, kept afterwards as a layer, mounted at this new path.
    Kept(&'a Path),
    /// An overlay over the frozen layer of a compile: (its path, a new path for this one).
    Over(&'a Path, &'a Path),
}

impl Workspace {
    pub fn make(kind: &Kind<'_>, disk_kb: u64, host_id: u32) -> io::Result<Workspace> {
        if let (Kind::Plain(shared), false) = (kind, holds(Protection::FreshWorkspace)) {
            return Workspace::reuse(shared, disk_kb, host_id);
        }
        let mut workspace = Workspace::fresh(disk_kb, host_id)?;
        match kind {
            Kind::Plain(_) => {}
            Kind::Kept(path) => {
                workspace.attach(path)?;
                let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
                workspace.mount = open_tree(CWD, *path, flags)?;
            }
            Kind::Over(lower, path) => {
                workspace.attach(path)?;
                workspace.mount = make_overlay(lower, path, host_id)?;
            }
        }
        Ok(workspace)
    }

    /// Two tmpfs of its own, mounted nowhere yet.
    fn fresh(disk_kb: u64, host_id: u32) -> io::Result<Workspace> {
        Ok(Workspace {
            mount: make_tmpfs(disk_kb, host_id, "0755")?,
            tmp: make_tmpfs(disk_kb, host_id, "1777")?,
            attached: None,
            disk_kb,
            host_id,
            farewell: Farewell::default(),
        })
    }

    /// The attack lab's build: the workspace of whoever came before.
    fn reuse(shared: &Path, disk_kb: u64, host_id: u32) -> io::Result<Workspace> {
        let mut workspace = Workspace::fresh(disk_kb, host_id)?;
        if !shared.exists() {
            workspace.attach(shared)?;
            workspace.attached = None;
            // Whoever comes has another uid.
            std::fs::set_permissions(shared, std::fs::Permissions::from_mode(0o777))?;
        }
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        workspace.mount = open_tree(CWD, shared, flags)?;
        Ok(workspace)
    }

    /// The descriptor of it that was opened last.
    pub fn newest(&self) -> &OwnedFd {
        &self.tmp
    }

    /// Who closes it last, where that takes long.
    pub fn leave_to(mut self, undertaker: &Rc<Undertaker>) -> Workspace {
        self.farewell = Farewell::by(undertaker);
        self
    }

    fn attach(&mut self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)?;
        self.attached = Some(path.to_path_buf());
        let whole = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        Ok(move_mount(&self.mount, c"", CWD, path, whole)?)
    }

    /// Descriptors of /work and /tmp for the child, which inherits them by the fork.
    pub fn mounts(&self) -> io::Result<(OwnedFd, OwnedFd)> {
        Ok((self.mount.try_clone()?, self.tmp.try_clone()?))
    }

    /// Gives both as much room as the request says; they were made before it came. Not for one over
    /// a layer, whose mount is an overlay.
    pub fn resize(&mut self, disk_kb: u64) -> io::Result<()> {
        if self.disk_kb != disk_kb {
            for mount in [&self.mount, &self.tmp] {
                let flags = FsPickFlags::FSPICK_CLOEXEC | FsPickFlags::FSPICK_EMPTY_PATH;
                let context = fspick(mount, c"", flags)?;
                fsconfig_set_string(&context, c"size", tmpfs_size(disk_kb))?;
                fsconfig_reconfigure(&context)?;
            }
            self.disk_kb = disk_kb;
        }
        Ok(())
    }

    /// As `resize`, and takes in what a compile left, beside that room.
    ///
    /// # Errors
    /// The kernel's.
    pub fn fit(&mut self, disk_kb: u64, load: Option<&adopt::Load>) -> io::Result<()> {
        self.resize(disk_kb + load.map_or(0, |load| load.kib))?;
        load.map_or(Ok(()), |load| adopt::copy(load, self.root()?.as_fd(), self.host_id))
    }

    /// Makes the tmpfs read-only for good: it is a layer now.
    pub fn freeze(&self) -> io::Result<()> {
        const ATTR_RDONLY: u64 = 1;
        let Some(path) = &self.attached else { return Ok(()) };
        sys::set_mount_attributes(&CString::new(path.as_os_str().as_bytes())?, ATTR_RDONLY, false)
    }

    pub fn attached(&self) -> Option<&Path> {
        self.attached.as_deref()
    }

    /// Writes a file below /work; folders on the way are made.
    ///
    /// # Errors
    /// `EINVAL` for a path that is not acceptable, `EEXIST`, `ENOTDIR`, `ENOSPC`.
    pub fn write(&self, path: &str, bytes: &[u8], how: Writing) -> io::Result<()> {
        let (folders, name) = path::split(path)?;
        let mut folder = self.root()?;
        for part in folders {
            folder = self.enter(folder.as_fd(), part)?;
        }
        let (create, mode) = match how {
            Writing { append: true, .. } => (OFlags::APPEND, 0),
            // Empty, ours, and in a sandbox that has seen no request.
            Writing { exists: true, .. } => (OFlags::empty(), 0),
            _ => (OFlags::CREATE | OFlags::EXCL, 0o600),
        };
        let file = open::beneath(folder.as_fd(), name, OFlags::WRONLY | create, mode)?;
        open::check_regular(&file)?;
        write_all(file.as_fd(), bytes)?;
        if !how.append {
            let mode = if how.executable { 0o755 } else { 0o644 };
            fchmod(&file, Mode::from_raw_mode(mode))?;
            fchown(&file, Some(Uid::from_raw(self.host_id)), Some(Gid::from_raw(self.host_id)))?;
        }
        Ok(())
    }

    /// Whether a folder of /work has this file.
    pub fn has(&self, folder: &str, name: &str) -> bool {
        let found = self.root().and_then(|root| open::folder(root.as_fd(), folder));
        found.is_ok_and(|folder| open::beneath(folder.as_fd(), name, OFlags::RDONLY, 0).is_ok())
    }

    fn root(&self) -> io::Result<OwnedFd> {
        open::folder(self.mount.as_fd(), ".")
    }

    fn enter(&self, folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
        match mkdirat(folder, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                let (uid, gid) = (Uid::from_raw(self.host_id), Gid::from_raw(self.host_id));
                let made = open::folder(folder, name)?;
                fchown(&made, Some(uid), Some(gid))?;
                Ok(made)
            }
            Err(Errno::EXIST) => open::folder(folder, name),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the regular files that match one of the globs, sorted by path. Call it only when every
    /// process of the sandbox is dead. The flag says that bounds cut something off.
    pub fn collect(&self, globs: &[String]) -> io::Result<(Vec<Artifact>, bool)> {
        if globs.is_empty() {
            return Ok((Vec::new(), false));
        }
        artifacts::collect(&self.root()?, globs)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.farewell.prepare([&self.mount, &self.tmp]);
        if let Some(path) = &self.attached {
            let _ = unmount(path, UnmountFlags::DETACH);
            let _ = std::fs::remove_dir(path);
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Writing {
    pub executable: bool,
    pub append: bool,
    /// It is there, and empty.
    pub exists: bool,
}

fn make_tmpfs(disk_kb: u64, host_id: u32, mode: &str) -> io::Result<OwnedFd> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let options = [
        (c"size", tmpfs_size(disk_kb)),
        (c"nr_inodes", tmpfs_inodes()),
        (c"mode", mode.to_string()),
        (c"uid", host_id.to_string()),
        (c"gid", host_id.to_string()),
    ];
    for (key, value) in options {
        fsconfig_set_string(&context, key, value)?;
    }
    mount_context(context)
}

/// Lower: what the compiler left. Upper: this run's own tmpfs (overlayfs.rst of the kernel).
fn make_overlay(lower: &Path, own: &Path, host_id: u32) -> io::Result<OwnedFd> {
    let (upper, work) = (own.join("upper"), own.join("work"));
    for folder in [&upper, &work] {
        std::fs::create_dir(folder)?;
        std::os::unix::fs::chown(folder, Some(host_id), Some(host_id))?;
    }
    let context = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    // What it notes of folders that were removed goes into trusted xattrs, which only the host's
    // root may write; in another user namespace it takes the user's (overlayfs.rst, "userxattr").
    if setxattr(&upper, c"trusted.gozolite", b"", XattrFlags::empty()).is_err() {
        fsconfig_set_flag(&context, c"userxattr")?;
    }
    fsconfig_set_string(&context, c"lowerdir", lower)?;
    fsconfig_set_string(&context, c"upperdir", &upper)?;
    fsconfig_set_string(&context, c"workdir", &work)?;
    mount_context(context)
}

fn mount_context(context: OwnedFd) -> io::Result<OwnedFd> {
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}
