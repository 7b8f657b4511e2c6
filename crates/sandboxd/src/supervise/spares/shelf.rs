//! A shelf of sandboxes that wait, all of one purpose: what was asked for last is what waits.

use crate::child::plan::Plan;
use crate::confine::packs::HOST;
use crate::protocol::message::{Limits, Recipe};
use crate::supervise::parked::{Booted, Parked};
use crate::workspace::{Workspace, Writing};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Below /work, while a runtime boots.
const BOOT_FOLDER: &str = ".gozo-boot";

/// Before any request: any limits that can be written will do.
pub const FIRST: Limits = Limits {
    wall_time_ms: 10_000,
    cpu_time_ms: 10_000,
    memory_kb: 256 * 1024,
    stack_kb: 256 * 1024,
    cpus: 1,
    output_kb: 1024,
    disk_kb: 64 * 1024,
    file_kb: 64 * 1024,
    processes: 128,
    open_files: 1024,
};

/// What tells sandboxes of one purpose from each other.
#[derive(Clone, PartialEq)]
pub struct Breed {
    /// The name of its root.
    pub rootfs: String,
    /// What is booted in it.
    pub runtime: Option<Runtime>,
}

#[derive(Clone)]
pub struct Runtime {
    pub recipe: Rc<Recipe>,
    /// What it is started with besides: the first arguments of a request.
    pub args: Rc<[String]>,
    /// What its memory and its threads were laid out for.
    pub stack_kb: u64,
    pub cpus: u64,
}

impl PartialEq for Runtime {
    fn eq(&self, other: &Runtime) -> bool {
        Rc::ptr_eq(&self.recipe, &other.recipe)
            && self.args == other.args
            && (self.stack_kb, self.cpus) == (other.stack_kb, other.cpus)
    }
}

impl Runtime {
    pub fn plan(&self, limits: &Limits, starts: Vec<usize>) -> Option<Plan> {
        Plan::boot((self.recipe.boot.as_ref()?, &self.args), *limits, starts).ok()
    }
}

/// Writes what a runtime finds when it starts: the file that makes it wait, and, where it opens its
/// program before that, an empty one.
pub fn lay_out(runtime: &Runtime, workspace: &Workspace) -> std::io::Result<Booted> {
    let boot = runtime.recipe.boot.as_ref().ok_or(std::io::ErrorKind::InvalidInput)?;
    let how = Writing { executable: false, append: false, exists: false };
    workspace.write(&format!("{BOOT_FOLDER}/{}", boot.name), boot.program.as_bytes(), how)?;
    let blank = boot.opens.and_then(|at| runtime.args.get(at)).cloned();
    if let Some(blank) = &blank {
        workspace.write(blank, b"", how)?;
    }
    Ok(Booted { blank })
}

pub struct Asked {
    pub breed: Breed,
    pub at_ns: u64,
}

/// One that waits, with the root that it was made from.
pub struct Waiting {
    pub breed: Breed,
    pub root: PathBuf,
    pub parked: Parked,
}

/// Those of one purpose.
pub struct Shelf {
    pub waiting: VecDeque<Waiting>,
    /// What was asked for last: so many wait, of these breeds.
    pub asked: VecDeque<Asked>,
    pub asked_max: usize,
    /// The limits of the last request: the next one's are likely the same, and are written ahead.
    pub limits: Limits,
}

impl Shelf {
    /// Before any request, sandboxes of the host's root are made.
    pub fn of_host(count: usize) -> Shelf {
        let breed = Breed { rootfs: HOST.to_string(), runtime: None };
        let asked = (0..count).map(|_| Asked { breed: breed.clone(), at_ns: u64::MAX });
        Shelf { asked: asked.collect(), ..Shelf::empty(count) }
    }

    pub fn empty(count: usize) -> Shelf {
        let (waiting, asked) = (VecDeque::new(), VecDeque::new());
        Shelf { waiting, asked, asked_max: count, limits: FIRST }
    }

    pub fn ask(&mut self, breed: &Breed, at_ns: u64) {
        if self.asked.len() >= self.asked_max {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked { breed: breed.clone(), at_ns });
    }

    pub fn take(&mut self, breed: &Breed, root: &Path) -> Option<Parked> {
        let is_one = |each: &Waiting| each.breed == *breed && each.root == root;
        let place = self.waiting.iter().position(is_one)?;
        self.waiting.remove(place).map(|waiting| waiting.parked)
    }

    /// The first breed of which fewer wait than were asked for.
    pub fn wanted(&self, current: &[(Breed, PathBuf)]) -> Option<(Breed, PathBuf)> {
        let lacks = |breed: &Breed, root: &Path| {
            self.waiting.iter().filter(|each| each.breed == *breed && each.root == root).count()
                < self.asked.iter().filter(|asked| asked.breed == *breed).count()
        };
        current.iter().find(|(breed, root)| lacks(breed, root)).cloned()
    }

    /// Drops those of which more wait than were asked for, among them all of a root that has gone.
    pub fn drop_surplus(&mut self, current: &[(Breed, PathBuf)]) {
        let mut left: Vec<(&Breed, &Path, usize)> = current
            .iter()
            .map(|(breed, root)| {
                let count = self.asked.iter().filter(|asked| asked.breed == *breed).count();
                (breed, root.as_path(), count)
            })
            .collect();
        self.waiting.retain(|each| {
            let place = left.iter_mut().find(|(breed, root, count)| {
                each.breed == **breed && each.root == *root && *count > 0
            });
            place.map(|(_, _, count)| *count -= 1).is_some()
        });
    }

    /// One of which none can be made must not keep the others from being made.
    pub fn give_up(&mut self, breed: &Breed) {
        match breed.runtime {
            Some(_) => self.asked.retain(|asked| asked.breed != *breed),
            None => self.asked.iter_mut().filter(|asked| asked.breed == *breed).for_each(|asked| {
                asked.breed.rootfs = HOST.to_string();
            }),
        }
    }
}
