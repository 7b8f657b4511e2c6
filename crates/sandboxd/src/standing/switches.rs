//! The switches of hosts that decide how far a launcher gets: read from /proc and /sys, each with
//! what its owner can do. Told by `diagnose`, and by a start that failed.

use std::fs;

#[derive(Debug, PartialEq, Eq)]
pub struct Switch {
    pub id: &'static str,
    /// Whether it stands in the way of making sandboxes without root.
    pub hinders: bool,
    pub detail: String,
    pub remedy: Option<&'static str>,
}

const APPARMOR_USERNS: &str = "kernel/apparmor_restrict_unprivileged_userns";
const FILES_MIN: u64 = 65_536;

/// Every switch that this host has.
pub fn read() -> Vec<Switch> {
    let sysctl = |name: &str| line(&format!("/proc/sys/{name}"));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = [
        sysctl("user/max_user_namespaces").map(|value| max_user_namespaces(&value)),
        sysctl("kernel/unprivileged_userns_clone").map(|value| userns_clone(&value)),
        sysctl(APPARMOR_USERNS).map(|value| apparmor_userns(&value)),
        line("/proc/self/attr/current").and_then(|label| apparmor_profile(&label)),
        line("/sys/fs/selinux/enforce").map(|value| selinux(&value)),
        seccomp(&status),
        masked_proc(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()),
        sysctl("fs/file-max").and_then(|value| file_max(&value)),
        sysctl("vm/overcommit_memory").and_then(|value| overcommit(&value)),
    ];
    found.into_iter().flatten().collect()
}

/// What of the switches hinders, as sentences behind a failure.
pub fn remedies() -> String {
    let told = read().into_iter().filter(|switch| switch.hinders).map(|switch| {
        let remedy = switch.remedy.unwrap_or_default();
        format!("\n  {}: {}. {remedy}", switch.id, switch.detail)
    });
    let list: String = told.collect();
    if list.is_empty() {
        return String::new();
    }
    format!(" What stands in the way here, as far as can be seen:{list}")
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim_end_matches(['\0', '\n']).trim();
    (!text.is_empty()).then(|| text.to_string())
}

fn max_user_namespaces(value: &str) -> Switch {
    let none = value == "0";
    Switch {
        id: "user.max_user_namespaces",
        hinders: none,
        detail: format!("{value} user namespaces may exist at once"),
        remedy: none.then_some("sysctl user.max_user_namespaces=10000"),
    }
}

fn userns_clone(value: &str) -> Switch {
    let off = value == "0";
    Switch {
        id: "kernel.unprivileged_userns_clone",
        hinders: off,
        detail: format!(
            "{value}: ordinary users {} make user namespaces",
            if off { "can't" } else { "can" }
        ),
        remedy: off.then_some("sysctl kernel.unprivileged_userns_clone=1"),
    }
}

