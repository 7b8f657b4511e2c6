//! A pack's own configuration, copied from its opened tree: no path of it is looked up twice, no
//! link is followed, and there is no more of it than configuration can be.

use super::folder;
use crate::workspace::open::beneath;
use rustix::fs::{fstat, readlinkat, statat, symlinkat, AtFlags, Dir, FileType, OFlags, Stat, CWD};
use rustix::io::Errno;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const ENTRIES_MAX: usize = 8192;
const BYTES_MAX: u64 = 8 * 1024 * 1024;
const DEPTH_MAX: usize = 16;
const EVERYBODY_READS: u32 = 0o004;

/// What is left of the bounds.
struct Room {
    entries: usize,
    bytes: u64,
}

/// Copies what everybody may read into `target`. What stands there already stays: names that are
/// the sandbox's own. Folders, regular files and symlinks; of anything else there is none in /etc.
///
/// # Errors
/// `E2BIG` for more than /etc can hold, else the kernel's errno.
pub fn copy_into(target: &Path, source: &OwnedFd) -> io::Result<()> {
    let mut room = Room { entries: ENTRIES_MAX, bytes: BYTES_MAX };
    copy(source, target, &mut room, DEPTH_MAX)
}

fn copy(source: &OwnedFd, target: &Path, room: &mut Room, depth: usize) -> io::Result<()> {
    for entry in Dir::read_from(source)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let to = target.join(name);
        if matches!(name, "." | "..") || fs::symlink_metadata(&to).is_ok() {
            continue;
        }
        room.entries = room.entries.checked_sub(1).ok_or(Errno::TOOBIG)?;
        let stat = statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if stat.st_mode & EVERYBODY_READS != 0 => {
                let depth = depth.checked_sub(1).ok_or(Errno::TOOBIG)?;
                let inner = beneath(source.as_fd(), name, OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
                folder(&to, 0o755)?;
                copy(&inner, &to, room, depth)?;
            }
            FileType::Symlink => {
                let link = readlinkat(source, name, Vec::new())?;
                symlinkat(link.as_c_str(), CWD, &to)?;
            }
            FileType::RegularFile => copy_file(source, name, &to, room)?,
            _ => {}
        }
    }
    Ok(())
}

fn copy_file(source: &OwnedFd, name: &str, to: &Path, room: &mut Room) -> io::Result<()> {
    let file = beneath(source.as_fd(), name, OFlags::RDONLY, 0)?;
    let stat: Stat = fstat(&file)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !is_file || stat.st_mode & EVERYBODY_READS == 0 {
        return Ok(());
    }
    let mut bytes = Vec::new();
    File::from(file).take(room.bytes + 1).read_to_end(&mut bytes)?;
    room.bytes = room.bytes.checked_sub(bytes.len() as u64).ok_or(Errno::TOOBIG)?;
    fs::write(to, bytes)?;
    fs::set_permissions(to, Permissions::from_mode(0o444 | stat.st_mode & 0o111))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    fn folders(name: &str) -> (PathBuf, PathBuf) {
        let base = std::env::temp_dir().join(format!("gozo-etc-{}-{name}", std::process::id()));
        let both = (base.join("from"), base.join("to"));
        assert!(fs::create_dir_all(&both.0).is_ok() && fs::create_dir_all(&both.1).is_ok());
        both
    }

    fn copied(from: &Path, to: &Path) -> io::Result<()> {
        copy_into(to, &OwnedFd::from(File::open(from)?))
    }

    fn done(from: &Path) {
        let _ = from.parent().map(fs::remove_dir_all);
    }

    #[test]
    fn our_own_names_stay_and_secrets_stay_out() {
        let (from, to) = folders("names");
        for (name, mode) in [("passwd", 0o644), ("shadow", 0o640), ("php.ini", 0o4755)] {
            assert!(fs::write(from.join(name), "the pack's").is_ok());
            assert!(fs::set_permissions(from.join(name), Permissions::from_mode(mode)).is_ok());
        }
        assert!(fs::create_dir(from.join("alternatives")).is_ok());
        assert!(symlink("/usr/bin/mawk", from.join("alternatives/awk")).is_ok());
        assert!(symlink("/etc", from.join("up")).is_ok());
        assert!(fs::write(to.join("passwd"), "ours").is_ok());
        assert!(copied(&from, &to).is_ok());
        assert_eq!(fs::read_to_string(to.join("passwd")).ok().as_deref(), Some("ours"));
        assert!(!to.join("shadow").exists());
        let mode = fs::metadata(to.join("php.ini")).map(|it| it.permissions().mode() & 0o7777);
        assert_eq!(mode.ok(), Some(0o555));
        let link = fs::read_link(to.join("alternatives/awk"));
        assert_eq!(link.ok().as_deref(), Some(Path::new("/usr/bin/mawk")));
        assert!(fs::symlink_metadata(to.join("up")).is_ok_and(|kind| kind.is_symlink()));
        done(&from);
    }

    #[test]
    fn more_than_configuration_can_be_is_refused() {
        let (from, to) = folders("bounds");
        let big = File::create(from.join("big"));
        assert!(big.and_then(|file| file.set_len(BYTES_MAX)).is_ok());
        assert!(copied(&from, &to).is_ok());
        assert!(fs::remove_file(to.join("big")).is_ok());
        assert!(fs::write(from.join("one"), "x").is_ok());
        let refused = copied(&from, &to).err().and_then(|error| error.raw_os_error());
        assert_eq!(refused, Some(libc::E2BIG));
        done(&from);
    }

    #[test]
    fn folders_without_end_are_refused() {
        let (from, to) = folders("depth");
        let deep = |levels: usize| from.join(vec!["d"; levels].join("/"));
        assert!(fs::create_dir_all(deep(DEPTH_MAX)).is_ok());
        assert!(copied(&from, &to).is_ok());
        assert!(fs::remove_dir_all(to.join("d")).is_ok());
        assert!(fs::create_dir_all(deep(DEPTH_MAX + 1)).is_ok());
        let refused = copied(&from, &to).err().and_then(|error| error.raw_os_error());
        assert_eq!(refused, Some(libc::E2BIG));
        done(&from);
    }
}
