//! Which namespaces a sandbox gets (namespaces(7)), and its identity in the user namespace.

use crate::lab::{holds, Protection};
use rustix::thread::{set_thread_res_uid, Uid};
use std::io;

/// uid and gid of the program inside its user namespace.
pub const INSIDE_ID: u32 = 1000;

/// The CLONE_NEW* flags of a sandbox. The network namespace is made ahead
/// (supervise/network/networks.rs) and inherited; the cgroup namespace follows, by unshare(2):
/// its root is the group that the process is in at that moment.
pub fn flags() -> u64 {
    let all = [
        (Protection::UserNamespace, libc::CLONE_NEWUSER),
        (Protection::PidNamespace, libc::CLONE_NEWPID),
        (Protection::IpcNamespace, libc::CLONE_NEWIPC),
        (Protection::UtsNamespace, libc::CLONE_NEWUTS),
    ];
    all.into_iter()
        .filter(|(protection, _)| holds(*protection))
        .fold(libc::CLONE_NEWNS as u64, |flags, (_, flag)| flags | flag as u64)
}

/// Makes this the launcher's effective uid for a clone: whoever clones a user namespace owns it,
/// and answers for what is counted in it (inotify instances and the like are charged upwards to the
/// owner, user_namespaces(7)). So no sandbox can use up another's share. The launcher's
/// capabilities survive the change by SECBIT_NO_SETUID_FIXUP.
pub fn own_next_clone(host_id: u32) -> io::Result<()> {
    Ok(set_thread_res_uid(None, Uid::from_raw(host_id), None)?)
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
