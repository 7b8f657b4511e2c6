//! Sandboxes made ahead of requests (docs/adr/0012). All that a request doesn't decide is done in a
//! quiet moment; what is left is to write its files and limits and to let the program start. No
//! spare for a request: then one is made at once, never waited for. How many have a runtime booted
//! in them, and which, is ordered by clients (docs/adr/0058); the others have the roots of the last
//! requests, one each (docs/adr/0043).

pub mod late;
pub mod orders;
mod own;
mod shelf;
mod shelves;
mod templates;
mod wanted;

pub use own::{Kindred, Own};

use crate::child::monotonic_ns;
use crate::child::plan::{Given, Site};
use crate::faults;
use crate::protocol::message::{ErrorCode, Limits};
use crate::protocol::pool::Kept;
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::context::{c_string, Context};
use crate::supervise::launch::launch;
use crate::supervise::parked::{Graveyard, Parked, Parts};
use crate::supervise::slots::Slot;
use crate::supervise::spares::late::Late;
use crate::supervise::spares::orders::{choices, Order, Orders};
use crate::supervise::spares::shelf::{lay_out, Runtime, Waiting};
use crate::supervise::spares::shelves::Shelves;
use crate::supervise::spares::templates::{Found, Templates};
use crate::supervise::spares::wanted::{next_wanted, Wanted};
use crate::workspace::{adopt, Kind, Workspace};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What is left of the slots for requests: of a few all, of many half.
const SLOTS_LEFT_MIN: usize = 11;

/// What becomes of a sandbox's workspace.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// It goes with the sandbox.
    Plain,
    /// It may become a layer.
    Kept,
    /// It has what the layer at this path holds: a copy, where that is little and a sandbox waits,
    /// else it lies over it. One that lies over something is never made ahead.
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

pub struct Spares {
    shelves: Shelves,
    orders: Orders,
    /// When the next of those that wait is too old.
    retire_ns: u64,
    pub templates: Templates,
    graveyard: Graveyard,
    /// One for each that a request waits for (late.rs).
    late: Rc<()>,
}

impl Default for Spares {
    fn default() -> Spares {
        let (shelves, orders) = (Shelves::default(), Orders::default());
        let (templates, graveyard) = (Templates::new(), Graveyard::default());
        Spares { shelves, orders, retire_ns: u64::MAX, templates, graveyard, late: Rc::default() }
    }
}

impl Spares {
    /// All of them are taken down: the launcher ends.
    pub fn clear(&mut self) {
        self.shelves.all().into_iter().for_each(|shelf| shelf.waiting.clear());
        self.templates.clear();
    }

    pub fn graveyard(&self) -> &Graveyard {
        &self.graveyard
    }

    fn count_late(&self) -> Rc<()> {
        Rc::clone(&self.late)
    }

    /// So many start while their request waits.
    pub fn late(&self) -> usize {
        Rc::strong_count(&self.late) - 1
    }

    /// Of those that wait, so many have a runtime.
    fn booted(&self) -> usize {
        self.shelves.booted.waiting.len() + self.shelves.booted_kept.waiting.len()
    }

    /// Takes an order; it is in force as long as what is given back lives.
    pub fn place(&mut self, order: Order) -> Rc<Order> {
        let order = self.orders.place(order);
        self.take_orders();
        order
    }

    fn take_orders(&mut self) {
        let Some(lines) = self.orders.changed() else { return };
        self.shelves.all().into_iter().for_each(|shelf| shelf.ordered.clear());
        self.templates.retain(|breed| lines.iter().any(|line| line.breed == *breed));
        for line in lines {
            self.shelves.of_line(&line).ordered.push(line.clone());
        }
    }

    /// What there is now of each line of an order.
    pub fn kept(&mut self, order: &Order) -> Vec<Kept> {
        let lines = order.lines().iter().map(|line| {
            let kept = self.shelves.of_line(line).kept(line);
            let template_kb = self.templates.memory_kb(&line.breed);
            Kept { memory_kb: kept.memory_kb + template_kb, ..kept }
        });
        lines.collect()
    }

    /// Drops those that have waited for long enough: others take their place.
    fn retire(&mut self, now_ns: u64) {
        if self.retire_ns <= now_ns {
            self.shelves.all().into_iter().for_each(|shelf| shelf.retire(now_ns));
        }
        let next = self.shelves.all().into_iter().filter_map(|shelf| shelf.next_retire_ns());
        self.retire_ns = next.min().unwrap_or(u64::MAX);
    }

    /// When there is something to be done here, if nothing else happens before.
    pub fn deadline_ns(&self) -> u64 {
        if self.graveyard.borrow().is_empty() {
            self.retire_ns
        } else {
            0
        }
    }
}

/// A sandbox for a request.
pub struct Obtained {
    pub parked: Parked,
    /// All was done ahead that could be: never of one that has something of its own.
    pub is_ready: bool,
    /// It is not there yet.
    pub late: Option<Late>,
}

