//! Everything that a sandbox's child needs, checked and laid out before the clone: between fork
//! and exec nothing is allocated.

use crate::confine::landlock::Landlock;
use crate::confine::rlimits;
use crate::confine::rootfs::Layout;
use crate::confine::seccomp::Filter;
use crate::lab::{holds, Protection};
use crate::protocol::message::{ErrorCode, Limits, Recipe, Words};
use rustix::process::{Resource, Signal};
use rustix::thread::CpuSet;
use std::collections::BTreeMap;
use std::ffi::{c_char, CString};
use std::rc::Rc;

/// What the launcher found out once, at start, and every sandbox uses.
pub struct Host {
    pub filter: Filter,
    pub landlock: Option<Landlock>,
    pub cores: u64,
    /// The launcher's own parent-death signal: it is lost whenever the effective uid changes.
    pub death_signal: Option<Signal>,
}

pub struct Plan {
    pub host: Rc<Host>,
    pub limits: Limits,
    argv: Vec<CString>,
    /// Owns what `envp_pointers` point at.
    _envp: Vec<CString>,
    argv_pointers: Vec<*const c_char>,
    envp_pointers: Vec<*const c_char>,
    pub layout: Layout,
    pub rlimits: [(Protection, Resource, u64); 11],
    /// For each CPU that the program may start on, the set that it then has.
    pub cpus: Vec<(usize, CpuSet)>,
    pub host_id: u32,
}

const SHM_BYTES: u64 = 16 * 1024 * 1024;
pub const INODES: u64 = 8192;
const ARGUMENTS_MAX: usize = 4096;
/// argv and environment together; execve takes 128 KiB for one string (execve(2)).
const STRINGS_BYTES_MAX: usize = 512 * 1024;

/// The launcher's own ceilings: no server makes it go beyond (docs/reference/limits.md).
pub fn check_limits(limits: &Limits, cores: u64) -> Result<(), (ErrorCode, String)> {
    const GIB_KB: u64 = 1024 * 1024;
    let ceilings = [
        ("wall_time_ms", limits.wall_time_ms, 1, 600_000),
        ("cpu_time_ms", limits.cpu_time_ms, 1, 600_000),
        ("memory_kb", limits.memory_kb, 512, 64 * GIB_KB),
        ("stack_kb", limits.stack_kb, 64, GIB_KB),
        ("cpus", limits.cpus, 1, cores),
        ("output_kb", limits.output_kb, 0, 16 * 1024),
        ("disk_kb", limits.disk_kb, 4, GIB_KB),
        ("file_kb", limits.file_kb, 0, GIB_KB),
        ("processes", limits.processes, 1, 512),
        ("open_files", limits.open_files, 8, 4096),
    ];
    for (name, value, lowest, highest) in ceilings {
        if !(lowest..=highest).contains(&value) {
            let message = format!("{name} is {value}; this launcher takes {lowest} to {highest}");
            return Err((ErrorCode::Limit, message));
        }
    }
    Ok(())
}

/// Which CPUs the program sees: `count` of those that the launcher may use, from `first` on.
fn cpu_set(host: &Host, first: usize, count: u64) -> CpuSet {
    let mut set = CpuSet::new();
    let cores = host.cores.max(1) as usize;
    for offset in 0..count.min(host.cores) as usize {
        set.set((first + offset) % cores);
    }
    set
}

pub struct Place {
    pub host_id: u32,
    pub cpus: Vec<usize>,
}

impl Plan {
    /// # Errors
    /// What of the request is not acceptable: a NUL in a string, too much of it.
    pub fn new(
        host: Rc<Host>,
        (recipe, words): (&Recipe, &Words),
        limits: Limits,
        (layout, place): (Layout, &Place),
    ) -> Result<Box<Plan>, (ErrorCode, String)> {
        let argv = strings(recipe.command.iter().chain(&words.args))?;
        let mut environment: BTreeMap<&String, &String> = recipe.env.iter().collect();
        environment.extend(&words.env);
        let pairs: Vec<String> = environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let envp = strings(pairs.iter())?;
        let cpus = place.cpus.iter().map(|cpu| (*cpu, cpu_set(&host, *cpu, limits.cpus))).collect();
        let pointers = |list: &[CString]| {
            list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
        };
        Ok(Box::new(Plan {
            host,
            limits,
            argv_pointers: pointers(&argv),
            envp_pointers: pointers(&envp),
            argv,
            _envp: envp,
            layout,
            rlimits: rlimits::table(&limits),
            cpus,
            host_id: place.host_id,
        }))
    }

