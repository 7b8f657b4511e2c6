//! Handing a request to a runtime that was booted before it came (docs/adr/0053): PID 1 reads the
//! orders, sets from outside what a program would have started with, and writes arguments and
//! environment into the pipe that the runtime reads. No allocation, as in all of the child.

use crate::bytes::write_all;
use crate::child::orders::{Orders, HANDOFF_LINE_BYTES};
use crate::confine::rlimits;
use crate::lab::{holds, Protection};
use crate::protocol::steps::{SetupFailure, Step};
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::{sched_getcpu, sched_setaffinity, CpuSet};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

/// The number of the pipe's end that a booted runtime reads from.
pub const HANDOFF: i32 = 3;
/// `/proc/` and ten digits and `/task` and a NUL.
const PATH_BYTES: usize = 24;

/// The runtime takes on the limits and the CPUs of its request.
///
/// # Errors
/// The step that failed: then there is no program.
pub fn take_on(orders: &Orders, runtime: i32) -> Result<u32, SetupFailure> {
    let pid = Pid::from_raw(runtime).ok_or_else(|| Step::Rlimits.failed()(Errno::SRCH))?;
    let rows = rlimits::of(orders.rlimits());
    rlimits::apply_to(pid, &rows).map_err(Step::Rlimits.failed())?;
    let here = sched_getcpu();
    let set = orders.cpus(here);
    if holds(Protection::Affinity) {
        pin_threads(runtime, &set).map_err(Step::Affinity.failed())?;
    }
    let cpu = (0..CpuSet::MAX_CPU).find(|cpu| set.is_set(*cpu)).unwrap_or(here);
    Ok(cpu as u32)
}

/// Every thread there is: those that come inherit it.
fn pin_threads(runtime: i32, set: &CpuSet) -> rustix::io::Result<()> {
    pin(Pid::from_raw(runtime), set)?;
    match pin_others(runtime, set) {
        // It has ended, or is about to become the runtime's program: in the midst of execve(2) it
        // is not dumpable, as we are, and so can't be seen in /proc. It has one thread then.
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

fn pin(thread: Option<Pid>, set: &CpuSet) -> rustix::io::Result<()> {
    match thread.map(|thread| sched_setaffinity(Some(thread), set)) {
        // It has ended meanwhile.
        None | Some(Ok(()) | Err(Errno::SRCH)) => Ok(()),
        Some(result) => result,
    }
}

fn pin_others(runtime: i32, set: &CpuSet) -> rustix::io::Result<()> {
    let mut path = [0u8; PATH_BYTES];
    let path = task_folder(runtime, &mut path).ok_or(Errno::INVAL)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, Mode::empty())?;
    let mut room = [MaybeUninit::<u8>::uninit(); 2048];
    let mut entries = RawDir::new(folder, &mut room);
    while let Some(entry) = entries.next() {
        let number = number_of(entry?.file_name().to_bytes());
        pin(number.and_then(Pid::from_raw), set)?;
    }
    Ok(())
}

fn task_folder(process: i32, room: &mut [u8; PATH_BYTES]) -> Option<&std::ffi::CStr> {
    let mut rest = room.as_mut_slice();
    std::io::Write::write_fmt(&mut rest, format_args!("/proc/{process}/task\0")).ok()?;
    std::ffi::CStr::from_bytes_until_nul(room).ok()
}

/// `None` for `.` and `..`.
fn number_of(name: &[u8]) -> Option<i32> {
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// Writes what the runtime waits for. It may have died: then its end says so.
pub fn write(orders: &Orders, to: BorrowedFd<'_>) {
    let mut line = [0; HANDOFF_LINE_BYTES];
    let (length, texts) = orders.handoff(&mut line);
    for bytes in [line.get(..length).unwrap_or_default(), texts] {
        if write_all(to, bytes).is_err() {
            return;
        }
    }
}
