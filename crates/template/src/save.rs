//! Writes the state of this process into its image. Refuses what could not be given to another
//! process: threads, shared memory that is written to, descriptors of a kind that it doesn't know.

mod areas;
mod pages;
mod process;

use crate::heap;
use crate::image::*;
use crate::sys::{self, bytes, call, words_mut, Errno, Nr};
use crate::text::Text;

const SCRATCH_BYTES: usize = 48 << 20;
const READ_WRITE: usize = 3;
const PRIVATE_FIXED: usize = 0x10_4022; // MAP_FIXED_NOREPLACE, MAP_NORESERVE, anonymous, private

/// Why there is no image; the process ends with it.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Why {
    Threads = 71,
    Descriptor = 72,
    SharedMemory = 73,
    Room = 74,
    Kernel = 75,
    Timer = 76,
}

impl From<Errno> for Why {
    fn from(_: Errno) -> Why {
        Why::Kernel
    }
}

struct Saver {
    image: usize,
    /// The next free word of the records, and byte of the strings, which grow from the end.
    next: usize,
    strings: usize,
    pagemap: usize,
}

pub fn save(image: usize, stack: usize) -> Result<(), Why> {
    if thread_count()? != 1 {
        return Err(Why::Threads);
    }
    if !heap::leave() {
        return Err(Why::Kernel);
    }
    call(Nr::Mmap, [OURS, SCRATCH_BYTES, READ_WRITE, PRIVATE_FIXED, usize::MAX, 0])?;
    let pagemap = open(b"/proc/self/pagemap\0")?;
    let (next, strings) = (at::FIRST_RECORD, META_BYTES);
    let mut saver = Saver { image, next, strings, pagemap };
    saver.descriptors()?;
    saver.signals()?;
    saver.timers()?;
    saver.areas()?;
    saver.registers(stack)?;
    head()[at::META_BYTES] = META_BYTES;
    (head()[at::LAST_RECORD], head()[at::STRINGS]) = (saver.next, saver.strings);
    head()[at::MAGIC] = MAGIC;
    saver.put(OURS + 8, saver.next * 8 - 8, 8)?;
    saver.put(OURS + saver.strings, META_BYTES - saver.strings, saver.strings)?;
    // Last: who sees it may take the image as it is.
    saver.put(OURS, 8, 0)
}

fn head() -> &'static mut [usize] {
    words_mut(OURS, META_BYTES / 8)
}

fn open(path: &[u8]) -> Result<usize, Errno> {
    call(Nr::Openat, [usize::MAX, path.as_ptr() as usize, 0o2_000_000, 0, 0, 0])
}

fn thread_count() -> Result<usize, Why> {
    let tasks = open(b"/proc/self/task\0")?;
    let mut count = 0;
    each_number(tasks, |_| {
        count += 1;
        Ok(())
    })?;
    call(Nr::Close, [tasks, 0, 0, 0, 0, 0])?;
    Ok(count)
}

/// Every name in a folder of /proc that is a number.
fn each_number(folder: usize, mut each: impl FnMut(usize) -> Result<(), Why>) -> Result<(), Why> {
    let mut room = [0u64; 512];
    loop {
        let at = room.as_mut_ptr() as usize;
        let count = call(Nr::GetDents, [folder, at, 4096, 0, 0, 0])?;
        if count == 0 {
            return Ok(());
        }
        let mut place = 0;
        while place < count {
            // struct linux_dirent64: two words, the length, the kind, the name.
            let entry = bytes(at + place, count - place);
            let length = usize::from(entry[16]) | usize::from(entry[17]) << 8;
            let mut name = Text { rest: &entry[19..] };
            if name.rest[0].is_ascii_digit() {
                each(name.number(0, 10))?;
            }
            place += length;
        }
    }
}

impl Saver {
    fn put(&self, address: usize, count: usize, to: usize) -> Result<(), Why> {
        let mut done = 0;
        while done < count {
            let words = [self.image, address + done, count - done, to + done, 0, 0];
            done += call(Nr::Pwrite, words)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &[usize]) -> Result<(), Why> {
        if (self.next + record.len()) * 8 > self.strings {
            return Err(Why::Room);
        }
        let place = &mut head()[self.next..self.next + record.len()];
        place.iter_mut().zip(record).for_each(|(place, word)| *place = *word);
        self.next += record.len();
        Ok(())
    }

    /// Keeps a text, with a NUL behind it; gives its place.
    fn string(&mut self, text: &[u8]) -> Result<usize, Why> {
        let first = self.strings.checked_sub(text.len() + 1).ok_or(Why::Room)?;
        if first < self.next * 8 {
            return Err(Why::Room);
        }
        sys::copy(OURS + first, text.as_ptr() as usize, text.len());
        self.strings = first;
        Ok(first)
    }

    /// Closes a table that began at this word.
    fn table(&self, at: usize, first: usize, size: usize) {
        head()[at] = Table { first, count: (self.next - first) / size }.word();
    }
}
