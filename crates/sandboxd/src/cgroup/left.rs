//! What a launcher that was killed left: the kernel takes its sandboxes down while the next
//! launcher starts already, and a group goes only when it is empty (EBUSY until then, cgroups(7)).

use super::{files, hosts};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

const AGAIN_NS: u64 = 1_000_000_000;

/// Groups of an earlier life that are still there; each is tried again at leisure.
#[derive(Default)]
pub struct Left {
    groups: Vec<PathBuf>,
    next_ns: u64,
}

impl Left {
    /// Removes all groups in these folders of ours, and keeps in mind those that don't go yet.
    pub fn in_folders<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Left {
        let groups = folders.flat_map(|folder| groups_in(folder)).filter(|group| !remove(group));
        Left { groups: groups.collect(), next_ns: 0 }
    }

    /// The largest number that one of them has (they are `s1`, `s2` …): one with the same name
    /// could not be made beside it.
    pub fn last_number(&self) -> u64 {
        self.groups.iter().filter_map(|group| number_of(group)).max().unwrap_or(0)
    }

    pub fn sweep(&mut self, now_ns: u64) {
        if now_ns < self.deadline_ns() {
            return;
        }
        self.groups.retain(|group| !remove(group));
        self.next_ns = now_ns + AGAIN_NS;
    }

    pub fn deadline_ns(&self) -> u64 {
        if self.groups.is_empty() {
            u64::MAX
        } else {
            self.next_ns
        }
    }
}

fn groups_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let groups = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
    groups.map(|group| group.path()).collect()
}

/// A process in it is killed first (v2 only: those in a v1 group of a dead launcher are dying,
/// since the kernel killed its sandboxes with it). `false` while it is there.
fn remove(group: &Path) -> bool {
    if let Ok(group) = hosts::open(group) {
        let _ = files::write_if_there(group.as_fd(), "cgroup.kill", b"1");
    }
    match std::fs::remove_dir(group) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn number_of(group: &Path) -> Option<u64> {
    group.file_name()?.to_str()?.strip_prefix('s')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder that is not empty stands for a group that is not: both refuse to go.
    #[test]
    fn what_refuses_to_go_keeps_its_name_and_is_tried_again() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("gozo-left-{}", std::process::id()));
        for path in ["s3", "s12/held", "s9/held", "other/held"] {
            fs::create_dir_all(folder.join(path))?;
        }
        let mut left = Left::in_folders([&folder].into_iter());
        assert!(!folder.join("s3").exists());
        assert_eq!(left.last_number(), 12);
        left.sweep(5);
        assert_eq!(left.deadline_ns(), 5 + AGAIN_NS);
        for path in ["s12", "s9", "other"] {
            fs::remove_dir(folder.join(path).join("held"))?;
        }
        left.sweep(4 + AGAIN_NS);
        assert!(folder.join("s12").exists());
        left.sweep(5 + AGAIN_NS);
        assert_eq!(groups_in(&folder), Vec::<PathBuf>::new());
        assert_eq!(left.deadline_ns(), u64::MAX);
        assert_eq!(left.last_number(), 0);
        fs::remove_dir(folder)
    }
}
