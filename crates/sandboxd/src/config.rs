//! The launcher's few flags.

use crate::egress::target::Target;
use crate::standing::namespace::INSIDE_FLAG;
use crate::standing::Level;
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
    /// What sandboxes may be connected to; by default nothing.
    pub network_allow: Vec<Target>,
    /// The folder of the packs that sandboxes may have as their root; absent: the host's only.
    pub packs: Option<PathBuf>,
    /// What was made ahead of the host's toolchains, the server's folder; absent: nothing.
    pub caches: Option<PathBuf>,
    /// With less isolation than this it does not start.
    pub floor: Level,
    /// Given by the launcher to itself: the uid from outside of its own user namespace.
    pub inside: Option<u32>,
}

/// No passwd or subuid entry of a distribution reaches here (subuid ranges start at 100,000).
const UID_BASE: u32 = 0x7000_0000;
/// Twice what a server runs at once: a uid rests until its sandbox is proven gone.
const SLOTS: u32 = 2048;

pub const USAGE: &str = "usage: sandboxd --socket PATH [--socket-owner UID] [--uid-base UID] \
[--slots N] [--cgroup-parent PATH] [--floor full|reduced] [--network-allow HOST:PORT,…] \
[--packs FOLDER] [--caches FOLDER] [--leave-out NAMES] [--stop-at STEP:FILE]";

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
        network_allow: Vec::new(),
        packs: None,
        caches: None,
        floor: Level::Full,
        inside: None,
    };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} wants a value; {USAGE}"))?;
        match flag.as_str() {
            "--socket" => socket = Some(PathBuf::from(value)),
            "--socket-owner" => config.socket_owner = number(&flag, &value, u32::MAX - 1)?,
            "--uid-base" => config.uid_base = number(&flag, &value, u32::MAX - 70_000)?,
            "--slots" => config.slots = number(&flag, &value, 4096)?.max(1),
            "--cgroup-parent" => config.cgroup_parent = Some(PathBuf::from(value)),
            "--stop-at" => crate::faults::stop_at(&value)?,
            "--network-allow" => config.network_allow = targets(&flag, &value)?,
            "--packs" => config.packs = Some(absolute(&flag, value)?),
            "--caches" => config.caches = Some(absolute(&flag, value)?),
            "--floor" => config.floor = level(&value)?,
            INSIDE_FLAG => config.inside = Some(number(&flag, &value, u32::MAX - 1)?),
            "--leave-out" => crate::lab::leave_out(&value)?,
            _ => return Err(format!("unknown flag {flag}; {USAGE}")),
        }
    }
    config.socket = socket.ok_or(USAGE)?;
    Ok(config)
}

/// Refuses a range that a user of this host or a subordinate range (subuid(5)) reaches into: a
/// sandbox must share its uid with nobody.
///
/// # Errors
/// Which entry of which file overlaps.
pub fn check_uid_range(config: &Config) -> Result<(), String> {
    let own = u64::from(config.uid_base)..u64::from(config.uid_base) + u64::from(config.slots);
    for (file, first_field, counted) in [("/etc/passwd", 2, false), ("/etc/subuid", 1, true)] {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| overlaps(line, first_field, counted, &own)) {
            let name = line.split(':').next().unwrap_or_default();
            return Err(format!(
                "the sandboxes' uids {} to {} overlap {name} in {file}: choose others (--uid-base)",
                own.start,
                own.end - 1
            ));
        }
    }
    Ok(())
}

fn overlaps(line: &str, field: usize, counted: bool, own: &std::ops::Range<u64>) -> bool {
    let fields: Vec<&str> = line.split(':').collect();
    let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
    let Some(first) = number(field) else { return false };
    let count = if counted { number(field + 1).unwrap_or(1) } else { 1 };
    first < own.end && own.start < first.saturating_add(count)
}

fn targets(flag: &str, value: &str) -> Result<Vec<Target>, String> {
    let wrong = |text: &str| format!("{flag} has {text:?}, which is no host:port");
    let texts = value.split(',').filter(|text| !text.is_empty());
    texts.map(|text| Target::parse(text).ok_or_else(|| wrong(text))).collect()
}

fn absolute(flag: &str, value: String) -> Result<PathBuf, String> {
    let path = PathBuf::from(value);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(format!("{flag} wants an absolute path, not {}", path.display())),
    }
}

fn level(value: &str) -> Result<Level, String> {
    let levels = [Level::Full, Level::Reduced];
    let level = levels.into_iter().find(|level| level.name() == value);
    level.ok_or_else(|| format!("--floor wants full or reduced, not {value}"))
}

fn number(flag: &str, value: &str, highest: u32) -> Result<u32, String> {
    match value.parse() {
        Ok(number) if number <= highest => Ok(number),
        _ => Err(format!("{flag} wants a whole number from 0 to {highest}, not {value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_overlaps_at_its_first_and_last_uid_and_not_beside_them() {
        let own = 100..110;
        for (uid, expected) in [(99, false), (100, true), (109, true), (110, false)] {
            assert_eq!(overlaps(&format!("a:x:{uid}:1::/:/bin/sh"), 2, false, &own), expected);
        }
        assert!(overlaps("a:50:51", 1, true, &own));
        assert!(!overlaps("a:50:50", 1, true, &own));
        assert!(!overlaps("", 2, false, &own));
    }

    #[test]
    #[cfg(not(feature = "attack-lab"))]
    fn bad_words_are_named() {
        let words = |list: &[&str]| read(list.iter().map(ToString::to_string));
        assert!(words(&["--socket", "/s"]).is_ok());
        assert!(words(&[]).is_err());
        assert!(words(&["--socket", "/s", "--slots", "x"]).is_err_and(|e| e.contains("--slots")));
        assert!(words(&["--socket", "/s", "--floor", "low"]).is_err_and(|e| e.contains("--floor")));
        assert!(words(&["--socket", "/s", "--packs", "p"]).is_err_and(|e| e.contains("--packs")));
        assert!(words(&["--socket", "/s", "--caches", "c"]).is_err_and(|e| e.contains("--caches")));
        assert!(words(&["--socket", "/s", "--leave-out", "seccomp"]).is_err());
    }
}
