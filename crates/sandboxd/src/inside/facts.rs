//! What PID 1 finds of the engine's work: seen, not believed. The server compares it with what it
//! asked for before it hands out a program.

use super::counters::Counters;
use rustix::fs::{statvfs, StatVfsMountFlags};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;

/// Inode numbers of the namespaces that the kernel starts with (linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

#[derive(Serialize)]
pub struct Facts {
    kernel: String,
    architecture: &'static str,
    cgroup: &'static str,
    uid: u64,
    /// Whether uid 0 of here is another uid outside.
    mapped_uids: bool,
    /// Inode numbers by name.
    namespaces: BTreeMap<&'static str, u64>,
    interfaces: Vec<String>,
    /// Of all five sets together.
    capabilities: String,
    no_new_privileges: bool,
    /// The engine's own filter: 2 where there is one.
    seccomp: u64,
    read_only_root: bool,
    landlock: bool,
    memory_bytes: Option<u64>,
    pids: Option<u64>,
    cpu: bool,
}

const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

pub fn has_own_pid_namespace() -> bool {
    namespace("pid") != Some(FIRST_PID_NAMESPACE)
}

impl Facts {
    pub fn read(counters: &Counters, landlock: bool) -> Facts {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ceilings = counters.ceilings();
        let flags = statvfs("/").map(|stat| stat.f_flag);
        Facts {
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            architecture: std::env::consts::ARCH,
            cgroup: counters.version,
            uid: number(&status, "Uid"),
            mapped_uids: has_mapped_uids(),
            namespaces: NAMESPACES
                .iter()
                .filter_map(|name| Some((*name, namespace(name)?)))
                .collect(),
            interfaces: interfaces(),
            capabilities: capabilities(&status),
            no_new_privileges: number(&status, "NoNewPrivs") == 1,
            seccomp: number(&status, "Seccomp"),
            read_only_root: flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::RDONLY)),
            landlock,
            memory_bytes: ceilings.memory_bytes,
            pids: ceilings.pids,
            cpu: ceilings.cpu,
        }
    }
}

fn namespace(name: &str) -> Option<u64> {
    let link = fs::read_link(format!("/proc/self/ns/{name}")).ok()?;
    link.to_str()?.split_once('[')?.1.strip_suffix(']')?.parse().ok()
}

/// The first namespace maps every uid to itself.
fn has_mapped_uids() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let fields: Vec<&str> = map.split_whitespace().collect();
    fields != ["0", "0", "4294967295"]
}

fn interfaces() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let name = |line: &str| Some(line.split_once(':')?.0.trim().to_string());
    text.lines().skip(2).filter_map(name).collect()
}

/// The first number of a line of /proc/self/status.
fn number(status: &str, name: &str) -> u64 {
    let word = member(status, name).and_then(|value| value.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(u64::MAX)
}

fn member<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn capabilities(status: &str) -> String {
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
    let set = |name: &&str| u64::from_str_radix(member(status, name).unwrap_or("?").trim(), 16);
    let all = sets.iter().map(|name| set(name).unwrap_or(u64::MAX));
    format!("{:x}", all.fold(0, |union, set| union | set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_every_set_count_and_a_missing_one_counts_as_all() {
        let sets = |bounding: &str| {
            format!("CapInh:\t0\nCapPrm:\t0\nCapEff:\t0\nCapBnd:\t{bounding}\nCapAmb:\t0\n")
        };
        assert_eq!(capabilities(&sets("0000000000000000")), "0");
        assert_eq!(capabilities(&sets("0000000000000400")), "400");
        assert_eq!(capabilities("CapInh:\t0\n"), "ffffffffffffffff");
    }

    #[test]
    fn a_line_that_is_absent_is_no_zero() {
        assert_eq!(number("NoNewPrivs:\t1\n", "NoNewPrivs"), 1);
        assert_eq!(number("", "NoNewPrivs"), u64::MAX);
    }
}
