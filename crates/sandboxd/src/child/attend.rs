//! PID 1 while the program runs: it reaps, and for a program that is talked to it passes signals on
//! that the launcher is asked to send (docs/adr/0076). No allocation, as in all of the child.

mod sys;

use self::sys::signal_group_of;
use super::{monotonic_ns, Ends};
use crate::child::report::Ended;
use crate::sys::signal_descriptor;
use rustix::event::{poll, PollFd, PollFlags};
use rustix::fs::{fstatfs, statfs, StatFs};
use rustix::io::Errno;
use rustix::process::{wait, WaitOptions, WaitStatus};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// As many as are read at once.
const SIGNALS_MAX: usize = 64;

/// Waits until the main process has ended, whoever else ends before it.
pub fn until_end(main: i32, ends: &Ends, talks: bool) -> Ended {
    let attended = if talks { attend(main, ends) } else { None };
    attended.unwrap_or_else(|| reap(main, ends))
}

/// `None` where nobody can be listened to meanwhile.
fn attend(main: i32, ends: &Ends) -> Option<Ended> {
    let children = signal_descriptor(&[libc::SIGCHLD]).ok()?;
    let mut listens = true;
    loop {
        if let Some(ended) = reap_all(main, ends) {
            return Some(ended);
        }
        // Who is not listened to any more stands there as one that nothing is asked of.
        let asked = if listens { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = [PollFd::new(&children, PollFlags::IN), PollFd::new(&ends.release, asked)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
        let [has_children, has_words] = fds.map(|fd| fd.revents());
        if !has_children.is_empty() {
            forget(&children);
        }
        if listens && !has_words.is_empty() {
            listens = pass_on(main, ends.release.as_fd());
        } else if !listens && !has_words.is_empty() {
            // The launcher is gone, and its death is ours: nothing is to be done meanwhile.
            return None;
        }
    }
}

fn reap_all(main: i32, ends: &Ends) -> Option<Ended> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == main => {
                return Some(ended_by(Some(status), ends));
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return None,
            Err(_) => return Some(ended_by(None, ends)),
        }
    }
}

/// What it says is looked up by wait(2).
fn forget(children: &OwnedFd) {
    let mut ignored = [0u8; 128];
    let _ = rustix::io::read(children, &mut ignored);
}

/// One byte is one signal's number. `false` when nobody is there any more who could send one.
fn pass_on(main: i32, from: BorrowedFd<'_>) -> bool {
    let mut numbers = [0u8; SIGNALS_MAX];
    match rustix::io::read(from, &mut numbers) {
        Ok(0) => false,
        Ok(count) => {
            for number in numbers.iter().take(count) {
                // Where the group is gone there is nobody to be told.
                let _ = signal_group_of(main, i32::from(*number));
            }
            true
        }
        Err(Errno::INTR | Errno::AGAIN) => true,
        Err(_) => false,
    }
}

fn reap(main: i32, ends: &Ends) -> Ended {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == main => {
                return ended_by(Some(status), ends);
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return ended_by(None, ends),
        }
    }
}

/// `None` where wait(2) could not tell.
fn ended_by(status: Option<WaitStatus>, ends: &Ends) -> Ended {
    let full = || [&ends.work, &ends.tmp].into_iter().any(is_full) || shm_is_full();
    Ended {
        at_ns: monotonic_ns(),
        exit_code: status.and_then(WaitStatus::exit_status),
        signal: status.and_then(WaitStatus::terminating_signal),
        disk_full: status.is_some() && full(),
    }
}

fn is_full(folder: &OwnedFd) -> bool {
    fstatfs(folder).is_ok_and(has_no_room)
}

/// By its path, which nothing in the sandbox can change: /dev is read-only.
fn shm_is_full() -> bool {
    statfs(c"/dev/shm").is_ok_and(has_no_room)
}

fn has_no_room(stat: StatFs) -> bool {
    stat.f_bfree == 0 || stat.f_ffree == 0
}
