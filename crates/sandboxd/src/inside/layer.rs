//! A compile's output on its way from one container to the next: folders, files and links of /work,
//! packed into `layer` frames that the server keeps without looking inside.

use super::words::PIECE_BYTES;
use crate::bytes::write_all;
use rustix::fs::{open, Mode, OFlags};
use serde::Serialize;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Component, Path, PathBuf};

const PATH_BYTES_MAX: usize = 4096;
/// Kind, mode, length of the path, length of the content.
const HEAD_BYTES: usize = 1 + 4 + 4 + 8;

#[derive(Serialize)]
struct LayerHeader {
    r#type: &'static str,
}

/// Gathers packed bytes into frames.
#[derive(Default)]
pub struct Sender {
    gathered: Vec<u8>,
}

impl Sender {
    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        super::send(&LayerHeader { r#type: "layer" }, &self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}

pub trait Sink {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}

impl Sink for Sender {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.flush()
    }
}

/// Packs all below `root`, folders before what is in them.
pub fn pack(root: &Path, sink: &mut impl Sink) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            let mode = entry.metadata()?.permissions().mode() & 0o777;
            if kind.is_dir() {
                put_head(sink, (b'd', mode), &path, 0)?;
                folders.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path())?;
                put_head(sink, (b'l', mode), &path, target.as_os_str().len() as u64)?;
                sink.put(target.as_os_str().as_bytes())?;
            } else if kind.is_file() {
                put_file(sink, mode, &path, &entry.path())?;
            }
        }
    }
    sink.end()
}

fn put_head(sink: &mut impl Sink, kind: (u8, u32), path: &Path, bytes: u64) -> io::Result<()> {
    let path = path.as_os_str().as_bytes();
    sink.put(&[kind.0])?;
    sink.put(&kind.1.to_le_bytes())?;
    sink.put(&(path.len() as u32).to_le_bytes())?;
    sink.put(&bytes.to_le_bytes())?;
    sink.put(path)
}

fn put_file(sink: &mut impl Sink, mode: u32, path: &Path, whole: &Path) -> io::Result<()> {
    let mut file = fs::File::open(whole)?;
    let size = file.metadata()?.len();
    put_head(sink, (b'f', mode), path, size)?;
    let mut chunk = vec![0; PIECE_BYTES];
    let mut left = size;
    while left > 0 {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sink.put(chunk.get(..count).unwrap_or_default())?;
        left = left.saturating_sub(count as u64);
    }
    Ok(())
}

/// Makes what `pack` packed, below /work (or another root), from pieces of any size.
pub struct Unpacker {
    root: PathBuf,
    pending: Vec<u8>,
    open: Option<(fs::File, u64)>,
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        Unpacker::below(Path::new("/work"))
    }
}

impl Unpacker {
    pub fn below(root: &Path) -> Unpacker {
        Unpacker { root: root.to_path_buf(), pending: Vec::new(), open: None }
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if let Some((file, left)) = &mut self.open {
                let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                write_all(&*file, bytes.get(..count).unwrap_or_default())?;
                bytes = bytes.get(count..).unwrap_or_default();
                *left -= count as u64;
                if *left == 0 {
                    self.open = None;
                }
                continue;
            }
            // One byte at a time only within a record's head and path.
            let wanted = self.wanted()?;
            let count = wanted.saturating_sub(self.pending.len()).min(bytes.len());
            self.pending.extend_from_slice(bytes.get(..count).unwrap_or_default());
            bytes = bytes.get(count..).unwrap_or_default();
            if self.pending.len() == self.wanted()? {
                self.make()?;
            }
        }
        Ok(())
    }

    /// How long the pending record is before its content; a link's target belongs to it.
    fn wanted(&self) -> io::Result<usize> {
        let Some(head) = Head::read(&self.pending) else { return Ok(HEAD_BYTES) };
        let target = if head.kind == b'l' { head.bytes } else { 0 };
        let target = usize::try_from(target).unwrap_or(usize::MAX);
        if head.path > PATH_BYTES_MAX || target > PATH_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(HEAD_BYTES + head.path + target)
    }

    fn make(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let head = Head::read(&pending).ok_or(io::ErrorKind::InvalidData)?;
        let end = HEAD_BYTES + head.path;
        let path = PathBuf::from(std::ffi::OsString::from_vec(
            pending.get(HEAD_BYTES..end).unwrap_or_default().to_vec(),
        ));
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let place = self.root.join(path);
        match head.kind {
            b'd' => {
                fs::create_dir(&place)?;
                fs::set_permissions(&place, fs::Permissions::from_mode(head.mode | 0o700))
            }
            b'l' => {
                let target = pending.get(end..).unwrap_or_default();
                symlink(std::ffi::OsStr::from_bytes(target), &place)
            }
            b'f' => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                let file = open(&place, flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o600))?;
                rustix::fs::fchmod(&file, Mode::from_raw_mode(head.mode))?;
                if head.bytes > 0 {
                    self.open = Some((file.into(), head.bytes));
                }
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

struct Head {
    kind: u8,
    mode: u32,
    path: usize,
    bytes: u64,
}

impl Head {
    fn read(from: &[u8]) -> Option<Head> {
        Some(Head {
            kind: *from.first()?,
            mode: u32::from_le_bytes(from.get(1..5)?.try_into().ok()?) & 0o777,
            path: u32::from_le_bytes(from.get(5..9)?.try_into().ok()?) as usize,
            bytes: u64::from_le_bytes(from.get(9..17)?.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Sink for Vec<u8> {
        fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.extend_from_slice(bytes);
            Ok(())
        }
        fn end(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn folder(name: &str) -> io::Result<PathBuf> {
        let path = std::env::temp_dir().join(format!("gozo-layer-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path)?;
        Ok(path)
    }

    #[test]
    fn what_is_packed_comes_out_whatever_the_pieces() -> io::Result<()> {
        let from = folder("from")?;
        fs::create_dir_all(from.join("a/b"))?;
        fs::write(from.join("a/b/program"), vec![7; 100_000])?;
        fs::set_permissions(from.join("a/b/program"), fs::Permissions::from_mode(0o755))?;
        fs::write(from.join("empty"), "")?;
        symlink("a/b/program", from.join("link"))?;
        let mut packed = Vec::new();
        pack(&from, &mut packed)?;
        for size in [1, 17, 4096, packed.len()] {
            let to = folder("to")?;
            let mut unpacker = Unpacker::below(&to);
            for piece in packed.chunks(size) {
                unpacker.push(piece)?;
            }
            assert_eq!(fs::read(to.join("link"))?, vec![7; 100_000]);
            assert_eq!(fs::read(to.join("empty"))?, b"");
            let mode = fs::metadata(to.join("a/b/program"))?.permissions().mode() & 0o777;
            assert_eq!(mode, 0o755);
            fs::remove_dir_all(to)?;
        }
        fs::remove_dir_all(from)
    }

    #[test]
    fn no_path_leads_out() {
        let to = std::env::temp_dir();
        for path in ["../x", "/etc/x", "a/../../x"] {
            let mut packed = Vec::new();
            let _ = put_head(&mut packed, (b'd', 0o755), Path::new(path), 0);
            assert!(Unpacker::below(&to).push(&packed).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let nowhere = Path::new("/proc/nowhere");
            let _ = Unpacker::below(nowhere).push(&bytes);
        }
    }
}
