//! A shelf of sandboxes that wait, all of one purpose: what was ordered, and, where they have no
//! runtime, what was asked for last.

use crate::child::held::Held;
use crate::child::monotonic_ns;
use crate::child::plan::Plan;
use crate::confine::packs::HOST;
use crate::protocol::message::{Limits, Recipe};
use crate::protocol::pool::Kept;
use crate::supervise::parked::{Booted, Parked, Phase};
use crate::supervise::spares::orders::Line;
use crate::workspace::{Workspace, Writing};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Below /work, while a runtime boots.
const BOOT_FOLDER: &str = ".gozo-boot";

/// Longer than a runtime, with the smallest share of a busy CPU, is on its way to be started.
const STARTED_NS_MAX: u64 = 30_000_000_000;

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

    /// Where it is held.
    pub fn held(&self) -> Option<Held> {
        let boot = self.recipe.boot.as_ref()?;
        let program = boot.opens.and_then(|at| self.args.get(at));
        let program = program.map(|argument| argument.clone().into_bytes()).unwrap_or_default();
        Some(Held { at: boot.holds?, program })
    }
}

/// Writes what a runtime finds when it starts: the file that makes it wait, and, where it opens its
/// program before that, a blank one.
pub fn lay_out(
    runtime: &Runtime,
    workspace: &Workspace,
    is_of_template: bool,
) -> std::io::Result<Booted> {
    let boot = runtime.recipe.boot.as_ref().ok_or(std::io::ErrorKind::InvalidInput)?;
    if boot.holds.is_some() {
        return Ok(Booted { blank: None, says_ready: false, is_held: true, is_of_template });
    }
    let how = Writing { executable: false, append: false, exists: false };
    workspace.write(&format!("{BOOT_FOLDER}/{}", boot.name), boot.program.as_bytes(), how)?;
    let blank = boot.opens.and_then(|at| runtime.args.get(at)).cloned();
    if let Some(blank) = &blank {
        let bytes = boot.blank.as_deref().unwrap_or_default();
        workspace.write(blank, bytes.as_bytes(), how)?;
    }
    Ok(Booted { blank, says_ready: boot.says_ready, is_held: false, is_of_template })
}

/// One that waits, with the root that it was made from.
pub struct Waiting {
    pub breed: Breed,
    pub root: PathBuf,
    pub parked: Parked,
    pub since_ns: u64,
}

impl Waiting {
    /// A runtime that is not there long after it was to be started has ended; one that starts from
    /// a template, or is held, is there in no time, or never.
    fn phase(&self) -> Phase {
        let is_late = || monotonic_ns() - self.since_ns >= STARTED_NS_MAX;
        match self.parked.phase(BOOT_FOLDER) {
            Phase::Empty if is_late() => Phase::Gone,
            Phase::Boots if self.parked.says_where() && is_late() => Phase::Gone,
            phase => phase,
        }
    }
}

/// Those of one purpose.
pub struct Shelf {
    pub waiting: VecDeque<Waiting>,
    /// What was asked for last: so many wait, of these breeds.
    asked: VecDeque<Breed>,
    asked_max: usize,
    pub ordered: Vec<Line>,
    /// The limits of the last request: the next one's are likely the same, and are written ahead.
    limits: Limits,
}

impl Shelf {
    /// Before any request, sandboxes of the host's root are made.
    pub fn of_host(count: usize) -> Shelf {
        let breed = Breed { rootfs: HOST.to_string(), runtime: None };
        let asked = (0..count).map(|_| breed.clone()).collect();
        Shelf { asked, ..Shelf::empty(count) }
    }

    pub fn empty(count: usize) -> Shelf {
        let (waiting, asked, ordered) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Shelf { waiting, asked, asked_max: count, ordered, limits: FIRST }
    }

    /// Notes what a request asks for. What waits with a runtime is ordered, and not asked for.
    pub fn ask(&mut self, breed: &Breed, limits: &Limits) {
        self.limits = *limits;
        self.asked.push_back(breed.clone());
        while self.asked.len() > self.asked_max {
            self.asked.pop_front();
        }
    }

