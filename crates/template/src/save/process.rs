//! What the kernel knows of the process besides its memory.

use super::{each_number, head, open, Saver, Why};
use crate::image::*;
use crate::sys::{self, bytes, call, File, Nr};
use crate::text::{path_of, Text};
use core::sync::atomic::Ordering::Relaxed;

impl Saver {
    pub(super) fn descriptors(&mut self) -> Result<(), Why> {
        let folder = open(b"/proc/self/fd\0")?;
        let first = self.next;
        let own = [0, 1, 2, crate::begin::HANDOFF, folder, self.image, self.pagemap];
        each_number(folder, |number| match own.contains(&number) {
            true => Ok(()),
            false => self.descriptor(number),
        })?;
        call(Nr::Close, [folder, 0, 0, 0, 0, 0])?;
        self.table(at::FILES, first, FILE_WORDS);
        Ok(())
    }

    pub(super) fn descriptor(&mut self, number: usize) -> Result<(), Why> {
        let one = |what| call(Nr::Fcntl, [number, what, 0, 0, 0, 0]);
        let flags = (one(sys::F_GETFL)? & !0o100_000) | (one(sys::F_GETFD)? * 0o2_000_000);
        let stat = File::stat(number).ok_or(Why::Descriptor)?;
        if stat.inode == sys::HANDOFF_INODE.load(Relaxed) {
            return self.record(&[number, SAME_AS_HANDOFF, flags, 0, 0]);
        }
        let (mut path, mut target) = ([0u8; 64], [0u8; 1024]);
        path_of(&mut path, b"/proc/self/fd/", number);
        let room = [usize::MAX, path.as_ptr() as usize, target.as_mut_ptr() as usize, 1024, 0, 0];
        let [_, path_at, target_at, size, ..] = room;
        let count = call(Nr::Readlink, [path_at, target_at, size, 0, 0, 0])?;
        let target = bytes(target_at, count);
        if target == b"anon_inode:[eventfd]" {
            return self.record(&[number, EVENTS, flags, 0, 0]);
        }
        if !target.starts_with(b"/") || target.ends_with(b" (deleted)") {
            return Err(Why::Descriptor);
        }
        let place = call(Nr::Lseek, [number, 0, 1, 0, 0, 0]).map_err(|_| Why::Descriptor)?;
        let name = self.string(target)?;
        self.record(&[number, PLAIN_FILE, flags, place, name])
    }

    pub(super) fn signals(&mut self) -> Result<(), Why> {
        let first = self.next;
        for number in 1..=64 {
            let mut action = [0usize; 4];
            let to = action.as_mut_ptr() as usize;
            call(Nr::SigAction, [number, 0, to, 8, 0, 0])?;
            if action[0] != 0 {
                let [handler, flags, restorer, mask] = action;
                self.record(&[number, handler, flags, restorer, mask])?;
            }
        }
        self.table(at::SIGNALS, first, SIGNAL_WORDS);
        Ok(())
    }

    /// A process counts its timers from 0 on, and so has them again by making as many.
    pub(super) fn timers(&mut self) -> Result<(), Why> {
        let (list, mut room) = (open(b"/proc/self/timers\0")?, [0u8; 4096]);
        let at = room.as_mut_ptr() as usize;
        let count = call(Nr::Read, [list, at, room.len(), 0, 0, 0])?;
        call(Nr::Close, [list, 0, 0, 0, 0, 0])?;
        let first = self.next;
        let mut text = Text { rest: bytes(at, count) };
        while !text.rest.is_empty() {
            // proc(5), timers: `ID: 0`, `signal: 26/00…0`, `notify: signal/pid.2`, `ClockID: 1`.
            text.until(b' ');
            let number = text.number(b'\n', 10);
            text.until(b' ');
            let (signal, value) = (text.number(b'/', 10), text.number(b'\n', 16));
            text.until(b' ');
            let (notify, whom) = (text.until(b'/'), text.until(b'.'));
            text.until(b' ');
            let clock = text.number(b'\n', 10);
            let made = (self.next - first) / TIMER_WORDS;
            if number != made || notify != b"signal" || whom != b"pid" {
                return Err(Why::Timer);
            }
            let mut setting = [0usize; 4];
            let setting_at = setting.as_mut_ptr() as usize;
            call(Nr::TimerGet, [number, setting_at, 0, 0, 0, 0])?;
            let [step, step_ns, first_in, first_in_ns] = setting;
            self.record(&[clock, value, signal, step, step_ns, first_in, first_in_ns])?;
        }
        self.table(at::TIMERS, first, TIMER_WORDS);
        Ok(())
    }

    pub(super) fn registers(&mut self, stack: usize) -> Result<(), Why> {
        let head = head();
        let place = |at: usize| OURS + at * 8;
        head[at::RESUME] = sys::resume_place();
        head[at::STACK] = stack;
        call(Nr::ArchPrctl, [0x1003, place(at::THREAD), 0, 0, 0, 0])?;
        call(Nr::Prctl, [40, place(at::TID_ADDRESS), 0, 0, 0, 0])?;
        call(Nr::Prctl, [16, place(at::NAME), 0, 0, 0, 0])?;
        let mut length = 0usize;
        let length_at = (&raw mut length) as usize;
        call(Nr::GetRobustList, [0, place(at::ROBUST), length_at, 0, 0, 0])?;
        call(Nr::SigMask, [0, 0, place(at::SIGMASK), 8, 0, 0])?;
        call(Nr::SigAltStack, [0, place(at::ALTSTACK), 0, 0, 0, 0])?;
        head[at::PID] = call(Nr::GetPid, [0; 6])?;
        head[at::RSEQ] = match sys::rseq_place() {
            0 => 0,
            offset => head[at::THREAD].wrapping_add(offset),
        };
        Ok(())
    }
}
