//! The sandboxes' /etc: synthetic, with the configuration that toolchains need from the host.

mod tree;

use rustix::fs::{symlinkat, CWD};
use rustix::mount::mount_bind_recursive;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Entries of the host's /etc that toolchains read: configuration, nothing secret. A `*` at the
/// end stands for any rest of the name.
const HOST_ETC: [&str; 25] = [
    "alternatives",
    "java*",
    "php*",
    "perl",
    "python*",
    "ruby*",
    "lua*",
    "R",
    "mono*",
    "octave*",
    "fonts",
    "ghc*",
    "erlang*",
    "guile*",
    "emacs*",
    "maxima",
    "texmf",
    "swi-prolog",
    "racket",
    "ImageMagick*",
    "ldc*",
    "fpc*",
    "gnucobol*",
    "nim",
    "GNUstep",
];
/// Folders of the host's /var/lib that a toolchain needs: GHC's package database in /usr is a link
/// to there.
const HOST_VAR_LIB: [&str; 1] = ["ghc"];
const HOST_ETC_FILES: [&str; 7] =
    ["ld.so.cache", "services", "protocols", "mime.types", "os-release", "fpc.cfg", "ldc2.conf"];

/// What every sandbox finds; one with a network finds its targets below it.
pub const HOSTS: &str = "127.0.0.1 localhost sandbox\n::1 localhost\n";

const ETC_FILES: [(&str, &str); 8] = [
    (
        "passwd",
        "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:/tmp:/bin/sh\n\
         nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    ),
    ("group", "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n"),
    ("hosts", HOSTS),
    ("hostname", "sandbox\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n"),
    ("host.conf", "multi on\n"),
    ("resolv.conf", ""),
    ("timezone", "Etc/UTC\n"),
];

/// Fills a root's /etc: what toolchains read of the host's, and files of our own.
pub fn of_host(etc: &Path) -> io::Result<()> {
    fill(etc, bind_folder)
}

/// Of a pack's root: files of our own, and for the rest what lies in the pack's tree. Copied: every
/// mount of a root is copied with each sandbox.
pub fn of_pack(etc: &Path, own: Option<&OwnedFd>) -> io::Result<()> {
    synthetic(etc)?;
    own.map_or(Ok(()), |own| tree::copy_into(etc, own))
}

fn synthetic(etc: &Path) -> io::Result<()> {
    for (name, text) in ETC_FILES {
        fs::write(etc.join(name), text)?;
    }
    Ok(symlinkat("/usr/share/zoneinfo/Etc/UTC", CWD, etc.join("localtime"))?)
}

fn fill(etc: &Path, take: fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    synthetic(etc)?;
    for name in HOST_ETC_FILES {
        if let Ok(bytes) = fs::read(Path::new("/etc").join(name)) {
            fs::write(etc.join(name), bytes)?;
        }
    }
    for entry in fs::read_dir("/etc")?.flatten() {
        let name = entry.file_name();
        let wanted = name.to_str().is_some_and(|name| HOST_ETC.iter().any(|p| matches(p, name)));
        if wanted && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            take(&entry.path(), &etc.join(&name))?;
        }
    }
    folder(&etc.join("ssl"), 0o755)?;
    if let Ok(bytes) = fs::read("/etc/ssl/openssl.cnf") {
        fs::write(etc.join("ssl/openssl.cnf"), bytes)?;
    }
    if Path::new("/etc/ssl/certs").is_dir() {
        take(Path::new("/etc/ssl/certs"), &etc.join("ssl/certs"))?;
    }
    etc.parent().map_or(Ok(()), fill_var)
}

/// Copied, too, where /etc is bound: a mount of the host's /var would be one more to be seen.
fn fill_var(root: &Path) -> io::Result<()> {
    let sources = HOST_VAR_LIB.iter().map(|name| Path::new("/var/lib").join(name));
    for source in sources.filter(|source| source.is_dir()) {
        let target = folders(root, &["var", "lib"])?;
        copy_folder(&source, &target.join(source.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// The same for a container's image: copied, because nothing can be bound there.
pub fn copy(etc: &Path) -> io::Result<()> {
    fill(etc, copy_folder)
}

/// Makes a folder with exactly this mode, whatever the umask.
pub fn folder(path: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().mode(mode).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Those of a path below a root that are not there yet; several things may lie in one.
pub fn folders(root: &Path, names: &[&str]) -> io::Result<PathBuf> {
    let mut path = root.to_path_buf();
    for name in names {
        path.push(name);
        if !path.is_dir() {
            folder(&path, 0o755)?;
        }
    }
    Ok(path)
}

fn bind_folder(source: &Path, target: &Path) -> io::Result<()> {
    folder(target, 0o755)?;
    Ok(mount_bind_recursive(source, target)?)
}

fn copy_folder(source: &Path, target: &Path) -> io::Result<()> {
    folder(target, 0o755)?;
    for entry in fs::read_dir(source)?.flatten() {
        let to = target.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else if kind.is_symlink() {
            symlinkat(fs::read_link(entry.path())?, CWD, &to)?;
        } else if kind.is_file() && is_for_everybody(&entry)? {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// An image goes further than a bind does: what only root may read stays out of it.
fn is_for_everybody(entry: &fs::DirEntry) -> io::Result<bool> {
    Ok(entry.metadata()?.permissions().mode() & 0o004 != 0)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_rest_of_a_name_only() {
        assert!(matches("java*", "java-17-openjdk"));
        assert!(matches("perl", "perl"));
        assert!(!matches("perl", "perl5"));
        assert!(!matches("R", "Rx"));
    }

    #[test]
    fn nothing_secret_of_etc_is_shown() {
        let secret = ["shadow", "gshadow", "ssh", "sudoers", "passwd", "ssl", "gozolite"];
        for name in secret {
            assert!(!HOST_ETC.iter().any(|pattern| matches(pattern, name)), "{name}");
            assert!(!HOST_ETC_FILES.contains(&name), "{name}");
        }
    }
}
