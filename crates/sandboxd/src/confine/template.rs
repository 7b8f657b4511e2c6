//! The root that all sandboxes of one launcher start from, built once, in the launcher's own mount
//! namespace, before any untrusted code exists: /usr of the host, a minimal /dev, a synthetic
//! /etc; read-only as a whole. Each sandbox binds it and adds what is its own.

use super::etc::{self, folder};
use crate::lab::{holds, Protection};
use crate::sys;
use rustix::fs::{makedev, mknodat, symlinkat, FileType, Mode, CWD};
use rustix::mount::{
    mount, mount_bind, mount_bind_recursive, mount_change, unmount, MountFlags,
    MountPropagationFlags, UnmountFlags,
};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ATTR_RDONLY: u64 = 0x1;
const ATTR_NOSUID: u64 = 0x2;
const ATTR_NODEV: u64 = 0x4;
const ATTR_NOEXEC: u64 = 0x8;

/// Folders that every system has and the launcher does not use: one is hidden, in the launcher's
/// own mount namespace only, by the tmpfs that all of this lies on.
const BASES: [&str; 3] = ["/mnt", "/media", "/srv"];

const DEVICES: [(&str, u32); 5] =
    [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)];

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

/// Longer than any setup is waited for.
const RETIRED: Duration = Duration::from_secs(60);

pub struct Template {
    base: PathBuf,
    root: PathBuf,
    serial: u32,
    /// Changes whenever a package puts something into /etc.
    etc_changed: (i64, i64),
    /// Folders of earlier roots, and since when. The removal of a folder takes what is mounted on
    /// it from every mount namespace (rmdir(2)), and so the ground from a sandbox's setup.
    retired: Vec<(PathBuf, Instant)>,
}

impl Template {
    /// Moves this process into a mount namespace of its own and builds the template there.
    pub fn build() -> Result<Template, String> {
        sys::unshare(libc::CLONE_NEWNS).map_err(|error| told("make a mount namespace", &error))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change(c"/", private).map_err(|error| told("make mounts private", &error.into()))?;
        let base = BASES.iter().map(Path::new).find(|path| path.is_dir());
        let base = base.ok_or("none of /mnt, /media and /srv exists: make one of them")?;
        let mut template = Template {
            base: base.to_path_buf(),
            root: PathBuf::new(),
            serial: 0,
            etc_changed: (0, 0),
            retired: Vec::new(),
        };
        template.make_base().map_err(|error| told("prepare the sandboxes' root", &error))?;
        template.renew()?;
        Ok(template)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where frozen outputs of compiles are mounted.
    pub fn layers(&self) -> PathBuf {
        self.base.join("layers")
    }

    /// Where a sandbox's own /etc/hosts is written.
    pub fn hosts_path(&self, name: &str) -> PathBuf {
        self.base.join(format!("hosts-{name}"))
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

    /// Builds the root anew where the host's /etc changed: a package was installed. `true` if so.
    pub fn renew(&mut self) -> Result<bool, String> {
        let etc = fs::metadata("/etc").map_err(|error| told("read /etc", &error))?;
        let changed = (etc.mtime(), etc.mtime_nsec());
        if changed == self.etc_changed {
            return Ok(false);
        }
        self.retired
            .retain(|(old, since)| since.elapsed() < RETIRED || fs::remove_dir(old).is_err());
        self.serial += 1;
        let fresh = self.base.join(format!("root-{}", self.serial));
        if let Err(error) = make_root(&fresh) {
            take_away(&fresh);
            return Err(told("build the sandboxes' root", &error));
        }
        let old = std::mem::replace(&mut self.root, fresh);
        self.etc_changed = changed;
        if !old.as_os_str().is_empty() {
            // Sandboxes that live have a copy of their own; those that are being made stand on it.
            let _ = unmount(&old, UnmountFlags::DETACH);
            self.retired.push((old, Instant::now()));
        }
        Ok(true)
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

    fn make_base(&self) -> io::Result<()> {
        // No access times: the masks lie here, and what one sandbox moves another could read.
        let flags =
            MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::NOATIME;
        mount(c"gozolite", &self.base, c"tmpfs", flags, c"mode=0711,size=8m")?;
        folder(&self.base.join("layers"), 0o711)?;
        let masks = self.base.join("masks");
        folder(&masks, 0o711)?;
        mount(c"masks", &masks, c"tmpfs", flags, c"mode=0711,size=64k")?;
        folder(&masks.join("folder"), 0o555)?;
        fs::write(masks.join("file"), "")?;
        fs::set_permissions(masks.join("file"), fs::Permissions::from_mode(0o444))?;
        // By the mount and not by their mode alone: where sandboxes share the launcher's uid, the
        // masks are theirs to change, and one could leave words there for another.
        attributes(&masks, ATTR_RDONLY)
    }
}

fn take_away(root: &Path) {
    let _ = unmount(root, UnmountFlags::DETACH);
    let _ = fs::remove_dir(root);
}

fn told(what: &str, error: &io::Error) -> String {
    format!("cannot {what}: {error}")
}

fn make_root(root: &Path) -> io::Result<()> {
    folder(root, 0o755)?;
    mount(c"root", root, c"tmpfs", MountFlags::empty(), c"mode=0755,size=4m")?;
    for name in ["usr", "etc", "dev", "proc", "work", "tmp"] {
        folder(&root.join(name), 0o755)?;
    }
    mount_bind_recursive("/usr", root.join("usr"))?;
    for name in ["bin", "sbin", "lib", "lib64", "lib32", "libx32"] {
        copy_top_level(root, name)?;
    }
    etc::make(&root.join("etc"))?;
    let read_only = if holds(Protection::RootfsReadonly) { ATTR_RDONLY } else { 0 };
    let nosuid = if holds(Protection::Nosuid) { ATTR_NOSUID } else { 0 };
    attributes(root, read_only | nosuid | ATTR_NODEV)?;
    // The device nodes come last: this mount alone is not nodev.
    make_devices(&root.join("dev"))
}

fn attributes(path: &Path, attributes: u64) -> io::Result<()> {
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
