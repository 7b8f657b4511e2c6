//! Control groups: limits and counters by what the host has (v1 or v2), membership, kill and proof
//! of emptiness by the v2 tree wherever one is mounted, with whatever controllers (cgroups(7)).
//! Where none is to be had, sandboxes are watched instead.

mod census;
mod files;
pub mod group;
mod hosts;
mod kept;
pub mod left;
pub mod memory;
pub mod numbers;
mod v1;
mod v2;
mod watched;

use group::{Group, GroupLimits};
use left::Left;
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    V1,
    V2,
    Hybrid,
    /// No cgroup is this launcher's to use.
    Watched,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::V1 => "v1",
            Mode::V2 => "v2",
            Mode::Hybrid => "hybrid",
            Mode::Watched => "none",
        }
    }
}

/// The launcher's own folders in every hierarchy.
pub struct Tree {
    limits: Controllers,
    /// Our folder in the v2 tree: membership, kill, emptiness.
    unified: Option<OwnedFd>,
    instance: Option<hosts::Instance>,
    spares: Vec<Group>,
    /// Of an earlier life.
    pub left: Left,
    /// Of the group that was made last, in this life or an earlier one.
    serial: u64,
}

const SPARES: usize = 4;

enum Controllers {
    V1(v1::Hierarchies),
    V2,
    Watched,
}

impl Tree {
    /// Finds the hierarchies and makes the launcher's folders, emptied of an earlier life as far as
    /// its sandboxes are gone.
    ///
    /// # Errors
    /// A sentence that names what is missing and what to do.
    pub fn open(parent: Option<&Path>, instance: &str) -> Result<Tree, String> {
        let host = hosts::find()?;
        let (instance, left) = hosts::Instance::make(&host, parent, instance)?;
        let unified = instance.unified()?;
        let limits = if host.has_v1() {
            Controllers::V1(v1::Hierarchies::open(&instance)?)
        } else {
            v2::enable_controllers(&instance)?;
            Controllers::V2
        };
        let (instance, spares, serial) = (Some(instance), Vec::new(), left.last_number());
        Ok(Tree { limits, unified, instance, spares, left, serial })
    }

    /// Where no cgroup is to be had.
    pub fn watched() -> Tree {
        let (limits, left) = (Controllers::Watched, Left::default());
        Tree { limits, unified: None, instance: None, spares: Vec::new(), left, serial: 0 }
    }

    pub fn mode(&self) -> Mode {
        match (&self.limits, &self.unified) {
            (Controllers::Watched, _) => Mode::Watched,
            (Controllers::V2, _) => Mode::V2,
            (Controllers::V1(_), Some(_)) => Mode::Hybrid,
            (Controllers::V1(_), None) => Mode::V1,
        }
    }

    /// Gives the groups of one sandbox, without limits yet.
    pub fn take(&mut self) -> io::Result<Group> {
        match self.spares.pop() {
            Some(group) => Ok(group),
            None => self.create(),
        }
    }

    /// Makes empty groups ahead, in a quiet moment: making them is a fifth of a sandbox's start.
    /// Each is fresh and serves one sandbox. `true` when one was made.
    pub fn stock(&mut self) -> bool {
        let wanted = self.spares.len() < SPARES;
        let made = if wanted { self.create().ok() } else { None };
        let is_made = made.is_some();
        self.spares.extend(made);
        is_made
    }

    fn create(&mut self) -> io::Result<Group> {
        self.serial += 1;
        let name = format!("s{}", self.serial);
        let mut group = Group {
            name: name.into(),
            limits: GroupLimits::V2,
            unified: None,
            in_force: Cell::new(None),
        };
        if let Err(error) = self.fill(&mut group) {
            let _ = self.remove(&group);
            return Err(error);
        }
        Ok(group)
    }

    fn fill(&self, group: &mut Group) -> io::Result<()> {
        if let Some(unified) = &self.unified {
            files::make_folder(unified.as_fd(), &group.name)?;
            group.unified = Some(files::open_folder(unified.as_fd(), &group.name)?.into());
        }
        match &self.limits {
            Controllers::V1(hierarchies) => {
                group.limits = GroupLimits::V1(Box::new(hierarchies.create(&group.name)?));
            }
            Controllers::V2 => {}
            Controllers::Watched => group.limits = GroupLimits::Watched(Box::default()),
        }
        Ok(())
    }

    /// Removes the groups of one sandbox. `EBUSY` while a process is still in one of them.
    pub fn remove(&self, group: &Group) -> io::Result<()> {
        if let Some(unified) = &self.unified {
            files::remove_folder(unified.as_fd(), &group.name)?;
        }
        match &self.limits {
            Controllers::V1(hierarchies) => hierarchies.remove(&group.name),
            Controllers::V2 | Controllers::Watched => Ok(()),
        }
    }

    /// Removes the launcher's own folders, at its end.
    pub fn close(&self) {
        if let Some(instance) = &self.instance {
            instance.remove();
        }
    }
}
