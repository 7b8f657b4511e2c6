//! Ids beside its own that an ordinary user may have mapped into a user namespace: a range of
//! /etc/subuid and /etc/subgid, by the set-user-ID programs newuidmap and newgidmap (subuid(5)).

use crate::sys::{self, Cloned};
use rustix::pipe::{pipe_with, PipeFlags};
use rustix::process::{waitid, WaitId, WaitIdOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

const PROGRAMS: [&str; 2] = ["/usr/bin/newuidmap", "/usr/bin/newgidmap"];

/// The first id and the count of a user's range.
type Range = (u64, u64);

/// The ranges of users and of groups that this host grants.
pub struct Granted {
    uids: Range,
    gids: Range,
}

/// `None` where the host grants none, or has no program that could map it.
pub fn find(uid: u32) -> Option<Granted> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let name = name_of(uid, &read("/etc/passwd"));
    let range = |path: &str| range_of(uid, name.as_deref(), &read(path));
    let granted = Granted { uids: range("/etc/subuid")?, gids: range("/etc/subgid")? };
    PROGRAMS.iter().all(|path| std::path::Path::new(path).exists()).then_some(granted)
}

/// Two processes that stay outside and map the ids of this one as soon as it is told that they may:
/// once it is in its new namespace, it has no right to map them itself.
pub struct Mappers {
    waiting: Vec<(OwnedFd, OwnedFd)>,
}

impl Mappers {
    /// # Errors
    /// No process or pipe is to be had.
    pub fn start(granted: &Granted, (uid, gid): (u32, u32)) -> io::Result<Mappers> {
        let ranges = [(uid, granted.uids), (gid, granted.gids)];
        let mut waiting = Vec::new();
        for (program, (own, range)) in PROGRAMS.into_iter().zip(ranges) {
            waiting.push(start(program, own, range)?);
        }
        Ok(Mappers { waiting })
    }

    /// # Errors
    /// One of the two said no; what it said is on stderr.
    pub fn run(self) -> io::Result<()> {
        for (release, process) in self.waiting {
            rustix::io::write(&release, b"m")?;
            let ended = waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED)?;
            if ended.and_then(|status| status.exit_status()) != Some(0) {
                return Err(io::Error::other("newuidmap or newgidmap refused"));
            }
        }
        Ok(())
    }
}

fn start(program: &str, own: u32, (first, count): Range) -> io::Result<(OwnedFd, OwnedFd)> {
    let (wait, release) = pipe_with(PipeFlags::CLOEXEC)?;
    let numbers = [u64::from(std::process::id()), 0, u64::from(own), 1, 1, first, count];
    match sys::clone3(0, None)? {
        Cloned::Parent(_, process) => Ok((release, process)),
        Cloned::Child => {
            drop(release);
            let mut byte = [0u8; 1];
            if rustix::io::read(&wait, &mut byte) == Ok(1) {
                let _ = Command::new(program).args(numbers.map(|n| n.to_string())).exec();
            }
            sys::exit_now(127)
        }
    }
}

fn name_of(uid: u32, passwd: &str) -> Option<String> {
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let is_own = |fields: &Vec<&str>| fields.get(2).is_some_and(|text| *text == uid.to_string());
    users.find(is_own)?.first().map(ToString::to_string)
}

fn range_of(uid: u32, name: Option<&str>, text: &str) -> Option<Range> {
    let number = uid.to_string();
    let owners = [Some(number.as_str()), name];
    let lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut own = lines.filter(|fields| owners.contains(&fields.first().copied()));
    let fields = own.next()?;
    Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_by_number() {
        let passwd = "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n";
        assert_eq!(name_of(1000, passwd).as_deref(), Some("ann"));
        assert_eq!(name_of(1, passwd), None);
        let text = "bob:200000:65536\nann:100000:65536\n";
        assert_eq!(range_of(1000, Some("ann"), text), Some((100_000, 65_536)));
        assert_eq!(range_of(1001, None, "1001:7:9\n"), Some((7, 9)));
        assert_eq!(range_of(1001, None, text), None);
    }
}
