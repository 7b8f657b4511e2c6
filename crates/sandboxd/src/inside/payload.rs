//! The program's process between PID 1's clone and its execve. What the engine has done already is
//! asked again; what only the process itself can do is done as the native launcher does it.

use super::score::Score;
use crate::child::monotonic_ns;
use crate::child::refused::cannot_execute;
use crate::confine::landlock::{self, Landlock};
use crate::confine::rlimits;
use crate::confine::seccomp::Filter;
use crate::protocol::steps::{SetupFailure, Step};
use crate::sys::{self, LandlockPathBeneath, LandlockRuleset};
use rustix::fs::OFlags;
use rustix::process::{setsid, umask};
use rustix::thread::{sched_setaffinity, set_no_new_privs, CpuSet};
use std::ffi::{c_char, c_int, c_void, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// LANDLOCK_ACCESS_FS_WRITE_FILE (uapi/linux/landlock.h).
const WRITE_FILE: u64 = 1 << 1;
/// What the first version of Landlock takes of the attributes.
const LANDLOCK_FIRST_BYTES: usize = 8;

pub struct Host {
    pub filter: Filter,
    pub landlock: Option<Landlock>,
    pub score: Score,
}

/// The child's ends of the program's streams.
pub struct Ends {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// Everything is laid out before the clone: between it and the execve nothing is allocated.
pub struct Payload<'a> {
    pub host: &'a Host,
    pub ends: &'a Ends,
    pub argv: &'a [CString],
    pub argv_pointers: &'a [*const c_char],
    pub envp_pointers: &'a [*const c_char],
    pub rlimits: [rlimits::Row; rlimits::ASKED],
    pub cpus: CpuSet,
    pub failure: Option<SetupFailure>,
    pub at_ns: u64,
}

/// Shares PID 1's memory, which sleeps meanwhile.
pub extern "C" fn run_payload(argument: *mut c_void) -> c_int {
    // SAFETY is argued in sys.rs: `spawn` passes a live `&mut Payload` and sleeps until we left.
    let payload = sys::borrow_payload::<Payload<'_>>(argument);
    if let Err(failure) = confine(payload) {
        payload.failure = Some(failure);
        sys::exit_now(1);
    }
    payload.at_ns = monotonic_ns();
    let errno = sys::execve(payload.argv_pointers, payload.envp_pointers);
    let program = payload.argv.first().map_or(&b""[..], |path| path.as_bytes());
    if let Some(status) = cannot_execute(program, errno) {
        sys::exit_now(status);
    }
    payload.failure = Some(SetupFailure { step: Step::Exec, errno });
    sys::exit_now(1)
}

fn confine(payload: &Payload<'_>) -> Result<(), SetupFailure> {
    sys::reset_signals().map_err(Step::Release.failed())?;
    setsid().map_err(Step::Session.failed())?;
    umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::chdir(c"/work").map_err(Step::Work.failed())?;
    sched_setaffinity(None, &payload.cpus).map_err(Step::Affinity.failed())?;
    rlimits::apply(&rlimits::FIXED).map_err(Step::Rlimits.failed())?;
    rlimits::apply(&payload.rlimits).map_err(Step::Rlimits.failed())?;
    take_streams(payload.ends).map_err(Step::Descriptors.failed())?;
    set_no_new_privs(true).map_err(Step::NoNewPrivileges.failed())?;
    if let Some(landlock) = &payload.host.landlock {
        landlock::restrict(landlock).map_err(Step::Landlock.failed())?;
        close_proc().map_err(Step::Landlock.failed())?;
    }
    sys::install_seccomp(&payload.host.filter).map_err(Step::Seccomp.failed())
}

/// The engine's /proc can be written, and PID 1 has to. A second ruleset (they add up, landlock(7))
/// leaves the program the folders that are its own.
fn close_proc() -> std::io::Result<()> {
    let ruleset = sys::landlock_create(
        &LandlockRuleset { handled_access_fs: WRITE_FILE, handled_access_net: 0, scoped: 0 },
        LANDLOCK_FIRST_BYTES,
    )?;
    for path in [c"/work", c"/tmp", c"/dev"] {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, rustix::fs::Mode::empty())?;
        let parent_fd = folder.as_raw_fd();
        let rule = LandlockPathBeneath { allowed_access: WRITE_FILE, parent_fd };
        sys::landlock_allow(ruleset.as_fd(), &rule)?;
    }
    sys::landlock_restrict(ruleset.as_fd())
}

fn take_streams(ends: &Ends) -> std::io::Result<()> {
    rustix::stdio::dup2_stdin(&ends.stdin)?;
    rustix::stdio::dup2_stdout(&ends.stdout)?;
    rustix::stdio::dup2_stderr(&ends.stderr)?;
    sys::close_range(3, u32::MAX)
}
