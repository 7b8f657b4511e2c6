//! A request that finds nothing that waits, but a template of its runtime: it starts from that, and
//! its request waits until it is there (docs/adr/0102). That takes a fraction of what the runtime
//! takes to boot, and counts as preparation; where it fails the request starts cold.

use crate::child::monotonic_ns;
use crate::protocol::message::Limits;
use crate::supervise::context::Context;
use crate::supervise::parked::Parked;
use crate::supervise::spares::shelf::Breed;
use crate::supervise::spares::templates::{find, Found};
use crate::supervise::spares::{make, Own, Purpose, Unavailable};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Longer than any takes on a host that can still run programs; a request has no deadline before.
const THERE_NS_MAX: u64 = 5_000_000_000;

/// What is waited for, and what it was made as.
pub struct Late {
    breed: Breed,
    root: PathBuf,
    until_ns: u64,
    /// The launcher counts those that are on their way.
    _counted: Rc<()>,
}

impl Late {
    pub fn until_ns(&self) -> u64 {
        self.until_ns
    }
}

/// Starts one, where there is a template. Where there could be one, and requests of this breed are
/// expected, it is begun: for those that come later.
pub fn start(
    context: &mut Context,
    (breed, root): (&Breed, &Path),
    purpose: &Purpose,
    limits: &Limits,
) -> Option<(Parked, Late)> {
    let runtime = breed.runtime.as_ref()?;
    if !context.spares.shelves.shelf(purpose, true)?.is_ordered(breed) {
        return None;
    }
    let Found::Template(given) = find(context, breed, root) else { return None };
    let own = Own { given: Some(given), is_awaited: true, ..Own::default() };
    let parked = make(context, (root, purpose), (None, limits), (own, Some(runtime))).ok()?;
    let until_ns = monotonic_ns() + THERE_NS_MAX;
    let (breed, root) = (breed.clone(), root.to_path_buf());
    Some((parked, Late { breed, root, until_ns, _counted: context.spares.count_late() }))
}

/// Whether there is nothing left to wait for.
pub fn is_settled(parked: &Parked, late: &Late, now_ns: u64) -> bool {
    parked.is_there() || parked.has_ended() || late.until_ns <= now_ns
}

/// The sandbox for the request: the one that was waited for, or a cold one in its place.
///
/// # Errors
/// A step of making the cold one failed.
pub fn settle(
    context: &mut Context,
    (parked, late): (Parked, Late),
    purpose: &Purpose,
    limits: &Limits,
) -> Result<Parked, Unavailable> {
    let Late { breed, root, .. } = late;
    let is_there = parked.is_there();
    // A runtime may hold more than the request allows: then the kernel refuses (EBUSY).
    if is_there && parked.limit(limits, context.host.cores).is_ok() {
        context.spares.templates.praise(&breed, &root);
        return Ok(parked);
    }
    context.spares.templates.strike((&breed, &root), u32::from(!is_there));
    drop(parked);
    make(context, (&root, purpose), (None, limits), (Own::default(), None))
}
