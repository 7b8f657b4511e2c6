//! Everything that is unsafe: raw system calls, memory by its address, the way in and out.

use core::arch::{asm, global_asm};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Not 0: the runtime has not waited for its request yet.
pub static WAITS: AtomicU32 = AtomicU32::new(0);
pub static HANDOFF_INODE: AtomicU64 = AtomicU64::new(0);
/// Where the template's heap ends for good.
pub static HEAP_END: AtomicUsize = AtomicUsize::new(0);
pub static IMAGE_FILE: AtomicUsize = AtomicUsize::new(0);

/// Numbers of system calls (x86_64).
#[derive(Clone, Copy)]
pub enum Nr {
    Read = 0,
    Write = 1,
    Close = 3,
    Fstat = 5,
    Lseek = 8,
    Mmap = 9,
    Mprotect = 10,
    Munmap = 11,
    Brk = 12,
    SigAction = 13,
    SigMask = 14,
    Pread = 17,
    Pwrite = 18,
    Mremap = 25,
    Madvise = 28,
    GetPid = 39,
    Fcntl = 72,
    Readlink = 89,
    SigAltStack = 131,
    Prctl = 157,
    ArchPrctl = 158,
    GetDents = 217,
    SetTidAddress = 218,
    TimerCreate = 222,
    TimerSet = 223,
    TimerGet = 224,
    ExitGroup = 231,
    Openat = 257,
    SetRobustList = 273,
    GetRobustList = 274,
    Eventfd = 290,
    Dup3 = 292,
    Preadv = 295,
    Rseq = 334,
    CloseRange = 436,
}

pub const F_DUPFD_CLOEXEC: usize = 1030;
pub const F_GETFD: usize = 1;
pub const F_GETFL: usize = 3;

/// The errno of a failed call.
pub type Errno = i32;

/// A system call. Nothing of Rust's is ever lent to the kernel past the call; what it maps and
/// unmaps is the business of `save` and `restore`, which own this process by then.
#[inline(always)]
pub fn call(number: Nr, words: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = words;
    let result: isize;
    // SAFETY: the registers are those of the kernel's convention; see above for memory.
    unsafe {
        asm!("syscall", inlateout("rax") number as usize as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _);
    }
    match result {
        -4095..=-1 => Err(-(result as i32)),
        _ => Ok(result as usize),
    }
}

pub fn exit(status: usize) -> ! {
    loop {
        let _ = call(Nr::ExitGroup, [status, 0, 0, 0, 0, 0]);
    }
}

/// Words of struct stat.
pub const STAT_WORDS: usize = 18;

pub struct File {
    pub inode: u64,
    pub size: u64,
}

impl File {
    /// `None` where there is no such descriptor.
    pub fn stat(descriptor: usize) -> Option<File> {
        let mut stat = [0usize; STAT_WORDS];
        call(Nr::Fstat, [descriptor, stat.as_mut_ptr() as usize, 0, 0, 0, 0]).ok()?;
        let [inode, size, _] = what_it_is(&stat);
        Some(File { inode: inode as u64, size: size as u64 })
    }
}

/// Of a struct stat (x86_64): inode, size, and when it was written to last, in ns. Not the device:
/// one file has another in each mount of an overlay.
#[inline(always)]
pub fn what_it_is(stat: &[usize]) -> [usize; 3] {
    [stat[1], stat[6], stat[11].wrapping_mul(1_000_000_000).wrapping_add(stat[12])]
}

/// The words of memory from an address on.
#[inline(always)]
pub fn words<'a>(address: usize, count: usize) -> &'a [usize] {
    // SAFETY: callers name memory that they mapped themselves, or the stack that the kernel made.
    unsafe { core::slice::from_raw_parts(address as *const usize, count) }
}

/// The same, to write.
#[inline(always)]
pub fn words_mut<'a>(address: usize, count: usize) -> &'a mut [usize] {
    // SAFETY: as `words`; each caller writes to a part that it names nowhere else.
    unsafe { core::slice::from_raw_parts_mut(address as *mut usize, count) }
}

#[inline(always)]
pub fn bytes<'a>(address: usize, count: usize) -> &'a [u8] {
    // SAFETY: as `words`.
    unsafe { core::slice::from_raw_parts(address as *const u8, count) }
}

/// Copies memory without a library's help.
#[inline(always)]
pub fn copy(to: usize, from: usize, count: usize) {
    // SAFETY: both are memory of the caller's, and don't overlap.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") count => _,
            options(nostack));
    }
}

/// How long a string is that ends with a NUL.
pub fn length(address: usize) -> usize {
    let mut count = 0;
    while bytes(address + count, 1)[0] != 0 {
        count += 1;
    }
    count
}

