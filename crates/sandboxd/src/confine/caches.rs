//! What was made ahead of the host's toolchains, such as a compiled standard library: a folder of
//! the server's, which every sandbox with the host's root finds read-only (ADR 0101).

use super::etc::folders;
use super::packs::check_owned;
use super::root::{attach, attributes, ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY};
use rustix::fs::{open, Mode, OFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Where it lies in a sandbox, each segment a folder of the root's own.
const PLACE: [&str; 3] = ["var", "cache", "gozolite"];

pub struct Caches {
    folder: PathBuf,
    /// The uid of the server, which fills it.
    owner: u32,
}

impl Caches {
    pub fn new(folder: PathBuf, owner: u32) -> Caches {
        Caches { folder, owner }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// # Errors
    /// `ENOENT` where there is none, `ENOTDIR` for a symlink or a file, `EPERM` where it
    /// is neither the server's nor ours, or others may write to it.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(&self.folder, flags, Mode::empty())?;
        check_owned(&opened, self.owner)?;
        Ok(opened)
    }
}

/// Nothing of it is ever executed: compilers read it.
pub fn attach_below(root: &Path, opened: &OwnedFd) -> io::Result<()> {
    let place = folders(root, &PLACE)?;
    attach(opened, &place)?;
    attributes(&place, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::geteuid;
    use std::fs::{create_dir, remove_dir_all, set_permissions, write, Permissions};
    use std::os::unix::fs::{symlink, PermissionsExt};

    #[test]
    fn its_place_is_made_in_a_var_that_is_there_too() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("gozo-place-{}", std::process::id()));
        create_dir(&root)?;
        create_dir(root.join("var"))?;
        create_dir(root.join("var/lib"))?;
        assert_eq!(folders(&root, &PLACE)?, root.join("var/cache/gozolite"));
        assert!(root.join("var/cache/gozolite").is_dir() && root.join("var/lib").is_dir());
        remove_dir_all(root)
    }

    #[test]
    fn only_a_folder_of_the_servers_or_our_own_is_opened() -> io::Result<()> {
        let base = std::env::temp_dir().join(format!("gozo-caches-{}", std::process::id()));
        create_dir(&base)?;
        let me = geteuid().as_raw();
        let errno = |name: &str, owner: u32| {
            let opened = Caches::new(base.join(name), owner).open();
            opened.err().and_then(|error| error.raw_os_error())
        };
        assert_eq!(errno("a", me), Some(libc::ENOENT));
        create_dir(base.join("a"))?;
        set_permissions(base.join("a"), Permissions::from_mode(0o755))?;
        assert_eq!(errno("a", me), None);
        assert_eq!(errno("a", me + 1), None, "it is ours");
        symlink("a", base.join("link"))?;
        assert_eq!(errno("link", me), Some(libc::ENOTDIR));
        write(base.join("file"), "")?;
        assert_eq!(errno("file", me), Some(libc::ENOTDIR));
        for mode in [0o775, 0o757] {
            set_permissions(base.join("a"), Permissions::from_mode(mode))?;
            assert_eq!(errno("a", me), Some(libc::EPERM));
        }
        remove_dir_all(base)
    }
}
