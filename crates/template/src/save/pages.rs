//! The pages that are the process's own, and how they lie in the image: those that are moved into
//! place as parts of huge ones, then those that are copied there.

use super::areas::{MAPS, MAPS_BYTES};
use super::{head, Saver, Why};
use crate::image::*;
use crate::sys::{call, words, words_mut, Nr};

const PAGEMAP: usize = MAPS + MAPS_BYTES;
const PAGEMAP_BYTES: usize = 32 << 20;
/// proc(5), pagemap: the page is there, is in swap, is one of a file.
const IN_RAM: usize = 1 << 63;
const IN_SWAP: usize = 1 << 62;
const OF_A_FILE: usize = 1 << 61;
/// Runs as they are found, where the text of the areas was: address, bytes, whether it is moved.
const FOUND_WORDS: usize = 3;
const FOUND_MAX: usize = MAPS_BYTES / 8 / FOUND_WORDS;
/// To move a run takes as long as to make and copy some five pages of its own.
const MOVED_MIN: usize = 8 * PAGE;
/// Pages of zeros between two runs that are kept, lest each of them has to be moved.
const GAP_MAX: usize = 4 * PAGE;
/// What is used of the last huge page, at least: the rest of it is memory that a cold run has not.
const LAST_MIN: usize = HUGE / 4 * 3;

/// The runs found so far.
struct Found {
    count: usize,
}

impl Found {
    fn at(&self, number: usize) -> &'static mut [usize] {
        words_mut(MAPS + number * FOUND_WORDS * 8, FOUND_WORDS)
    }

    fn add(&mut self, (start, end): (usize, usize), may_move: bool) -> Result<bool, Why> {
        if start >= end {
            return Ok(false);
        }
        if self.count == FOUND_MAX {
            return Err(Why::Room);
        }
        let moves = usize::from(may_move && end - start >= MOVED_MIN);
        self.at(self.count).copy_from_slice(&[start, end - start, moves]);
        self.count += 1;
        Ok(true)
    }

    fn bytes_to_move(&self) -> usize {
        let all: usize =
            (0..self.count).map(|number| self.at(number)[1] * self.at(number)[2]).sum();
        match all % HUGE {
            rest if rest < LAST_MIN => all - rest,
            _ => all,
        }
    }
}

impl Saver {
    pub(super) fn pages(&mut self, areas: Table) -> Result<(), Why> {
        let mut found = Found { count: 0 };
        for area in 0..areas.count {
            let place = areas.first + area * AREA_WORDS;
            if self.runs(words(OURS + place * 8, AREA_WORDS), &mut found)? {
                head()[place + 3] |= FILLED;
            }
        }
        let (moved, mut left) = (self.next, found.bytes_to_move());
        for number in 0..found.count {
            let run = found.at(number);
            let count = left.min(run[1] * run[2]);
            if count > 0 {
                self.record(&[run[0], count])?;
                (run[0], run[1], left) = (run[0] + count, run[1] - count, left - count);
            }
        }
        self.table(at::MOVED, moved, RUN_WORDS);
        let copied = self.next;
        for run in (0..found.count).map(|number| found.at(number)).filter(|run| run[1] > 0) {
            self.record(&[run[0], run[1]])?;
        }
        self.table(at::RUNS, copied, RUN_WORDS);
        let (all, mut to) = (self.next - moved, META_BYTES);
        for run in words(OURS + moved * 8, all).chunks_exact(RUN_WORDS) {
            self.put(run[0], run[1], to)?;
            to += run[1];
        }
        Ok(())
    }

    /// Finds what an area has of its own.
    fn runs(&self, area: &[usize], found: &mut Found) -> Result<bool, Why> {
        let (start, end, protection, kind) = (area[0], area[1], area[2], area[3]);
        if protection & 1 == 0 {
            return Ok(false);
        }
        if kind & FILLED != 0 {
            return found.add((start, end), false);
        }
        if kind & SHARED != 0 {
            return Ok(false);
        }
        // A stack grows, and a page that is not its own is its file's.
        let may_move = kind & GROWS == 0;
        let gap = if kind == 0 { GAP_MAX } else { 0 };
        let (mut run, mut has_any) = ((start, start), false);
        let mut chunk = start;
        while chunk < end {
            let pages = ((end - chunk) / PAGE).min(PAGEMAP_BYTES / 8);
            let from = chunk / PAGE * 8;
            let count = call(Nr::Pread, [self.pagemap, PAGEMAP, pages * 8, from, 0, 0])? / 8;
            if count == 0 {
                return Err(Why::Kernel);
            }
            for (at, entry) in words(PAGEMAP, count).iter().enumerate() {
                let page = chunk + at * PAGE;
                if !is_own(*entry, page, kind) {
                    continue;
                }
                if page > run.1 + gap || run.1 == run.0 {
                    has_any |= found.add(run, may_move)?;
                    run.0 = page;
                }
                run.1 = page + PAGE;
            }
            chunk += count * PAGE;
        }
        has_any |= found.add(run, may_move)?;
        Ok(has_any)
    }
}

fn is_own(entry: usize, page: usize, kind: usize) -> bool {
    let is_there = entry & (IN_RAM | IN_SWAP) != 0;
    // Where no file is beneath, a page of zeros is what there is anyway.
    is_there
        && match kind & OF_FILE {
            0 => !is_zero(page),
            _ => entry & OF_A_FILE == 0,
        }
}

fn is_zero(page: usize) -> bool {
    words(page, PAGE / 8).iter().all(|word| *word == 0)
}
