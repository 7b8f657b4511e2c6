//! What the egress process gives up before it takes a connection: every file, identity, capability
//! and system call that copying bytes does not take. What it must keep is the host's network, so
//! the addresses are held by its own code (address.rs, own.rs); a hole in that code meets nothing
//! else here.

use super::words::{Order, TARGETS_MAX};
use crate::confine::{capabilities, landlock, seccomp};
use crate::sys;
use rustix::process::{
    chdir, chroot, set_dumpable_behavior, set_parent_process_death_signal, setrlimit,
    DumpableBehavior, Resource, Rlimit, Signal,
};
use rustix::thread::{
    set_name, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid, Gid, Uid,
};
use std::io;

/// The host takes it before its own processes where memory runs short, as the sandbox (proc(5)).
const OOM_SCORE: &str = "500";
const ADDRESS_SPACE_BYTES: u64 = 192 * 1024 * 1024;
const DESCRIPTORS_EXTRA: u64 = 16;
const THREADS_EXTRA: u64 = 4;
/// A day of CPU would still be an accident; a relay of the most bytes takes seconds.
const CPU_SECONDS: u64 = 600;

/// # Errors
/// The kernel's answer to the first step that failed: the process must end then.
pub fn confine(order: &Order) -> io::Result<()> {
    let filter = seccomp::filter_for_egress().map_err(io::Error::other)?;
    let landlock = landlock::find();
    set_name(c"gozo-egress")?;
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE)?;
    sys::unshare(libc::CLONE_NEWIPC | libc::CLONE_NEWUTS)?;
    chroot(&order.root)?;
    chdir(c"/")?;
    set_limits(u64::from(order.caps.connections_max))?;
    let (uid, gid) = (Uid::from_raw(order.host_id), Gid::from_raw(order.host_id));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    capabilities::drop_all()?;
    // After the change of uid, which takes the death signal away.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    if let Some(landlock) = landlock {
        landlock::restrict_to_nothing(&landlock)?;
    }
    sys::install_seccomp(&filter)
}

fn set_limits(connections: u64) -> io::Result<()> {
    let descriptors = TARGETS_MAX as u64 + 3 * connections + DESCRIPTORS_EXTRA;
    for (resource, value) in [
        (Resource::Nofile, descriptors),
        (Resource::Nproc, connections + THREADS_EXTRA),
        (Resource::As, ADDRESS_SPACE_BYTES),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Fsize, 0),
        (Resource::Core, 1),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}
