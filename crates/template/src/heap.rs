//! The heap that brk(2) makes is the kernel's business: no process can be told where another's was.
//! So a template has none that grows; its C library takes memory by mmap(2) instead, and goes on
//! with the heap of the process that it wakes up in.

use crate::image::PAGE;
use crate::sys::{self, call, words_mut, Nr};
use core::sync::atomic::Ordering::Relaxed;

/// Less than what the C library maps for itself (mallopt(3), M_MMAP_THRESHOLD).
const PART_BYTES: usize = 100 << 10;
const PARTS_MAX: usize = 512;
/// MAP_FIXED_NOREPLACE, anonymous, private.
const GUARD: usize = 0x10_0022;

fn end() -> usize {
    call(Nr::Brk, [0; 6]).unwrap_or(0)
}

/// A page that stands in its way.
pub fn stop() {
    let at = (end() + PAGE - 1) & !(PAGE - 1);
    if call(Nr::Mmap, [at, PAGE, 0, GUARD, usize::MAX, 0]).is_ok() {
        sys::HEAP_END.store(at, Relaxed);
    }
}

/// Has the C library meet that page, if it did not yet: from then on it knows that parts of its
/// heap don't follow each other.
pub fn leave() -> bool {
    let end = sys::HEAP_END.load(Relaxed);
    let mut parts = [0usize; PARTS_MAX];
    let mut has_left = false;
    for part in &mut parts {
        *part = sys::allocate(PART_BYTES);
        has_left = *part > end || *part == 0;
        if has_left {
            break;
        }
    }
    for part in parts.into_iter().filter(|part| *part != 0) {
        sys::give_back(part);
    }
    has_left && end != 0 && sys::break_place() != 0
}

/// In a process that was given another's memory: its heap is the one that this process has.
pub fn take_over() {
    words_mut(sys::break_place(), 1)[0] = end();
}
