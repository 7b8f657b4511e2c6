//! Whom the kernel kills where a container's memory is out: the program before process 1, which has
//! to tell of it. What is forked inherits the score, so process 1 has the program's while it forks;
//! given later, what the program forks sooner would keep process 1's.

use rustix::io::pwrite;
use std::fs::{File, OpenOptions};
use std::io;

/// In a group whose limit is all of its memory, 1000 is worth as much as the whole limit
/// (oom_badness; proc(5), /proc/pid/oom_score_adj).
const CHOSEN_FIRST: &str = "1000";

pub struct Score {
    file: Option<File>,
    own: String,
}

impl Score {
    /// To be called while this process may still be looked at: later its files in /proc are root's.
    pub fn find() -> Score {
        let path = "/proc/self/oom_score_adj";
        let own = std::fs::read_to_string(path).unwrap_or_default().trim().to_string();
        Score { file: OpenOptions::new().write(true).open(path).ok(), own }
    }

    /// Runs `fork` with the program's score, and takes the own one again.
    ///
    /// # Errors
    /// The kernel's, of the file.
    pub fn lend<T>(&self, fork: impl FnOnce() -> T) -> io::Result<T> {
        // Without one, whoever is bigger goes first.
        let Some(file) = &self.file else { return Ok(fork()) };
        pwrite(file, CHOSEN_FIRST.as_bytes(), 0)?;
        let made = fork();
        // As low as it was is allowed (oom_score_adj_min).
        pwrite(file, self.own.as_bytes(), 0)?;
        Ok(made)
    }
}
