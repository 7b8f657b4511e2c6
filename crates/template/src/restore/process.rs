//! What the kernel knows of a process besides its memory: descriptors, signals, timers, its thread.

use super::{need, open, record};
use crate::image::*;
use crate::sys::{self, call, words, Nr};

/// O_CLOEXEC and O_NONBLOCK.
const EVENT_FLAGS: usize = 0o2_004_000;

/// Where it is said that this process waits: behind every descriptor of the image's.
#[inline(always)]
pub fn keep_ready(table: Table) -> usize {
    let (mut number, mut free) = (0, crate::begin::READY + 1);
    while number < table.count {
        free = free.max(record(table, number, FILE_WORDS)[0] + 1);
        number += 1;
    }
    need(call(Nr::Dup3, [crate::begin::READY, free, 0o2_000_000, 0, 0, 0]))
}

#[inline(always)]
pub fn open_files(table: Table) {
    let mut number = 0;
    while number < table.count {
        let file = record(table, number, FILE_WORDS);
        let (wanted, kind, flags, place, path) = (file[0], file[1], file[2], file[3], file[4]);
        let is_closed_at_exec = flags & 0o2_000_000;
        let opened = match kind {
            SAME_AS_HANDOFF => crate::begin::HANDOFF,
            EVENTS => need(call(Nr::Eventfd, [0, flags & EVENT_FLAGS, 0, 0, 0, 0])),
            _ => open(path, flags),
        };
        if opened != wanted {
            need(call(Nr::Dup3, [opened, wanted, is_closed_at_exec, 0, 0, 0]));
            if kind != SAME_AS_HANDOFF {
                need(call(Nr::Close, [opened, 0, 0, 0, 0, 0]));
            }
        }
        if kind == PLAIN_FILE && place != 0 {
            need(call(Nr::Lseek, [wanted, place, 0, 0, 0, 0]));
        }
        number += 1;
    }
}

#[inline(always)]
pub fn set_signals(table: Table) {
    let mut number = 0;
    while number < table.count {
        let at = OURS + (table.first + number * SIGNAL_WORDS) * 8;
        need(call(Nr::SigAction, [words(at, 1)[0], at + 8, 0, 8, 0, 0]));
        number += 1;
    }
}

#[inline(always)]
pub fn make_timers(table: Table) {
    let mut number = 0;
    while number < table.count {
        let timer = record(table, number, TIMER_WORDS);
        let at = OURS + (table.first + number * TIMER_WORDS) * 8;
        let made = 0u32;
        let made_at = (&raw const made) as usize;
        // Value and signal lie as in struct sigevent, whose rest is not looked at.
        need(call(Nr::TimerCreate, [timer[0], at + 8, made_at, 0, 0, 0]));
        need(call(Nr::TimerSet, [number, 0, at + 24, 0, 0, 0]));
        number += 1;
    }
}

#[inline(always)]
pub fn set_thread(head: &[usize]) {
    let place = |at: usize| OURS + at * 8;
    // What the runtime knows of itself has to be true of this process, too.
    if need(call(Nr::GetPid, [0; 6])) != head[at::PID] {
        sys::exit(crate::begin::BROKEN);
    }
    need(call(Nr::ArchPrctl, [0x1002, head[at::THREAD], 0, 0, 0, 0]));
    need(call(Nr::SetTidAddress, [head[at::TID_ADDRESS], 0, 0, 0, 0, 0]));
    need(call(Nr::SetRobustList, [head[at::ROBUST], 24, 0, 0, 0, 0]));
    if head[at::RSEQ] != 0 {
        // Where it was never registered, it can't be now; nobody but the C library minds.
        let _ = call(Nr::Rseq, [head[at::RSEQ], 32, 0, 0x5305_3053, 0, 0]);
    }
    need(call(Nr::Prctl, [15, place(at::NAME), 0, 0, 0, 0]));
    need(call(Nr::SigAltStack, [place(at::ALTSTACK), 0, 0, 0, 0, 0]));
    need(call(Nr::SigMask, [2, place(at::SIGMASK), 0, 8, 0, 0]));
}
