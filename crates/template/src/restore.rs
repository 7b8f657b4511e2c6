//! Puts the state of an image in place of this process's own. What does it is copied to where
//! nothing else lies, since all the rest is unmapped on the way: there is no library then, and
//! nothing may be called that is not inlined or of this file.

mod process;

use crate::image::*;
use crate::sys::{self, call, words, words_mut, Nr};

const STACK_BYTES: usize = 64 << 10;
/// Of x86_64, with 47 bits for addresses.
const END: usize = 0x7fff_ffff_f000;
const READ_WRITE: usize = 3;
const READ_EXECUTE: usize = 5;
const ANONYMOUS: usize = 0x22;
const FIXED: usize = 0x10;
const FIXED_NEW: usize = 0x10_0000;
const POPULATE_WRITE: usize = 23;
const HUGE_PAGES: usize = 14;
const GROWS_DOWN: usize = 0x100;
const MOVE_FIXED: usize = 3;
const VDSO: usize = 33;
const PROGRAM_NAME: usize = 31;

/// What of this process stays, and where the image is: from the records' end down.
mod own {
    pub const CODE_BYTES: usize = 1;
    pub const STRINGS_FROM: usize = 2;
    pub const STRINGS_TO: usize = 3;
    pub const VDSO: usize = 4;
    /// Room for a struct stat.
    pub const STAT: usize = 8;
    pub const COUNT: usize = 8;
}

/// The space that is ours: records, then our own facts, the code, a stack.
const FACTS: usize = OURS + META_BYTES;
const CODE: usize = FACTS + PAGE;
/// Where huge pages are made, of which the parts are moved to their places.
const HUGE_PLACE: usize = OURS + (1 << 30);

/// Never returns: this process is another one afterwards, or ends.
pub fn restore(stack: &[usize]) -> ! {
    let mut places = stack.iter().copied();
    let first = places.next().unwrap_or(0);
    // Arguments and environment, each with a null pointer behind.
    let _ = places.by_ref().find(|word| *word == 0);
    let _ = places.by_ref().find(|word| *word == 0);
    let (mut vdso, mut name) = (0, 0);
    while let (Some(kind), Some(value)) = (places.next(), places.next()) {
        match kind {
            0 => break,
            VDSO => vdso = value,
            PROGRAM_NAME => name = value,
            _ => {}
        }
    }
    // A handler of the other's has nothing to stand on before all of it is there.
    let every = usize::MAX;
    need(call(Nr::SigMask, [2, (&raw const every) as usize, 0, 8, 0, 0]));
    let (from, to) = sys::own_span();
    let code_bytes = page_up(to - from);
    let bytes_in_all = CODE - OURS + code_bytes + STACK_BYTES;
    need(call(Nr::Mmap, [OURS, bytes_in_all, READ_WRITE, ANONYMOUS | FIXED_NEW, usize::MAX, 0]));
    need(call(Nr::Pread, [crate::begin::IMAGE, OURS, at::FIRST_RECORD * 8, 0, 0, 0]));
    let head = words(OURS, at::FIRST_RECORD);
    if head[at::MAGIC] != MAGIC || head[at::META_BYTES] != META_BYTES {
        sys::exit(crate::begin::BROKEN);
    }
    read_records(head[at::LAST_RECORD], head[at::STRINGS]);
    let facts = words_mut(FACTS, own::COUNT);
    facts[own::CODE_BYTES] = code_bytes;
    facts[own::STRINGS_FROM] = first & !(PAGE - 1);
    facts[own::STRINGS_TO] = page_up(name + sys::length(name) + 9);
    facts[own::VDSO] = vdso;
    sys::copy(CODE, from, to - from);
    need(call(Nr::Mprotect, [CODE, code_bytes, READ_EXECUTE, 0, 0, 0]));
    let other = become_other as *const () as usize - from;
    sys::go((CODE + other, CODE + code_bytes + STACK_BYTES - 8), [0; 3])
}

/// The records from the front, the strings from the end; what is between was never written.
fn read_records(last: usize, strings: usize) {
    let first = at::FIRST_RECORD * 8;
    need(call(Nr::Pread, [crate::begin::IMAGE, OURS + first, last * 8 - first, first, 0, 0]));
    let count = META_BYTES - strings;
    need(call(Nr::Pread, [crate::begin::IMAGE, OURS + strings, count, strings, 0, 0]));
}

#[inline(always)]
fn page_up(address: usize) -> usize {
    (address + PAGE - 1) & !(PAGE - 1)
}

