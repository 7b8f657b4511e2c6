//! Sandboxes made ahead of requests (docs/adr/0012). All that a request doesn't decide is done in a
//! quiet moment; what is left is to write its files and limits and to let the program start. No
//! spare for a request: then one is made at once, never waited for. Those that wait have the roots
//! of the last requests, one each (docs/adr/0043).

mod shelf;

use crate::child::monotonic_ns;
use crate::child::plan::Site;
use crate::confine::data::DataSets;
use crate::faults;
use crate::protocol::message::{ErrorCode, Limits, Recipe};
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::context::{c_string, Context};
use crate::supervise::launch::launch;
use crate::supervise::network::way::Way;
use crate::supervise::parked::{Graveyard, Parked, Parts};
use crate::supervise::slots::Slot;
use crate::supervise::spares::shelf::{lay_out, Asked, Breed, Runtime, Shelf, Waiting};
use crate::workspace::{Kind, Workspace};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How many of each purpose wait: a burst that is longer than this starts cold.
const PLAIN: usize = 4;
const KEPT: usize = 1;
/// The same of those that have a runtime booted in them.
const BOOTED: usize = 4;
const BOOTED_KEPT: usize = 2;
const ALL: usize = PLAIN + KEPT + BOOTED + BOOTED_KEPT;
/// Below this the host has better uses for its memory than runtimes that wait.
const AVAILABLE_KB_MIN: u64 = 512 * 1024;
/// How long one waits for a request like the one that it was made after.
const ASKED_NS_MAX: u64 = 600_000_000_000;

/// What becomes of a sandbox's workspace.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// It goes with the sandbox.
    Plain,
    /// It may become a layer.
    Kept,
    /// It lies over the layer at this path. Such a sandbox is never made ahead.
    Over(PathBuf),
}

/// Why there is no sandbox.
pub enum Unavailable {
    Busy,
    Failed(SetupFailure),
}

impl Unavailable {
    /// The protocol's words for having no room.
    pub fn busy() -> (ErrorCode, String) {
        (ErrorCode::Busy, "every sandbox slot is in use".to_string())
    }
}

#[derive(Default)]
pub struct Spares {
    shelves: Shelves,
    graveyard: Graveyard,
}

struct Shelves {
    plain: Shelf,
    kept: Shelf,
    booted: Shelf,
    booted_kept: Shelf,
}

impl Default for Shelves {
    fn default() -> Shelves {
        Shelves {
            plain: Shelf::of_host(PLAIN),
            kept: Shelf::of_host(KEPT),
            booted: Shelf::empty(BOOTED),
            booted_kept: Shelf::empty(BOOTED_KEPT),
        }
    }
}

impl Shelves {
    fn shelf(&mut self, purpose: &Purpose, is_booted: bool) -> Option<&mut Shelf> {
        match (purpose, is_booted) {
            (Purpose::Plain, false) => Some(&mut self.plain),
            (Purpose::Kept, false) => Some(&mut self.kept),
            (Purpose::Plain, true) => Some(&mut self.booted),
            (Purpose::Kept, true) => Some(&mut self.booted_kept),
            (Purpose::Over(_), _) => None,
        }
    }

    fn all(&mut self) -> [&mut Shelf; 4] {
        [&mut self.plain, &mut self.kept, &mut self.booted, &mut self.booted_kept]
    }
}

impl Spares {
    /// All of them are taken down: the launcher ends.
    pub fn clear(&mut self) {
        self.shelves.all().into_iter().for_each(|shelf| shelf.waiting.clear());
    }

    pub fn graveyard(&self) -> &Graveyard {
        &self.graveyard
    }
}

/// What a sandbox is to be like, but for its limits.
pub struct Kindred<'a> {
    pub recipe: &'a Rc<Recipe>,
    pub args: &'a [String],
    pub purpose: &'a Purpose,
}

/// What only the request decides, and has to be there before the sandbox: its names and network,
/// its data sets.
#[derive(Default)]
pub struct Own {
    pub way: Option<Way>,
    pub data: Option<DataSets>,
}

impl Own {
    fn is_nothing(&self) -> bool {
        self.way.is_none() && self.data.is_none()
    }
}

/// A sandbox for a request, and whether all was done ahead that could be: never one that has
/// something of its own.
///
/// # Errors
/// Every uid is in use, there is no such root (any more), or a step of making it failed.
pub fn obtain(
    context: &mut Context,
    Kindred { recipe, args, purpose }: &Kindred<'_>,
    (lent, limits): (Option<Rc<Slot>>, &Limits),
    own: Own,
) -> Result<(Parked, bool), Unavailable> {
    let (rootfs, cores) = (&recipe.rootfs, context.host.cores);
    let root = context.template.roots_mut().find(rootfs).map_err(|error| {
        // Not by the step itself: that is the child's, in a sandbox of which there is none yet.
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Unavailable::Failed(SetupFailure { step: Step::Rootfs, errno })
    })?;
    let runtime = recipe.boot.as_ref().and_then(|boot| {
        let args = args.get(..boot.args)?.into();
        let Limits { stack_kb, cpus, .. } = *limits;
        Some(Runtime { recipe: Rc::clone(recipe), args, stack_kb, cpus })
    });
    for runtime in runtime.map(Some).into_iter().chain([None]) {
        let breed = Breed { rootfs: rootfs.clone(), runtime };
        let shelf = context.spares.shelves.shelf(purpose, breed.runtime.is_some());
        let Some(shelf) = shelf.filter(|_| own.is_nothing()) else { break };
        shelf.limits = *limits;
        shelf.ask(&breed, monotonic_ns());
        while let Some(mut parked) = shelf.take(&breed, &root) {
            let workspace = parked.workspace().map(|workspace| workspace.resize(limits.disk_kb));
            // A runtime may hold more than the request allows: then the kernel refuses (EBUSY).
            let fits = !parked.is_booted() || parked.limit(limits, cores).is_ok();
            if fits && parked.waits() && matches!(workspace, Some(Ok(()))) {
                let is_ready = recipe.boot.is_none() || parked.is_booted();
                return Ok((parked, is_ready));
            }
        }
    }
    Ok((make(context, (&root, purpose), (lent, limits), (own, None))?, false))
}

