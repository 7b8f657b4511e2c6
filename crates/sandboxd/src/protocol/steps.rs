//! The steps of making a sandbox, in order. A setup that fails names one of them; the same list
//! stands in packages/contract/src/outcome.ts (`npm run tidy` compares the two).

use crate::faults;

macro_rules! steps {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Step { $($variant),+ }

        pub const STEPS: &[(Step, &str)] = &[$((Step::$variant, $name)),+];
    };
}

steps! {
    Workspace = "workspace",
    Cgroup = "cgroup",
    Loopback = "loopback",
    Egress = "egress",
    Clone = "clone",
    IdMap = "id-map",
    PrivateMounts = "private-mounts",
    Rootfs = "rootfs",
    Proc = "proc",
    Masks = "masks",
    Hosts = "hosts",
    Data = "data",
    Release = "release",
    Identity = "identity",
    ParentDeath = "parent-death",
    Tmpfs = "tmpfs",
    Work = "work",
    PivotRoot = "pivot-root",
    Hostname = "hostname",
    CgroupJoin = "cgroup-join",
    CgroupNamespace = "cgroup-namespace",
    InitConfine = "init-confine",
    Spawn = "spawn",
    Session = "session",
    Descriptors = "descriptors",
    Credentials = "credentials",
    Capabilities = "capabilities",
    NoNewPrivileges = "no-new-privileges",
    Landlock = "landlock",
    Seccomp = "seccomp",
    Orders = "orders",
    Affinity = "affinity",
    Rlimits = "rlimits",
    Exec = "exec",
}

impl Step {
    pub fn name(self) -> &'static str {
        STEPS.get(self as usize).map_or("unknown", |(_, name)| name)
    }

    pub fn from_number(number: u32) -> Option<Step> {
        STEPS.get(number as usize).map(|(step, _)| *step)
    }

    /// Turns an errno into a failure of this step, on the spot. Every step is done when it is
    /// asked for this, whether it failed or not (faults.rs).
    pub fn failed<E: Into<std::io::Error>>(self) -> impl FnOnce(E) -> SetupFailure {
        faults::reach(self);
        move |error| {
            let errno = error.into().raw_os_error().unwrap_or(libc::EIO);
            SetupFailure { step: self, errno }
        }
    }
}

/// Which step could not be done, and the kernel's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetupFailure {
    pub step: Step,
    pub errno: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_keeps_its_number_and_name() {
        for (number, (step, name)) in STEPS.iter().enumerate() {
            assert_eq!(*step as usize, number);
            assert_eq!(step.name(), *name);
            assert_eq!(Step::from_number(number as u32), Some(*step));
        }
        assert_eq!(Step::from_number(STEPS.len() as u32), None);
    }
}
