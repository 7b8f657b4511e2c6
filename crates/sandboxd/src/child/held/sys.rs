//! The calls of ptrace(2) that hold a runtime in its own start. Nothing here sends a signal.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;

/// A process of ours: never -1 or 0, which would be others.
#[derive(Clone, Copy)]
pub struct Traced(i32);

pub enum Stop {
    /// It is about to enter this call.
    Enters {
        call: u64,
        args: [u64; 6],
    },
    /// It goes on with this signal, or with none (0).
    Other(c_int),
    Ended,
}

impl Traced {
    pub fn new(pid: i32) -> Option<Traced> {
        (pid > 0).then_some(Traced(pid))
    }

    /// It ends with us, and its stops at calls are told from its signals. It has to be stopped.
    pub fn bind(self) -> io::Result<()> {
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACEEXEC;
        self.ask(libc::PTRACE_SETOPTIONS as _, 0, (options | libc::PTRACE_O_EXITKILL) as usize)
    }

    /// Lets it go on until its next call.
    pub fn step(self, signal: c_int) -> io::Result<()> {
        self.ask(libc::PTRACE_SYSCALL as _, 0, signal as usize)
    }

    /// Lets it go, as if it had never been traced.
    pub fn leave(self) -> io::Result<()> {
        self.ask(libc::PTRACE_DETACH as _, 0, 0)
    }

    /// Sleeps until it stops or ends.
    pub fn wait(self) -> io::Result<Stop> {
        let mut status: c_int = 0;
        // SAFETY: the pid is one process of ours, and `status` outlives the call.
        while unsafe { libc::waitpid(self.0, &raw mut status, libc::__WALL) } < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        if !libc::WIFSTOPPED(status) {
            return Ok(Stop::Ended);
        }
        match libc::WSTOPSIG(status) {
            CALL => self.call(),
            // Of exec, the first before `bind` and each after it.
            libc::SIGTRAP => Ok(Stop::Other(0)),
            signal => Ok(Stop::Other(signal)),
        }
    }

    fn call(self) -> io::Result<Stop> {
        let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
        let size = std::mem::size_of_val(&info);
        self.ask(libc::PTRACE_GET_SYSCALL_INFO as _, size, info.as_mut_ptr() as usize)?;
        // SAFETY: every member is a number, and of those that the kernel did not write zero holds.
        let info = unsafe { info.assume_init() };
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return Ok(Stop::Other(0));
        }
        // SAFETY: `op` says that this is the member; it is all numbers.
        let entry = unsafe { info.u.entry };
        Ok(Stop::Enters { call: entry.nr, args: entry.args })
    }

    /// Eight bytes of its memory, `None` where there is none.
    pub fn peek(self, address: u64) -> Option<[u8; 8]> {
        let mut word = 0usize;
        // The system call itself, unlike glibc's function, stores the word where `data` points.
        let (request, place) = (libc::PTRACE_PEEKDATA as usize, &raw mut word);
        // SAFETY: `word` outlives the call; an address that it has not is answered with EIO.
        let status = unsafe { libc::syscall(libc::SYS_ptrace, request, self.0, address, place) };
        (status == 0).then(|| (word as u64).to_le_bytes())
    }

    fn ask(self, request: usize, address: usize, data: usize) -> io::Result<()> {
        let pid = self.0;
        // SAFETY: what `data` points to, where it is a pointer, outlives the call (`call`).
        let status = unsafe { libc::syscall(libc::SYS_ptrace, request, pid, address, data) };
        if status < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// What PTRACE_O_TRACESYSGOOD makes of the signal of a stop at a call.
const CALL: c_int = libc::SIGTRAP | 0x80;

/// The parent may trace this process from its next execve on (PTRACE_TRACEME).
pub fn be_traced() -> io::Result<()> {
    let nothing = std::ptr::null_mut::<c_void>();
    let request = libc::PTRACE_TRACEME as usize;
    // SAFETY: this request reads no other argument.
    match unsafe { libc::syscall(libc::SYS_ptrace, request, 0, nothing, nothing) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
