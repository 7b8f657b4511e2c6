//! Read-only data sets of one sandbox, put together in the launcher's own mount namespace: each a
//! folder of the launcher's packs, by a name, over an empty /data (ADR 0047). The sandbox binds the
//! whole; as a copy from a more privileged namespace its attributes are locked there
//! (mount_namespaces(7)).

use super::etc::folder;
use super::root::{attach, attributes, ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};
use crate::lab::{holds, Protection};
use rustix::mount::{mount, unmount, MountFlags, UnmountFlags};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Mounted as long as this lives.
pub struct DataSets {
    path: PathBuf,
}

impl DataSets {
    /// Each set by the name that it gets.
    ///
    /// # Errors
    /// The kernel's; nothing stays mounted then.
    pub fn mount(path: PathBuf, sets: &[(&str, OwnedFd)]) -> io::Result<DataSets> {
        folder(&path, 0o755)?;
        let made = DataSets { path };
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount(c"data", &made.path, c"tmpfs", flags, c"mode=0755,size=64k,nr_inodes=64")?;
        for (name, opened) in sets {
            let place = made.path.join(name);
            folder(&place, 0o755)?;
            attach(opened, &place)?;
        }
        let read_only = if holds(Protection::RootfsReadonly) { ATTR_RDONLY } else { 0 };
        let nosuid = if holds(Protection::Nosuid) { ATTR_NOSUID } else { 0 };
        attributes(&made.path, read_only | nosuid | ATTR_NODEV | ATTR_NOEXEC)?;
        Ok(made)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataSets {
    fn drop(&mut self) {
        let _ = unmount(&self.path, UnmountFlags::DETACH);
        let _ = fs::remove_dir(&self.path);
    }
}
