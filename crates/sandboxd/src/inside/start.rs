//! From a request to a process that is the program.

use super::payload::{run_payload, Ends, Host, Payload};
use super::words::Request;
use crate::confine::rlimits;
use crate::protocol::message::Stream;
use crate::protocol::steps::{SetupFailure, Step};
use crate::sys;
use rustix::pipe::{pipe_with, PipeFlags};
use rustix::thread::{sched_getaffinity, sched_getcpu, CpuSet};
use std::ffi::{c_char, c_void, CString};
use std::os::fd::OwnedFd;

const PAYLOAD_STACK_BYTES: usize = 256 * 1024;

pub type Streams = [(Stream, Option<OwnedFd>); 2];

/// The program's ends of its streams, and ours, which do not block.
pub fn pipes() -> std::io::Result<(Ends, OwnedFd, Streams)> {
    let (stdin, feed) = pipe_with(PipeFlags::CLOEXEC)?;
    let (out, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (err, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    for ours in [&feed, &out, &err] {
        rustix::io::ioctl_fionbio(ours, true)?;
    }
    let streams = [(Stream::Stdout, Some(out)), (Stream::Stderr, Some(err))];
    Ok((Ends { stdin, stdout, stderr }, feed, streams))
}

/// The program's process, and when it was executed (monotonic nanoseconds).
pub fn spawn(request: &Request, host: &Host, ends: &Ends) -> Result<(i32, u64), SetupFailure> {
    let strings = |list: Vec<String>| -> Result<Vec<CString>, SetupFailure> {
        let made: Result<_, _> = list.into_iter().map(CString::new).collect();
        made.map_err(|_| SetupFailure { step: Step::Exec, errno: libc::EINVAL })
    };
    let argv = strings(request.program.command.clone())?;
    let pairs = request.program.env.iter().map(|(name, value)| format!("{name}={value}"));
    let envp = strings(pairs.collect())?;
    let pointers = |list: &[CString]| -> Vec<*const c_char> {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv_pointers, envp_pointers) = (pointers(&argv), pointers(&envp));
    let mut payload = Payload {
        host,
        ends,
        argv: &argv,
        argv_pointers: &argv_pointers,
        envp_pointers: &envp_pointers,
        rlimits: rlimits::asked(&request.limits, true),
        cpus: cpus(request.limits.cpus).map_err(Step::Affinity.failed())?,
        failure: None,
        at_ns: 0,
    };
    let mut stack = vec![0; PAYLOAD_STACK_BYTES];
    let argument = std::ptr::from_mut(&mut payload).cast::<c_void>();
    let fork = || sys::spawn_sharing_memory(&mut stack, run_payload, argument, true);
    let main = host.score.lend(fork).map_err(Step::Spawn.failed())?;
    let main = main.map_err(Step::Spawn.failed())?;
    match payload.failure {
        Some(failure) => Err(failure),
        None => Ok((main, payload.at_ns)),
    }
}

/// So many of the CPUs that the container has, the one that this runs on among them.
fn cpus(count: u64) -> rustix::io::Result<CpuSet> {
    let all = sched_getaffinity(None)?;
    let here = sched_getcpu();
    let from_here = (here..CpuSet::MAX_CPU).chain(0..here.min(CpuSet::MAX_CPU));
    let mut chosen = CpuSet::new();
    for cpu in from_here.filter(|cpu| all.is_set(*cpu)).take(count as usize) {
        chosen.set(cpu);
    }
    Ok(chosen)
}
