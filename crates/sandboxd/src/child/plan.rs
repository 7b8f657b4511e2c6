//! What a sandbox's child needs to know, in two parts: its site, laid out before the clone, and the
//! plan of one request, which may come later (child/orders.rs carries it over).

use crate::child::held::Held;
use crate::confine::landlock::Landlock;
use crate::confine::rootfs::Layout;
use crate::confine::seccomp::Filter;
use crate::lab::{holds, Protection};
use crate::protocol::message::{Boot, ErrorCode, Limits, Recipe, Words};
use crate::standing::parent::DeathSignal;
use crate::standing::Standing;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// What the launcher found out once, at start, and every sandbox uses.
pub struct Host {
    pub filter: Filter,
    pub landlock: Option<Landlock>,
    pub cores: u64,
    pub death_signal: Option<DeathSignal>,
    pub standing: Standing,
}

/// What no request decides: a sandbox can be made from it before anyone asks for one.
pub struct Site {
    pub host: Rc<Host>,
    pub layout: Layout,
    pub host_id: u32,
    /// One with listeners in it; else one is taken from the stock.
    pub network: Option<OwnedFd>,
    /// What is booted in it before there is a request.
    pub boot: Option<Plan>,
    /// Where that is held until there is one.
    pub held: Option<Held>,
    /// What its runtime's state is kept in, or comes from.
    pub given: Option<Given>,
    /// Its streams are a terminal, which becomes its session's.
    pub has_terminal: bool,
}

impl Site {
    /// Its runtime goes on where another one waited, and says when it is there.
    pub fn starts_from_template(&self) -> bool {
        self.given.as_ref().is_some_and(|given| given.is_whole)
    }
}

/// What a runtime that is booted finds open, for the object that is preloaded into it (ADR 0054).
pub struct Given {
    pub image: OwnedFd,
    pub object: OwnedFd,
    /// The runtime starts from it; else it is the one that writes it.
    pub is_whole: bool,
}

impl Given {
    /// The numbers that both have in the sandbox, and what it says by that it waits.
    pub const IMAGE: i32 = 4;
    pub const OBJECT: i32 = 5;
    pub const READY: i32 = 6;

    /// What its runtime's environment has besides.
    pub fn environment(&self) -> Vec<CString> {
        if !self.is_whole {
            return vec![CString::from(c"LD_PRELOAD=/proc/self/fd/5")];
        }
        // Loaded before any of the runtime's libraries (rtld-audit(7)), which would only be taken
        // away; what the kernel was told of this process's own C library would outlive that.
        vec![
            CString::from(c"LD_AUDIT=/proc/self/fd/5"),
            CString::from(c"GLIBC_TUNABLES=glibc.pthread.rseq=0"),
        ]
    }
}

/// What one request asks of its sandbox, checked.
pub struct Plan {
    pub limits: Limits,
    pub argv: Vec<CString>,
    pub envp: Vec<CString>,
    /// The CPUs that the program may start on; it takes the one it is on, if that is among them.
    pub starts: Vec<usize>,
    /// Signals may come for it.
    pub talks: bool,
}

const SHM_BYTES: u64 = 16 * 1024 * 1024;
pub const INODES: u64 = 8192;
/// Of arguments, and of environment strings; execve takes 128 KiB for one of them (execve(2)).
pub const STRINGS_MAX: usize = 4096;
pub const STRINGS_BYTES_MAX: usize = 512 * 1024;

/// The launcher's own ceilings: no server makes it go beyond (docs/reference/limits.md).
pub fn check_limits(limits: &Limits, cores: u64) -> Result<(), (ErrorCode, String)> {
    const GIB_KB: u64 = 1024 * 1024;
    let ceilings = [
        ("wall_time_ms", limits.wall_time_ms, 1, 600_000),
        ("cpu_time_ms", limits.cpu_time_ms, 1, 600_000),
        ("memory_kb", limits.memory_kb, 512, 64 * GIB_KB),
        ("stack_kb", limits.stack_kb, 64, GIB_KB),
        ("cpus", limits.cpus, 1, cores),
        ("output_kb", limits.output_kb, 0, GIB_KB / 4),
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

impl Plan {
    /// # Errors
    /// What of the request is not acceptable: a NUL in a string, too much of it.
    pub fn new(
        (recipe, words): (&Recipe, &Words),
        limits: Limits,
        starts: Vec<usize>,
    ) -> Result<Plan, (ErrorCode, String)> {
        let argv = strings(recipe.command.iter().chain(&words.args))?;
        let mut environment: BTreeMap<&String, &String> = recipe.env.iter().collect();
        environment.extend(&words.env);
        Ok(Plan { limits, argv, envp: pairs(environment)?, starts, talks: false })
    }

    /// What a runtime is booted with, ahead of any request.
    ///
    /// # Errors
    /// As `new`.
    pub fn boot(
        (boot, args): (&Boot, &[String]),
        limits: Limits,
        starts: Vec<usize>,
    ) -> Result<Plan, (ErrorCode, String)> {
        let argv = strings(boot.command.iter().chain(args))?;
        Ok(Plan { limits, argv, envp: pairs(&boot.env)?, starts, talks: false })
    }

    /// What a runtime that was booted so still has to be told: the arguments that it has not.
    pub fn told(mut self, (recipe, boot): (&Recipe, &Boot)) -> Plan {
        self.argv.drain(..(recipe.command.len() + boot.args).min(self.argv.len()));
        self
    }
}

fn pairs<'a>(
    environment: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Vec<CString>, (ErrorCode, String)> {
    let pairs: Vec<String> = environment.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    strings(pairs.iter())
}

fn strings<'a>(
    list: impl Iterator<Item = &'a String>,
) -> Result<Vec<CString>, (ErrorCode, String)> {
    let protocol = |message: &str| (ErrorCode::Protocol, message.to_string());
    let mut bytes = 0;
    let mut made = Vec::new();
    for text in list {
        bytes += text.len() + 1;
        if bytes > STRINGS_BYTES_MAX || made.len() >= STRINGS_MAX {
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

    #[test]
    fn a_booted_runtime_is_told_what_it_was_not_started_with() {
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let boot = Boot {
            command: texts(&["/usr/bin/node", "-r", "boot.cjs"]),
            args: 2,
            opens: None,
            keeps_env: Vec::new(),
            keeps_args: false,
            says_ready: false,
            blank: None,
            template: false,
            holds: None,
            env: BTreeMap::from([("A".into(), "1".into())]),
            name: "boot.cjs".into(),
            program: String::new(),
        };
        let (rootfs, command) = ("host".to_string(), texts(&["/usr/bin/node"]));
        let recipe = Recipe { rootfs, command, env: boot.env.clone(), boot: Some(boot.clone()) };
        let args = texts(&["--heap=1", "main.js", "one", "two"]);
        let words = Words { args: args.clone(), ..Words::default() };
        let plan = Plan::new((&recipe, &words), FINE, vec![0]).map(|it| it.told((&recipe, &boot)));
        assert!(plan.is_ok_and(|plan| plan.argv == [c"one", c"two"] && plan.envp == [c"A=1"]));
        let booted = Plan::boot((&boot, &args[..2]), FINE, vec![0]);
        let argv = [c"/usr/bin/node", c"-r", c"boot.cjs", c"--heap=1", c"main.js"];
        assert!(booted.is_ok_and(|plan| plan.argv == argv));
    }
}
