//! Making one sandbox: groups, pipes, the clone, and what only the launcher can do for the child
//! from outside (cgroup v1 membership, the id map). The child then confines itself and waits for
//! its orders, whether there is a request yet or not; `Launched::go` gives them.

use crate::bytes::write_all;
use crate::cgroup::group::Group;
use crate::cgroup::Tree;
use crate::child::orders;
use crate::child::plan::{Plan, Site};
use crate::child::report::{Report, REPORT_BYTES};
use crate::child::{self, Ends, Room};
use crate::confine::data::DataSets;
use crate::confine::namespaces;
use crate::lab::{holds, Protection};
use crate::protocol::interactive::{SignalName, Size};
use crate::protocol::steps::{SetupFailure, Step};
use crate::standing::parent::DeathSignal;
use crate::supervise::network::egress::Egress;
use crate::supervise::network::networks::Networks;
use crate::supervise::terminal;
use crate::sys::{self, Cloned};
use crate::workspace::Workspace;
use rustix::fs::{fchown, memfd_create, Gid, MemfdFlags, Uid};
use rustix::io::{ioctl_fionbio, Errno};
use rustix::pipe::{pipe_with, PipeFlags};
use rustix::process::{pidfd_send_signal, waitid, Signal, WaitId, WaitIdOptions};
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};

/// Where the host itself runs short, sandboxes go first, whatever the launcher inherited (proc(5)).
const OOM_SCORE: &str = "500";

/// The launcher's ends of a sandbox.
pub struct Launched {
    pub pidfd: OwnedFd,
    pub group: Group,
    pub report: OwnedFd,
    /// What carries its connections, where it has a network.
    pub egress: Option<Egress>,
    /// What it reads at /data, which goes with it.
    pub data: Option<DataSets>,
    /// Its closing tells the child, until it has a death signal, that the launcher is gone.
    release: OwnedFd,
    orders: OwnedFd,
    /// What PID 1 has told before there was a request.
    told: Cell<Told>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Told {
    #[default]
    Nothing,
    There,
    /// It has failed, or is gone.
    Gone,
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
    orders: OwnedFd,
    pipes: Pipes,
}

impl Launched {
    /// What a poller may be watching beside what every sandbox has.
    pub fn others(&self) -> impl Iterator<Item = &OwnedFd> {
        self.group.oom_event().into_iter().chain(self.egress.as_ref().map(Egress::descriptor))
    }

    /// Whether it still waits: nothing failed, and nothing has ended it.
    pub fn waits(&self) -> bool {
        self.hear() != Told::Gone
    }

    /// Whether PID 1 has told that its runtime is where it waits.
    pub fn is_there(&self) -> bool {
        self.hear() == Told::There
    }

