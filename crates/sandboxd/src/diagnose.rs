//! What protects the sandboxes of this launcher, and what does not, for the operator.

use crate::cgroup::Mode;
use crate::lab;
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

pub fn diagnosis(context: &Context) -> Value {
    let landlock = context.host.landlock.is_some();
    let layers: Vec<&str> =
        LAYERS.into_iter().filter(|layer| landlock || *layer != "landlock").collect();
    let missing = if landlock {
        json!([])
    } else {
        json!([{"layer": "landlock", "reason": "not in this kernel, or switched off"}])
    };
    json!({
        "type": "diagnosis",
        "launcher": env!("CARGO_PKG_VERSION"),
        "kernel": uname().release().to_string_lossy(),
        "architecture": uname().machine().to_string_lossy(),
        "cgroup": context.tree.mode().name(),
        "level": "full",
        "layers": layers,
        "missing": missing,
        "findings": findings(context),
        "running": context.running,
        "quarantined": context.slots.quarantined(),
        "left_out": lab::left_out(),
    })
}

fn findings(context: &Context) -> Vec<Value> {
    let mut list = vec![
        finding("cgroup", "present", cgroup_detail(context.tree.mode()), None),
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

fn cgroup_detail(mode: Mode) -> &'static str {
    match mode {
        Mode::V1 => "v1: limits and counters; sandboxes end by the freezer and pidfds",
        Mode::V2 => "v2: limits, counters, membership and kill",
        Mode::Hybrid => "v1 for limits and counters, the v2 tree for membership and kill",
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
