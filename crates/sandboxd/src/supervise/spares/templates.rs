//! Templates (docs/adr/0054): what a runtime's process was when it began to wait, kept in a file in
//! memory. A sandbox that starts from it has booted in some milliseconds, whatever booting takes.
//! Each was made in a sandbox of its own, which served nobody, and is replaced before long: those
//! that start from one share its address layout and hash seed.

use crate::child::monotonic_ns;
use crate::child::plan::Given;
use crate::protocol::message::Limits;
use crate::supervise::context::Context;
use crate::supervise::parked::Parked;
use crate::supervise::spares::shelf::{Breed, Runtime};
use crate::supervise::spares::{make, Own, Purpose};
use rustix::fs::{fcntl_add_seals, fstat, memfd_create, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::{pread, Errno};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Beside the launcher's own program (crates/template).
const OBJECT: &str = "sandboxd-template.so";
/// The first word of an image that is whole (crates/template/src/image.rs).
const MAGIC: u64 = 0x3154_4f5a_4f47;
const CHILDREN_MAX: u32 = 1000;
const AGE_NS_MAX: u64 = 600_000_000_000;
/// The one that was asked for longest ago makes room, but none that is in use: where more are
/// wanted by turns, each would be made for one sandbox.
const TEMPLATES_MAX: usize = 8;
const IN_USE_NS: u64 = 60_000_000_000;
/// While one is made, it is looked after so often, and so long.
const LOOK_NS: u64 = 5_000_000;
const MAKING_NS_MAX: u64 = 30_000_000_000;
/// After so many that were not there any more when their request came, it is given up.
const STRIKES_MAX: u32 = 3;
const GIVEN_UP_MAX: usize = 64;

/// A template writes its image beside what it holds itself.
const LIMITS: Limits = Limits {
    wall_time_ms: 60_000,
    cpu_time_ms: 60_000,
    memory_kb: 2 * 1024 * 1024,
    stack_kb: 8192,
    cpus: 1,
    output_kb: 1024,
    disk_kb: 64 * 1024,
    file_kb: 1024 * 1024,
    processes: 64,
    open_files: 1024,
};

#[derive(Default)]
pub struct Templates {
    /// What is preloaded; `None` where this build has none.
    object: Option<OwnedFd>,
    /// Asked for last at the end.
    ready: Vec<Template>,
    making: Option<Making>,
    /// Runtimes that can't be kept, and since when.
    given_up: VecDeque<(Breed, u64)>,
}

struct Template {
    breed: Breed,
    root: PathBuf,
    image: Image,
    since_ns: u64,
    asked_ns: u64,
    children: u32,
    /// Whether a program ever ran in one that started from it.
    has_served: bool,
    strikes: u32,
}

struct Image {
    file: OwnedFd,
    kb: u64,
}

struct Making {
    breed: Breed,
    root: PathBuf,
    image: OwnedFd,
    since_ns: u64,
    parked: Parked,
}

/// What there is for a sandbox in which a runtime is to be booted.
pub enum Found {
    /// It is booted by itself.
    Nothing,
    Template(Given),
    /// One is made: until then its sandboxes are not.
    Soon,
}

impl Templates {
    /// With what is preloaded, if it lies where it should.
    pub fn new() -> Templates {
        Templates { object: read_object().ok(), ..Templates::default() }
    }

    pub fn clear(&mut self) {
        self.ready.clear();
        self.making = None;
    }

    /// When the one that is made is looked after again.
    pub fn deadline_ns(&self) -> u64 {
        self.making.as_ref().map_or(u64::MAX, |_| monotonic_ns() + LOOK_NS)
    }

    /// Takes the one that is made, once its image is whole, and drops those that are too old.
    pub fn look(&mut self, now_ns: u64) {
        let is_fresh = |since_ns: u64| now_ns.saturating_sub(since_ns) < AGE_NS_MAX;
        self.ready.retain(|template| is_fresh(template.since_ns));
        self.given_up.retain(|(_, since_ns)| is_fresh(*since_ns));
        let Some(making) = self.making.take() else { return };
        let is_young = now_ns.saturating_sub(making.since_ns) < MAKING_NS_MAX;
        let is_there = is_young && !making.parked.has_ended();
        if is_whole(&making.image) {
            let Making { breed, root, image, .. } = making;
            match sealed(&image) {
                Ok(image) => self.put((breed, root), image, now_ns),
                Err(_) => self.give_up(breed, now_ns),
            }
        } else if is_there {
            self.making = Some(making);
        } else {
            self.give_up(making.breed, now_ns);
        }
    }

    fn put(&mut self, (breed, root): (Breed, PathBuf), image: OwnedFd, now_ns: u64) {
        if self.ready.len() >= TEMPLATES_MAX {
            self.ready.remove(0);
        }
        // stat(2): blocks are of 512 bytes; of the records' room most was never written.
        let kb = fstat(&image).map_or(0, |stat| stat.st_blocks.unsigned_abs() / 2);
        let image = Image { file: image, kb };
        let (since_ns, asked_ns) = (now_ns, now_ns);
        let (children, has_served, strikes) = (0, false, 0);
        self.ready.push(Template {
            breed,
            root,
            image,
            since_ns,
            asked_ns,
            children,
            has_served,
            strikes,
        });
    }

    /// Nobody wants the others any more.
    pub fn retain(&mut self, is_wanted: impl Fn(&Breed) -> bool) {
        self.ready.retain(|template| is_wanted(&template.breed));
        self.making.take_if(|making| !is_wanted(&making.breed));
    }

    /// What those of a breed are, beside what starts from them.
    pub fn memory_kb(&self, breed: &Breed) -> u64 {
        let own = self.ready.iter().filter(|template| template.breed == *breed);
        own.map(|template| template.image.kb).sum()
    }

    /// All that there may be are in use.
    fn is_full(&self) -> bool {
        let oldest = self.ready.first().filter(|_| self.ready.len() >= TEMPLATES_MAX);
        oldest.is_some_and(|oldest| monotonic_ns().saturating_sub(oldest.asked_ns) < IN_USE_NS)
    }

    fn give_up(&mut self, breed: Breed, now_ns: u64) {
        if self.given_up.len() >= GIVEN_UP_MAX {
            self.given_up.pop_front();
        }
        self.given_up.push_back((breed, now_ns));
    }

    fn place(&self, breed: &Breed, root: &Path) -> Option<usize> {
        self.ready.iter().position(|each| each.breed == *breed && each.root == root)
    }

    fn is_given_up(&self, breed: &Breed) -> bool {
        self.given_up.iter().any(|(each, _)| each == breed)
    }

    fn give(&mut self, breed: &Breed, root: &Path) -> Option<Given> {
        let place = self.place(breed, root)?;
        let mut template = self.ready.remove(place);
        let object = self.object.as_ref()?.try_clone().ok()?;
        let image = template.image.file.try_clone().ok()?;
        template.children += 1;
        template.asked_ns = monotonic_ns();
        if template.children < CHILDREN_MAX {
            self.ready.push(template);
        }
        Some(Given { image, object, is_whole: true })
    }

    /// One that started from it waited for its request.
    pub fn praise(&mut self, breed: &Breed, root: &Path) {
        let place = self.place(breed, root);
        let template = place.and_then(|place| self.ready.get_mut(place));
        template.into_iter().for_each(|template| template.has_served = true);
    }

    /// So many that started from it were not there any more when their request came. A template
    /// that has served none is given up; else a file of it has changed, say, and it is made anew.
    pub fn strike(&mut self, (breed, root): (&Breed, &Path), gone: u32) {
        let Some(place) = self.place(breed, root) else { return };
        let Some(template) = self.ready.get_mut(place) else { return };
        template.strikes += gone;
        if template.strikes >= STRIKES_MAX {
            let template = self.ready.remove(place);
            if !template.has_served {
                self.give_up(template.breed, monotonic_ns());
            }
        }
    }

    /// Whether it is to start from a template that is not there yet.
    pub fn is_awaited(&self, breed: &Breed, root: &Path) -> bool {
        self.making.is_some() && self.could(breed) && self.place(breed, root).is_none()
    }

    fn could(&self, breed: &Breed) -> bool {
        let boot = breed.runtime.as_ref().and_then(|runtime| runtime.recipe.boot.as_ref());
        let wants = boot.is_some_and(|boot| boot.template);
        wants && self.object.is_some() && !self.is_given_up(breed)
    }
}

/// What a sandbox of this breed starts from; where that could be a template, and there is none yet,
/// one is begun.
pub fn find(context: &mut Context, breed: &Breed, root: &Path) -> Found {
    let Some(runtime) = &breed.runtime else { return Found::Nothing };
    let templates = &mut context.spares.templates;
    if !templates.could(breed) {
        return Found::Nothing;
    }
    if let Some(given) = templates.give(breed, root) {
        return Found::Template(given);
    }
    if templates.is_full() {
        return Found::Nothing;
    }
    if templates.making.is_none() && begin(context, (breed, runtime), root).is_none() {
        context.spares.templates.give_up(breed.clone(), monotonic_ns());
        return Found::Nothing;
    }
    Found::Soon
}

/// Starts a runtime that will write its image.
fn begin(context: &mut Context, (breed, runtime): (&Breed, &Runtime), root: &Path) -> Option<()> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let image = memfd_create(c"gozo-template", flags).ok()?;
    let object = context.spares.templates.object.as_ref()?.try_clone().ok()?;
    let given = Given { image: image.try_clone().ok()?, object, is_whole: false };
    let limits = Limits { stack_kb: runtime.stack_kb, cpus: runtime.cpus, ..LIMITS };
    // Not with the smallest share: others wait for it, and it is one in a thousand.
    let own = Own { given: Some(given), is_awaited: true, ..Own::default() };
    let made = make(context, (root, &Purpose::Plain), (None, &limits), (own, Some(runtime)));
    let parked = made.ok()?;
    parked.limit(&limits, context.host.cores).ok()?;
    let (breed, root, since_ns) = (breed.clone(), root.to_path_buf(), monotonic_ns());
    context.spares.templates.making = Some(Making { breed, root, image, since_ns, parked });
    Some(())
}

fn is_whole(image: &OwnedFd) -> bool {
    let mut word = [0u8; 8];
    matches!(pread(image, &mut word, 0), Ok(8)) && u64::from_le_bytes(word) == MAGIC
}

/// Nobody can write to it any more, whoever has it.
fn sealed(file: &OwnedFd) -> io::Result<OwnedFd> {
    let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(file, all)?;
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn read_object() -> io::Result<OwnedFd> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Errno::NOSYS.into());
    }
    let program = std::env::current_exe()?;
    let mut file = File::open(program.with_file_name(OBJECT))?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut copy = File::from(memfd_create(c"gozo-template.so", flags)?);
    io::copy(&mut file, &mut copy)?;
    sealed(&copy.into())
}
