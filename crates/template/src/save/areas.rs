//! The areas of the process's memory, and what of it comes from files.

use super::{head, open, Saver, Why};
use crate::image::*;
use crate::sys::{self, bytes, call, Nr};
use crate::text::Text;
use core::sync::atomic::Ordering::Relaxed;

pub(super) const MAPS: usize = OURS + META_BYTES;
pub(super) const MAPS_BYTES: usize = 4 << 20;

impl Saver {
    pub(super) fn areas(&mut self) -> Result<(), Why> {
        let maps = open(b"/proc/self/maps\0")?;
        let mut count = 0;
        loop {
            let words = [maps, MAPS + count, MAPS_BYTES - count, 0, 0, 0];
            match call(Nr::Read, words)? {
                0 => break,
                more => count += more,
            }
        }
        call(Nr::Close, [maps, 0, 0, 0, 0, 0])?;
        if count == MAPS_BYTES {
            return Err(Why::Room);
        }
        let first = self.next;
        let mut kernel_areas = 0;
        let mut text = Text { rest: bytes(MAPS, count) };
        while !text.rest.is_empty() {
            let mut line = Text { rest: text.until(b'\n') };
            if let Some((start, end)) = self.area(&mut line)? {
                let place = at::KERNEL + 2 * kernel_areas;
                if kernel_areas == at::KERNEL_MAX {
                    return Err(Why::Room);
                }
                (head()[place], head()[place + 1]) = (start, end);
                kernel_areas += 1;
            }
        }
        head()[at::KERNEL_AREAS] = kernel_areas;
        self.table(at::AREAS, first, AREA_WORDS);
        let area_count = (self.next - first) / AREA_WORDS;
        self.pages(Table { first, count: area_count })
    }

    /// Records one area (proc(5), maps); of the kernel's own pages it gives start and end.
    pub(super) fn area(&mut self, line: &mut Text<'_>) -> Result<Option<(usize, usize)>, Why> {
        let (start, end) = (line.number(b'-', 16), line.number(b' ', 16));
        let letters = line.until(b' ');
        let offset = line.number(b' ', 16);
        line.until(b' ');
        line.until(b' ');
        line.skip_blanks();
        let path = line.rest;
        if path.starts_with(b"[v") {
            return Ok((path != b"[vsyscall]").then_some((start, end)));
        }
        if start == OURS || start == sys::HEAP_END.load(Relaxed) {
            return Ok(None);
        }
        let one = |at: usize, letter: u8, bit: usize| match letters[at] == letter {
            true => bit,
            false => 0,
        };
        let protection = one(0, b'r', 1) | one(1, b'w', 2) | one(2, b'x', 4);
        let is_shared = letters[3] == b's';
        // What can't be opened again is kept whole.
        let is_file = path.starts_with(b"/")
            && !path.starts_with(b"/memfd:")
            && !path.starts_with(b"/work/")
            && !path.ends_with(b" (deleted)");
        if is_shared && (protection & 2 != 0 || !is_file) {
            return Err(Why::SharedMemory);
        }
        let shared = if is_shared { SHARED } else { 0 };
        let grows = if path == b"[stack]" { GROWS } else { 0 };
        let (of_file, name) = match is_file {
            true => (OF_FILE, self.path(path)?),
            false => (0, 0),
        };
        // A file of ours, or of the sandbox: its pages come along, whoever touched them.
        let whole = if !is_file && path.starts_with(b"/") { FILLED } else { 0 };
        let kind = shared | grows | of_file | whole;
        let [inode, size, written] = if is_file { what_is_at(name)? } else { [0; 3] };
        self.record(&[start, end, protection, kind, offset, name, inode, size, written])?;
        Ok(None)
    }

    /// The same path as that of the area before is kept once.
    pub(super) fn path(&mut self, path: &[u8]) -> Result<usize, Why> {
        let last = bytes(OURS + self.strings, META_BYTES - self.strings);
        let is_last = last.len() > path.len() && last.starts_with(path) && last[path.len()] == 0;
        if is_last {
            Ok(self.strings)
        } else {
            self.string(path)
        }
    }
}

/// Of the file whose path is kept there: one that has changed is not mapped into another process.
fn what_is_at(name: usize) -> Result<[usize; 3], Why> {
    let file = call(Nr::Openat, [usize::MAX, OURS + name, 0o2_000_000, 0, 0, 0])?;
    let mut stat = [0usize; sys::STAT_WORDS];
    call(Nr::Fstat, [file, stat.as_mut_ptr() as usize, 0, 0, 0, 0])?;
    call(Nr::Close, [file, 0, 0, 0, 0, 0])?;
    Ok(sys::what_it_is(&stat))
}
