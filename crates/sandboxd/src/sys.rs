//! The system calls that have no safe wrapper: the only unsafe code of the launcher, one call per
//! function. Nothing here sends a signal: a raw pid can be -1, and that is every process.

use crate::confine::seccomp::Filter;
use std::ffi::{c_char, c_int, c_long, c_void, CStr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

fn checked(status: c_long) -> io::Result<c_long> {
    match status {
        0.. => Ok(status),
        _ => Err(io::Error::last_os_error()),
    }
}

/// linux/sched.h; libc's constant of this name overflows its type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Which side of a clone the caller is on.
pub enum Cloned {
    /// The child's pid, for /proc/<pid> only, and its pidfd.
    Parent(u32, OwnedFd),
    Child,
}

/// `struct clone_args` of clone3(2), the first eleven members.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Forks into new namespaces (clone3(2)): `namespaces` is any of CLONE_NEW*, `cgroup` an open v2
/// cgroup that the child starts in. The caller must be single-threaded.
///
/// # Errors
/// The kernel's errno: `EPERM`, `ENOSPC` (too many namespaces), `EAGAIN`, `ENOMEM`, `EBUSY`.
pub fn clone3(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    let mut pidfd: c_int = -1;
    let mut args = CloneArgs {
        flags: namespaces | libc::CLONE_PIDFD as u64,
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    if let Some(directory) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = directory.as_raw_fd() as u64;
    }
    let size = std::mem::size_of::<CloneArgs>();
    // SAFETY: `args` is a whole clone_args of the size that is passed; without CLONE_VM the child
    // has a copy of this memory, and the launcher has one thread, so no lock is held in it.
    let status = unsafe { libc::syscall(libc::SYS_clone3, std::ptr::from_ref(&args), size) };
    match checked(status)? {
        0 => Ok(Cloned::Child),
        pid => {
            // SAFETY: the call succeeded with CLONE_PIDFD, so the kernel stored a fresh descriptor.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent(pid as u32, pidfd))
        }
    }
}

/// Runs `entry(argument)` in a child that shares this memory until it has called execve or ended
/// (clone(2)): the caller touches nothing of it meanwhile, or sleeps (`waits`). Gives the pid.
///
/// # Errors
/// The kernel's errno: `EAGAIN` where a process limit is reached, `ENOMEM`.
pub fn spawn_sharing_memory(
    stack: &mut [u8],
    entry: extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
    waits: bool,
) -> io::Result<i32> {
    let flags = libc::CLONE_VM | libc::SIGCHLD | if waits { libc::CLONE_VFORK } else { 0 };
    let end = stack.as_mut_ptr_range().end as usize;
    let top = (end & !0xf) as *mut c_void;
    // SAFETY: `top` is the 16-byte aligned end of a stack that nothing else uses, and the caller
    // is suspended or keeps to its promise until the child has left this memory.
    let pid = unsafe { libc::clone(entry, top, flags, argument) };
    checked(c_long::from(pid)).map(|pid| pid as i32)
}

/// Replaces this process (execve(2)); returns only the errno of its failure. Both arrays end with a
/// null pointer.
pub fn execve(argv: &[*const c_char], envp: &[*const c_char]) -> i32 {
    let Some(program) = argv.first() else {
        return libc::EINVAL;
    };
    // SAFETY: the plan built both arrays from CStrings that it owns, each ended by a null pointer.
    unsafe { libc::execve(*program, argv.as_ptr(), envp.as_ptr()) };
    last_errno()
}

pub fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// Ends this process without running any destructor (exit_group(2)).
pub fn exit_now(status: i32) -> ! {
    // SAFETY: takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}

/// Gives this process namespaces of its own (unshare(2)); of CLONE_NEWCGROUP, the root is the group
/// that the process is in.
pub fn unshare(namespaces: c_int) -> io::Result<()> {
    // SAFETY: takes no pointer.
    checked(c_long::from(unsafe { libc::unshare(namespaces) })).map(drop)
}

/// Closes every descriptor from `first` to `last`, both included (close_range(2)).
pub fn close_range(first: u32, last: u32) -> io::Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: the caller's child process owns its descriptor table alone and uses none of these.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}

/// Sets every signal to its default disposition and unblocks all (signal(7)).
pub fn reset_signals() -> io::Result<()> {
    for number in 1..=64 {
        // SAFETY: SIG_DFL is no function; numbers that can't be set are refused by the kernel.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    let empty = signal_set(&[]);
    // SAFETY: `empty` is a whole sigset_t; the old mask is not asked for.
    let status =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, std::ptr::null_mut()) };
    checked(c_long::from(status)).map(drop)
}

fn signal_set(signals: &[c_int]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the whole set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: just initialised.
    let mut set = unsafe { set.assume_init() };
    for signal in signals {
        // SAFETY: `set` is initialised; an invalid number is refused, not undefined.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    set
}

/// Blocks these signals and gives a descriptor that reads them (signalfd(2)).
pub fn signal_descriptor(signals: &[c_int]) -> io::Result<OwnedFd> {
    let set = signal_set(signals);
    // SAFETY: `set` is a whole sigset_t; the old mask is not asked for.
    let blocked =
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    checked(c_long::from(blocked))?;
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: `set` outlives the call; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, flags) };
    checked(c_long::from(fd))?;
    // SAFETY: the call succeeded, so this is a fresh descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Installs a seccomp filter for this thread (seccomp(2)); no_new_privs must be set.
pub fn install_seccomp(filter: &Filter) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: filter.program().len() as u16,
        filter: filter.program().as_ptr().cast_mut(),
    };
    // SAFETY: `program` names a slice that outlives the call; the kernel copies it.
    let status = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    };
    checked(status).map(drop)
}

