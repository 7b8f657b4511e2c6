//! A group's folder, with those of its files open that are read again and again, or when somebody
//! waits for what they say: to open one takes ten times as long as to read it.

use super::files;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub struct Kept {
    folder: OwnedFd,
    open: RefCell<Vec<(&'static str, OwnedFd)>>,
}

impl Kept {
    /// Opens these, where they are not yet. One that can't be is opened when it is read.
    pub fn keep(&self, names: &[&'static str]) {
        let mut open = self.open.borrow_mut();
        for name in names {
            if open.iter().all(|(known, _)| known != name) {
                open.extend(files::open(self.as_fd(), name).map(|file| (*name, file)));
            }
        }
    }

    pub fn read(&self, name: &str) -> io::Result<String> {
        match self.open.borrow().iter().find(|(known, _)| *known == name) {
            Some((_, file)) => files::read_open(file.as_fd()),
            None => files::read(self.as_fd(), name),
        }
    }

    pub fn read_number(&self, name: &str) -> u64 {
        files::number(self.read(name))
    }
}

impl From<OwnedFd> for Kept {
    fn from(folder: OwnedFd) -> Kept {
        Kept { folder, open: RefCell::default() }
    }
}

impl AsFd for Kept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}
