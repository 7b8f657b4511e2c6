//! Starting one sandbox: groups, pipes, the clone, and what only the launcher can do for the child
//! from outside (cgroup v1 membership, the id map) before it is released.

use crate::cgroup::{Group, Tree};
use crate::child::plan::Plan;
use crate::child::{self, Ends, PAYLOAD_STACK_BYTES};
use crate::confine::namespaces;
use crate::lab::{holds, Protection};
use crate::protocol::steps::{SetupFailure, Step};
use crate::supervise::networks::Networks;
use crate::sys::{self, Cloned};
use crate::workspace::Workspace;
use rustix::fs::{fchown, Gid, Uid};
use rustix::io::ioctl_fionbio;
use rustix::pipe::{pipe_with, PipeFlags};
use rustix::process::{
    pidfd_send_signal, set_parent_process_death_signal, waitid, Signal, WaitId, WaitIdOptions,
};
use std::os::fd::{AsFd, OwnedFd};

/// Where the host itself runs short, sandboxes go first, whatever the launcher inherited (proc(5)).
const OOM_SCORE: &str = "500";

/// The launcher's ends of a sandbox that was released.
pub struct Launched {
    pub pidfd: OwnedFd,
    pub group: Group,
    pub report: OwnedFd,
    /// Its closing tells the child, until it has a death signal, that the launcher is gone.
    pub _release: OwnedFd,
}

/// The launcher's ends of the program's streams.
pub struct Pipes {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

struct Ours {
    report: OwnedFd,
    release: OwnedFd,
    pipes: Pipes,
}

/// # Errors
/// The step that failed; nothing of the sandbox is left then.
pub fn launch(
    (tree, networks): (&mut Tree, &mut Networks),
    plan: &Plan,
    workspace: &Workspace,
) -> Result<(Launched, Pipes), SetupFailure> {
    let group = tree.take(&plan.limits, plan.host.cores).map_err(Step::Cgroup.failed())?;
    match launch_in(&group, networks, plan, workspace) {
        Ok((pidfd, Ours { report, release, pipes })) => {
            Ok((Launched { pidfd, group, report, _release: release }, pipes))
        }
        Err(failure) => {
            let _ = tree.remove(&group);
            Err(failure)
        }
    }
}

fn launch_in(
    group: &Group,
    networks: &mut Networks,
    plan: &Plan,
    workspace: &Workspace,
) -> Result<(OwnedFd, Ours), SetupFailure> {
    let (ours, ends) = make_pipes(workspace, plan.host_id).map_err(Step::Clone.failed())?;
    let mut stack = vec![0u8; PAYLOAD_STACK_BYTES];
    let network = networks.take().map_err(Step::Loopback.failed())?;
    let cloned = clone_as(&network, plan.host_id, group);
    if matches!(cloned, Ok(Cloned::Child)) {
        child::run_init(plan, ends, &mut stack);
    }
    drop(ends);
    if namespaces::own_next_clone(0).is_err() || networks.leave().is_err() {
        // Not to be ourselves again is no state to go on in; the kernel ends our sandboxes with us.
        sys::exit_now(1);
    }
    if plan.host.death_signal.is_some() {
        set_parent_process_death_signal(plan.host.death_signal).map_err(Step::Clone.failed())?;
    }
    let Cloned::Parent(pid, pidfd) = cloned? else {
        return Err(Step::Clone.failed()(rustix::io::Errno::IO));
    };
    if let Err(failure) = admit(group, pid, plan, &ours.release) {
        end_child(&pidfd);
        return Err(failure);
    }
    Ok((pidfd, ours))
}

/// Enters the sandbox's network and takes its uid for the clone. Whatever the answer, the caller
/// goes back to its own of both.
fn clone_as(network: &OwnedFd, host_id: u32, group: &Group) -> Result<Cloned, SetupFailure> {
    if holds(Protection::NetworkNamespace) {
        Networks::enter(network).map_err(Step::Loopback.failed())?;
    }
    namespaces::own_next_clone(host_id).map_err(Step::Clone.failed())?;
    sys::clone3(namespaces::flags(), group.clone_target()).map_err(Step::Clone.failed())
}

/// What the child waits for: first its identity, with which it builds the root; then its groups,
/// which it joins meanwhile by our hand, and without which there will be no program.
fn admit(group: &Group, pid: u32, plan: &Plan, release: &OwnedFd) -> Result<(), SetupFailure> {
    namespaces::map_ids(pid, plan.host_id).map_err(Step::IdMap.failed())?;
    rustix::io::write(release, b"i").map_err(Step::Release.failed())?;
    std::fs::write(format!("/proc/{pid}/oom_score_adj"), OOM_SCORE)
        .map_err(Step::CgroupJoin.failed())?;
    group.join(pid).map_err(Step::CgroupJoin.failed())?;
    rustix::io::write(release, b"g").map(drop).map_err(Step::CgroupJoin.failed())
}

fn end_child(pidfd: &OwnedFd) {
    let _ = pidfd_send_signal(pidfd, Signal::KILL);
    let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
}

fn make_pipes(workspace: &Workspace, host_id: u32) -> std::io::Result<(Ours, Ends)> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC);
    let (release_read, release_write) = pipe()?;
    let (report_read, report_write) = pipe()?;
    let (stdin_read, stdin_write) = pipe()?;
    let (stdout_read, stdout_write) = pipe()?;
    let (stderr_read, stderr_write) = pipe()?;
    for end in [&report_read, &stdin_write, &stdout_read, &stderr_read] {
        ioctl_fionbio(end, true)?;
    }
    // A program may open its streams again by name (/dev/stdin, /proc/self/fd/1).
    let (uid, gid) = (Uid::from_raw(host_id), Gid::from_raw(host_id));
    for end in [&stdin_read, &stdout_write, &stderr_write] {
        fchown(end, Some(uid), Some(gid))?;
    }
    let ends = Ends {
        release: release_read,
        report: report_write,
        stdin: stdin_read,
        stdout: stdout_write,
        stderr: stderr_write,
        work: workspace.mount()?,
    };
    let pipes = Pipes { stdin: stdin_write, stdout: stdout_read, stderr: stderr_read };
    Ok((Ours { report: report_read, release: release_write, pipes }, ends))
}
