//! Reading and writing the small files of a cgroup, always relative to an open folder.

use rustix::fs::{mkdirat, openat, unlinkat, AtFlags, Mode, OFlags};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// The longest file that is read here is memory.stat, about 2 KiB.
const FILE_BYTES_MAX: usize = 16 * 1024;
const FILE_BYTES: usize = 4096;

pub fn make_folder(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    Ok(mkdirat(parent, name, Mode::from_raw_mode(0o755))?)
}

pub fn open_folder(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

/// Removes a cgroup; one that is not there is fine.
pub fn remove_folder(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub fn write(folder: BorrowedFd<'_>, name: &str, value: &[u8]) -> io::Result<()> {
    let file = openat(folder, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    match rustix::io::write(&file, value)? {
        written if written == value.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

pub fn write_number(folder: BorrowedFd<'_>, name: &str, value: u64) -> io::Result<()> {
    write(folder, name, value.to_string().as_bytes())
}

/// Writes a file that an older kernel or another configuration may lack.
pub fn write_if_there(folder: BorrowedFd<'_>, name: &str, value: &[u8]) -> io::Result<()> {
    match write(folder, name, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub fn read(folder: BorrowedFd<'_>, name: &str) -> io::Result<String> {
    read_open(open(folder, name)?.as_fd())
}

pub fn open(folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    Ok(openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A value or a table, from its start: it comes whole, so what is shorter than asked is all.
pub fn read_open(file: BorrowedFd<'_>) -> io::Result<String> {
    read_until(file, |count| count < FILE_BYTES)
}

/// A list of processes: more may come behind a short part.
pub fn read_list(folder: BorrowedFd<'_>, name: &str) -> io::Result<String> {
    read_until(open(folder, name)?.as_fd(), |count| count == 0)
}

fn read_until(file: BorrowedFd<'_>, is_last: impl Fn(usize) -> bool) -> io::Result<String> {
    let mut text = Vec::with_capacity(FILE_BYTES);
    let mut chunk = [0u8; FILE_BYTES];
    while text.len() < FILE_BYTES_MAX {
        let count = rustix::io::pread(file, &mut chunk, text.len() as u64)?;
        text.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if is_last(count) {
            break;
        }
    }
    String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The number that a file was read for; 0 where it could not be.
pub fn number(text: io::Result<String>) -> u64 {
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The value behind `key ` in a flat keyed file such as memory.stat; 0 where it is absent.
pub fn keyed(text: &str, key: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

/// Checks in /proc/<pid>/cgroup that the process is in the group of this name in the hierarchy of
/// every one of these controllers; the empty name is the v2 tree (cgroups(7)).
pub fn check_membership(pid: u32, name: &OsStr, controllers: &[&str]) -> io::Result<()> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let is_in = |wanted: &&str| {
        text.lines().any(|line| {
            let has =
                line.split(':').nth(1).is_some_and(|list| list.split(',').any(|c| c == *wanted));
            let group = line.as_bytes().strip_suffix(name.as_bytes());
            has && group.is_some_and(|start| start.ends_with(b"/"))
        })
    };
    if controllers.iter().all(is_in) {
        Ok(())
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyed_file_is_read_by_whole_names() {
        let text = "cache 10\nrss 5\nrss_huge 7\n";
        assert_eq!(keyed(text, "rss"), 5);
        assert_eq!(keyed(text, "huge"), 0);
    }
}
