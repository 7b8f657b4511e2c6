//! Sandboxes made ahead of requests (docs/adr/0012). All that a request doesn't decide is done in a
//! quiet moment; what is left is to write its files and limits and to let the program start. No
//! spare for a request: then one is made at once, never waited for.

use crate::child::plan::Site;
use crate::protocol::message::ErrorCode;
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::context::Context;
use crate::supervise::launch::launch;
use crate::supervise::parked::{Graveyard, Parked, Parts};
use crate::supervise::slots::Slot;
use crate::workspace::{Kind, Workspace};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;

/// How many of each purpose wait: a burst that is longer than this starts cold.
const PLAIN: usize = 4;
const KEPT: usize = 1;
/// The size of the tmpfs of one that waits; another is set when a request says so.
const DISK_KB: u64 = 64 * 1024;

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
    plain: VecDeque<Parked>,
    kept: VecDeque<Parked>,
    graveyard: Graveyard,
}

impl Spares {
    fn shelf(&mut self, purpose: &Purpose) -> Option<&mut VecDeque<Parked>> {
        match purpose {
            Purpose::Plain => Some(&mut self.plain),
            Purpose::Kept => Some(&mut self.kept),
            Purpose::Over(_) => None,
        }
    }

    /// What should be made next, if anything.
    fn wanted(&self) -> Option<Purpose> {
        match () {
            () if self.plain.len() < PLAIN => Some(Purpose::Plain),
            () if self.kept.len() < KEPT => Some(Purpose::Kept),
            () => None,
        }
    }

    /// All of them are taken down: the host changed, or the launcher ends.
    pub fn clear(&mut self) {
        self.plain.clear();
        self.kept.clear();
    }

    pub fn graveyard(&self) -> &Graveyard {
        &self.graveyard
    }
}

/// A sandbox for a request, and whether it was made ahead.
///
/// # Errors
/// Every uid is in use, or a step of making it failed.
pub fn obtain(
    context: &mut Context,
    purpose: &Purpose,
    (lent, disk_kb): (Option<Rc<Slot>>, u64),
) -> Result<(Parked, bool), Unavailable> {
    let failed = |step: Step| move |_| Unavailable::Failed(SetupFailure { step, errno: libc::EIO });
    context.renew().map_err(failed(Step::Rootfs))?;
    while let Some(mut parked) = context.spares.shelf(purpose).and_then(VecDeque::pop_front) {
        let workspace = parked.workspace().map(|workspace| workspace.resize(disk_kb));
        if parked.waits() && matches!(workspace, Some(Ok(()))) {
            return Ok((parked, true));
        }
    }
    Ok((make(context, purpose, (lent, disk_kb))?, false))
}

/// Makes one ahead, if there are few. `true` when it did.
pub fn stock(context: &mut Context) -> bool {
    let Some(purpose) = context.spares.wanted() else { return false };
    if context.slots.free() <= PLAIN + KEPT {
        return false;
    }
    let Ok(parked) = make(context, &purpose, (None, DISK_KB)) else { return false };
    if let Some(shelf) = context.spares.shelf(&purpose) {
        shelf.push_back(parked);
    }
    true
}

fn make(
    context: &mut Context,
    purpose: &Purpose,
    (lent, disk_kb): (Option<Rc<Slot>>, u64),
) -> Result<Parked, Unavailable> {
    let slot = lent.or_else(|| context.slots.take()).ok_or(Unavailable::Busy)?;
    let (path, shared) = (context.next_layer_path(), context.layer_path("shared"));
    let kind = match purpose {
        Purpose::Plain => Kind::Plain(&shared),
        Purpose::Kept => Kind::Kept(&path),
        Purpose::Over(lower) => Kind::Over(lower, &path),
    };
    let workspace = Workspace::make(&kind, disk_kb, slot.host_id);
    let workspace = workspace.map_err(Step::Workspace.failed()).map_err(Unavailable::Failed)?;
    let site =
        Site { host: Rc::clone(&context.host), layout: context.layout(), host_id: slot.host_id };
    let groups = (&mut context.tree, &mut context.networks);
    let (launched, pipes) = launch(groups, &site, &workspace).map_err(Unavailable::Failed)?;
    let parts = Parts { launched, pipes, workspace, slot };
    Ok(Parked::new(parts, context.spares.graveyard()))
}