#[inline(always)]
fn need(result: Result<usize, sys::Errno>) -> usize {
    match result {
        Ok(value) => value,
        Err(_) => sys::exit(crate::begin::BROKEN),
    }
}

/// Runs in our own space, on a stack there.
extern "C" fn become_other() -> ! {
    let head = words(OURS, at::FIRST_RECORD);
    let facts = words(FACTS, own::COUNT);
    unmap_others(head, facts);
    move_kernel_pages(head, facts[own::VDSO]);
    map_areas(Table::of(head[at::AREAS]));
    let place = move_in(Table::of(head[at::MOVED]), META_BYTES);
    fill(Table::of(head[at::RUNS]), place);
    protect(Table::of(head[at::AREAS]));
    let ready = process::keep_ready(Table::of(head[at::FILES]));
    need(call(Nr::CloseRange, [crate::begin::IMAGE, crate::begin::READY, 0, 0, 0, 0]));
    process::open_files(Table::of(head[at::FILES]));
    process::set_signals(Table::of(head[at::SIGNALS]));
    process::make_timers(Table::of(head[at::TIMERS]));
    process::set_thread(head);
    // The other's code takes our space away, and says that it waits.
    let all = CODE - OURS + facts[own::CODE_BYTES] + STACK_BYTES;
    sys::go((head[at::RESUME], head[at::STACK]), [OURS, all, ready])
}

/// Everything but our space, the kernel's own pages, and the strings that the kernel shows of this
/// process (proc(5), cmdline).
#[inline(always)]
fn unmap_others(head: &[usize], facts: &[usize]) {
    let ours_end = CODE + facts[own::CODE_BYTES] + STACK_BYTES;
    let (kernel_from, kernel_to) = kernel_span(head, facts[own::VDSO]);
    let strings = (facts[own::STRINGS_FROM], facts[own::STRINGS_TO]);
    let (low, high) = if kernel_from < strings.0 {
        ((kernel_from, kernel_to), strings)
    } else {
        (strings, (kernel_from, kernel_to))
    };
    unmap(PAGE, OURS);
    unmap(ours_end, low.0);
    unmap(low.1, high.0);
    unmap(high.1, END);
}

#[inline(always)]
fn unmap(from: usize, to: usize) {
    if from < to {
        need(call(Nr::Munmap, [from, to - from, 0, 0, 0, 0]));
    }
}

/// Where this process's own pages of the kernel are: as far from each other as the image's.
#[inline(always)]
fn kernel_span(head: &[usize], vdso: usize) -> (usize, usize) {
    let last = at::KERNEL + 2 * (head[at::KERNEL_AREAS] - 1);
    let shift = vdso.wrapping_sub(head[last]);
    (head[at::KERNEL].wrapping_add(shift), head[last + 1].wrapping_add(shift))
}

/// The vdso is the last of them, and the others are found by their distance to it.
#[inline(always)]
fn move_kernel_pages(head: &[usize], vdso: usize) {
    let count = head[at::KERNEL_AREAS];
    let shift = vdso.wrapping_sub(head[at::KERNEL + 2 * (count - 1)]);
    if shift == 0 {
        return;
    }
    let mut area = 0;
    while area < count {
        // Those that move up go from the top, lest one lands on the next.
        let turn = if shift > END { count - 1 - area } else { area };
        let (start, end) = (head[at::KERNEL + 2 * turn], head[at::KERNEL + 2 * turn + 1]);
        let bytes = end - start;
        need(call(Nr::Mremap, [start.wrapping_add(shift), bytes, bytes, MOVE_FIXED, start, 0]));
        area += 1;
    }
}

#[inline(always)]
fn record(table: Table, number: usize, size: usize) -> &'static [usize] {
    words(OURS + (table.first + number * size) * 8, size)
}

#[inline(always)]
fn open(path: usize, flags: usize) -> usize {
    need(call(Nr::Openat, [usize::MAX, OURS + path, flags, 0, 0, 0]))
}

/// A file that has changed since would give this process pages that fit nothing.
#[inline(always)]
fn need_unchanged(file: usize, area: &[usize]) {
    let at = FACTS + own::STAT * 8;
    need(call(Nr::Fstat, [file, at, 0, 0, 0, 0]));
    let [inode, size, written] = sys::what_it_is(words(at, sys::STAT_WORDS));
    if inode != area[6] || size != area[7] || written != area[8] {
        sys::exit(crate::begin::CHANGED);
    }
}

