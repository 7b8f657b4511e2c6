//! Limits and counters of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst of the kernel).

use super::files::{self, keyed};
use super::group::Counters;
use super::kept::Kept;
use super::memory::{Charged, Seen};
use super::{hosts::Instance, numbers};
use crate::lab::{holds, Protection};
use crate::protocol::message::Limits;
use std::io;
use std::os::fd::BorrowedFd;

/// Switches the controllers on for our folder's children, from the parent downwards.
pub fn enable_controllers(instance: &Instance) -> Result<(), String> {
    let Some(folder) = instance.v2_path() else {
        return Err("no cgroup v2 hierarchy is mounted".into());
    };
    let parent = folder.parent().unwrap_or(folder);
    for group in [parent, folder] {
        std::fs::write(group.join("cgroup.subtree_control"), "+memory +pids +cpu").map_err(
            |error| {
                format!(
                    "cannot enable memory, pids and cpu in the cgroup {}: {error}. Run the \
                     launcher as root, or in a cgroup delegated to it (systemd: Delegate=yes)",
                    group.display()
                )
            },
        )?;
    }
    Ok(())
}

pub fn write(folder: BorrowedFd<'_>, limits: &Limits, cores: u64) -> io::Result<()> {
    if holds(Protection::MemoryLimit) {
        files::write_number(folder, "memory.max", numbers::memory_bytes(limits))?;
        files::write_if_there(folder, "memory.swap.max", b"0")?;
        // One process past the limit ends them all at once.
        files::write(folder, "memory.oom.group", b"1")?;
    }
    if holds(Protection::PidsLimit) {
        files::write_number(folder, "pids.max", numbers::pids_max(limits))?;
    }
    if holds(Protection::CpuRate) {
        let quota = numbers::quota_us(limits, cores).map_or("max".into(), |us| us.to_string());
        let words = format!("{quota} {}", numbers::PERIOD_US);
        files::write(folder, "cpu.max", words.as_bytes())?;
    }
    Ok(())
}

/// The least that the kernel takes, or its default.
pub fn stand_back(folder: BorrowedFd<'_>, is_last: bool) -> io::Result<()> {
    files::write_number(folder, "cpu.weight", if is_last { 1 } else { 100 })
}

pub fn cpu_us(folder: &Kept) -> u64 {
    keyed(&folder.read("cpu.stat").unwrap_or_default(), "usage_usec")
}

pub fn processes(folder: &Kept) -> u64 {
    folder.read_number("pids.current")
}

pub fn look_at_memory(folder: &Kept, seen: &mut Seen) {
    let peak = folder.read_number("memory.peak");
    let Some(usage) = seen.used_if_new(peak, || folder.read_number("memory.current")) else {
        return;
    };
    let stat = folder.read("memory.stat").unwrap_or_default();
    seen.look(&Charged {
        peak,
        usage,
        file: keyed(&stat, "file"),
        shmem: keyed(&stat, "shmem"),
        dirty: keyed(&stat, "file_dirty") + keyed(&stat, "file_writeback"),
        anon: keyed(&stat, "anon"),
    });
}

/// Opens what will be read when its run has ended.
pub fn keep_open(folder: &Kept) {
    folder.keep(&["memory.peak", "memory.stat", "memory.events", "pids.current", "pids.events"]);
}

pub fn counters(folder: &Kept) -> Counters {
    let events = folder.read("memory.events").unwrap_or_default();
    let pids = folder.read("pids.events").unwrap_or_default();
    Counters { cpu_us: 0, oom_kills: keyed(&events, "oom_kill"), pids_refused: keyed(&pids, "max") }
}
