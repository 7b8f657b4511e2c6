//! Reading back what a program left: regular files only, beneath an open folder, no symlink
//! followed, and bounded whatever is there.

use super::glob::{segments, Glob};
use super::open;
use super::path::DEPTH_MAX;
use crate::lab::{holds, Protection};
use rustix::fs::{Dir, FileType, OFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A file's path below /work and its content.
pub type Artifact = (String, Vec<u8>);

const ENTRIES_MAX: usize = 20_000;
/// Some 20 ms of matching, whatever patterns and names are: other sandboxes wait meanwhile.
const MATCH_STEPS_MAX: u64 = 10_000_000;
const ARTIFACTS_MAX: usize = 64;
const ARTIFACT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The files that match a glob, sorted by path; the flag says that a bound cut something off.
pub fn collect(root: &OwnedFd, globs: &[String]) -> io::Result<(Vec<Artifact>, bool)> {
    let globs: Vec<Glob> = globs.iter().map(|glob| Glob::new(glob)).collect();
    let budget = MATCH_STEPS_MAX;
    let mut walk =
        Walk { globs: &globs, budget, found: Vec::new(), entries: 0, bytes: 0, cut: false };
    walk.folder(root, "", 0)?;
    walk.found.sort();
    Ok((walk.found, walk.cut))
}

struct Walk<'a> {
    globs: &'a [Glob],
    budget: u64,
    found: Vec<Artifact>,
    entries: usize,
    bytes: usize,
    cut: bool,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &OwnedFd, prefix: &str, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES_MAX || depth >= DEPTH_MAX || self.budget == 0 {
                self.cut = true;
                return Ok(());
            }
            let path =
                if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") };
            match entry.file_type() {
                FileType::Directory => {
                    if let Ok(inner) = open::folder(folder.as_fd(), name) {
                        self.folder(&inner, &path, depth + 1)?;
                    }
                }
                FileType::RegularFile => self.file(folder.as_fd(), name, path),
                FileType::Symlink if !holds(Protection::ArtifactLinks) => {
                    self.file(folder.as_fd(), name, path);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: BorrowedFd<'_>, name: &str, path: String) {
        let segments = segments(&path);
        self.budget = self.budget.saturating_sub(path.len() as u64);
        let budget = &mut self.budget;
        let wanted = self.globs.iter().any(|glob| glob.matches(&segments, budget));
        if self.budget == 0 {
            self.cut = true;
        }
        if !wanted {
            return;
        }
        let opened = if holds(Protection::ArtifactLinks) {
            open::beneath(folder, name, OFlags::RDONLY, 0)
        } else {
            open::anywhere(folder, name)
        };
        let Ok(file) = opened else { return };
        let Ok(size) = open::check_regular(&file) else { return };
        if self.found.len() >= ARTIFACTS_MAX || size > ARTIFACT_BYTES_MAX.saturating_sub(self.bytes)
        {
            self.cut = true;
            return;
        }
        if let Ok(bytes) = read_whole(file.as_fd(), size) {
            self.bytes += bytes.len();
            self.found.push((path, bytes));
        }
    }
}

fn read_whole(file: BorrowedFd<'_>, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
        match rustix::io::read(file, rest)? {
            0 => break,
            count => at += count,
        }
    }
    bytes.truncate(at);
    Ok(bytes)
}