/// Areas that follow each other in one file open it once.
#[inline(always)]
fn map_areas(table: Table) {
    let (mut opened, mut opened_path) = (usize::MAX, 0);
    let mut number = 0;
    while number < table.count {
        let area = record(table, number, AREA_WORDS);
        let (start, end, protection, kind) = (area[0], area[1], area[2], area[3]);
        let (offset, path) = (area[4], area[5]);
        let is_filled = kind & FILLED != 0;
        let protection = if is_filled { READ_WRITE } else { protection };
        let sharing = if kind & SHARED != 0 { 1 } else { 2 };
        let grows = if kind & GROWS != 0 { GROWS_DOWN } else { 0 };
        if kind & OF_FILE != 0 {
            if path != opened_path {
                if opened_path != 0 {
                    need(call(Nr::Close, [opened, 0, 0, 0, 0, 0]));
                }
                (opened, opened_path) = (open(path, 0o2_000_000), path);
                need_unchanged(opened, area);
            }
            let flags = sharing | FIXED;
            need(call(Nr::Mmap, [start, end - start, protection, flags, opened, offset]));
        } else {
            let flags = ANONYMOUS | FIXED | grows;
            need(call(Nr::Mmap, [start, end - start, protection, flags, usize::MAX, 0]));
        }
        number += 1;
    }
    if opened_path != 0 {
        need(call(Nr::Close, [opened, 0, 0, 0, 0, 0]));
    }
}

/// A huge page is made in a tenth of the time of its 512 small ones, and its parts are moved to
/// their places. Where the kernel has none to give, small ones are. Gives the place of what is next
/// in the image.
#[inline(always)]
fn move_in(table: Table, place: usize) -> usize {
    let runs = words(OURS + table.first * 8, table.count * RUN_WORDS);
    let mut wanted = 0;
    for run in runs.chunks_exact(RUN_WORDS) {
        wanted += run[1];
    }
    if wanted == 0 {
        return place;
    }
    let room = (wanted + HUGE - 1) & !(HUGE - 1);
    need(call(Nr::Mmap, [HUGE_PLACE, room, READ_WRITE, ANONYMOUS | FIXED_NEW, usize::MAX, 0]));
    let _ = call(Nr::Madvise, [HUGE_PLACE, room, HUGE_PAGES, 0, 0, 0]);
    let _ = call(Nr::Madvise, [HUGE_PLACE, wanted, POPULATE_WRITE, 0, 0, 0]);
    let image = crate::begin::IMAGE;
    if need(call(Nr::Pread, [image, HUGE_PLACE, wanted, place, 0, 0])) != wanted {
        sys::exit(crate::begin::BROKEN);
    }
    let mut from = HUGE_PLACE;
    for run in runs.chunks_exact(RUN_WORDS) {
        need(call(Nr::Mremap, [from, run[1], run[1], MOVE_FIXED, run[0], 0]));
        from += run[1];
    }
    // What is left of the last one.
    let rest = HUGE_PLACE + room - from;
    if rest > 0 {
        need(call(Nr::Munmap, [from, rest, 0, 0, 0, 0]));
    }
    place + wanted
}

/// The pages, as many runs at once as the kernel takes. They are made before they are written to: a
/// fault of the copy for each of them takes a quarter longer.
#[inline(always)]
fn fill(table: Table, mut place: usize) {
    let mut number = 0;
    while number < table.count {
        let count = (table.count - number).min(RUNS_MAX);
        let at = OURS + (table.first + number * RUN_WORDS) * 8;
        let mut wanted = 0;
        for run in words(at, count * RUN_WORDS).chunks_exact(RUN_WORDS) {
            // Older than Linux 5.14, it knows no such advice: then the copy has them made.
            let _ = call(Nr::Madvise, [run[0], run[1], POPULATE_WRITE, 0, 0, 0]);
            wanted += run[1];
        }
        let done = need(call(Nr::Preadv, [crate::begin::IMAGE, at, count, place, 0, 0]));
        if done != wanted {
            sys::exit(crate::begin::BROKEN);
        }
        place += done;
        number += count;
    }
}

#[inline(always)]
fn protect(table: Table) {
    let mut number = 0;
    while number < table.count {
        let area = record(table, number, AREA_WORDS);
        if area[3] & FILLED != 0 && area[2] != READ_WRITE {
            need(call(Nr::Mprotect, [area[0], area[1] - area[0], area[2], 0, 0, 0]));
        }
        number += 1;
    }
}
