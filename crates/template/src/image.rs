//! How the state of a process lies in its image: words of 64 bits, then the pages themselves.

/// The first word of an image that is whole; written last.
pub const MAGIC: usize = 0x3154_4f5a_4f47;
pub const PAGE: usize = 4096;
/// A huge one (x86_64).
pub const HUGE: usize = 2 << 20;
/// Where nothing of any program lies: of the kernel's own choices none is below.
pub const OURS: usize = 0x1000_0000_0000;
/// Of the records below. A pack with hundreds of libraries needs a fifth of it.
pub const META_BYTES: usize = 4 << 20;

/// Places of the header's words.
pub mod at {
    pub const MAGIC: usize = 0;
    pub const META_BYTES: usize = 1;
    pub const AREAS: usize = 2;
    pub const RUNS: usize = 3;
    pub const FILES: usize = 4;
    pub const SIGNALS: usize = 5;
    pub const RESUME: usize = 6;
    pub const STACK: usize = 7;
    pub const THREAD: usize = 8;
    pub const TID_ADDRESS: usize = 9;
    pub const ROBUST: usize = 10;
    pub const RSEQ: usize = 11;
    pub const SIGMASK: usize = 12;
    /// Three words: sigaltstack(2).
    pub const ALTSTACK: usize = 13;
    /// The kernel's own pages: how many areas, and start and end of each.
    pub const KERNEL_AREAS: usize = 16;
    pub const KERNEL: usize = 17;
    pub const KERNEL_MAX: usize = 4;
    /// Sixteen bytes: the name of the process.
    pub const NAME: usize = 25;
    pub const PID: usize = 27;
    /// Behind the last word of the records, and the first byte of the strings.
    pub const LAST_RECORD: usize = 28;
    pub const STRINGS: usize = 29;
    pub const TIMERS: usize = 30;
    pub const MOVED: usize = 31;
    pub const FIRST_RECORD: usize = 32;
}

/// A table of records: where it begins and how many there are, packed into its header's word.
#[derive(Clone, Copy)]
pub struct Table {
    pub first: usize,
    pub count: usize,
}

impl Table {
    pub fn word(self) -> usize {
        self.first << 32 | self.count
    }

    #[inline(always)]
    pub fn of(word: usize) -> Table {
        Table { first: word >> 32, count: word & 0xffff_ffff }
    }
}

/// An area of memory: start, end, protection, kind, place in its file, place of the file's path,
/// and what that file was: inode, size, when it was written to last.
pub const AREA_WORDS: usize = 9;
pub const SHARED: usize = 1;
pub const GROWS: usize = 2;
pub const OF_FILE: usize = 4;
/// It has pages in the image.
pub const FILLED: usize = 8;

/// Pages of the image: address, bytes; as preadv(2) wants them, and in the image's order. Those
/// that are moved come first, and fill huge pages.
pub const RUN_WORDS: usize = 2;
/// How many of them one call takes.
pub const RUNS_MAX: usize = 1024;

/// A descriptor: number, kind, flags, place in the file, place of its path.
pub const FILE_WORDS: usize = 5;
pub const SAME_AS_HANDOFF: usize = 0;
pub const PLAIN_FILE: usize = 1;
pub const EVENTS: usize = 2;

/// A signal: number, and the four words of the kernel's struct sigaction.
pub const SIGNAL_WORDS: usize = 5;

/// A timer of timer_create(2): clock, the two words of its sigevent, and the four of its setting.
pub const TIMER_WORDS: usize = 7;
