//! The protections that a test build can leave out, one at a time, so that the attack corpus can
//! show that it is the protection that holds. Without the feature `attack-lab` every one of them
//! holds, and the compiler removes the question.

macro_rules! protections {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Protection { $($variant),+ }

        #[cfg(feature = "attack-lab")]
        const NAMES: &[(Protection, &str)] = &[$((Protection::$variant, $name)),+];
    };
}

protections! {
    UserNamespace = "user-namespace",
    OwnUid = "own-uid",
    PidNamespace = "pid-namespace",
    PivotRoot = "pivot-root",
    NetworkNamespace = "network-namespace",
    IpcNamespace = "ipc-namespace",
    UtsNamespace = "uts-namespace",
    CgroupNamespace = "cgroup-namespace",
    ProcMasks = "proc-masks",
    ProcReadonly = "proc-readonly",
    RootfsReadonly = "rootfs-readonly",
    Devices = "devices",
    Capabilities = "capabilities",
    NoNewPrivileges = "no-new-privileges",
    Nosuid = "nosuid",
    Landlock = "landlock",
    Seccomp = "seccomp",
    Descriptors = "descriptors",
    NonDumpableInit = "non-dumpable-init",
    NewSession = "new-session",
    MemoryLimit = "memory-limit",
    PidsLimit = "pids-limit",
    CpuRate = "cpu-rate",
    Affinity = "affinity",
    WallTime = "wall-time",
    CpuTime = "cpu-time",
    OutputLimit = "output-limit",
    DiskLimit = "disk-limit",
    InodeLimit = "inode-limit",
    FileLimit = "file-limit",
    OpenFiles = "open-files",
    CoreLimit = "core-limit",
    MemlockLimit = "memlock-limit",
    MsgqueueLimit = "msgqueue-limit",
    SigpendingLimit = "sigpending-limit",
    StackLimit = "stack-limit",
    NiceLimit = "nice-limit",
    KillAtEnd = "kill-at-end",
    FreshWorkspace = "fresh-workspace",
    Teardown = "teardown",
    ArtifactLinks = "artifact-links",
}

#[cfg(not(feature = "attack-lab"))]
mod chosen {
    pub fn holds(_: super::Protection) -> bool {
        true
    }

    pub fn leave_out(_: &str) -> Result<(), String> {
        Err("this build leaves no protection out (it lacks the feature attack-lab)".into())
    }

    pub fn left_out() -> Vec<&'static str> {
        Vec::new()
    }
}

#[cfg(feature = "attack-lab")]
mod chosen {
    use super::{Protection, NAMES};
    use std::sync::atomic::{AtomicU64, Ordering};

    static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

    pub fn holds(protection: Protection) -> bool {
        LEFT_OUT.load(Ordering::Relaxed) & (1 << protection as u32) == 0
    }

    pub fn leave_out(names: &str) -> Result<(), String> {
        for name in names.split(',').filter(|name| !name.is_empty()) {
            let Some((protection, _)) = NAMES.iter().find(|(_, known)| *known == name) else {
                return Err(format!("no protection is named {name}"));
            };
            LEFT_OUT.fetch_or(1 << *protection as u32, Ordering::Relaxed);
        }
        Ok(())
    }

    pub fn left_out() -> Vec<&'static str> {
        NAMES.iter().filter(|(protection, _)| !holds(*protection)).map(|(_, name)| *name).collect()
    }
}

pub use chosen::{holds, leave_out, left_out};
