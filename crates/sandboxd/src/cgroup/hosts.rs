//! Which hierarchies this host has, and the launcher's folder in each.

use super::left::Left;
use rustix::fs::{openat, Mode, OFlags, CWD};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The v1 controllers that limits and counters need.
const WANTED: [&str; 5] = ["memory", "cpu", "cpuacct", "pids", "freezer"];

pub struct Host {
    /// (controller, mount point) of v1.
    v1: Vec<(&'static str, PathBuf)>,
    v2: Option<PathBuf>,
}

impl Host {
    pub fn has_v1(&self) -> bool {
        self.v1.iter().any(|(controller, _)| *controller == "memory")
    }
}

/// Reads the mounts of this process (proc(5), /proc/self/mountinfo).
pub fn find() -> Result<Host, String> {
    let text = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| format!("cannot read /proc/self/mountinfo: {error}"))?;
    let mut host = Host { v1: Vec::new(), v2: None };
    for line in text.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let Some(point) = left.split(' ').nth(4) else { continue };
        let mut fields = right.split(' ');
        let kind = fields.next().unwrap_or("");
        let options = fields.nth(1).unwrap_or("");
        if kind == "cgroup2" && host.v2.is_none() {
            host.v2 = Some(PathBuf::from(point));
        }
        if kind == "cgroup" {
            for controller in WANTED {
                let new = !host.v1.iter().any(|(known, _)| *known == controller);
                if new && options.split(',').any(|option| option == controller) {
                    host.v1.push((controller, PathBuf::from(point)));
                }
            }
        }
    }
    if host.v2.is_none() && !host.has_v1() {
        return Err("no cgroup hierarchy is mounted below /sys/fs/cgroup: sandboxes could not be \
                    limited. Mount cgroup2 there (mount -t cgroup2 none /sys/fs/cgroup)"
            .into());
    }
    Ok(host)
}

/// The launcher's folder in every hierarchy.
pub struct Instance {
    v1: Vec<(&'static str, PathBuf)>,
    v2: Option<PathBuf>,
}

impl Instance {
    /// Makes the folders, and empties those that a launcher which was killed left behind. Gives the
    /// groups that are still there.
    pub fn make(host: &Host, parent: Option<&Path>, name: &str) -> Result<(Self, Left), String> {
        let below = |mount: &Path, own: &Path| {
            let parent = parent.unwrap_or(own);
            mount.join(parent.strip_prefix("/").unwrap_or(parent)).join(name)
        };
        let root = Path::new("/");
        let v1 = host
            .v1
            .iter()
            .map(|(controller, mount)| (*controller, below(mount, root)))
            .collect::<Vec<_>>();
        let own = if host.has_v1() { root.to_path_buf() } else { own_v2_group()? };
        let v2 = host.v2.as_ref().map(|mount| below(mount, &own));
        let instance = Instance { v1, v2 };
        for folder in instance.folders() {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("cannot make the cgroup {}: {error}", folder.display()))?;
        }
        let left = Left::in_folders(instance.folders());
        let is_below_own = parent.is_none_or(|parent| parent == own);
        if is_below_own && !host.has_v1() {
            if let Some(mount) = &host.v2 {
                leave_group(mount, &own)?;
            }
        }
        Ok((instance, left))
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.v1.iter().map(|(_, folder)| folder).chain(&self.v2)
    }

    pub fn v1(&self, controller: &str) -> Result<OwnedFd, String> {
        let folder = self.v1.iter().find(|(known, _)| *known == controller);
        let (_, folder) = folder
            .ok_or_else(|| format!("the cgroup v1 controller {controller} is not mounted"))?;
        open(folder)
    }

    pub fn unified(&self) -> Result<Option<OwnedFd>, String> {
        self.v2.as_ref().map(|folder| open(folder)).transpose()
    }

    pub fn v2_path(&self) -> Option<&Path> {
        self.v2.as_deref()
    }

    pub fn remove(&self) {
        Left::in_folders(self.folders());
        for folder in self.folders() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

pub fn open(folder: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, folder, flags, Mode::empty())
        .map_err(|error| format!("cannot open the cgroup {}: {error}", folder.display()))
}

/// The v2 group that this process is in: the one that systemd delegates to a service.
fn own_v2_group() -> Result<PathBuf, String> {
    let text = std::fs::read_to_string("/proc/self/cgroup")
        .map_err(|error| format!("cannot read /proc/self/cgroup: {error}"))?;
    let own = text.lines().find_map(|line| line.strip_prefix("0::"));
    Ok(PathBuf::from(own.unwrap_or("/")))
}

/// A v2 group with controllers for its children holds no process itself (cgroups(7), "no internal
/// processes"): every process of a delegated group moves to a leaf of its own.
fn leave_group(mount: &Path, own: &Path) -> Result<(), String> {
    let group = mount.join(own.strip_prefix("/").unwrap_or(own));
    // The root of the whole tree has no such file and may hold processes; the root that a cgroup
    // namespace shows, as in a container, has one (cgroup-v2.rst).
    if !group.join("cgroup.events").exists() {
        return Ok(());
    }
    let leaf = group.join(OsStr::new("gozolite-main"));
    let told = |error: std::io::Error| {
        format!("cannot use the cgroup {}: {error}. Delegate it to the service", group.display())
    };
    std::fs::create_dir_all(&leaf).map_err(told)?;
    let members = std::fs::read_to_string(group.join("cgroup.procs")).map_err(told)?;
    for pid in members.lines() {
        std::fs::write(leaf.join("cgroup.procs"), pid).map_err(told)?;
    }
    Ok(())
}
