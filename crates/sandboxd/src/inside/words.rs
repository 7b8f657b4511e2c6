//! What the server asks of a container: one `start`, the files, the input.

use super::layer::Unpacker;
use super::Refusal;
use crate::bytes::write_all;
use crate::protocol::frame::{first_frame, HEADER_START};
use crate::protocol::message::{FileHeader, LimitName, Limits, Outcome};
use crate::protocol::steps::Step;
use rustix::fs::{fchmod, mkdirat, open, openat, Mode, OFlags};
use rustix::io::Errno;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

/// Payloads of frames that leave a container.
pub const PIECE_BYTES: usize = 256 * 1024;
const READ_BYTES: usize = 64 * 1024;
/// As the server's bounds (REQUEST_BOUNDS), with room: input past it is a broken server.
const STDIN_BYTES_MAX: usize = 64 * 1024 * 1024;
const SEGMENT_BYTES_MAX: usize = 255;
const DEPTH_MAX: usize = 16;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    Start(Box<Start>),
    Layer {},
    File(FileHeader),
    Stdin {},
    StdinEnd {},
}

#[derive(Deserialize)]
struct Start {
    limits: Limits,
    #[serde(default)]
    keep: bool,
}

/// The payload of `start`.
#[derive(Deserialize)]
pub struct Program {
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub artifacts: Vec<String>,
}

pub struct Request {
    pub limits: Limits,
    pub keep: bool,
    pub program: Program,
    pub stdin: Vec<u8>,
}

/// Reads frames until the end of the input; files and layers are in /work by then.
pub fn read_request() -> Result<Request, Refusal> {
    let mut frames = Frames { buffer: Vec::new() };
    let Some((Word::Start(start), words)) = frames.next()? else {
        return Err(Refusal::Gone("no start".into()));
    };
    let program: Program = serde_json::from_slice(&words).map_err(not_understood)?;
    let work = open_work().map_err(Step::Workspace.failed())?;
    let mut unpacker = Unpacker::default();
    let mut stdin = Vec::new();
    while let Some((word, bytes)) = frames.next()? {
        match word {
            Word::Start(_) => return Err(Refusal::Gone("a second start".into())),
            Word::Layer {} => unpacker.push(&bytes).map_err(refused)?,
            Word::File(header) => write(&work, &header, &bytes).map_err(refused)?,
            Word::Stdin {} if stdin.len() + bytes.len() <= STDIN_BYTES_MAX => {
                stdin.extend_from_slice(&bytes);
            }
            Word::Stdin {} => return Err(Refusal::Gone("too much input".into())),
            Word::StdinEnd {} => {
                let Start { limits, keep } = *start;
                return Ok(Request { limits, keep, program, stdin });
            }
        }
    }
    Err(Refusal::Gone("no end of the input".into()))
}

pub fn open_work() -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(open(c"/work", flags, Mode::empty())?)
}

fn not_understood(error: serde_json::Error) -> Refusal {
    Refusal::Gone(format!("not understood: {error}"))
}

/// Files that don't fit are the disk limit's doing, as with the native backend.
fn refused(error: io::Error) -> Refusal {
    if error.raw_os_error() == Some(libc::ENOSPC) {
        let limit = LimitName::DiskKb;
        let outcome = Outcome::LimitExceeded { limit, exit_code: None, signal: None };
        return Refusal::ended(outcome, vec![limit]);
    }
    Refusal::from(Step::Workspace.failed()(error))
}

struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    /// `None` at the end of the stream: the client is gone.
    fn next(&mut self) -> Result<Option<(Word, Vec<u8>)>, Refusal> {
        let gone = |why: &str| Refusal::Gone(why.to_string());
        loop {
            if let Some(span) = first_frame(&self.buffer).map_err(gone)? {
                let header = self.buffer.get(HEADER_START..span.header_end).unwrap_or_default();
                let word = serde_json::from_slice(header).map_err(not_understood)?;
                let payload = self.buffer.get(span.header_end..span.end).unwrap_or_default();
                let payload = payload.to_vec();
                self.buffer.drain(..span.end);
                return Ok(Some((word, payload)));
            }
            let mut chunk = [0u8; READ_BYTES];
            match rustix::io::read(rustix::stdio::stdin(), &mut chunk) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    self.buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(gone(&error.to_string())),
            }
        }
    }
}

/// Writes a file below /work, one path segment at a time; folders on the way are made.
fn write(work: &OwnedFd, header: &FileHeader, bytes: &[u8]) -> io::Result<()> {
    let segments: Vec<&str> = header.path.split('/').collect();
    let fine = |part: &&str| !part.is_empty() && *part != "." && *part != "..";
    let short = |part: &&str| part.len() <= SEGMENT_BYTES_MAX;
    if segments.len() > DEPTH_MAX || !segments.iter().all(|part| fine(part) && short(part)) {
        return Err(Errno::INVAL.into());
    }
    let (name, folders) = segments.split_last().ok_or(Errno::INVAL)?;
    let mut folder = work.try_clone()?;
    for part in folders {
        match mkdirat(&folder, *part, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        folder = openat(&folder, *part, flags, Mode::empty())?;
    }
    let create = if header.append { OFlags::APPEND } else { OFlags::CREATE | OFlags::EXCL };
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | create;
    let file = openat(&folder, *name, flags, Mode::from_raw_mode(0o600))?;
    write_all(&file, bytes)?;
    let mode = if header.executable { 0o755 } else { 0o644 };
    Ok(fchmod(&file, Mode::from_raw_mode(mode))?)
}
