//! What protects the sandboxes of this launcher, and what does not, for the operator.

use crate::cgroup::Mode;
use crate::confine::packs::Packs;
use crate::lab;
use crate::standing::{switches, Ids};
use crate::supervise::context::Context;
use rustix::system::uname;
use serde_json::{json, Value};

/// Every layer, in the order it is put in place (packages/contract/src/execution.ts, `LAYERS`).
pub const LAYERS: [&str; 17] = [
    "cgroup-memory",
    "cgroup-cpu",
    "cgroup-pids",
    "user-namespace",
    "pid-namespace",
    "mount-namespace",
    "network-namespace",
    "ipc-namespace",
    "uts-namespace",
    "cgroup-namespace",
    "own-uid",
    "rootfs",
    "rlimits",
    "capabilities",
    "no-new-privileges",
    "landlock",
    "seccomp",
];

pub fn diagnosis(context: &mut Context) -> Value {
    context.template.roots_mut().drop_gone();
    let context = &*context;
    let standing = &context.host.standing;
    let layers: Vec<&str> = LAYERS.into_iter().filter(|layer| standing.has(layer)).collect();
    let missing: Vec<Value> = standing
        .missing
        .iter()
        .map(|missing| json!({"layer": missing.layer, "reason": missing.reason}))
        .collect();
    json!({
        "type": "diagnosis",
        "launcher": env!("CARGO_PKG_VERSION"),
        "kernel": uname().release().to_string_lossy(),
        "architecture": uname().machine().to_string_lossy(),
        "cgroup": context.tree.mode().name(),
        "level": standing.level().name(),
        "layers": layers,
        "missing": missing,
        "findings": findings(context),
        "running": context.running,
        "leaving": context.leaving(),
        "quarantined": context.slots.quarantined(),
        "left_out": lab::left_out(),
    })
}

fn findings(context: &Context) -> Vec<Value> {
    let mut list = vec![
        cgroup_finding(context.tree.mode(), context.host.standing.cgroup_trouble.as_deref()),
        ids_finding(context.host.standing.ids),
        match context.host.landlock {
            Some(_) => finding("landlock", "present", "a second wall behind the mounts", None),
            None => finding(
                "landlock",
                "missing",
                "not in this kernel; mounts and permissions hold without it",
                Some("boot with lsm=landlock,… where the kernel has it compiled in"),
            ),
        },
        finding("seccomp", "present", "an allow-list of system calls for this architecture", None),
        finding("namespaces", "present", "user, pid, mount, net, ipc, uts, cgroup", None),
    ];
    list.extend(switch_findings());
    list.extend(context.template.roots().packs().map(packs_finding));
    if has_swap() {
        list.push(finding(
            "swap",
            "warning",
            "the host has swap: sandboxes don't use it, other processes' pages may",
            Some("swapoff -a, if the host's memory is enough"),
        ));
    }
    if pipes_cores() {
        list.push(finding(
            "core-pattern",
            "warning",
            "the host's core_pattern starts a program: a sandbox that lowers its own limit can \
             still have it started",
            Some("sysctl kernel.core_pattern=core"),
        ));
    }
    let (fit, slots) = (context.descriptors.sandboxes(), u64::from(context.slots.count()));
    if fit < slots {
        list.push(finding(
            "descriptors",
            "warning",
            &format!("open files are enough for {fit} sandboxes at once, slots for {slots}"),
            Some("raise the launcher's limit of open files (ulimit -Hn) or sysctl fs.file-max"),
        ));
    }
    if context.slots.quarantined() > 0 {
        list.push(finding(
            "quarantine",
            "warning",
            "a sandbox could not be proven gone; its uid is withheld",
            Some("look for processes that can't be killed, then restart the launcher"),
        ));
    }
    for name in lab::left_out() {
        list.push(finding(
            name,
            "missing",
            "left out of this build on purpose: never run it with code from others",
            Some("build without the feature attack-lab"),
        ));
    }
    list
}

/// The switches of the host: one that hinders an ordinary user is only told of, since it did not
/// hinder this launcher.
fn switch_findings() -> impl Iterator<Item = Value> {
    switches::read().into_iter().map(|switch| {
        let for_all = !switch.hinders || switch.id == "user.max_user_namespaces";
        let remedy = switch.remedy.filter(|_| for_all);
        let state = if remedy.is_some() { "warning" } else { "present" };
        finding(switch.id, state, &switch.detail, remedy)
    })
}

fn ids_finding(ids: Ids) -> Value {
    match ids {
        Ids::Range { .. } => {
            finding("own-uid", "present", "each sandbox has a uid of its own", None)
        }
        Ids::Shared => finding(
            "own-uid",
            "missing",
            "all sandboxes run as the user who started the launcher",
            Some("start it as root, or in a user namespace with a range of ids (subuid(5))"),
        ),
    }
}

fn cgroup_finding(mode: Mode, trouble: Option<&str>) -> Value {
    match mode {
        Mode::Watched => finding(
            "cgroup",
            "missing",
            &format!("{} ({})", cgroup_detail(mode), trouble.unwrap_or("not asked for")),
            Some(
                "delegate a cgroup v2 group with memory, pids and cpu to its user (systemd: \
                 systemd-run --user --scope -p Delegate=yes …, or Delegate=yes in the unit)",
            ),
        ),
        _ => finding("cgroup", "present", cgroup_detail(mode), None),
    }
}

fn cgroup_detail(mode: Mode) -> &'static str {
    match mode {
        Mode::Watched => "none to use: memory, CPU time and processes are watched",
        Mode::V1 => "v1: limits and counters; sandboxes end by the freezer and pidfds",
        Mode::V2 => "v2: limits, counters, membership and kill",
        Mode::Hybrid => "v1 for limits and counters, the v2 tree for membership and kill",
    }
}

fn packs_finding(packs: &Packs) -> Value {
    let folder = packs.folder().display();
    match packs.check() {
        Ok(()) => finding("packs", "present", &format!("packs in {folder} are served"), None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            finding("packs", "present", &format!("no pack is in {folder} yet"), None)
        }
        Err(error) => finding(
            "packs",
            "warning",
            &format!("no pack in {folder} is served: {error}"),
            Some("it and its folder trees must be the launcher's user's, and writable for it only"),
        ),
    }
}

fn finding(id: &str, state: &str, detail: &str, remedy: Option<&str>) -> Value {
    let mut value = json!({"id": id, "state": state, "detail": detail});
    if let (Some(remedy), Some(object)) = (remedy, value.as_object_mut()) {
        object.insert("remedy".to_string(), json!(remedy));
    }
    value
}

fn pipes_cores() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/core_pattern").is_ok_and(|text| text.starts_with('|'))
}

fn has_swap() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|text| text.lines().count() > 1)
}
