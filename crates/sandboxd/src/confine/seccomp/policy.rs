//! The shape of a policy file, and what it says about each system call number.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A whole policy. What no group and no check names is answered with `otherwise`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub architecture: String,
    /// AUDIT_ARCH_* of linux/audit.h; calls of any other architecture kill the process.
    audit_arch: Value,
    /// A bit of the number that kills the process (x32 on x86_64).
    killed_bit: Option<Value>,
    pub otherwise: Action,
    pub groups: Vec<Group>,
    pub checks: Vec<Check>,
}

/// Calls with one answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    reason: Vec<String>,
    pub action: Action,
    /// Lines of names, as in [`Check`].
    pub syscalls: Vec<String>,
}

/// Calls whose arguments decide: the first case that holds, else `otherwise`.
#[derive(Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Check {
    reason: Vec<String>,
    pub syscalls: Vec<String>,
    pub cases: Vec<Case>,
    pub otherwise: Action,
}

/// Holds where all of its conditions do.
#[derive(Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub when: Vec<Condition>,
    pub action: Action,
}

/// Holds where the masked argument is any of the values. By default only the low 32 bits count:
/// the kernel takes an `int` argument from those alone, whatever stands above them.
#[derive(Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub arg: u32,
    #[serde(default = "int_bits")]
    pub bits: u32,
    pub mask: Option<Value>,
    any_of: BTreeMap<String, Value>,
}

/// What happens to a call: it is made, or it answers with an errno, or it answers 0 unmade.
#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
pub enum Action {
    #[serde(rename = "allow")]
    Allow,
    #[serde(rename = "done")]
    Done,
    #[serde(rename = "EPERM")]
    Eperm,
    #[serde(rename = "EINVAL")]
    Einval,
    #[serde(rename = "ENOTTY")]
    Enotty,
    #[serde(rename = "ENOSYS")]
    Enosys,
    #[serde(rename = "ENOPROTOOPT")]
    Enoprotoopt,
    #[serde(rename = "EPROTONOSUPPORT")]
    Eprotonosupport,
    #[serde(rename = "EOPNOTSUPP")]
    Eopnotsupp,
    #[serde(rename = "EAFNOSUPPORT")]
    Eafnosupport,
}

impl Action {
    /// The errno to answer with, 0 for success; none where the call is made. The same numbers on
    /// all architectures that have policies (asm-generic/errno.h).
    pub fn errno(self) -> Option<u16> {
        match self {
            Action::Allow => None,
            Action::Done => Some(0),
            Action::Eperm => Some(1),
            Action::Einval => Some(22),
            Action::Enotty => Some(25),
            Action::Enosys => Some(38),
            Action::Enoprotoopt => Some(92),
            Action::Eprotonosupport => Some(93),
            Action::Eopnotsupp => Some(95),
            Action::Eafnosupport => Some(97),
        }
    }
}

/// A number, written in hexadecimal with its prefix as the kernel's headers do.
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(try_from = "String")]
pub struct Value(u64);

impl TryFrom<String> for Value {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").ok_or_else(|| format!("{text}: no 0x"))?;
        u64::from_str_radix(digits, 16).map(Value).map_err(|error| format!("{text}: {error}"))
    }
}

/// What a range of numbers gets.
#[derive(Clone, Copy, PartialEq)]
pub enum Leaf<'policy> {
    Always(Action),
    Check(&'policy Check),
}

impl Policy {
    pub fn parse(text: &str) -> Result<Self, String> {
        let policy: Policy = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for condition in policy.checks.iter().flat_map(|check| &check.cases).flat_map(|c| &c.when) {
            condition.validate()?;
        }
        Ok(policy)
    }

    pub fn audit_arch(&self) -> Result<u32, String> {
        u32::try_from(self.audit_arch.0).map_err(|error| format!("audit_arch: {error}"))
    }

    pub fn killed_bit(&self) -> Result<Option<u32>, String> {
        let bit = self.killed_bit.map(|bit| u32::try_from(bit.0)).transpose();
        bit.map_err(|error| format!("killed_bit: {error}"))
    }

    /// The first number of each range of equal leaves, from 0 up; the last one has no end.
    pub fn ranges(&self, number: fn(&str) -> Option<u32>) -> Result<Vec<(u32, Leaf<'_>)>, String> {
        let leaves = self.leaves(number)?;
        let end = leaves.last_key_value().map_or(0, |(&last, _)| last + 1);
        let leaf = |at| leaves.get(&at).copied().unwrap_or(Leaf::Always(self.otherwise));
        let mut ranges: Vec<_> = (0..=end).map(|at| (at, leaf(at))).collect();
        ranges.dedup_by(|next, kept| next.1 == kept.1);
        Ok(ranges)
    }

    fn leaves(&self, number: fn(&str) -> Option<u32>) -> Result<BTreeMap<u32, Leaf<'_>>, String> {
        let mut leaves = BTreeMap::new();
        let grouped = self.groups.iter().map(|g| (&g.reason, &g.syscalls, Leaf::Always(g.action)));
        let checked = self.checks.iter().map(|c| (&c.reason, &c.syscalls, Leaf::Check(c)));
        for (reason, lines, leaf) in grouped.chain(checked) {
            for name in names(lines) {
                let at = number(name).ok_or_else(|| format!("{name} is no call: {reason:?}"))?;
                if leaves.insert(at, leaf).is_some() {
                    return Err(format!("{name} stands in the policy twice: {reason:?}"));
                }
            }
        }
        Ok(leaves)
    }
}

impl Condition {
    pub fn values(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.any_of.values().map(|value| value.0)
    }

    pub fn mask_low(&self) -> Option<u32> {
        self.mask.map(|mask| mask.0 as u32)
    }

    pub fn mask_high(&self) -> Option<u32> {
        self.mask.map(|mask| (mask.0 >> 32) as u32)
    }

    /// A value outside of the mask or the width could never be met: the file means something else.
    fn validate(&self) -> Result<(), String> {
        let width = match self.bits {
            32 => u64::from(u32::MAX),
            64 => u64::MAX,
            _ => return Err(format!("{} bits: 32 or 64", self.bits)),
        };
        let seen = self.mask.map_or(width, |mask| mask.0);
        if self.arg > 5 || self.any_of.is_empty() || seen & !width != 0 {
            return Err(format!("a condition on argument {} that can't be asked", self.arg));
        }
        match self.any_of.iter().find(|(_, value)| value.0 & !seen != 0) {
            Some((name, _)) => Err(format!("{name} is outside of its mask")),
            None => Ok(()),
        }
    }
}

/// The names on lines of words.
pub fn names(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().flat_map(|line| line.split_whitespace())
}

fn int_bits() -> u32 {
    32
}
