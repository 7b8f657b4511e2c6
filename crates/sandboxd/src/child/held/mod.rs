//! A runtime that is held in its own start until its request has come (docs/adr/0090): PID 1 traces
//! it, from its execve to the call where what is left depends on the request, and lets it go then.
//! Nothing of ours is in it, and nothing of the tracing stays. No allocation, as in all the child.

mod sys;

pub use sys::be_traced;

use crate::protocol::message::Hold;
use crate::protocol::steps::{SetupFailure, Step};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::{sched_getaffinity, sched_setaffinity};
use sys::{Stop, Traced};

/// Where a runtime is held.
pub struct Held {
    pub at: Hold,
    /// The argument that names the program.
    pub program: Vec<u8>,
}

/// Lets the runtime go on until it is there.
///
/// # Errors
/// `ESRCH` where it has ended before, besides the kernel's.
pub fn reach(held: &Held, runtime: i32) -> Result<(), SetupFailure> {
    // Both on one CPU: each stop would wake another one.
    let own = sched_getaffinity(None).map_err(Step::Affinity.failed())?;
    let its = sched_getaffinity(Pid::from_raw(runtime)).map_err(Step::Affinity.failed())?;
    sched_setaffinity(None, &its).map_err(Step::Affinity.failed())?;
    let traced = Traced::new(runtime).ok_or_else(|| Step::Spawn.failed()(Errno::SRCH))?;
    trace(held, traced)?;
    sched_setaffinity(None, &own).map_err(Step::Affinity.failed())
}

fn trace(held: &Held, traced: Traced) -> Result<(), SetupFailure> {
    let first = traced.wait().map_err(Step::Exec.failed())?;
    if matches!(first, Stop::Ended) {
        return Err(Step::Exec.failed()(Errno::SRCH));
    }
    traced.bind().map_err(Step::Exec.failed())?;
    let mut signal = 0;
    loop {
        traced.step(signal).map_err(Step::Exec.failed())?;
        signal = match traced.wait().map_err(Step::Exec.failed())? {
            Stop::Ended => return Err(Step::Exec.failed()(Errno::SRCH)),
            Stop::Enters { call, args } if held.is_at(call as i64, &args, traced) => return Ok(()),
            Stop::Enters { .. } => 0,
            Stop::Other(signal) => signal,
        };
    }
}

/// Lets it go. One that was killed meanwhile is reaped like any other.
pub fn leave(runtime: i32) {
    let _ = Traced::new(runtime).map(Traced::leave);
}

impl Held {
    fn is_at(&self, call: i64, args: &[u64; 6], traced: Traced) -> bool {
        match self.at {
            Hold::Getuid => call == libc::SYS_getuid,
            Hold::Program => path_of(call, args).is_some_and(|at| self.names(at, traced)),
        }
    }

    /// Whether the path there is the program's, as the argument has it or below /work.
    fn names(&self, at: u64, traced: Traced) -> bool {
        let mut path = [0u8; PATH_BYTES];
        let Some(path) = read_text(at, traced, &mut path) else { return false };
        self.is(path)
    }

    fn is(&self, path: &[u8]) -> bool {
        let path = path.strip_prefix(WORK).unwrap_or(path);
        self.program.split(|byte| !is_of_path(*byte)).any(|name| !name.is_empty() && name == path)
    }
}

const WORK: &[u8] = b"/work/";
/// Longer paths than a request's program has are none.
const PATH_BYTES: usize = 512;

fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/".contains(&byte) || !byte.is_ascii()
}

/// The address of the path that a call names a file by.
fn path_of(call: i64, args: &[u64; 6]) -> Option<u64> {
    match call {
        libc::SYS_openat
        | libc::SYS_openat2
        | libc::SYS_newfstatat
        | libc::SYS_statx
        | libc::SYS_readlinkat
        | libc::SYS_faccessat
        | libc::SYS_faccessat2 => Some(args[1]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open
        | libc::SYS_stat
        | libc::SYS_lstat
        | libc::SYS_access
        | libc::SYS_readlink => Some(args[0]),
        _ => None,
    }
}

fn read_text(at: u64, traced: Traced, room: &mut [u8; PATH_BYTES]) -> Option<&[u8]> {
    for (index, place) in room.chunks_exact_mut(8).enumerate() {
        let word = traced.peek(at.wrapping_add(8 * index as u64))?;
        place.copy_from_slice(&word);
        if word.contains(&0) {
            let length = room.iter().position(|byte| *byte == 0)?;
            return room.get(..length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_path_alone() {
        let held = |program: &[u8]| Held { at: Hold::Program, program: program.to_vec() };
        for (program, path) in [
            (&b"main.lua"[..], &b"main.lua"[..]),
            (b"main.lua", b"/work/main.lua"),
            (b".read 'main.sql'", b"main.sql"),
            (b"--file=src/main.R", b"/work/src/main.R"),
        ] {
            assert!(held(program).is(path));
        }
        for (program, path) in [
            (&b"main.lua"[..], &b"/usr/share/main.lua"[..]),
            (b"main.lua", b"main"),
            (b"main.lua", b""),
            (b"main.lua", b"/work/"),
            (b"", b""),
            (b"main.lua", b"main.lua.old"),
        ] {
            assert!(!held(program).is(path));
        }
    }
}