    pub fn argv(&self) -> &[*const c_char] {
        &self.argv_pointers
    }

    pub fn envp(&self) -> &[*const c_char] {
        &self.envp_pointers
    }

    /// The program's path, for the message where it can't be executed.
    pub fn program(&self) -> &[u8] {
        self.argv.first().map_or(b"", |path| path.as_bytes())
    }
}

fn strings<'a>(
    list: impl Iterator<Item = &'a String>,
) -> Result<Vec<CString>, (ErrorCode, String)> {
    let protocol = |message: &str| (ErrorCode::Protocol, message.to_string());
    let mut bytes = 0;
    let mut made = Vec::new();
    for text in list {
        bytes += text.len() + 1;
        if bytes > STRINGS_BYTES_MAX || made.len() >= ARGUMENTS_MAX {
            return Err(protocol("too many or too long arguments or environment strings"));
        }
        let text = CString::new(text.as_str());
        made.push(text.map_err(|_| protocol("an argument or environment string holds a NUL"))?);
    }
    Ok(made)
}

/// Options of the workspace's, /tmp's and /dev/shm's tmpfs (tmpfs(5)).
pub fn tmpfs_size(kib: u64) -> String {
    if holds(Protection::DiskLimit) {
        format!("{kib}k")
    } else {
        "1g".into()
    }
}

pub fn tmpfs_inodes() -> String {
    let inodes = if holds(Protection::InodeLimit) { INODES } else { 1_000_000 };
    inodes.to_string()
}

pub fn tmp_options(limits: &Limits) -> CString {
    let options =
        format!("mode=1777,size={},nr_inodes={}", tmpfs_size(limits.disk_kb), tmpfs_inodes());
    CString::new(options).unwrap_or_default()
}

pub fn shm_options() -> CString {
    let size = tmpfs_size(SHM_BYTES / 1024);
    let options = format!("mode=1777,size={size},nr_inodes={}", tmpfs_inodes());
    CString::new(options).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FINE: Limits = Limits {
        wall_time_ms: 1,
        cpu_time_ms: 1,
        memory_kb: 512,
        stack_kb: 64,
        cpus: 1,
        output_kb: 0,
        disk_kb: 4,
        file_kb: 0,
        processes: 1,
        open_files: 8,
    };

    #[test]
    fn each_bound_holds_at_it_and_not_past_it() {
        assert!(check_limits(&FINE, 2).is_ok());
        assert!(check_limits(&Limits { cpus: 2, ..FINE }, 2).is_ok());
        assert!(check_limits(&Limits { cpus: 3, ..FINE }, 2).is_err());
        assert!(check_limits(&Limits { wall_time_ms: 0, ..FINE }, 2).is_err());
        assert!(check_limits(&Limits { wall_time_ms: 600_001, ..FINE }, 2).is_err());
        assert!(check_limits(&Limits { processes: 513, ..FINE }, 2).is_err());
    }

    proptest! {
        #[test]
        fn accepted_limits_never_overflow_in_bytes(memory_kb: u64, disk_kb: u64, file_kb: u64) {
            let limits = Limits { memory_kb, disk_kb, file_kb, ..FINE };
            if check_limits(&limits, 2).is_ok() {
                prop_assert!(memory_kb.checked_mul(1024).is_some());
                prop_assert!(file_kb.checked_mul(1024).is_some());
                prop_assert!(disk_kb.checked_mul(1024).is_some());
            }
        }
    }

    #[test]
    fn a_nul_in_an_argument_is_refused() {
        let list = ["fine".to_string(), "a\0b".to_string()];
        assert!(strings(list.iter()).is_err());
        assert!(strings(list.iter().take(1)).is_ok());
    }
}
