//! What should be made ahead next: what was ordered, and sandboxes without a runtime for the roots
//! of the last requests, which are what a request falls back on.

use crate::child::monotonic_ns;
use crate::protocol::message::Limits;
use crate::supervise::context::Context;
use crate::supervise::spares::shelf::Breed;
use crate::supervise::spares::Purpose;
use std::path::PathBuf;

/// Below this the host has better uses for its memory than runtimes that wait, whatever was
/// ordered.
const AVAILABLE_KB_MIN: u64 = 512 * 1024;
/// So many with a runtime wait at once, however many were ordered.
const BOOTED_MAX: usize = 64;

pub struct Wanted {
    /// So many of them wait already.
    ready: usize,
    pub breed: Breed,
    pub root: PathBuf,
    pub purpose: Purpose,
    pub limits: Limits,
}

/// What the host could give without swapping (proc(5), meminfo).
fn available_kb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn has_memory() -> bool {
    available_kb().is_some_and(|kib| kib >= AVAILABLE_KB_MIN)
}

/// What should be made next, if anything: that of which fewest wait.
pub fn next_wanted(context: &mut Context) -> Option<Wanted> {
    context.spares.take_orders();
    context.spares.retire(monotonic_ns());
    let plain = [Purpose::Plain, Purpose::Kept].map(|purpose| wanted_of(context, purpose, false));
    let has_room = context.spares.booted() < BOOTED_MAX;
    let booted = [Purpose::Plain, Purpose::Kept].map(|purpose| wanted_of(context, purpose, true));
    let booted = booted.into_iter().flatten().filter(|_| has_room).min_by_key(|each| each.ready);
    // Only where there is one to be booted is the host asked what it has to give.
    let booted = booted.filter(|_| has_memory());
    plain.into_iter().flatten().chain(booted).min_by_key(|each| each.ready)
}

/// Of one shelf, from which goes what is not wanted any more, or has a root that made room.
fn wanted_of(context: &mut Context, purpose: Purpose, is_booted: bool) -> Option<Wanted> {
    let roots = context.template.roots();
    let shelf = context.spares.shelves.shelf(&purpose, is_booted)?;
    let mut current: Vec<(Breed, PathBuf)> = Vec::new();
    for breed in shelf.breeds() {
        if current.iter().any(|(known, _)| known == breed) {
            continue;
        }
        // None is built here: of more roots than are kept, each would throw out another, for ever.
        // A request builds its own.
        if let Some(root) = roots.built(&breed.rootfs) {
            current.push((breed.clone(), root.to_path_buf()));
        }
    }
    shelf.drop_surplus(&current);
    // The others need not wait for what these start from.
    let templates = &context.spares.templates;
    current.retain(|(breed, root)| !templates.is_awaited(breed, root));
    let (ready, (breed, root)) = shelf.wanted(&current)?;
    let limits = shelf.limits_for(&breed);
    Some(Wanted { ready, breed, root, purpose, limits })
}
