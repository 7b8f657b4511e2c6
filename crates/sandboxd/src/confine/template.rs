//! What all sandboxes of one launcher start from, built in the launcher's own mount namespace: the
//! roots (root.rs, roots.rs), and the masks that lie over /proc. Each sandbox binds a root and adds
//! what is its own.

use super::caches::Caches;
use super::etc::folder;
use super::packs::Packs;
use super::root::{attributes, ATTR_RDONLY};
use super::roots::Roots;
use crate::sys;
use rustix::mount::{mount, mount_change, MountFlags, MountPropagationFlags};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Folders that every system has and the launcher does not use: one is hidden, in the launcher's
/// own mount namespace only, by the tmpfs that all of this lies on.
const BASES: [&str; 3] = ["/mnt", "/media", "/srv"];

/// What of /proc tells of the host and nothing of the sandbox, or would change the host.
/// Each mask costs every sandbox some 8 us; what only the host's root can open (kmsg, timer_list,
/// slabinfo, vmallocinfo, pagetypeinfo, kpage*) is closed to a sandbox's uid already.
const MASKED: [&str; 23] = [
    "sys",
    "fs",
    "bus",
    "irq",
    "acpi",
    "pressure",
    "kcore",
    "sysrq-trigger",
    "keys",
    "key-users",
    "kallsyms",
    "interrupts",
    "softirqs",
    "config.gz",
    "cmdline",
    "bootconfig",
    "modules",
    "partitions",
    "diskstats",
    "locks",
    "cgroups",
    "zoneinfo",
    "vmstat",
];

pub struct Template {
    base: PathBuf,
    roots: Roots,
}

impl Template {
    /// Moves this process into a mount namespace of its own and builds the template there.
    pub fn build(packs: Option<Packs>, caches: Option<Caches>) -> Result<Template, String> {
        sys::unshare(libc::CLONE_NEWNS).map_err(|error| told("make a mount namespace", &error))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change(c"/", private).map_err(|error| told("make mounts private", &error.into()))?;
        // What lies below the hidden folder is out of reach: that must not be packs or caches.
        let folders = [packs.as_ref().map(Packs::folder), caches.as_ref().map(Caches::folder)];
        let hides = |base: &Path| folders.iter().flatten().any(|folder| folder.starts_with(base));
        let base = BASES.iter().map(Path::new).find(|path| path.is_dir() && !hides(path));
        let base = base.ok_or("none of /mnt, /media and /srv exists: make one of them")?;
        make_base(base).map_err(|error| told("prepare the sandboxes' root", &error))?;
        let roots = Roots::build(base, packs, caches);
        let roots = roots.map_err(|error| told("build the sandboxes' root", &error))?;
        Ok(Template { base: base.to_path_buf(), roots })
    }

    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    pub fn roots_mut(&mut self) -> &mut Roots {
        &mut self.roots
    }

    /// Where frozen outputs of compiles are mounted.
    pub fn layers(&self) -> PathBuf {
        self.base.join("layers")
    }

    /// Where a sandbox's own /etc/hosts is written.
    pub fn hosts_path(&self, name: &str) -> PathBuf {
        self.base.join(format!("hosts-{name}"))
    }

    /// Where a sandbox's data sets are put together.
    pub fn data_path(&self, name: &str) -> PathBuf {
        self.base.join(format!("data-{name}"))
    }

    /// Nothing is in it, and nothing can be put there.
    pub fn empty_folder(&self) -> PathBuf {
        self.base.join("masks/folder")
    }

    /// Source and target of every mask of something that this kernel's /proc has.
    pub fn masks(&self) -> Vec<(PathBuf, PathBuf)> {
        let existing = MASKED.iter().filter_map(|name| {
            let kind = fs::symlink_metadata(Path::new("/proc").join(name)).ok()?;
            let source = if kind.is_dir() { "masks/folder" } else { "masks/file" };
            Some((self.base.join(source), Path::new("proc").join(name)))
        });
        existing.collect()
    }

    /// Moving a process between v1 groups waits for an RCU grace period, some 10 ms, unless any
    /// hierarchy of the host is mounted with `favordynmods` (cgroup-v2.rst). An empty one of our
    /// own, in our own mount namespace, does it and goes with us. A kernel without is only slower.
    pub fn favor_moves(&self) {
        let point = self.base.join("favor");
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        if folder(&point, 0o700).is_ok() {
            let _ =
                mount(c"gozolite", &point, c"cgroup", flags, c"none,name=gozolite,favordynmods");
        }
    }
}

fn make_base(base: &Path) -> io::Result<()> {
    // No access times: the masks lie here, and what one sandbox moves another could read.
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
    mount(c"gozolite", base, c"tmpfs", flags, c"mode=0711,size=8m")?;
    folder(&base.join("layers"), 0o711)?;
    let masks = base.join("masks");
    folder(&masks, 0o711)?;
    mount(c"masks", &masks, c"tmpfs", flags, c"mode=0711,size=64k")?;
    folder(&masks.join("folder"), 0o555)?;
    fs::write(masks.join("file"), "")?;
    fs::set_permissions(masks.join("file"), fs::Permissions::from_mode(0o444))?;
    // By the mount and not by their mode alone: where sandboxes share the launcher's uid, the
    // masks are theirs to change, and one could leave words there for another.
    attributes(&masks, ATTR_RDONLY)
}

fn told(what: &str, error: &io::Error) -> String {
    format!("cannot {what}: {error}")
}