/// Where this object lies: from, to.
pub fn own_span() -> (usize, usize) {
    let (from, to): (usize, usize);
    // SAFETY: both are addresses that the linker defines.
    unsafe {
        asm!("lea {}, [rip + __ehdr_start]", "lea {}, [rip + _end]", out(reg) from, out(reg) to);
    }
    (from, to)
}

/// What the C library says of where it registered its restartable sequences; 0 where it has none.
pub fn rseq_place() -> usize {
    let place: usize;
    // SAFETY: reads a weak symbol's address, and where it is not null what lies there.
    unsafe {
        asm!("mov {0}, [rip + __rseq_offset@GOTPCREL]", "test {0}, {0}", "jz 2f",
            "mov {0}, [{0}]", "2:", out(reg) place);
    }
    place
}

/// Memory of the runtime's own allocator; 0 where it has none.
pub fn allocate(count: usize) -> usize {
    // SAFETY: any size may be asked for, and the runtime is in a call of the C library's.
    unsafe { malloc(count) as usize }
}

pub fn give_back(memory: usize) {
    // SAFETY: callers give what `allocate` gave, once.
    unsafe { free(memory as *mut c_void) };
}

/// Where the C library keeps the end of the heap that brk(2) makes; 0 where it doesn't say.
pub fn break_place() -> usize {
    let place: usize;
    // SAFETY: reads a weak symbol's address.
    unsafe { asm!("mov {}, [rip + __curbrk@GOTPCREL]", out(reg) place) };
    place
}

pub fn resume_place() -> usize {
    let place: usize;
    // SAFETY: the address of a label of this file.
    unsafe { asm!("lea {}, [rip + gozo_resume]", out(reg) place) };
    place
}

/// Goes on elsewhere, on another stack.
#[inline(always)]
pub fn go((place, stack): (usize, usize), [first, second, third]: [usize; 3]) -> ! {
    // SAFETY: `place` is code of this object, here or where it was copied to, and `stack` memory
    // that was mapped for it; nothing of here is used again.
    unsafe {
        asm!("mov rsp, {stack}", "xor ebp, ebp", "jmp {place}", stack = in(reg) stack,
            place = in(reg) place, in("rdi") first, in("rsi") second, in("rdx") third,
            options(noreturn));
    }
}

extern "C" {
    /// The C library's own.
    fn __read(descriptor: c_int, to: *mut c_void, count: usize) -> isize;
    fn malloc(count: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    /// Returns once, here or in another process.
    fn gozo_pause(descriptor: usize);
}

/// The runtime's own read(2) calls come here first.
///
/// # Safety
/// As read(2).
#[no_mangle]
unsafe extern "C" fn read(descriptor: c_int, to: *mut c_void, count: usize) -> isize {
    if WAITS.load(Relaxed) != 0 {
        // SAFETY: takes no pointer, and keeps every register that a call has to keep.
        unsafe { gozo_pause(descriptor as usize) };
    }
    // SAFETY: the caller's own words.
    unsafe { __read(descriptor, to, count) }
}

// Registers that a call keeps are put on the stack. `gozo_resume` is where a restored process goes
// on, with them on its stack, in rdi and rsi the span to unmap (munmap is 11), and in rdx where it
// says that it waits.
global_asm!(
    ".weak __rseq_offset",
    ".weak __curbrk",
    // No library is there yet where a process is to be restored.
    ".weak __read, malloc, free, memcpy, memset, bcmp",
    ".globl gozo_pause, gozo_resume",
    ".hidden gozo_pause, gozo_resume, gozo_about_to_read, gozo_resumed",
    "gozo_pause:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "stmxcsr [rsp]",
    "fnstcw [rsp + 4]",
    "mov rsi, rsp",
    "call gozo_about_to_read",
    "jmp 3f",
    "gozo_resume:",
    "mov eax, 11",
    "syscall",
    "mov rdi, rdx",
    "call gozo_resumed",
    "ldmxcsr [rsp]",
    "fldcw [rsp + 4]",
    "3:",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
);

extern "C" fn gozo_begin(count: usize, arguments: usize, _environment: usize) {
    // From the arguments on, as the kernel put it: arguments, environment, auxiliary vector.
    let _ = count;
    crate::begin::begin(words(arguments, 1 << 13));
}

#[no_mangle]
extern "C" fn gozo_about_to_read(descriptor: usize, stack: usize) {
    crate::begin::about_to_read(descriptor, stack);
}

#[no_mangle]
extern "C" fn gozo_resumed(ready: usize) {
    crate::heap::take_over();
    crate::begin::say_ready(ready);
}

#[used]
#[link_section = ".init_array"]
static BEGIN: extern "C" fn(usize, usize, usize) = gozo_begin;

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(crate::begin::BROKEN)
}
