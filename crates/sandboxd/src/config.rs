//! The launcher's few flags.

use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct Config {
    /// Where the socket is made.
    pub socket: PathBuf,
    /// Who may connect: the socket is 0600 and owned by this uid.
    pub socket_owner: u32,
    /// First host uid of the sandboxes' range.
    pub uid_base: u32,
    /// Sandboxes at once; also the length of the uid range.
    pub slots: u32,
    /// Folder in every cgroup hierarchy below which ours is made; absent: see `cgroup::Tree`.
    pub cgroup_parent: Option<PathBuf>,
}

/// No passwd or subuid entry of a distribution reaches here (subuid ranges start at 100,000).
const UID_BASE: u32 = 0x7000_0000;
const SLOTS: u32 = 1024;

pub const USAGE: &str = "usage: sandboxd --socket PATH [--socket-owner UID] [--uid-base UID] \
[--slots N] [--cgroup-parent PATH] [--leave-out NAMES]";

/// Reads the command line.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn read(mut words: impl Iterator<Item = String>) -> Result<Config, String> {
    let mut socket = None;
    let mut config = Config {
        socket: PathBuf::new(),
        socket_owner: 0,
        uid_base: UID_BASE,
        slots: SLOTS,
        cgroup_parent: None,
    };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} wants a value; {USAGE}"))?;
        match flag.as_str() {
            "--socket" => socket = Some(PathBuf::from(value)),
            "--socket-owner" => config.socket_owner = number(&flag, &value, u32::MAX - 1)?,
            "--uid-base" => config.uid_base = number(&flag, &value, u32::MAX - 70_000)?,
            "--slots" => config.slots = number(&flag, &value, 4096)?.max(1),
            "--cgroup-parent" => config.cgroup_parent = Some(PathBuf::from(value)),
            "--leave-out" => crate::lab::leave_out(&value)?,
            _ => return Err(format!("unknown flag {flag}; {USAGE}")),
        }
    }
    config.socket = socket.ok_or(USAGE)?;
    Ok(config)
}

fn number(flag: &str, value: &str, highest: u32) -> Result<u32, String> {
    match value.parse() {
        Ok(number) if number <= highest => Ok(number),
        _ => Err(format!("{flag} wants a whole number from 0 to {highest}, not {value}")),
    }
}