fn apparmor_userns(value: &str) -> Switch {
    let on = value != "0";
    Switch {
        id: "kernel.apparmor_restrict_unprivileged_userns",
        hinders: on,
        detail: format!(
            "{value}: a user namespace that an unconfined program makes has {} rights",
            if on { "no" } else { "its" }
        ),
        remedy: on.then_some(
            "Give sandboxd an AppArmor profile with the rule 'userns,' \
             (/etc/apparmor.d/sandboxd), or sysctl \
             kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    }
}

/// `docker-default (enforce)` and the like: such a profile refuses mount(2).
fn apparmor_profile(label: &str) -> Option<Switch> {
    if !label.ends_with(')') {
        return None; // "unconfined", or the label of another security module.
    }
    let hinders = label.ends_with("(enforce)");
    Some(Switch {
        id: "apparmor-profile",
        hinders,
        detail: format!("this process runs under the AppArmor profile {label}"),
        remedy: hinders.then_some("In Docker: --security-opt apparmor=unconfined"),
    })
}

fn selinux(value: &str) -> Switch {
    let enforcing = value == "1";
    Switch {
        id: "selinux",
        hinders: enforcing,
        detail: format!("SELinux is {}", if enforcing { "enforcing" } else { "permissive" }),
        remedy: enforcing.then_some(
            "Where its log (ausearch -m avc -c sandboxd) shows refusals: in Docker or Podman \
             --security-opt label=disable, on a host a policy for sandboxd",
        ),
    }
}

/// A filter that is there before we make ours is a container's.
fn seccomp(status: &str) -> Option<Switch> {
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"))?.trim();
    let filtered = mode == "2";
    Some(Switch {
        id: "outer-seccomp",
        hinders: filtered,
        detail: if filtered {
            "a seccomp filter is in force already, as in a container".into()
        } else {
            "no seccomp filter is in force from outside".into()
        },
        remedy: filtered.then_some(
            "Where it is Docker's own: --security-opt seccomp=deploy/docker/seccomp.json \
             --security-opt systempaths=unconfined",
        ),
    })
}

/// A /proc with something mounted over a part of it, as containers have it: the kernel then lets
/// nobody in a user namespace mount a whole one (mount_namespaces(7)).
fn masked_proc(mounts: &str) -> Option<Switch> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let over: Vec<&str> = points
        .filter(|point| point.starts_with("/proc/") && *point != "/proc/sys/fs/binfmt_misc")
        .collect();
    let first = over.first()?;
    Some(Switch {
        id: "masked-proc",
        hinders: true,
        detail: format!("{first} and {} more of /proc are masked", over.len() - 1),
        remedy: Some("In Docker: --security-opt systempaths=unconfined"),
    })
}

fn file_max(value: &str) -> Option<Switch> {
    let low = value.parse::<u64>().is_ok_and(|number| number < FILES_MIN);
    low.then(|| Switch {
        id: "fs.file-max",
        hinders: false,
        detail: format!("{value} open files on the whole host; {FILES_MIN} are little for it"),
        remedy: Some("sysctl fs.file-max=1000000"),
    })
}

fn overcommit(value: &str) -> Option<Switch> {
    (value == "2").then(|| Switch {
        id: "vm.overcommit_memory",
        hinders: false,
        detail: "2: address space that is only reserved counts; Java, Go and Node reserve much"
            .into(),
        remedy: Some("sysctl vm.overcommit_memory=0"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_hinders_at_its_value_and_not_beside_it() {
        let rows: [(Switch, bool); 9] = [
            (max_user_namespaces("0"), true),
            (max_user_namespaces("1"), false),
            (userns_clone("0"), true),
            (userns_clone("1"), false),
            (apparmor_userns("1"), true),
            (apparmor_userns("2"), true),
            (apparmor_userns("0"), false),
            (selinux("1"), true),
            (selinux("0"), false),
        ];
        for (switch, hinders) in rows {
            assert_eq!(switch.hinders, hinders, "{switch:?}");
            assert_eq!(switch.remedy.is_some(), hinders, "{switch:?}");
        }
    }

    #[test]
    fn a_profile_is_told_from_no_profile() {
        let profile = apparmor_profile("docker-default (enforce)");
        assert!(profile.is_some_and(|switch| switch.hinders));
        assert!(apparmor_profile("unconfined").is_none());
        assert!(apparmor_profile("a (complain)").is_some_and(|switch| !switch.hinders));
    }

    #[test]
    fn a_mount_over_a_part_of_proc_is_seen() {
        let line = |point: &str| format!("30 20 0:5 / {point} ro - tmpfs tmpfs ro\n");
        let masked = masked_proc(&(line("/proc") + &line("/proc/kcore") + &line("/proc/keys")));
        assert!(masked.is_some_and(|switch| switch.detail.contains("/proc/kcore and 1 more")));
        let whole = line("/proc") + &line("/proc/sys/fs/binfmt_misc");
        assert!(masked_proc(&whole).is_none());
    }

    #[test]
    fn a_filter_from_outside_is_seen() {
        let under = |mode: &str| seccomp(&format!("Name:\tx\nSeccomp:\t{mode}\n"));
        assert!(under("2").is_some_and(|switch| switch.hinders));
        assert!(under("0").is_some_and(|switch| !switch.hinders));
        assert!(seccomp("Name:\tx\n").is_none());
    }

    #[test]
    fn numbers_are_told_only_where_they_are_too_small() {
        assert!(file_max("65535").is_some());
        assert!(file_max("65536").is_none());
        assert!(overcommit("2").is_some());
        assert!(overcommit("1").is_none());
    }
}
