//! The folder tree of a container's image: this program as PID 1, the sandboxes' synthetic /etc,
//! and mount points. /usr comes from the host by a bind, or is added by the image's maker.

use crate::confine::etc::{self, folder};
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;

/// Containers at once: each has a uid of its own.
pub const UIDS: u32 = 1024;

/// Writes the tree into an empty folder.
pub fn write(root: &Path, uid_base: u32) -> Result<(), String> {
    if !(1000..u32::MAX - UIDS - 1).contains(&uid_base) {
        return Err(format!("{uid_base} is no base of {UIDS} uids"));
    }
    make(root, uid_base).map_err(|error| format!("cannot write {}: {error}", root.display()))
}

fn make(root: &Path, uid_base: u32) -> io::Result<()> {
    for name in ["usr", "etc", "dev", "proc", "sys", "work", "data"] {
        folder(&root.join(name), 0o755)?;
    }
    // runc gives a tmpfs the mode of the folder that it is mounted on, whatever its options say.
    folder(&root.join("tmp"), 0o1777)?;
    for name in ["bin", "sbin", "lib", "lib64", "lib32", "libx32"] {
        let host = Path::new("/").join(name);
        match fs::symlink_metadata(&host) {
            Ok(kind) if kind.is_symlink() => symlink(fs::read_link(&host)?, root.join(name))?,
            Ok(_) => return Err(io::Error::other("/usr is not merged here: /bin is a folder")),
            Err(_) => {}
        }
    }
    etc::copy(&root.join("etc"))?;
    fs::write(root.join("etc/passwd"), passwd(uid_base))?;
    fs::write(root.join("etc/group"), group(uid_base))?;
    fs::copy("/proc/self/exe", root.join("sandboxd"))?;
    fs::set_permissions(root.join("sandboxd"), fs::Permissions::from_mode(0o755))
}

/// Every uid of the range is called `sandbox`, as the one of a native sandbox is.
fn passwd(uid_base: u32) -> String {
    let mut text = String::from("root:x:0:0:root:/:/usr/sbin/nologin\n");
    for uid in uid_base..uid_base + UIDS {
        let _ = writeln!(text, "sandbox:x:{uid}:{uid}:sandbox:/tmp:/bin/sh");
    }
    text + "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
}

fn group(uid_base: u32) -> String {
    let mut text = String::from("root:x:0:\n");
    for gid in uid_base..uid_base + UIDS {
        let _ = writeln!(text, "sandbox:x:{gid}:");
    }
    text + "nogroup:x:65534:\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uid_of_the_range_has_a_name_and_no_other() {
        let text = passwd(70_000);
        let named = |uid: u32| text.contains(&format!("sandbox:x:{uid}:{uid}:"));
        assert!(named(70_000) && named(71_023));
        assert!(!named(69_999) && !named(71_024));
    }

    #[test]
    fn root_is_no_base() {
        assert!(write(Path::new("/nowhere"), 0).is_err_and(|error| error.contains("no base")));
    }
}
