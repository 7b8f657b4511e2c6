//! Sandboxes made ahead of requests (docs/adr/0012). All that a request doesn't decide is done in a
//! quiet moment; what is left is to write its files and limits and to let the program start. No
//! spare for a request: then one is made at once, never waited for.

use crate::child::plan::Site;
use crate::faults;
use crate::protocol::message::{ErrorCode, Limits};
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::context::Context;
use crate::supervise::launch::launch;
use crate::supervise::network::way::Way;
use crate::supervise::parked::{Graveyard, Parked, Parts};
use crate::supervise::slots::Slot;
use crate::workspace::{Kind, Workspace};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;

/// How many of each purpose wait: a burst that is longer than this starts cold.
const PLAIN: usize = 4;
const KEPT: usize = 1;

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

pub struct Spares {
    plain: Shelf,
    kept: Shelf,
    graveyard: Graveyard,
}

/// Before any request: any limits that can be written will do.
const FIRST: Limits = Limits {
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

/// Those of one purpose.
struct Shelf {
    waiting: VecDeque<Parked>,
    /// The limits of the last request: the next one's are likely the same, and are written ahead.
    limits: Limits,
}

impl Default for Spares {
    fn default() -> Spares {
        let shelf = || Shelf { waiting: VecDeque::new(), limits: FIRST };
        Spares { plain: shelf(), kept: shelf(), graveyard: Graveyard::default() }
    }
}

impl Spares {
    fn shelf(&mut self, purpose: &Purpose) -> Option<&mut Shelf> {
        match purpose {
            Purpose::Plain => Some(&mut self.plain),
            Purpose::Kept => Some(&mut self.kept),
            Purpose::Over(_) => None,
        }
    }

    /// What should be made next, if anything.
    fn wanted(&self) -> Option<Purpose> {
        match () {
            () if self.plain.waiting.len() < PLAIN => Some(Purpose::Plain),
            () if self.kept.waiting.len() < KEPT => Some(Purpose::Kept),
            () => None,
        }
    }

    /// All of them are taken down: the host changed, or the launcher ends.
    pub fn clear(&mut self) {
        self.plain.waiting.clear();
        self.kept.waiting.clear();
    }

    pub fn graveyard(&self) -> &Graveyard {
        &self.graveyard
    }
}

/// A sandbox for a request, and whether it was made ahead: never one that has a way out, since its
/// names and its network are the request's.
///
/// # Errors
/// Every uid is in use, or a step of making it failed.
pub fn obtain(
    context: &mut Context,
    purpose: &Purpose,
    (lent, limits): (Option<Rc<Slot>>, &Limits),
    way: Option<Way>,
) -> Result<(Parked, bool), Unavailable> {
    let failed = |step: Step| move |_| Unavailable::Failed(SetupFailure { step, errno: libc::EIO });
    context.renew().map_err(failed(Step::Rootfs))?;
    if let Some(shelf) = context.spares.shelf(purpose).filter(|_| way.is_none()) {
        shelf.limits = *limits;
        while let Some(mut parked) = shelf.waiting.pop_front() {
            let workspace = parked.workspace().map(|workspace| workspace.resize(limits.disk_kb));
            if parked.waits() && matches!(workspace, Some(Ok(()))) {
                return Ok((parked, true));
            }
        }
    }
    Ok((make(context, purpose, (lent, limits.disk_kb), way)?, false))
}

/// Makes one ahead, if there are few. `true` when it did.
pub fn stock(context: &mut Context) -> bool {
    let Some(purpose) = context.spares.wanted() else { return false };
    if context.slots.free() <= PLAIN + KEPT {
        return false;
    }
    let limits = context.spares.shelf(&purpose).map_or(FIRST, |shelf| shelf.limits);
    let Ok(parked) = make(context, &purpose, (None, limits.disk_kb), None) else { return false };
    if parked.limit(&limits, context.host.cores).is_err() {
        return false;
    }
    if let Some(shelf) = context.spares.shelf(&purpose) {
        shelf.waiting.push_back(parked);
    }
    true
}

fn make(
    context: &mut Context,
    purpose: &Purpose,
    (lent, disk_kb): (Option<Rc<Slot>>, u64),
    way: Option<Way>,
) -> Result<Parked, Unavailable> {
    faults::begin_sandbox();
    let slot = lent.or_else(|| context.slots.take()).ok_or(Unavailable::Busy)?;
    let (path, shared) = (context.next_layer_path(), context.layer_path("shared"));
    let kind = match purpose {
        Purpose::Plain => Kind::Plain(&shared),
        Purpose::Kept => Kind::Kept(&path),
        Purpose::Over(lower) => Kind::Over(lower, &path),
    };
    let workspace = Workspace::make(&kind, disk_kb, slot.host_id);
    let workspace = workspace.map_err(Step::Workspace.failed()).map_err(Unavailable::Failed)?;
    if context.descriptors.run_short(workspace.newest()) {
        return Err(Unavailable::Busy);
    }
    let workspace = workspace.leave_to(&context.undertaker);
    let mut layout = context.layout();
    layout.hosts = way.as_ref().map(|way| way.hosts.clone());
    let (network, egress) = way.map(|way| (way.network, way.egress)).unzip();
    let (host, host_id) = (Rc::clone(&context.host), slot.host_id);
    let site = Site { host, layout, host_id, network };
    let groups = (&mut context.tree, &mut context.networks);
    let (mut launched, pipes) = launch(groups, &site, &workspace).map_err(Unavailable::Failed)?;
    launched.egress = egress;
    let parts = Parts { launched, pipes, workspace, slot };
    Ok(Parked::new(parts, context.spares.graveyard()))
}
