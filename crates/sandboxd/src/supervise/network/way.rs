//! What a sandbox with a network takes from outside: what may be asked for, the names it finds, the
//! listeners behind them, and the egress process that answers there (ADR 0027).

use crate::confine::etc;
use crate::egress::target::Target;
use crate::egress::words::{Caps, TARGETS_MAX};
use crate::protocol::message::{ErrorCode, Network};
use crate::protocol::steps::{SetupFailure, Step};
use crate::session::filling::Refusal;
use crate::supervise::context::Context;
use crate::supervise::network::egress::{Egress, Making};
use std::ffi::CString;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub struct Way {
    /// The sandbox's, with the listeners in it.
    pub network: OwnedFd,
    pub egress: Egress,
    /// What it finds as its /etc/hosts.
    pub hosts: CString,
}

/// Listens inside of a network that the sandbox will have, and starts what answers there.
pub fn open(asked: Network, context: &mut Context) -> Result<Way, Refusal> {
    if !context.slots.are_own() {
        let message = "an egress process needs a uid of its own, which this level has not";
        return Err((ErrorCode::Network, message.to_string()).into());
    }
    let slot = context.slots.take();
    let slot = slot.ok_or((ErrorCode::Busy, "every sandbox slot is in use".to_string()))?;
    let network = context.networks.take().map_err(Step::Loopback.failed())?;
    let listeners = context.networks.listen(&network, &addresses(&asked.allow));
    let listeners = listeners.map_err(Step::Egress.failed())?;
    let name = context.next_name();
    let hosts = HostsFile::write(context.template.hosts_path(&name), &asked.allow)?;
    let path = CString::new(hosts.path().as_os_str().as_bytes()).map_err(Step::Hosts.failed())?;
    let root = context.template.empty_folder();
    let egress = Egress::start(Making { network: asked, listeners, slot, hosts, root })?;
    Ok(Way { network, egress, hosts: path })
}

/// The launcher's own ceilings (packages/contract/src/network.ts has the same).
const CEILINGS: Caps = Caps { bytes_max: 999_999_999, connections_max: 128, time_ms_max: 600_000 };

/// # Errors
/// `NETWORK` where it is more than this launcher was told to permit.
pub fn check(network: &Network, permitted: &[Target]) -> Result<(), (ErrorCode, String)> {
    let refused = |message: String| Err((ErrorCode::Network, message));
    let Network { allow, caps } = network;
    if allow.is_empty() || allow.len() > TARGETS_MAX {
        return refused(format!("an allow-list has 1 to {TARGETS_MAX} entries"));
    }
    for (at, target) in allow.iter().enumerate() {
        if !permitted.contains(target) || allow.iter().take(at).any(|other| other == target) {
            return refused(format!("{target} is not permitted here, or stands there twice"));
        }
    }
    let within = (1..=CEILINGS.bytes_max).contains(&caps.bytes_max)
        && (1..=CEILINGS.connections_max).contains(&caps.connections_max)
        && (1..=CEILINGS.time_ms_max).contains(&caps.time_ms_max);
    if !within {
        return refused("a cap is 0, or above this launcher's ceiling".to_string());
    }
    Ok(())
}

/// Where the sandbox finds each target: an address of its own for each name.
pub fn addresses(targets: &[Target]) -> Vec<SocketAddrV4> {
    let mut names: Vec<&str> = Vec::new();
    let mut made = Vec::new();
    for target in targets {
        let known = names.iter().position(|name| *name == target.host);
        let index = known.unwrap_or(names.len());
        if known.is_none() {
            names.push(&target.host);
        }
        made.push(SocketAddrV4::new(Ipv4Addr::new(127, 64, 0, index as u8 + 1), target.port));
    }
    made
}

/// The sandbox's /etc/hosts, until it has bound it.
pub struct HostsFile {
    path: PathBuf,
}

impl HostsFile {
    /// # Errors
    /// The folder can't be written.
    pub fn write(path: PathBuf, targets: &[Target]) -> Result<HostsFile, SetupFailure> {
        std::fs::write(&path, hosts_text(targets)).map_err(Step::Egress.failed())?;
        Ok(HostsFile { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Each name once, whatever its ports: a client tries a name's addresses one after the other.
fn hosts_text(targets: &[Target]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (target, address) in targets.iter().zip(addresses(targets)) {
        let line = format!("{} {}\n", address.ip(), target.host);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    format!("{}{}", etc::HOSTS, lines.concat())
}

impl Drop for HostsFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(texts: &[&str]) -> Vec<Target> {
        texts.iter().filter_map(|text| Target::parse(text)).collect()
    }

    #[test]
    fn a_name_has_one_address_whatever_its_ports() {
        let made = addresses(&targets(&["a.example:1", "b.example:1", "a.example:2"]));
        let texts: Vec<String> = made.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["127.64.0.1:1", "127.64.0.2:1", "127.64.0.1:2"]);
    }

    #[test]
    fn the_hosts_file_has_each_name_once() {
        let text = hosts_text(&targets(&["a.example:1", "b.example:1", "a.example:2"]));
        let mine: Vec<&str> = text.lines().filter(|line| line.starts_with("127.64")).collect();
        assert_eq!(mine, ["127.64.0.1 a.example", "127.64.0.2 b.example"]);
        assert!(text.starts_with(etc::HOSTS));
    }

    #[test]
    fn nothing_beyond_what_the_launcher_was_told_is_permitted() {
        let permitted = targets(&["a.example:443", "b.example:80"]);
        let fine = Caps { bytes_max: 1, connections_max: 128, time_ms_max: 600_000 };
        let is_fine = |allow: &[&str], caps| {
            check(&Network { allow: targets(allow), caps }, &permitted).is_ok()
        };
        assert!(is_fine(&["b.example:80", "a.example:443"], fine));
        assert!(!is_fine(&["a.example:80"], fine));
        assert!(!is_fine(&["b.example:80", "b.example:80"], fine));
        assert!(!is_fine(&[], fine));
        assert!(!is_fine(&["b.example:80"], Caps { bytes_max: 0, ..fine }));
        assert!(!is_fine(&["b.example:80"], Caps { bytes_max: 1_000_000_000, ..fine }));
        assert!(!is_fine(&["b.example:80"], Caps { connections_max: 129, ..fine }));
        assert!(!is_fine(&["b.example:80"], Caps { time_ms_max: 600_001, ..fine }));
    }
}
