//! Control groups: limits and counters by what the host has (v1 or v2), membership, kill and proof
//! of emptiness by the v2 tree wherever one is mounted, with whatever controllers (cgroups(7)).

mod files;
mod hosts;
mod v1;
mod v2;

use crate::protocol::message::Limits;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    V1,
    V2,
    Hybrid,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::V1 => "v1",
            Mode::V2 => "v2",
            Mode::Hybrid => "hybrid",
        }
    }
}

/// What the kernel counted for one sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub cpu_us: u64,
    /// The high-water mark less clean pages of toolchain files, in KiB.
    pub memory_kb: u64,
    pub oom_kills: u64,
    /// How often a new process was refused.
    pub pids_refused: u64,
}

/// The launcher's own folders in every hierarchy.
pub struct Tree {
    limits: Controllers,
    /// Our folder in the v2 tree: membership, kill, emptiness.
    unified: Option<OwnedFd>,
    instance: hosts::Instance,
}

enum Controllers {
    V1(v1::Hierarchies),
    V2,
}

impl Tree {
    /// Finds the hierarchies and makes the launcher's folders, emptied of an earlier life.
    ///
    /// # Errors
    /// A sentence that names what is missing and what to do.
    pub fn open(parent: Option<&Path>, instance: &str) -> Result<Tree, String> {
        let host = hosts::find()?;
        let instance = hosts::Instance::make(&host, parent, instance)?;
        let unified = instance.unified()?;
        let limits = if host.has_v1() {
            Controllers::V1(v1::Hierarchies::open(&instance)?)
        } else {
            v2::enable_controllers(&instance)?;
            Controllers::V2
        };
        Ok(Tree { limits, unified, instance })
    }

    pub fn mode(&self) -> Mode {
        match (&self.limits, &self.unified) {
            (Controllers::V2, _) => Mode::V2,
            (Controllers::V1(_), Some(_)) => Mode::Hybrid,
            (Controllers::V1(_), None) => Mode::V1,
        }
    }

    /// Makes the groups of one sandbox and writes every limit.
    pub fn create(&self, name: &str, limits: &Limits, cores: u64) -> io::Result<Group> {
        let mut group = Group { name: name.into(), limits: GroupLimits::V2, unified: None };
        let made = self.fill(&mut group, limits, cores);
        if let Err(error) = made {
            let _ = self.remove(&group);
            return Err(error);
        }
        Ok(group)
    }

    fn fill(&self, group: &mut Group, limits: &Limits, cores: u64) -> io::Result<()> {
        if let Some(unified) = &self.unified {
            files::make_folder(unified.as_fd(), &group.name)?;
            group.unified = Some(files::open_folder(unified.as_fd(), &group.name)?);
        }
        match (&self.limits, &group.unified) {
            (Controllers::V1(hierarchies), _) => {
                group.limits = GroupLimits::V1(Box::new(hierarchies.create(&group.name)?));
                if let GroupLimits::V1(controllers) = &group.limits {
                    controllers.write(limits, cores)?;
                }
                Ok(())
            }
            (Controllers::V2, Some(folder)) => v2::write(folder.as_fd(), limits, cores),
            (Controllers::V2, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Removes the groups of one sandbox. `EBUSY` while a process is still in one of them.
    pub fn remove(&self, group: &Group) -> io::Result<()> {
        if let Some(unified) = &self.unified {
            files::remove_folder(unified.as_fd(), &group.name)?;
        }
        match &self.limits {
            Controllers::V1(hierarchies) => hierarchies.remove(&group.name),
            Controllers::V2 => Ok(()),
        }
    }

    /// Removes the launcher's own folders, at its end.
    pub fn close(&self) {
        self.instance.remove();
    }
}

/// The groups of one sandbox.
pub struct Group {
    name: OsString,
    limits: GroupLimits,
    unified: Option<OwnedFd>,
}

enum GroupLimits {
    V1(Box<v1::Group>),
    V2,
}

impl Group {
    /// The v2 folder that clone3 can start a child in.
    pub fn clone_target(&self) -> Option<BorrowedFd<'_>> {
        self.unified.as_ref().map(AsFd::as_fd)
    }

    /// Moves a process that CLONE_INTO_CGROUP could not place (v1 knows no such thing) and checks
    /// that it arrived in every group.
    pub fn join(&self, pid: u32) -> io::Result<()> {
        match &self.limits {
            GroupLimits::V1(group) => {
                group.join(pid)?;
                files::check_membership(pid, &self.name)
            }
            GroupLimits::V2 => files::check_membership(pid, &self.name),
        }
    }

    /// A descriptor that becomes readable when v1 meets the memory limit. v2 kills the group itself.
    pub fn oom_event(&self) -> Option<&OwnedFd> {
        match &self.limits {
            GroupLimits::V1(group) => group.oom_event(),
            GroupLimits::V2 => None,
        }
    }

    /// Kills every process in the group, whatever it does, without naming one by number.
    pub fn kill(&self) {
        match (&self.unified, &self.limits) {
            (Some(folder), _) => {
                let _ = files::write(folder.as_fd(), "cgroup.kill", b"1");
            }
            (None, GroupLimits::V1(group)) => group.freeze_and_kill(),
            (None, GroupLimits::V2) => {}
        }
    }

    pub fn cpu_us(&self) -> u64 {
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.cpu_us(),
            (GroupLimits::V2, Some(folder)) => v2::cpu_us(folder.as_fd()),
            (GroupLimits::V2, None) => 0,
        }
    }

    pub fn counters(&self) -> Counters {
        match (&self.limits, &self.unified) {
            (GroupLimits::V1(group), _) => group.counters(),
            (GroupLimits::V2, Some(folder)) => v2::counters(folder.as_fd()),
            (GroupLimits::V2, None) => Counters::default(),
        }
    }
}