    fn hear(&self) -> Told {
        let mut bytes = [0u8; REPORT_BYTES];
        while self.told.get() != Told::Gone {
            match rustix::io::read(&self.report, &mut bytes) {
                Ok(REPORT_BYTES) if Report::decode(&bytes) == Some(Report::There) => {
                    self.told.set(Told::There);
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                _ => self.told.set(Told::Gone),
            }
        }
        self.told.get()
    }

    /// Writes the limits, hands the orders over and lets the program start, or the runtime that
    /// waits for it go on.
    ///
    /// # Errors
    /// The step that failed; the sandbox has no program then, and is to be ended.
    pub fn go(&self, plan: &Plan, cores: u64) -> Result<(), SetupFailure> {
        self.group.limit(&plan.limits, cores).map_err(Step::Cgroup.failed())?;
        let bytes = orders::encode(plan, cores, self.group.holds_processes());
        write_all(&self.orders, &bytes).map_err(Step::Orders.failed())?;
        rustix::io::write(&self.release, b"r").map(drop).map_err(Step::Release.failed())
    }

    /// Has PID 1 send a signal to the program's process group. One that comes while many are on
    /// their way is dropped, as a signal that is pending already.
    pub fn signal(&self, signal: SignalName) {
        let _ = rustix::io::write(&self.release, &[signal.number() as u8]);
    }
}

/// Makes a sandbox that waits for its orders.
///
/// # Errors
/// The step that failed; nothing of the sandbox is left then.
pub fn launch(
    (tree, networks): (&mut Tree, &mut Networks),
    site: &Site,
    (workspace, terminal): (&Workspace, Option<Size>),
) -> Result<(Launched, Pipes), SetupFailure> {
    let group = tree.take().map_err(Step::Cgroup.failed())?;
    match launch_in(&group, networks, site, (workspace, terminal)) {
        Ok((pidfd, Ours { report, release, orders, pipes })) => Ok((
            Launched {
                pidfd,
                group,
                report,
                egress: None,
                data: None,
                release,
                orders,
                told: Cell::default(),
            },
            pipes,
        )),
        Err(failure) => {
            let _ = tree.remove(&group);
            Err(failure)
        }
    }
}

fn launch_in(
    group: &Group,
    networks: &mut Networks,
    site: &Site,
    (workspace, terminal): (&Workspace, Option<Size>),
) -> Result<(OwnedFd, Ours), SetupFailure> {
    let made = make_streams(terminal, site.host_id)
        .and_then(|streams| make_pipes(workspace, streams))
        .map_err(Step::Clone.failed());
    let (ours, ends) = made?;
    let encode = |plan| orders::encode(plan, site.host.cores, group.holds_processes());
    let room = Room::make(site.boot.as_ref().map(encode));
    let taken = match site.network {
        Some(_) => None,
        None => Some(networks.take().map_err(Step::Loopback.failed())?),
    };
    let network = site.network.as_ref().or(taken.as_ref());
    let cloned = clone_as(network, site.host_id, group);
    if matches!(cloned, Ok(Cloned::Child)) {
        child::run_init(site, ends, room);
    }
    drop(ends);
    if namespaces::own_next_clone(0).is_err() || networks.leave().is_err() {
        // Not to be ourselves again is no state to go on in; the kernel ends our sandboxes with us.
        sys::exit_now(1);
    }
    let Cloned::Parent(pid, pidfd) = cloned? else {
        return Err(Step::Clone.failed()(rustix::io::Errno::IO));
    };
    let admitted = keep_death_signal(site).and_then(|()| admit(group, pid, site, &ours.release));
    if let Err(failure) = admitted {
        end_child(&pidfd);
        return Err(failure);
    }
    Ok((pidfd, ours))
}

/// Enters the sandbox's network and takes its uid for the clone. Whatever the answer, the caller
/// goes back to its own of both.
fn clone_as(
    network: Option<&OwnedFd>,
    host_id: u32,
    group: &Group,
) -> Result<Cloned, SetupFailure> {
    if let Some(network) = network.filter(|_| holds(Protection::NetworkNamespace)) {
        Networks::enter(network).map_err(Step::Loopback.failed())?;
    }
    namespaces::own_next_clone(host_id).map_err(Step::Clone.failed())?;
    sys::clone3(namespaces::flags(), group.clone_target()).map_err(Step::Clone.failed())
}

fn keep_death_signal(site: &Site) -> Result<(), SetupFailure> {
    let kept = site.host.death_signal.as_ref().map(DeathSignal::keep);
    kept.unwrap_or(Ok(())).map_err(Step::Clone.failed())
}

/// What the child waits for: first its identity, with which it builds the root; then its groups,
/// which it joins meanwhile by our hand, and without which there will be no program.
fn admit(group: &Group, pid: u32, site: &Site, release: &OwnedFd) -> Result<(), SetupFailure> {
    namespaces::map_ids(pid, site.host_id).map_err(Step::IdMap.failed())?;
    rustix::io::write(release, b"i").map_err(Step::Release.failed())?;
    go_first(pid).map_err(Step::CgroupJoin.failed())?;
    group.join(pid).map_err(Step::CgroupJoin.failed())?;
    rustix::io::write(release, b"g").map(drop).map_err(Step::CgroupJoin.failed())
}

/// Only root may make it less than what the launcher has itself, as in a pod: then that is enough.
fn go_first(pid: u32) -> std::io::Result<()> {
    let path = format!("/proc/{pid}/oom_score_adj");
    std::fs::write(&path, OOM_SCORE).or_else(|error| {
        let inherited =
            std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        let wanted = OOM_SCORE.parse::<i32>().ok();
        if inherited > wanted {
            Ok(())
        } else {
            Err(error)
        }
    })
}

fn end_child(pidfd: &OwnedFd) {
    let _ = pidfd_send_signal(pidfd, Signal::KILL);
    let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
}

/// The launcher's ends of the program's streams, and the program's.
type Streams = (Pipes, [OwnedFd; 3]);

fn make_streams(terminal: Option<Size>, host_id: u32) -> std::io::Result<Streams> {
    let (pipes, theirs) = match terminal {
        Some(size) => terminal_streams(size)?,
        None => pipe_streams()?,
    };
    // A program may open its streams again by name (/dev/stdin, /proc/self/fd/1).
    let (uid, gid) = (Uid::from_raw(host_id), Gid::from_raw(host_id));
    for end in &theirs {
        fchown(end, Some(uid), Some(gid))?;
    }
    Ok((pipes, theirs))
}

fn pipe_streams() -> std::io::Result<Streams> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC);
    let (stdin_read, stdin_write) = pipe()?;
    let (stdout_read, stdout_write) = pipe()?;
    let (stderr_read, stderr_write) = pipe()?;
    for end in [&stdin_write, &stdout_read, &stderr_read] {
        ioctl_fionbio(end, true)?;
    }
    let pipes = Pipes { stdin: stdin_write, stdout: stdout_read, stderr: stderr_read };
    Ok((pipes, [stdin_read, stdout_write, stderr_write]))
}

/// A terminal has one stream out: the other one has ended before it began.
fn terminal_streams(size: Size) -> std::io::Result<Streams> {
    let (master, slave) = terminal::open(size)?;
    let (stderr_read, _) = pipe_with(PipeFlags::CLOEXEC)?;
    let pipes = Pipes { stdin: master.try_clone()?, stdout: master, stderr: stderr_read };
    Ok((pipes, [slave.try_clone()?, slave.try_clone()?, slave]))
}

fn make_pipes(
    workspace: &Workspace,
    (pipes, [stdin, stdout, stderr]): Streams,
) -> std::io::Result<(Ours, Ends)> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC);
    let (release_read, release_write) = pipe()?;
    let (report_read, report_write) = pipe()?;
    // A PID 1 that does not read must not hold the launcher up: signals go this way, too.
    for end in [&report_read, &release_write] {
        ioctl_fionbio(end, true)?;
    }
    let (work, tmp) = workspace.mounts()?;
    let orders = memfd_create(c"orders", MemfdFlags::CLOEXEC)?;
    let (release, report) = (release_read, report_write);
    let theirs = orders.try_clone()?;
    let ends = Ends { release, report, stdin, stdout, stderr, work, tmp, orders: theirs };
    Ok((Ours { report: report_read, release: release_write, orders, pipes }, ends))
}
