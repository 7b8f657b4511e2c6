//! The descriptors that a runtime finds at fixed numbers. Whatever the kernel gave such a number to
//! is still needed, more often than not: another of them, or what PID 1 sleeps on.

use crate::sys;
use rustix::io::fcntl_dupfd_cloexec;
use std::io;
use std::mem::forget;
use std::os::fd::{AsFd, OwnedFd};

/// Gives each its number, past execve. `kept` may lose its own, but stays open until execve.
pub fn place<const COUNT: usize>(
    ends: [Option<(&OwnedFd, i32)>; COUNT],
    kept: &OwnedFd,
) -> io::Result<()> {
    let free = ends.iter().flatten().map(|(_, number)| number + 1).max().unwrap_or(0);
    forget(fcntl_dupfd_cloexec(kept, free)?);
    let mut copies = [const { None }; COUNT];
    for (copy, end) in copies.iter_mut().zip(ends).filter_map(|(copy, end)| Some((copy, end?))) {
        *copy = Some((fcntl_dupfd_cloexec(end.0, free)?, end.1));
    }
    for (copy, number) in copies.iter().flatten() {
        sys::keep_open_as(copy.as_fd(), *number)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};
    use rustix::pipe::pipe;
    use std::fs::read_link;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

    const FIRST: i32 = 300;

    /// A pipe whose second end has the first free number that is high enough.
    fn make() -> io::Result<(OwnedFd, OwnedFd)> {
        let (reads, writes) = pipe()?;
        Ok((reads, fcntl_dupfd_cloexec(&writes, FIRST)?))
    }

    fn is_at(number: i32) -> io::Result<PathBuf> {
        read_link(format!("/proc/self/fd/{number}"))
    }

    fn has_hung_up(end: &OwnedFd) -> io::Result<bool> {
        let mut fds = [PollFd::new(end, PollFlags::empty())];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        Ok(fds.iter().any(|fd| fd.revents().contains(PollFlags::HUP)))
    }

    /// What PID 1 sleeps on and the first of the others have the numbers that are given.
    #[test]
    fn each_gets_its_number_and_what_is_kept_stays_open_whichever_they_had() -> io::Result<()> {
        for turn in 0..5 {
            let mut made = [make()?, make()?, make()?, make()?, make()?];
            made.rotate_left(turn);
            let [kept, one, two, three, four] = made;
            let ends = [&one.1, &two.1, &three.1, &four.1];
            let files = ends.map(|end| is_at(end.as_raw_fd()));
            let mut number = FIRST - 1;
            let wanted = ends.map(|end| {
                number += 1;
                Some((end, number))
            });
            place(wanted, &kept.1)?;
            for (number, file) in (FIRST..).zip(files) {
                assert_eq!(is_at(number)?, file?, "turn {turn}");
            }
            assert!(!has_hung_up(&kept.0)?, "turn {turn}: what PID 1 sleeps on was closed");
            for (_, end) in [kept, one, two, three, four] {
                forget(end);
            }
            sys::close_range(FIRST as u32, FIRST as u32 + 99)?;
        }
        Ok(())
    }
}
