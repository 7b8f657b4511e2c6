//! An ordinary user's launcher moves into a user namespace of its own at start: there it is root,
//! over the namespaces and mounts that it makes, and over nothing else of the host
//! (user_namespaces(7)). All that makes sandboxes then works as it does for the host's root.

use super::subordinate::{self, Mappers};
use super::switches;
use crate::sys;
use rustix::process::{
    getegid, geteuid, getppid, parent_process_death_signal, set_parent_process_death_signal,
};
use rustix::thread::{capabilities, CapabilitySet};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The flag by which the program started anew knows that it is inside, with the uid from outside.
pub const INSIDE_FLAG: &str = "--inside-own-namespace";

/// Whether this process may make namespaces and mounts as it is.
pub fn is_needed() -> bool {
    let effective = capabilities(None).map(|sets| sets.effective);
    !effective.is_ok_and(|set| set.contains(CapabilitySet::SYS_ADMIN))
}

/// Moves into a namespace of our own and starts this program anew there: by the execve its memory
/// belongs to the new namespace, without which the launcher would be a stranger to the children
/// that it forks (ptrace(2), "Ptrace access mode checking"). Returns only where it can't.
pub fn enter() -> String {
    let (uid, gid, parent) = (geteuid(), getegid(), getppid());
    if uid.is_root() {
        return "it is root without CAP_SYS_ADMIN, and root's own uid is not for sandboxes. Start \
                it with that capability, or as an ordinary user (docker run --user 1000)"
            .into();
    }
    let signal = parent_process_death_signal().unwrap_or(None);
    let moved = become_root_inside(uid.as_raw(), gid.as_raw());
    if let Err((what, error)) = moved {
        return format!("cannot {what} as uid {}: {error}.{}", uid.as_raw(), switches::remedies());
    }
    // Lost with the change of credentials (prctl(2), PR_SET_PDEATHSIG).
    if signal.is_some() && set_parent_process_death_signal(signal).is_err() || getppid() != parent {
        return "its parent went away during the start".into();
    }
    let mut words = std::env::args_os();
    let error = Command::new("/proc/self/exe")
        .arg0(words.next().unwrap_or_else(|| "sandboxd".into()))
        .args(words)
        .args([INSIDE_FLAG, &uid.as_raw().to_string()])
        .exec();
    format!("cannot start itself anew inside its own user namespace: {error}")
}

fn become_root_inside(uid: u32, gid: u32) -> Result<(), (&'static str, io::Error)> {
    let fail = |what| move |error| (what, error);
    let granted = subordinate::find(uid);
    let mappers = granted.map(|granted| Mappers::start(&granted, (uid, gid))).transpose();
    let mappers = mappers.map_err(fail("start newuidmap"))?;
    sys::unshare(libc::CLONE_NEWUSER).map_err(fail("make a user namespace"))?;
    if let Some(mappers) = mappers {
        let mapped = mappers.run();
        let is_open = std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.is_empty());
        // Where newuidmap has lost its privilege, as in most containers, one id is left to map.
        if mapped.is_ok() || !is_open {
            return mapped.map_err(fail("map its subordinate ids"));
        }
    }
    std::fs::write("/proc/self/setgroups", "deny").map_err(fail("give up its groups"))?;
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1\n")).map_err(fail("map its uid"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1\n")).map_err(fail("map its gid"))
}

/// Inside: a network namespace of our own as home, since only into one of those can we come back
/// from a sandbox's (setns(2) wants CAP_SYS_ADMIN over the namespace's owner).
///
/// # Errors
/// The kernel takes the rights away that the namespace gave; the sentence has the remedies.
pub fn settle() -> Result<(), String> {
    let told = |error: io::Error| {
        format!(
            "its own user namespace has no rights ({error} for a network namespace).{}",
            switches::remedies()
        )
    };
    sys::unshare(libc::CLONE_NEWNET).map_err(told)
}
