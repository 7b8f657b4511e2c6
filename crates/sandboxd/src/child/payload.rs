//! The payload between PID 1's clone and the program's execve: it takes its streams and confines
//! itself, layer by layer.

use super::{become_sandbox, monotonic_ns, process_cpu_us, Ends};
use crate::child::plan::Plan;
use crate::confine::{capabilities, landlock, namespaces, rlimits};
use crate::lab::{holds, Protection};
use crate::protocol::steps::{SetupFailure, Step};
use crate::sys;
use rustix::process::setsid;
use rustix::thread::{sched_getcpu, sched_setaffinity, set_no_new_privs, set_thread_groups};
use std::ffi::{c_int, c_void};

/// What PID 1 and its payload share until the payload is the program.
pub struct Payload<'a> {
    pub plan: &'a Plan,
    pub ends: &'a Ends,
    pub failure: Option<SetupFailure>,
    pub at_ns: u64,
    pub cpu_us: u64,
    pub cpu: u32,
}

/// The payload until it is the program: it shares PID 1's memory, which sleeps meanwhile.
pub extern "C" fn run_payload(argument: *mut c_void) -> c_int {
    // SAFETY is argued in sys.rs: `run_init` passes a live `&mut Payload` and sleeps until we left.
    let payload = sys::borrow_payload::<Payload<'_>>(argument);
    let plan = payload.plan;
    if let Err(failure) = confine(plan, payload.ends) {
        payload.failure = Some(failure);
        sys::exit_now(1);
    }
    payload.cpu_us = process_cpu_us();
    payload.cpu = sched_getcpu() as u32;
    payload.at_ns = monotonic_ns();
    let errno = sys::execve(plan.argv(), plan.envp());
    if !is_programs_own(plan, errno) {
        payload.failure = Some(SetupFailure { step: Step::Exec, errno });
        sys::exit_now(1);
    }
    explain(plan, errno);
    sys::exit_now(if errno == libc::ENOENT { 127 } else { 126 })
}

/// A program below /work that can't be executed is what the user made; a toolchain is not.
fn is_programs_own(plan: &Plan, errno: i32) -> bool {
    let usual = [libc::ENOENT, libc::EACCES, libc::ENOEXEC, libc::EISDIR, libc::ELOOP];
    // Arguments and environment are the request's, and so is the stack that bounds them.
    errno == libc::E2BIG || (plan.program().starts_with(b"/work/") && usual.contains(&errno))
}

fn explain(plan: &Plan, errno: i32) {
    let why: &[u8] = match errno {
        libc::ENOENT => b": no such file, or its interpreter is missing\n",
        libc::ENOEXEC => b": not a program\n",
        libc::EACCES => b": permission denied\n",
        libc::E2BIG => b": arguments and environment are too long for the stack limit\n",
        _ => b": not executable\n",
    };
    for part in [b"sandbox: cannot execute ", plan.program(), why] {
        let _ = rustix::io::write(rustix::stdio::stderr(), part);
    }
}

/// The last layers, in order; after them only execve.
fn confine(plan: &Plan, ends: &Ends) -> Result<(), SetupFailure> {
    if holds(Protection::NewSession) {
        setsid().map_err(Step::Session.failed())?;
    }
    if holds(Protection::Affinity) {
        take_cpus(plan).map_err(Step::Affinity.failed())?;
    }
    rlimits::apply(&plan.rlimits).map_err(Step::Rlimits.failed())?;
    take_streams(ends).map_err(Step::Descriptors.failed())?;
    if holds(Protection::UserNamespace) {
        become_sandbox(namespaces::INSIDE_ID).map_err(Step::Credentials.failed())?;
    } else {
        leave_root(plan.host_id).map_err(Step::Credentials.failed())?;
    }
    capabilities::drop_all().map_err(Step::Capabilities.failed())?;
    if holds(Protection::NoNewPrivileges) {
        set_no_new_privs(true).map_err(Step::NoNewPrivileges.failed())?;
    }
    if let Some(landlock) = &plan.host.landlock {
        landlock::restrict(landlock).map_err(Step::Landlock.failed())?;
    }
    if holds(Protection::Seccomp) {
        sys::install_seccomp(&plan.host.filter).map_err(Step::Seccomp.failed())?;
    }
    Ok(())
}

/// Stays on the CPU it is on, where that is one of the least used.
fn take_cpus(plan: &Plan) -> rustix::io::Result<()> {
    let here = sched_getcpu();
    let chosen = plan.cpus.iter().find(|(cpu, _)| *cpu == here).or(plan.cpus.first());
    match chosen {
        Some((_, set)) => sched_setaffinity(None, set),
        None => Ok(()),
    }
}

/// The attack lab's build without a user namespace: the capabilities must survive the change of
/// uid, to be dropped by their own step.
fn leave_root(id: u32) -> rustix::io::Result<()> {
    set_thread_groups(&[])?;
    rustix::thread::set_keep_capabilities(true)?;
    become_sandbox(id)
}

/// Descriptors 0, 1 and 2 are the pipes; every other one is closed.
fn take_streams(ends: &Ends) -> std::io::Result<()> {
    rustix::stdio::dup2_stdin(&ends.stdin)?;
    rustix::stdio::dup2_stdout(&ends.stdout)?;
    rustix::stdio::dup2_stderr(&ends.stderr)?;
    if holds(Protection::Descriptors) {
        sys::close_range(3, u32::MAX)
    } else {
        Ok(())
    }
}
