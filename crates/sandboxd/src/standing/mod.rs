//! What the launcher stands on: root with the host's cgroups, or less. What is less is named, layer
//! by layer, and below the floor that its owner set it does not start (ADR 0031).

mod ids;
pub mod namespace;
pub mod parent;
mod subordinate;
pub mod switches;
pub mod trial;

pub use ids::{find as find_ids, Ids};

use std::fmt;

/// How much of the confinement the kernel enforces; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No host uid for each sandbox, or no cgroup: memory and processes are watched.
    Reduced,
    Full,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Reduced => "reduced",
            Level::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A layer that is not in force here, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub layer: &'static str,
    pub reason: String,
}

/// Found once, at start.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The uid that started the launcher, where that is not root: it then is root in a user
    /// namespace of its own, and only there.
    pub outer_uid: Option<u32>,
    pub ids: Ids,
    pub missing: Vec<Missing>,
    /// Why there is no cgroup: for its owner, since it names paths of the host.
    pub cgroup_trouble: Option<String>,
}

impl Standing {
    pub fn new(outer_uid: Option<u32>, ids: Ids) -> Standing {
        let mut standing = Standing { outer_uid, ids, missing: Vec::new(), cgroup_trouble: None };
        if let Ids::Shared = ids {
            let whose = match outer_uid {
                Some(uid) => format!("uid {uid}, which started the launcher"),
                None => "the launcher's own uid".to_string(),
            };
            standing.lack(
                "own-uid",
                format!(
                    "no other uid is mapped here: all sandboxes run as {whose}, with its groups; \
                     process, user, mount and network namespaces are what separates them"
                ),
            );
        }
        standing
    }

    /// No cgroup of the host is ours: what it would do is watched.
    pub fn lack_cgroups(&mut self, trouble: String) {
        let none = "no cgroup here is the launcher's to use";
        for (layer, what) in [
            ("cgroup-memory", "memory is watched every few milliseconds, and ended past its limit"),
            ("cgroup-cpu", "CPU time is watched, and affinity alone bounds the CPUs"),
            ("cgroup-pids", "processes are watched, behind RLIMIT_NPROC"),
        ] {
            self.lack(layer, format!("{none}: {what}"));
        }
        self.cgroup_trouble = Some(trouble);
    }

    pub fn lack(&mut self, layer: &'static str, reason: String) {
        self.missing.push(Missing { layer, reason });
    }

    pub fn has(&self, layer: &str) -> bool {
        !self.missing.iter().any(|missing| missing.layer == layer)
    }

    /// Landlock is a second wall and never decides.
    pub fn level(&self) -> Level {
        match self.missing.iter().any(|missing| missing.layer != "landlock") {
            true => Level::Reduced,
            false => Level::Full,
        }
    }

    /// # Errors
    /// What is missing, and what the owner can do, where that is below the floor.
    pub fn check(&self, floor: Level) -> Result<(), String> {
        let level = self.level();
        if level >= floor {
            return Ok(());
        }
        let lacking = self.missing.iter().filter(|missing| missing.layer != "landlock");
        let mut list: String =
            lacking.map(|Missing { layer, reason }| format!("\n  {layer}: {reason}")).collect();
        if let Some(trouble) = &self.cgroup_trouble {
            list.push_str(&format!("\n  ({trouble})"));
        }
        Err(format!(
            "isolation would be {level}, below the floor of {floor}; nothing runs. Missing:{list}\n\
             Start it as root, or, where programs from strangers are not what it runs, accept \
             less: GOZO_ISOLATION_FLOOR=reduced (sandboxd --floor reduced)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landlock_alone_does_not_lower_the_level_and_any_other_layer_does() {
        let mut standing = Standing::new(None, Ids::Range { first: 70_000, count: 16 });
        assert_eq!(standing.level(), Level::Full);
        standing.lack("landlock", "not there".into());
        assert_eq!(standing.level(), Level::Full);
        standing.lack("cgroup-memory", "not there".into());
        assert_eq!(standing.level(), Level::Reduced);
        assert!(!standing.has("cgroup-memory"));
    }

    #[test]
    fn one_uid_for_all_is_below_full_and_says_so() {
        let standing = Standing::new(Some(1000), Ids::Shared);
        assert!(standing.check(Level::Reduced).is_ok());
        let told = standing.check(Level::Full).err().unwrap_or_default();
        for word in ["own-uid", "uid 1000", "GOZO_ISOLATION_FLOOR=reduced"] {
            assert!(told.contains(word), "{told}");
        }
    }
}