/// Makes one ahead, if there are few. `true` when it did.
pub fn stock(context: &mut Context) -> bool {
    let Some(Wanted { breed, root, purpose, mut limits }) = next_wanted(context) else {
        return false;
    };
    if context.slots.free() <= ALL {
        return false;
    }
    let runtime = breed.runtime.as_ref();
    if let Some(Runtime { stack_kb, cpus, .. }) = runtime {
        (limits.stack_kb, limits.cpus) = (*stack_kb, *cpus);
    }
    let made = make(context, (&root, &purpose), (None, &limits), (Own::default(), runtime));
    let cores = context.host.cores;
    let is_booted = runtime.is_some();
    let Some(shelf) = context.spares.shelves.shelf(&purpose, is_booted) else { return false };
    let Ok(parked) = made else {
        shelf.give_up(&breed);
        return false;
    };
    if parked.limit(&limits, cores).is_err() {
        return false;
    }
    shelf.waiting.push_back(Waiting { breed, root, parked });
    true
}

/// What should be made next.
struct Wanted {
    breed: Breed,
    root: PathBuf,
    purpose: Purpose,
    limits: Limits,
}

/// What the host could give without swapping (proc(5), meminfo).
fn available_kb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// What should be made next, if anything. A pack that has gone is asked for no more.
fn next_wanted(context: &mut Context) -> Option<Wanted> {
    let now_ns = monotonic_ns();
    for (purpose, is_booted) in [
        (Purpose::Plain, false),
        (Purpose::Kept, false),
        (Purpose::Plain, true),
        (Purpose::Kept, true),
    ] {
        let roots = context.template.roots_mut();
        let shelf = context.spares.shelves.shelf(&purpose, is_booted)?;
        if is_booted {
            let is_short = available_kb().is_none_or(|kib| kib < AVAILABLE_KB_MIN);
            let is_fresh = |asked: &Asked| now_ns.saturating_sub(asked.at_ns) < ASKED_NS_MAX;
            shelf.asked.retain(|asked| !is_short && is_fresh(asked));
        }
        let mut current: Vec<(Breed, PathBuf)> = Vec::new();
        let mut gone: Vec<Breed> = Vec::new();
        for Asked { breed, .. } in &shelf.asked {
            if current.iter().any(|(known, _)| known == breed) || gone.contains(breed) {
                continue;
            }
            // No look at its tree here: a request for it looks.
            let built = roots.built(&breed.rootfs).map(Path::to_path_buf);
            match built.map_or_else(|| roots.find(&breed.rootfs), Ok) {
                Ok(root) => current.push((breed.clone(), root)),
                Err(_) => gone.push(breed.clone()),
            }
        }
        gone.iter().for_each(|breed| shelf.give_up(breed));
        shelf.drop_surplus(&current);
        if let Some((breed, root)) = shelf.wanted(&current) {
            let limits = shelf.limits;
            return Some(Wanted { breed, root, purpose, limits });
        }
    }
    None
}

fn make(
    context: &mut Context,
    (root, purpose): (&Path, &Purpose),
    (lent, limits): (Option<Rc<Slot>>, &Limits),
    (Own { way, data }, runtime): (Own, Option<&Runtime>),
) -> Result<Parked, Unavailable> {
    faults::begin_sandbox();
    let slot = lent.or_else(|| context.slots.take()).ok_or(Unavailable::Busy)?;
    let (path, shared) = (context.next_layer_path(), context.layer_path("shared"));
    let kind = match purpose {
        Purpose::Plain => Kind::Plain(&shared),
        Purpose::Kept => Kind::Kept(&path),
        Purpose::Over(lower) => Kind::Over(lower, &path),
    };
    let workspace = Workspace::make(&kind, limits.disk_kb, slot.host_id);
    let workspace = workspace.map_err(Step::Workspace.failed()).map_err(Unavailable::Failed)?;
    if context.descriptors.run_short(workspace.newest()) {
        return Err(Unavailable::Busy);
    }
    let workspace = workspace.leave_to(&context.undertaker);
    let mut layout = context.layout(root);
    layout.hosts = way.as_ref().map(|way| way.hosts.clone());
    layout.data = data.as_ref().map(|data| c_string(data.path()));
    let (network, egress) = way.map(|way| (way.network, way.egress)).unzip();
    let (host, host_id) = (Rc::clone(&context.host), slot.host_id);
    let boot = runtime.and_then(|runtime| runtime.plan(limits, slot.best_cpus()));
    slot.frees_cpu();
    let booted = runtime.filter(|_| boot.is_some()).map(|runtime| lay_out(runtime, &workspace));
    let booted =
        booted.transpose().map_err(Step::Workspace.failed()).map_err(Unavailable::Failed)?;
    let site = Site { host, layout, host_id, network, boot };
    let groups = (&mut context.tree, &mut context.networks);
    let (mut launched, pipes) = launch(groups, &site, &workspace).map_err(Unavailable::Failed)?;
    launched.egress = egress;
    launched.data = data;
    let parts = Parts { launched, pipes, workspace, slot };
    Ok(Parked::new(parts, booted, context.spares.graveyard()))
}