    pub fn breeds(&self) -> impl Iterator<Item = &Breed> {
        self.asked.iter().chain(self.ordered.iter().map(|line| &line.breed))
    }

    fn line(&self, breed: &Breed) -> Option<&Line> {
        self.ordered.iter().find(|line| line.breed == *breed)
    }

    pub fn is_ordered(&self, breed: &Breed) -> bool {
        self.line(breed).is_some()
    }

    /// So many of them should wait.
    fn target(&self, breed: &Breed) -> usize {
        let asked = self.asked.iter().filter(|asked| **asked == *breed).count();
        asked.max(self.line(breed).map_or(0, |line| line.count))
    }

    fn ready(&self, breed: &Breed, root: &Path) -> usize {
        self.waiting.iter().filter(|each| each.breed == *breed && each.root == root).count()
    }

    /// What the next request for it will likely ask for.
    pub fn limits_for(&self, breed: &Breed) -> Limits {
        self.line(breed).map_or(self.limits, |line| line.limits)
    }

    /// What waits of this line.
    pub fn kept(&self, line: &Line) -> Kept {
        let is_ready = |each: &&Waiting| each.breed == line.breed && each.phase() == Phase::Waits;
        let ready = self.waiting.iter().filter(is_ready);
        ready.fold(Kept::default(), |sum, each| Kept {
            ready: sum.ready + 1,
            templated: sum.templated + usize::from(each.parked.is_of_template()),
            memory_kb: sum.memory_kb + each.parked.memory_kb(),
        })
    }

    /// When this one is too old: never where nobody has ordered it.
    fn retire_ns(&self, waiting: &Waiting) -> u64 {
        let age_ns = self.line(&waiting.breed).map_or(u64::MAX, |line| line.age_ns);
        waiting.since_ns.saturating_add(age_ns)
    }

    pub fn next_retire_ns(&self) -> Option<u64> {
        self.waiting.iter().map(|each| self.retire_ns(each)).min()
    }

    pub fn retire(&mut self, now_ns: u64) {
        let waiting = std::mem::take(&mut self.waiting);
        let (old, young): (VecDeque<_>, _) =
            waiting.into_iter().partition(|each| self.retire_ns(each) <= now_ns);
        self.waiting = young;
        drop(old);
    }

    /// The first that waits; those before it that have ended go. One that still boots is left to
    /// boot: a burst that took them half done would have each of them made in vain. Tells how many
    /// that had started from a template have ended.
    pub fn take(&mut self, breed: &Breed, root: &Path) -> (Option<Parked>, u32) {
        let (mut place, mut gone) = (0, 0);
        while let Some(each) = self.waiting.get(place) {
            let is_one = each.breed == *breed && each.root == root;
            match is_one.then(|| each.phase()) {
                Some(Phase::Waits) => {
                    return (self.waiting.remove(place).map(|one| one.parked), gone);
                }
                Some(Phase::Gone) => {
                    gone += u32::from(each.parked.is_of_template());
                    drop(self.waiting.remove(place));
                }
                Some(Phase::Empty | Phase::Boots) | None => place += 1,
            }
        }
        (None, gone)
    }

    /// Of those of which too few wait, the one of which fewest wait, and how many that are.
    pub fn wanted(&self, current: &[(Breed, PathBuf)]) -> Option<(usize, (Breed, PathBuf))> {
        let lacking = current.iter().filter_map(|each| {
            let ready = self.ready(&each.0, &each.1);
            (ready < self.target(&each.0)).then_some((ready, each))
        });
        lacking.min_by_key(|(ready, _)| *ready).map(|(ready, each)| (ready, each.clone()))
    }

    /// Drops those of which more wait than were asked for, among them all of a root that has gone.
    pub fn drop_surplus(&mut self, current: &[(Breed, PathBuf)]) {
        let mut left: Vec<(&Breed, &Path, usize)> = current
            .iter()
            .map(|(breed, root)| (breed, root.as_path(), self.target(breed)))
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
        self.ordered.retain(|line| line.breed != *breed);
        self.asked.iter_mut().filter(|asked| **asked == *breed).for_each(|asked| {
            asked.rootfs = HOST.to_string();
        });
    }
}