/// `struct ifreq` with its flags (netdevice(7)).
#[repr(C)]
struct InterfaceFlags {
    name: [u8; libc::IFNAMSIZ],
    flags: i16,
    padding: [u8; 22],
}

/// Brings the interface `lo` of this network namespace up (netdevice(7)).
pub fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut request = InterfaceFlags {
        name: [0; libc::IFNAMSIZ],
        flags: (libc::IFF_UP | libc::IFF_RUNNING) as i16,
        padding: [0; 22],
    };
    request.name[0] = b'l';
    request.name[1] = b'o';
    // SAFETY: `request` is a whole ifreq and outlives the call.
    let status =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) };
    checked(c_long::from(status)).map(drop)
}

/// `struct landlock_ruleset_attr` (landlock_create_ruleset(2)).
#[repr(C)]
pub struct LandlockRuleset {
    pub handled_access_fs: u64,
    pub handled_access_net: u64,
    pub scoped: u64,
}

/// `struct landlock_path_beneath_attr` (landlock_add_rule(2)).
#[repr(C, packed)]
pub struct LandlockPathBeneath {
    pub allowed_access: u64,
    pub parent_fd: RawFd,
}

const SYS_LANDLOCK_CREATE_RULESET: c_long = 444;
const SYS_LANDLOCK_ADD_RULE: c_long = 445;
const SYS_LANDLOCK_RESTRICT_SELF: c_long = 446;

/// The Landlock ABI of this kernel, 0 where it has none or it is switched off.
pub fn landlock_abi() -> u32 {
    // SAFETY: with LANDLOCK_CREATE_RULESET_VERSION (1) the kernel reads no memory.
    let abi = unsafe { libc::syscall(SYS_LANDLOCK_CREATE_RULESET, 0usize, 0usize, 1u32) };
    u32::try_from(abi).unwrap_or(0)
}

/// # Errors
/// `ENOSYS` or `EOPNOTSUPP` without Landlock, `EINVAL` for a right this ABI does not know.
pub fn landlock_create(attributes: &LandlockRuleset, bytes: usize) -> io::Result<OwnedFd> {
    let pointer = std::ptr::from_ref(attributes);
    // SAFETY: `bytes` is at most the size of the struct, which outlives the call.
    let fd = unsafe { libc::syscall(SYS_LANDLOCK_CREATE_RULESET, pointer, bytes, 0u32) };
    let fd = checked(fd)?;
    // SAFETY: the call succeeded, so this is a fresh descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub fn landlock_allow(ruleset: BorrowedFd<'_>, rule: &LandlockPathBeneath) -> io::Result<()> {
    let pointer = std::ptr::from_ref(rule);
    // SAFETY: type 1 is LANDLOCK_RULE_PATH_BENEATH, whose struct this is; it outlives the call.
    let status = unsafe {
        libc::syscall(SYS_LANDLOCK_ADD_RULE, ruleset.as_raw_fd(), 1 as c_int, pointer, 0u32)
    };
    checked(status).map(drop)
}

pub fn landlock_restrict(ruleset: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes no pointer.
    let status = unsafe { libc::syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset.as_raw_fd(), 0u32) };
    checked(status).map(drop)
}

/// What `entry` of [`spawn_sharing_memory`] was given: a live `&mut T` of its sleeping caller.
pub fn borrow_payload<'a, T>(pointer: *mut c_void) -> &'a mut T {
    // SAFETY: only the function that `spawn_sharing_memory` runs calls this, with the pointer it
    // was given; the owner leaves it alone for as long as the reference lives.
    unsafe { &mut *pointer.cast::<T>() }
}

/// Gives a descriptor this number, not its own, past execve (dup2(2)).
pub fn keep_open_as(fd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    checked(c_long::from(unsafe { libc::dup2(fd.as_raw_fd(), number) })).map(drop)
}

/// `struct mount_attr` (mount_setattr(2)).
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Sets MOUNT_ATTR_* flags on a mount and, if `recursive`, on all below it (mount_setattr(2)).
pub fn set_mount_attributes(path: &CStr, attributes: u64, recursive: bool) -> io::Result<()> {
    let set = MountAttributes { set: attributes, clear: 0, propagation: 0, userns_fd: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    let size = std::mem::size_of::<MountAttributes>();
    let call = libc::SYS_mount_setattr;
    let (at, path, set) = (libc::AT_FDCWD, path.as_ptr(), &raw const set);
    // SAFETY: path and struct outlive the call; `size` is the struct's.
    let status = unsafe { libc::syscall(call, at, path, flags, set, size) };
    checked(status).map(drop)
}

/// Sets options of the allocator (mallopt(3)). The caller must be single-threaded.
pub fn tune_allocator(options: &[(c_int, c_int)]) {
    for (option, value) in options {
        // SAFETY: takes no pointer, and no other thread allocates meanwhile.
        unsafe { libc::mallopt(*option, *value) };
    }
}
