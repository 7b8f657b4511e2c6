//! The engine's seccomp profile, made from the launcher's own policy (docs/adr/0026). It is the
//! outer one: PID 1 lives under it, and it lets PID 1 install the exact filter for the program.
//! It is never narrower than the policy, and wider only where the engine's format falls short.

use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};

#[cfg(target_arch = "x86_64")]
const POLICY: &str = include_str!("../../policies/seccomp/x86_64.json");
#[cfg(target_arch = "aarch64")]
const POLICY: &str = include_str!("../../policies/seccomp/aarch64.json");

/// What PID 1 does before there is a program: the program's own filter refuses or checks these.
const FOR_INIT: [&str; 10] = [
    "seccomp",
    "openat2",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    "sched_setaffinity",
    "setrlimit",
    "prlimit64",
    "prctl",
    "kill",
];

const ENOSYS: u32 = 38;

#[derive(Deserialize)]
struct Policy {
    architecture: String,
    groups: Vec<Group>,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Group {
    action: String,
    syscalls: Vec<String>,
}

#[derive(Deserialize)]
struct Check {
    syscalls: Vec<String>,
    cases: Vec<Case>,
    otherwise: String,
}

#[derive(Deserialize)]
struct Case {
    when: Vec<Condition>,
    action: String,
}

#[derive(Deserialize)]
struct Condition {
    arg: u32,
    #[serde(default)]
    bits: Option<u32>,
    #[serde(default)]
    mask: Option<String>,
    any_of: BTreeMap<String, String>,
}

/// The profile as the engine takes it: one line of JSON.
pub fn text() -> Result<String, String> {
    let policy: Policy = serde_json::from_str(POLICY).map_err(|error| error.to_string())?;
    convert(&policy).map(|profile| profile.to_string())
}

fn convert(policy: &Policy) -> Result<Value, String> {
    let architecture = match policy.architecture.as_str() {
        "x86_64" => "SCMP_ARCH_X86_64",
        "aarch64" => "SCMP_ARCH_AARCH64",
        other => return Err(format!("no engine's name for {other}")),
    };
    let mut allowed: BTreeSet<&str> = FOR_INIT.into_iter().collect();
    let mut refused: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    let mut rules = Vec::new();
    for Group { action, syscalls } in &policy.groups {
        match errno(action)? {
            None => allowed.extend(names(syscalls)),
            Some(errno) => refused.entry(errno).or_default().extend(names(syscalls)),
        }
    }
    for check in &policy.checks {
        match exact_rules(check)? {
            Some(exact) => rules.extend(exact),
            None => allowed.extend(names(&check.syscalls)),
        }
    }
    for (errno, names) in refused {
        let names: Vec<_> = names.into_iter().filter(|name| !allowed.contains(name)).collect();
        rules.push(json!({ "names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno }));
    }
    rules.push(json!({ "names": allowed, "action": "SCMP_ACT_ALLOW" }));
    Ok(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        // No others: a call of another architecture ends the process.
        "architectures": [architecture],
        "syscalls": rules,
    }))
}

/// Rules that allow what the check allows, where everything else about the call is refused; `None`
/// where the call is allowed but for some arguments: the format has no "unless".
fn exact_rules(check: &Check) -> Result<Option<Vec<Value>>, String> {
    let is_needed = names(&check.syscalls).any(|name| FOR_INIT.contains(&name));
    if is_needed || errno(&check.otherwise)?.is_none() {
        return Ok(None);
    }
    let names: Vec<&str> = names(&check.syscalls).collect();
    let mut rules = Vec::new();
    for case in &check.cases {
        if errno(&case.action)?.is_some() {
            continue;
        }
        let arguments: BTreeSet<u32> = case.when.iter().map(|condition| condition.arg).collect();
        if arguments.len() < case.when.len() {
            return Ok(None); // The engine would take either of two, not both.
        }
        for args in combinations(&case.when)? {
            rules.push(json!({ "names": names, "action": "SCMP_ACT_ALLOW", "args": args }));
        }
    }
    Ok(Some(rules))
}

/// One list of comparisons for each choice of one value a condition.
fn combinations(conditions: &[Condition]) -> Result<Vec<Vec<Value>>, String> {
    let mut lists = vec![Vec::new()];
    for condition in conditions {
        let width = if condition.bits == Some(64) { u64::MAX } else { u64::from(u32::MAX) };
        let mask = condition.mask.as_deref().map_or(Ok(width), hexadecimal)?;
        let mut longer = Vec::new();
        for value in condition.any_of.values() {
            let comparison = json!({
                "index": condition.arg,
                "op": "SCMP_CMP_MASKED_EQ",
                "value": mask,
                "valueTwo": hexadecimal(value)?,
            });
            for list in &lists {
                let mut list: Vec<Value> = list.clone();
                list.push(comparison.clone());
                longer.push(list);
            }
        }
        lists = longer;
    }
    Ok(lists)
}

/// `None` where the call is made. A call that is answered with 0 unmade harms nobody as PID 1's.
fn errno(action: &str) -> Result<Option<u32>, String> {
    match action {
        "allow" | "done" => Ok(None),
        "EPERM" => Ok(Some(1)),
        "EINVAL" => Ok(Some(22)),
        "ENOTTY" => Ok(Some(25)),
        "ENOSYS" => Ok(Some(ENOSYS)),
        "ENOPROTOOPT" => Ok(Some(92)),
        "EPROTONOSUPPORT" => Ok(Some(93)),
        "EOPNOTSUPP" => Ok(Some(95)),
        "EAFNOSUPPORT" => Ok(Some(97)),
        other => Err(format!("{other} is no action of a policy")),
    }
}

fn names(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().flat_map(|line| line.split_whitespace())
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").ok_or_else(|| format!("{text}: no 0x"))?;
    u64::from_str_radix(digits, 16).map_err(|error| format!("{text}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Result<Vec<Value>, String> {
        let profile: Value = serde_json::from_str(&text()?).map_err(|error| error.to_string())?;
        Ok(profile.get("syscalls").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    fn about(name: &str) -> Result<Vec<Value>, String> {
        let named = |rule: &Value| {
            let names = rule.get("names").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|each| each == name))
        };
        Ok(rules()?.into_iter().filter(named).collect())
    }

    #[test]
    fn what_the_policy_refuses_is_refused_with_its_errno() -> Result<(), String> {
        for (name, errno) in [("mount", 1), ("ptrace", 1), ("bpf", 38), ("clone3", 38)] {
            let found = about(name)?;
            assert_eq!(found.len(), 1, "{name}");
            let rule = found.first().cloned().unwrap_or_default();
            assert_eq!(rule.get("action"), Some(&json!("SCMP_ACT_ERRNO")), "{name}");
            assert_eq!(rule.get("errnoRet"), Some(&json!(errno)), "{name}");
        }
        Ok(())
    }

    #[test]
    fn a_clone_with_a_namespace_has_no_rule() -> Result<(), String> {
        let found = about("clone")?;
        let args = json!([{ "index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 0x7e02_0000_u64,
            "valueTwo": 0 }]);
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().and_then(|rule| rule.get("args")), Some(&args));
        Ok(())
    }

    #[test]
    fn what_pid_1_needs_is_allowed_whatever_the_policy_says_of_it() -> Result<(), String> {
        for name in FOR_INIT {
            let found = about(name)?;
            assert_eq!(found.len(), 1, "{name}");
            let action = found.first().and_then(|rule| rule.get("action"));
            assert_eq!(action, Some(&json!("SCMP_ACT_ALLOW")), "{name}");
        }
        Ok(())
    }

    #[test]
    fn no_call_is_both_allowed_and_refused() -> Result<(), String> {
        let mut seen = BTreeMap::new();
        for rule in rules()? {
            let action = rule.get("action").cloned().unwrap_or_default();
            for name in rule.get("names").and_then(Value::as_array).cloned().unwrap_or_default() {
                let before = seen.insert(name.to_string(), action.clone());
                assert!(before.is_none_or(|before| before == action), "{name}");
            }
        }
        Ok(())
    }
}