/// # Errors
/// Every uid is in use, there is no such root (any more), or a step of making it failed.
pub fn obtain(
    context: &mut Context,
    Kindred { recipe, words, purpose }: &Kindred<'_>,
    (lent, limits): (Option<Rc<Slot>>, &Limits),
    own: Own,
) -> Result<Obtained, Unavailable> {
    let (rootfs, cores) = (&recipe.rootfs, context.host.cores);
    let root = context.template.roots_mut().find(rootfs).map_err(|error| {
        // Not by the step itself: that is the child's, in a sandbox of which there is none yet.
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Unavailable::Failed(SetupFailure { step: Step::Rootfs, errno })
    })?;
    let load = match purpose {
        Purpose::Over(layer) if own.is_nothing() => adopt::measure(layer),
        _ => None,
    };
    let shelved = if load.is_some() { &Purpose::Plain } else { purpose };
    'choices: for breed in choices((recipe, words), limits) {
        let shelf = context.spares.shelves.shelf(shelved, breed.runtime.is_some());
        let Some(shelf) = shelf.filter(|_| own.is_nothing()) else { break };
        shelf.ask(&breed, limits);
        loop {
            let (found, gone) = shelf.take(&breed, &root);
            context.spares.templates.strike((&breed, &root), gone);
            let Some(mut parked) = found else { break };
            let workspace = parked.workspace().map(|it| it.fit(limits.disk_kb, load.as_ref()));
            let has_all = matches!(workspace, Some(Ok(())));
            if load.is_some() && !has_all {
                break 'choices; // A copy that failed once would fail in each that waits.
            }
            // A runtime may hold more than the request allows: then the kernel refuses (EBUSY).
            let fits = !parked.is_booted() || parked.take_over(limits, cores).is_ok();
            if fits && has_all {
                if parked.is_of_template() {
                    context.spares.templates.praise(&breed, &root);
                }
                let is_ready = recipe.boot.is_none() || parked.is_booted();
                return Ok(Obtained { parked, is_ready, late: None });
            }
        }
        if let Some((parked, late)) = late::start(context, (&breed, &root), purpose, limits) {
            return Ok(Obtained { parked, is_ready: false, late: Some(late) });
        }
    }
    let parked = make(context, (&root, purpose), (lent, limits), (own, None))?;
    Ok(Obtained { parked, is_ready: false, late: None })
}

/// Makes one ahead, if there are few. `true` when it did.
pub fn stock(context: &mut Context) -> bool {
    let Some(Wanted { breed, root, purpose, mut limits, .. }) = next_wanted(context) else {
        return false;
    };
    if context.slots.free() <= SLOTS_LEFT_MIN.max(context.slots.count() as usize / 2) {
        return false;
    }
    let runtime = breed.runtime.as_ref();
    if let Some(Runtime { stack_kb, cpus, .. }) = runtime {
        (limits.stack_kb, limits.cpus) = (*stack_kb, *cpus);
    }
    let mut own = Own::default();
    match templates::find(context, &breed, &root) {
        Found::Nothing => {}
        Found::Template(given) => own.given = Some(given),
        Found::Soon => return false,
    }
    let made = make(context, (&root, &purpose), (None, &limits), (own, runtime));
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
    shelf.waiting.push_back(Waiting { breed, root, parked, since_ns: monotonic_ns() });
    true
}

fn make(
    context: &mut Context,
    (root, purpose): (&Path, &Purpose),
    (lent, limits): (Option<Rc<Slot>>, &Limits),
    (Own { way, data, terminal, given, is_awaited }, runtime): (Own, Option<&Runtime>),
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
    let mut boot = runtime.and_then(|runtime| runtime.plan(limits, slot.best_cpus()));
    let preloaded = given.iter().flat_map(Given::environment);
    boot.iter_mut().for_each(|boot| boot.envp.extend(preloaded.clone()));
    slot.frees_cpu();
    let booted = runtime
        .filter(|_| boot.is_some())
        .map(|runtime| lay_out(runtime, &workspace, given.is_some()));
    let booted =
        booted.transpose().map_err(Step::Workspace.failed()).map_err(Unavailable::Failed)?;
    let held = runtime.and_then(Runtime::held);
    let has_terminal = terminal.is_some();
    let site = Site { host, layout, host_id, network, boot, held, given, has_terminal };
    let groups = (&mut context.tree, &mut context.networks);
    let (mut launched, pipes) =
        launch(groups, &site, (&workspace, terminal)).map_err(Unavailable::Failed)?;
    if booted.is_some() && !is_awaited {
        // Where it can't stand back it is booted all the same.
        let _ = launched.group.stand_back(true);
    }
    launched.egress = egress;
    launched.data = data;
    let parts = Parts { launched, pipes, workspace, slot };
    Ok(Parked::new(parts, booted, context.spares.graveyard()))
}
