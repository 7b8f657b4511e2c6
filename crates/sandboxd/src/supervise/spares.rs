//! Sandboxes made ahead of requests (docs/adr/0012). All that a request doesn't decide is done in a
//! quiet moment; what is left is to write its files and limits and to let the program start. No
//! spare for a request: then one is made at once, never waited for. Those that wait have the roots
//! of the last requests, one each (docs/adr/0043).

use crate::child::plan::Site;
use crate::confine::data::DataSets;
use crate::confine::packs::HOST;
use crate::faults;
use crate::protocol::message::{ErrorCode, Limits};
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::context::{c_string, Context};
use crate::supervise::launch::launch;
use crate::supervise::network::way::Way;
use crate::supervise::parked::{Graveyard, Parked, Parts};
use crate::supervise::slots::Slot;
use crate::workspace::{Kind, Workspace};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
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
    /// Each with the root that it was made from.
    waiting: VecDeque<(PathBuf, Parked)>,
    /// The names of the roots that were asked for last: so many wait, of these roots.
    asked: VecDeque<String>,
    /// The limits of the last request: the next one's are likely the same, and are written ahead.
    limits: Limits,
}

impl Shelf {
    fn of(count: usize) -> Shelf {
        let asked = (0..count).map(|_| HOST.to_string()).collect();
        Shelf { waiting: VecDeque::new(), asked, limits: FIRST }
    }

    fn ask(&mut self, rootfs: &str) {
        self.asked.pop_front();
        self.asked.push_back(rootfs.to_string());
    }

    fn take(&mut self, root: &Path) -> Option<Parked> {
        let place = self.waiting.iter().position(|(made_from, _)| made_from == root)?;
        self.waiting.remove(place).map(|(_, parked)| parked)
    }

    /// The first root of which fewer wait than were asked for.
    fn wanted(&self, current: &[(String, PathBuf)]) -> Option<(String, PathBuf)> {
        let lacks = |root: &Path, name: &str| {
            self.waiting.iter().filter(|(made_from, _)| made_from == root).count()
                < self.asked.iter().filter(|asked| *asked == name).count()
        };
        current.iter().find(|(name, root)| lacks(root, name)).cloned()
    }

    /// Drops those of which more wait than were asked for, among them all of a root that has gone.
    fn drop_surplus(&mut self, current: &[(String, PathBuf)]) {
        let mut left: Vec<(PathBuf, usize)> = current
            .iter()
            .map(|(name, root)| {
                (root.clone(), self.asked.iter().filter(|asked| *asked == name).count())
            })
            .collect();
        self.waiting.retain(|(made_from, _)| {
            let place = left.iter_mut().find(|(root, count)| root == made_from && *count > 0);
            place.map(|(_, count)| *count -= 1).is_some()
        });
    }
}

impl Default for Spares {
    fn default() -> Spares {
        let (plain, kept) = (Shelf::of(PLAIN), Shelf::of(KEPT));
        Spares { plain, kept, graveyard: Graveyard::default() }
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

    /// All of them are taken down: the launcher ends.
    pub fn clear(&mut self) {
        self.plain.waiting.clear();
        self.kept.waiting.clear();
    }

    pub fn graveyard(&self) -> &Graveyard {
        &self.graveyard
    }
}

/// What a sandbox is to be like, but for its limits.
pub struct Kindred<'a> {
    /// The name of its root.
    pub rootfs: &'a str,
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

/// A sandbox for a request, and whether it was made ahead: never one that has something of its own.
///
/// # Errors
/// Every uid is in use, there is no such root (any more), or a step of making it failed.
pub fn obtain(
    context: &mut Context,
    Kindred { rootfs, purpose }: &Kindred<'_>,
    (lent, limits): (Option<Rc<Slot>>, &Limits),
    own: Own,
) -> Result<(Parked, bool), Unavailable> {
    let root = context.template.roots_mut().find(rootfs).map_err(|error| {
        // Not by the step itself: that is the child's, in a sandbox of which there is none yet.
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Unavailable::Failed(SetupFailure { step: Step::Rootfs, errno })
    })?;
    if let Some(shelf) = context.spares.shelf(purpose).filter(|_| own.is_nothing()) {
        shelf.limits = *limits;
        shelf.ask(rootfs);
        while let Some(mut parked) = shelf.take(&root) {
            let workspace = parked.workspace().map(|workspace| workspace.resize(limits.disk_kb));
            if parked.waits() && matches!(workspace, Some(Ok(()))) {
                return Ok((parked, true));
            }
        }
    }
    Ok((make(context, (&root, purpose), (lent, limits.disk_kb), own)?, false))
}

/// Makes one ahead, if there are few. `true` when it did.
pub fn stock(context: &mut Context) -> bool {
    let Some(((rootfs, root), purpose)) = next_wanted(context) else { return false };
    if context.slots.free() <= PLAIN + KEPT {
        return false;
    }
    let limits = context.spares.shelf(&purpose).map_or(FIRST, |shelf| shelf.limits);
    let made = make(context, (&root, &purpose), (None, limits.disk_kb), Own::default());
    let Some(shelf) = context.spares.shelf(&purpose) else { return false };
    let Ok(parked) = made else {
        // A pack of which none can be made must not keep the others from being made.
        shelf.asked.iter_mut().filter(|asked| **asked == rootfs).for_each(|it| *it = HOST.into());
        return false;
    };
    if parked.limit(&limits, context.host.cores).is_err() {
        return false;
    }
    shelf.waiting.push_back((root, parked));
    true
}

/// What should be made next, if anything. A pack that has gone is asked for no more.
fn next_wanted(context: &mut Context) -> Option<((String, PathBuf), Purpose)> {
    for purpose in [Purpose::Plain, Purpose::Kept] {
        let (roots, shelf) = (context.template.roots_mut(), context.spares.shelf(&purpose)?);
        let mut current: Vec<(String, PathBuf)> = Vec::new();
        for asked in &mut shelf.asked {
            if current.iter().any(|(name, _)| name == asked) {
                continue;
            }
            // No look at its tree here: a request for it looks.
            let built = roots.built(asked).map(Path::to_path_buf);
            match built.map_or_else(|| roots.find(asked), Ok) {
                Ok(root) => current.push((asked.clone(), root)),
                Err(_) => *asked = HOST.to_string(),
            }
        }
        shelf.drop_surplus(&current);
        if let Some(wanted) = shelf.wanted(&current) {
            return Some((wanted, purpose));
        }
    }
    None
}

fn make(
    context: &mut Context,
    (root, purpose): (&Path, &Purpose),
    (lent, disk_kb): (Option<Rc<Slot>>, u64),
    Own { way, data }: Own,
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
    let mut layout = context.layout(root);
    layout.hosts = way.as_ref().map(|way| way.hosts.clone());
    layout.data = data.as_ref().map(|data| c_string(data.path()));
    let (network, egress) = way.map(|way| (way.network, way.egress)).unzip();
    let (host, host_id) = (Rc::clone(&context.host), slot.host_id);
    let site = Site { host, layout, host_id, network };
    let groups = (&mut context.tree, &mut context.networks);
    let (mut launched, pipes) = launch(groups, &site, &workspace).map_err(Unavailable::Failed)?;
    launched.egress = egress;
    launched.data = data;
    let parts = Parts { launched, pipes, workspace, slot };
    Ok(Parked::new(parts, context.spares.graveyard()))
}
