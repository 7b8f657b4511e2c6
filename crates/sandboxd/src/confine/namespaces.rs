//! Which namespaces a sandbox gets (namespaces(7)), and its identity in the user namespace.

use crate::lab::{holds, Protection};
use std::io;

/// uid and gid of the program inside its user namespace.
pub const INSIDE_ID: u32 = 1000;

/// The CLONE_NEW* flags of a sandbox. The cgroup namespace follows later, by unshare(2): its root
/// is the group that the process is in at that moment.
pub fn flags() -> u64 {
    let all = [
        (Protection::UserNamespace, libc::CLONE_NEWUSER),
        (Protection::PidNamespace, libc::CLONE_NEWPID),
        (Protection::NetworkNamespace, libc::CLONE_NEWNET),
        (Protection::IpcNamespace, libc::CLONE_NEWIPC),
        (Protection::UtsNamespace, libc::CLONE_NEWUTS),
    ];
    all.into_iter()
        .filter(|(protection, _)| holds(*protection))
        .fold(libc::CLONE_NEWNS as u64, |flags, (_, flag)| flags | flag as u64)
}

/// Maps the one inside id to the sandbox's own host id (user_namespaces(7)). The launcher does it
/// from outside; `setgroups` stays denied for good.
pub fn map_ids(pid: u32, host_id: u32) -> io::Result<()> {
    if !holds(Protection::UserNamespace) {
        return Ok(());
    }
    let map = format!("{INSIDE_ID} {host_id} 1\n");
    std::fs::write(format!("/proc/{pid}/uid_map"), &map)?;
    std::fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    std::fs::write(format!("/proc/{pid}/gid_map"), &map)
}
