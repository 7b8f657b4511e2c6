//! A compile's frozen output, copied into a workspace that was made before there was one: a sandbox
//! that waits has its working folder already, so no overlay can come over it any more.

use super::open;
use rustix::fs::{
    fchmod, fchown, futimens, mkdirat, statat, AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat,
    Timespec, Timestamps, Uid,
};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Some milliseconds of copying; what is more is laid under the run as ever, which starts cold.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
const ENTRIES_MAX: usize = 512;
const DEPTH_MAX: usize = 32;
const PAGE_BYTES: u64 = 4096;

/// What of a layer is to be copied.
pub struct Load {
    layer: OwnedFd,
    /// What it takes of a tmpfs.
    pub kib: u64,
}

/// `None` where it is too much, or holds what is no plain file or folder, or has two names.
pub fn measure(layer: &Path) -> Option<Load> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let layer = rustix::fs::open(layer, flags, Mode::empty()).ok()?;
    let mut tally = Tally { bytes: 0, entries: 0 };
    tally.folder(&layer, 0).ok()?;
    Some(Load { layer, kib: tally.bytes / 1024 })
}

/// Copies it, as this user's.
///
/// # Errors
/// The kernel's, of an entry; what came before it is there.
pub fn copy(load: &Load, into: BorrowedFd<'_>, owner: u32) -> io::Result<()> {
    copy_folder(&load.layer, into, owner)
}

struct Tally {
    bytes: u64,
    entries: usize,
}

impl Tally {
    fn folder(&mut self, folder: &OwnedFd, depth: usize) -> io::Result<()> {
        let too_much = || io::Error::from(Errno::FBIG);
        for entry in entries(folder)? {
            let (name, stat) = entry?;
            self.entries += 1;
            self.bytes += (stat.st_size as u64).next_multiple_of(PAGE_BYTES);
            if self.entries > ENTRIES_MAX || self.bytes > BYTES_MAX || depth > DEPTH_MAX {
                return Err(too_much());
            }
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    self.folder(&open::folder(folder.as_fd(), &name)?, depth + 1)?;
                }
                FileType::RegularFile if stat.st_nlink == 1 => {}
                _ => return Err(Errno::INVAL.into()),
            }
        }
        Ok(())
    }
}

/// The names and what they are; one that is no UTF-8 is an error.
fn entries(folder: &OwnedFd) -> io::Result<impl Iterator<Item = io::Result<(String, Stat)>> + '_> {
    let found = Dir::read_from(folder)?.filter_map(move |entry| {
        let named = entry.map_err(io::Error::from).and_then(|entry| {
            let name = entry.file_name().to_str().map_err(|_| io::Error::from(Errno::ILSEQ))?;
            Ok(name.to_string())
        });
        let name = match named {
            Ok(name) if name == "." || name == ".." => return None,
            Ok(name) => name,
            Err(error) => return Some(Err(error)),
        };
        let stat = statat(folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
        Some(stat.map(|stat| (name, stat)).map_err(Into::into))
    });
    Ok(found)
}

fn copy_folder(from: &OwnedFd, into: BorrowedFd<'_>, owner: u32) -> io::Result<()> {
    for entry in entries(from)? {
        let (name, stat) = entry?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let source = open::folder(from.as_fd(), &name)?;
            mkdirat(into, name.as_str(), Mode::from_raw_mode(0o700))?;
            let target = open::folder(into, &name)?;
            copy_folder(&source, target.as_fd(), owner)?;
            finish(&target, &stat, owner)?;
        } else {
            let source = open::beneath(from.as_fd(), &name, OFlags::RDONLY, 0)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let target = open::beneath(into, &name, flags, 0o600)?;
            let mut source = std::fs::File::from(source);
            let mut target = std::fs::File::from(target);
            io::copy(&mut source, &mut target)?;
            finish(&OwnedFd::from(target), &stat, owner)?;
        }
    }
    Ok(())
}

/// Mode, owner and times of what was copied.
fn finish(target: &OwnedFd, stat: &Stat, owner: u32) -> io::Result<()> {
    fchown(target, Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)))?;
    fchmod(target, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    let time = |tv_sec: i64, tv_nsec: u64| Timespec { tv_sec, tv_nsec: tv_nsec as _ };
    let last_access = time(stat.st_atime as _, stat.st_atime_nsec as _);
    let last_modification = time(stat.st_mtime as _, stat.st_mtime_nsec as _);
    Ok(futimens(target, &Timestamps { last_access, last_modification })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{symlink, PermissionsExt};
    use std::path::PathBuf;

    fn folder(name: &str) -> io::Result<PathBuf> {
        let path = std::env::temp_dir().join(format!("gozo-adopt-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    #[test]
    fn files_and_folders_arrive_with_mode_and_time() -> io::Result<()> {
        let (from, to) = (folder("from")?, folder("to")?);
        fs::create_dir(from.join("a"))?;
        fs::write(from.join("a/b"), "text")?;
        fs::set_permissions(from.join("a/b"), fs::Permissions::from_mode(0o751))?;
        let load = measure(&from).ok_or(Errno::INVAL)?;
        assert!(load.kib >= 4);
        let into = OwnedFd::from(fs::File::open(&to)?);
        copy(&load, into.as_fd(), rustix::process::getuid().as_raw())?;
        assert_eq!(fs::read(to.join("a/b"))?, b"text");
        let (was, is) = (fs::metadata(from.join("a/b"))?, fs::metadata(to.join("a/b"))?);
        assert_eq!(is.permissions().mode() & 0o7777, 0o751);
        assert_eq!(is.modified()?, was.modified()?);
        fs::remove_dir_all(&from)?;
        fs::remove_dir_all(&to)
    }

    #[test]
    fn what_is_no_plain_file_or_too_much_is_not_taken() -> io::Result<()> {
        let (link, twice, large) = (folder("link")?, folder("twice")?, folder("large")?);
        symlink("/etc/passwd", link.join("x"))?;
        fs::write(twice.join("one"), "1")?;
        fs::hard_link(twice.join("one"), twice.join("two"))?;
        fs::write(large.join("x"), vec![0; BYTES_MAX as usize + 1])?;
        for path in [link, twice, large] {
            assert!(measure(&path).is_none());
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }
}
