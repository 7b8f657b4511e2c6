//! The packs that this launcher may serve: root trees in one folder of its owner's. A recipe names
//! one by its digest and gives no path; what is not exactly such a tree is no root.

use crate::workspace::open::{beneath, folder};
use rustix::fs::{fstat, open, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The name of the root that is no pack's: /usr of the host.
pub const HOST: &str = "host";
const DIGEST_LETTERS: usize = 64;
const OTHERS_MAY_WRITE: u32 = 0o022;

/// The folder that holds `trees/<digest>`. It may come to be after the launcher has started.
#[derive(Clone, Debug)]
pub struct Packs {
    folder: PathBuf,
}

/// One pack's root tree, opened.
pub struct Tree {
    pub usr: OwnedFd,
    /// Configuration that its toolchain needs beside the synthetic.
    pub etc: Option<OwnedFd>,
    pub identity: Identity,
}

/// Of a tree that stands at a path: another one at the same path is another one, though the kernel
/// may give it the same inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

/// Whether it has the form of a pack's digest: 64 hexadecimal digits, in lower case.
pub fn is_digest(name: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.len() == DIGEST_LETTERS && name.bytes().all(is_digit)
}

impl Packs {
    pub fn new(folder: PathBuf) -> Packs {
        Packs { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens a tree: beneath the folder, through no symlink and onto no other mount.
    ///
    /// # Errors
    /// `ENOENT` where there is none, `ELOOP` or `ENOTDIR` for a symlink or a file, `EPERM` where it
    /// belongs to somebody else or others may write to it.
    pub fn open(&self, digest: &str) -> io::Result<Tree> {
        let (tree, stat) = self.open_tree(digest)?;
        let identity = Identity::of(&stat);
        let usr = folder(tree.as_fd(), "usr")?;
        check_owner(&usr)?;
        let etc = match beneath(tree.as_fd(), "etc", OFlags::RDONLY | OFlags::DIRECTORY, 0) {
            Ok(etc) => Some(etc),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => None,
            Err(error) => return Err(error),
        };
        etc.as_ref().map(check_owner).transpose()?;
        Ok(Tree { usr, etc, identity })
    }

    /// Opens a data set: the folder `data` of a tree that is no toolchain's.
    ///
    /// # Errors
    /// As of `open`.
    pub fn open_data(&self, digest: &str) -> io::Result<OwnedFd> {
        let (tree, _) = self.open_tree(digest)?;
        let data = folder(tree.as_fd(), "data")?;
        check_owner(&data)?;
        Ok(data)
    }

    fn open_tree(&self, digest: &str) -> io::Result<(OwnedFd, Stat)> {
        if !is_digest(digest) {
            return Err(Errno::INVAL.into());
        }
        let trees = self.open_trees()?;
        let tree = folder(trees.as_fd(), digest)?;
        let stat = check_owner(&tree)?;
        Ok((tree, stat))
    }

    /// # Errors
    /// As of `open`: why no pack can be served.
    pub fn check(&self) -> io::Result<()> {
        self.open_trees().map(drop)
    }

    fn open_trees(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = open(&self.folder, flags, Mode::empty())?;
        check_owner(&top)?;
        let trees = folder(top.as_fd(), "trees")?;
        check_owner(&trees)?;
        Ok(trees)
    }
}

impl Identity {
    fn of(stat: &Stat) -> Identity {
        let changed = (stat.st_ctime, stat.st_ctime_nsec as i64);
        Identity { device: stat.st_dev, inode: stat.st_ino, changed }
    }
}

/// Root's, or of the user who started a launcher without root: inside its own namespace that is
/// root too. Anybody else's, or what a group may write to, could become another toolchain.
fn check_owner(folder: &OwnedFd) -> io::Result<Stat> {
    check_owned(folder, geteuid().as_raw())
}

/// The same for a folder that may be this user's as well.
///
/// # Errors
/// `EPERM` where it is anybody else's, or others may write to it.
pub fn check_owned(folder: &OwnedFd, owner: u32) -> io::Result<Stat> {
    let stat = fstat(folder)?;
    let is_known = stat.st_uid == owner || stat.st_uid == geteuid().as_raw();
    if !is_known || stat.st_mode & OTHERS_MAY_WRITE != 0 {
        return Err(Errno::PERM.into());
    }
    Ok(stat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{remove_dir_all, rename, set_permissions, write, DirBuilder, Permissions};
    use std::os::unix::fs::{symlink, DirBuilderExt, PermissionsExt};

    const DIGEST: &str = "00000000000000000000000000000000000000000000000000000000000000aa";
    const OTHER: &str = "00000000000000000000000000000000000000000000000000000000000000bb";

    struct World {
        folder: PathBuf,
    }

    /// Writable for its owner alone, whatever the umask.
    fn create_dir_all(path: PathBuf) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(path)
    }

    impl World {
        fn new(name: &str) -> World {
            let folder = format!("gozo-packs-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            let world = World { folder };
            assert!(create_dir_all(world.path("usr/bin")).is_ok());
            world
        }

        fn path(&self, below: &str) -> PathBuf {
            self.folder.join("trees").join(DIGEST).join(below)
        }

        fn errno(&self, digest: &str) -> Option<i32> {
            let opened = Packs::new(self.folder.clone()).open(digest);
            opened.err().and_then(|error| error.raw_os_error())
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _ = remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn only_64_small_hexadecimal_digits_are_a_digest() {
        assert!(is_digest(DIGEST));
        for name in ["", HOST, "..", &DIGEST[1..], &format!("0{DIGEST}"), &DIGEST.to_uppercase()] {
            assert!(!is_digest(name), "{name}");
        }
        assert!(!is_digest(&format!("../{}", &DIGEST[3..])));
        assert!(!is_digest(&format!("{}\0", &DIGEST[1..])));
    }

    #[test]
    fn a_tree_opens_and_what_is_no_digest_is_not_looked_for() {
        let world = World::new("opens");
        assert_eq!(world.errno(DIGEST), None);
        assert_eq!(world.errno(OTHER), Some(libc::ENOENT));
        for name in ["..", ".", "", "host", "/", &format!("{DIGEST}/")] {
            assert_eq!(world.errno(name), Some(libc::EINVAL), "{name}");
        }
    }

    #[test]
    fn a_tree_without_usr_is_none() {
        let world = World::new("bare");
        assert!(remove_dir_all(world.path("usr")).is_ok());
        assert_eq!(world.errno(DIGEST), Some(libc::ENOENT));
        assert!(write(world.path("usr"), "").is_ok());
        assert_eq!(world.errno(DIGEST), Some(libc::ENOTDIR));
    }

    #[test]
    fn no_link_is_followed_wherever_it_stands() {
        let world = World::new("links");
        let place = |name: &str| world.folder.join("trees").join(name);
        assert!(symlink(place(DIGEST), place(OTHER)).is_ok());
        assert_eq!(world.errno(OTHER), Some(libc::ELOOP));
        assert!(symlink("/etc", world.path("etc")).is_ok());
        assert_eq!(world.errno(DIGEST), Some(libc::ELOOP));
        assert!(std::fs::remove_file(world.path("etc")).is_ok());
        assert!(rename(world.path("usr"), world.path("real")).is_ok());
        assert!(symlink("/usr", world.path("usr")).is_ok());
        assert_eq!(world.errno(DIGEST), Some(libc::ELOOP));
        let real = world.folder.join("real");
        assert!(rename(world.folder.join("trees"), &real).is_ok());
        assert!(symlink(&real, world.folder.join("trees")).is_ok());
        assert_eq!(world.errno(DIGEST), Some(libc::ELOOP));
    }

    #[test]
    fn what_others_may_write_to_is_refused_at_every_level() {
        let world = World::new("modes");
        let trees = world.folder.join("trees");
        for place in [world.folder.clone(), trees, world.path(""), world.path("usr")] {
            for mode in [0o775, 0o757] {
                assert!(set_permissions(&place, Permissions::from_mode(mode)).is_ok());
                assert_eq!(world.errno(DIGEST), Some(libc::EPERM), "{}", place.display());
            }
            assert!(set_permissions(&place, Permissions::from_mode(0o555)).is_ok());
            assert_eq!(world.errno(DIGEST), None, "{}", place.display());
            assert!(set_permissions(&place, Permissions::from_mode(0o755)).is_ok());
        }
    }

    #[test]
    fn a_data_set_is_the_folder_data_and_no_toolchain() {
        let world = World::new("data");
        let data = || Packs::new(world.folder.clone()).open_data(DIGEST);
        let errno = || data().err().and_then(|error| error.raw_os_error());
        assert_eq!(errno(), Some(libc::ENOENT));
        assert!(symlink("/etc", world.path("data")).is_ok());
        assert_eq!(errno(), Some(libc::ELOOP));
        assert!(std::fs::remove_file(world.path("data")).is_ok());
        assert!(create_dir_all(world.path("data")).is_ok());
        assert_eq!(errno(), None);
        assert!(set_permissions(world.path("data"), Permissions::from_mode(0o757)).is_ok());
        assert_eq!(errno(), Some(libc::EPERM));
        let elsewhere = Packs::new(world.folder.clone()).open_data("../x");
        assert_eq!(elsewhere.err().and_then(|it| it.raw_os_error()), Some(libc::EINVAL));
    }

    #[test]
    fn a_tree_that_was_put_in_its_place_anew_is_another_one() {
        let world = World::new("anew");
        let identity = || Packs::new(world.folder.clone()).open(DIGEST).map(|tree| tree.identity);
        let first = identity().ok();
        assert!(first.is_some() && first == identity().ok());
        assert!(remove_dir_all(world.path("")).is_ok());
        assert!(create_dir_all(world.path("usr")).is_ok());
        assert!(identity().is_ok_and(|second| Some(second) != first));
    }
}
