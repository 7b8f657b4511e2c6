//! The roots that are built: the host's, kept as its /etc changes, and those of packs, built by
//! the first sandbox that wants one and kept while the pack's tree stands where it stood.

use super::caches::Caches;
use super::etc::folder;
use super::packs::{Identity, Packs, HOST};
use super::root::{self, Source};
use rustix::io::Errno;
use rustix::mount::{unmount, UnmountFlags};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longer than any setup is waited for, and longer than one takes: that is enough where more roots
/// than this come and go.
const RETIRED: Duration = Duration::from_secs(60);
const RETIRED_AT_LEAST: Duration = Duration::from_secs(2);
const RETIRED_MAX: usize = 512;
/// Roots of packs that are kept built. Each is some mounts of the launcher's namespace, which every
/// sandbox's clone copies; the one that was wanted longest ago makes room.
const PACK_ROOTS_MAX: usize = 24;
/// Between two looks whether the trees of all that are built still stand.
const LOOK: Duration = Duration::from_secs(1);

pub struct Roots {
    base: PathBuf,
    packs: Option<Packs>,
    caches: Option<Caches>,
    host: PathBuf,
    /// Changes whenever a package puts something into /etc.
    etc_changed: (i64, i64),
    /// Wanted last at the end.
    of_packs: Vec<PackRoot>,
    looked: Instant,
    serial: u32,
    /// Folders of earlier roots, and since when. The removal of a folder takes what is mounted on
    /// it from every mount namespace (rmdir(2)), and so the ground from a sandbox's setup.
    retired: Vec<(PathBuf, Instant)>,
}

struct PackRoot {
    digest: String,
    identity: Identity,
    root: PathBuf,
}

impl Roots {
    /// Builds the host's below `base`, where those of packs will lie too.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn build(base: &Path, packs: Option<Packs>, caches: Option<Caches>) -> io::Result<Roots> {
        let mut roots = Roots {
            base: base.to_path_buf(),
            packs,
            caches,
            host: PathBuf::new(),
            etc_changed: (0, 0),
            of_packs: Vec::new(),
            looked: Instant::now(),
            serial: 0,
            retired: Vec::new(),
        };
        roots.renew_host()?;
        Ok(roots)
    }

    pub fn host(&self) -> &Path {
        &self.host
    }

    pub fn packs(&self) -> Option<&Packs> {
        self.packs.as_ref()
    }

    /// The root of this name as it is now; built, where it is new or another than it was.
    ///
    /// # Errors
    /// Why there is none: `ENOENT` where no pack of this digest is there (any more), or as
    /// `Packs::open` says.
    pub fn find(&mut self, name: &str) -> io::Result<PathBuf> {
        self.drop_gone();
        if name == HOST {
            self.renew_host()?;
            return Ok(self.host.clone());
        }
        let packs = self.packs.as_ref().ok_or(Errno::NOENT)?;
        let tree = packs.open(name);
        let place = self.of_packs.iter().position(|built| built.digest == name);
        if let Some(built) = place.map(|place| self.of_packs.remove(place)) {
            if tree.as_ref().is_ok_and(|tree| tree.identity == built.identity) {
                let root = built.root.clone();
                self.of_packs.push(built);
                return Ok(root);
            }
            self.retire(built.root);
        }
        let tree = tree?;
        while self.of_packs.len() >= PACK_ROOTS_MAX {
            let oldest = self.of_packs.remove(0);
            self.retire(oldest.root);
        }
        let root = self.make(&Source::Pack(&tree))?;
        let (digest, identity) = (name.to_string(), tree.identity);
        self.of_packs.push(PackRoot { digest, identity, root: root.clone() });
        Ok(root)
    }

    /// The root of this name that was built last, whatever has become of its tree since.
    pub fn built(&self, name: &str) -> Option<&Path> {
        if name == HOST {
            return Some(&self.host);
        }
        self.of_packs.iter().find(|built| built.digest == name).map(|built| built.root.as_path())
    }

    /// Lets go of the roots of packs that were removed: what is mounted holds their file system.
    pub fn drop_gone(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        self.remove_retired();
        let Some(packs) = &self.packs else { return };
        let stands = |built: &PackRoot| {
            packs.open(&built.digest).is_ok_and(|tree| tree.identity == built.identity)
        };
        let (kept, gone) = std::mem::take(&mut self.of_packs).into_iter().partition(stands);
        self.of_packs = kept;
        let gone: Vec<PackRoot> = gone;
        gone.into_iter().for_each(|built| self.retire(built.root));
    }

    /// Builds the host's anew where its /etc changed: a package was installed.
    fn renew_host(&mut self) -> io::Result<()> {
        let etc = fs::metadata("/etc")?;
        let changed = (etc.mtime(), etc.mtime_nsec());
        if changed == self.etc_changed {
            return Ok(());
        }
        let caches = self.caches.as_ref().map(Caches::open).transpose();
        // Without them its toolchains work all the same.
        let caches = caches.unwrap_or_else(|error| {
            eprintln!("sandboxd: the folder of --caches is not used: {error}");
            None
        });
        let fresh = self.make(&Source::Host(caches))?;
        let old = std::mem::replace(&mut self.host, fresh);
        self.etc_changed = changed;
        if !old.as_os_str().is_empty() {
            self.retire(old);
        }
        Ok(())
    }

    fn make(&mut self, source: &Source<'_>) -> io::Result<PathBuf> {
        self.remove_retired();
        if self.retired.len() >= RETIRED_MAX {
            return Err(Errno::BUSY.into());
        }
        self.serial += 1;
        let fresh = self.base.join(format!("root-{}", self.serial));
        folder(&fresh, 0o755)?;
        root::make(&fresh, source).inspect_err(|_| {
            let _ = unmount(&fresh, UnmountFlags::DETACH);
            let _ = fs::remove_dir(&fresh);
        })?;
        Ok(fresh)
    }

    /// Sandboxes that live have a copy of their own; those that are being made stand on it.
    fn retire(&mut self, root: PathBuf) {
        let _ = unmount(&root, UnmountFlags::DETACH);
        self.retired.push((root, Instant::now()));
    }

    fn remove_retired(&mut self) {
        let rest = if self.retired.len() < RETIRED_MAX / 2 { RETIRED } else { RETIRED_AT_LEAST };
        self.retired.retain(|(old, since)| since.elapsed() < rest || fs::remove_dir(old).is_err());
    }
}
