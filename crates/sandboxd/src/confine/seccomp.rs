//! The allow-list of system calls: `policies/seccomp/<arch>.json` compiled to a BPF program.
//!
//! The kernel runs a new filter once for each system call number it knows, to learn which numbers
//! are always allowed (`seccomp_cache_prepare`), so a program must be short for every number: here
//! a binary search over ranges of equal answers, and at its leaves the checks of arguments.
//! Jumps only go forward, so each function returns a block that ends in a return on every path.

mod policy;
#[cfg(any(test, target_arch = "aarch64"))]
mod syscalls_aarch64;
#[cfg(any(test, target_arch = "x86_64"))]
mod syscalls_x86_64;
#[cfg(test)]
mod tests;

use libc::sock_filter;
use policy::{Action, Check, Condition, Leaf, Policy};

#[cfg(target_arch = "x86_64")]
use syscalls_x86_64 as syscalls;
#[cfg(target_arch = "x86_64")]
const POLICY: &str = include_str!("../../policies/seccomp/x86_64.json");

#[cfg(target_arch = "aarch64")]
use syscalls_aarch64 as syscalls;
#[cfg(target_arch = "aarch64")]
const POLICY: &str = include_str!("../../policies/seccomp/aarch64.json");

/// Instruction codes of classic BPF (linux/bpf_common.h), the few that a filter needs.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_AT_LEAST: u16 = 0x35;
const JUMP_BITS: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`; an argument has 8 bytes, its low word first: both
/// architectures are little-endian.
const DATA_NUMBER: u32 = 0;
const DATA_ARCH: u32 = 4;
const DATA_ARGS: u32 = 16;

/// The kernel's bound on a program (BPF_MAXINSNS).
const INSTRUCTIONS_MAX: usize = 4096;

/// A compiled filter: made once at start, installed by every sandbox.
pub struct Filter(Vec<sock_filter>);

impl Filter {
    /// What seccomp(2) takes; at most 4096 instructions.
    pub fn program(&self) -> &[sock_filter] {
        &self.0
    }
}

/// Compiles the policy of the architecture that the launcher was built for.
///
/// # Errors
/// What is wrong in the policy file. It is part of the binary, so tests see it before a user does.
pub fn filter_for_this_machine() -> Result<Filter, String> {
    let policy = Policy::parse(POLICY)?;
    compile(&policy, syscalls::number).map(Filter)
}

fn compile(policy: &Policy, number: fn(&str) -> Option<u32>) -> Result<Vec<sock_filter>, String> {
    let kill = answer(libc::SECCOMP_RET_KILL_PROCESS);
    let mut program = vec![load(DATA_ARCH), jump_if(JUMP_EQUAL, policy.audit_arch()?, 1, 0), kill];
    program.push(load(DATA_NUMBER));
    if let Some(bit) = policy.killed_bit()? {
        program.extend([jump_if(JUMP_BITS, bit, 0, 1), kill]);
    }
    program.extend(search(&policy.ranges(number)?)?);
    if program.len() > INSTRUCTIONS_MAX {
        return Err(format!("{} instructions, the kernel takes 4096", program.len()));
    }
    Ok(program)
}

/// The block that finds the range of the number in the accumulator. A range is its first number
/// and its leaf; it reaches to the next one.
fn search(ranges: &[(u32, Leaf)]) -> Result<Vec<sock_filter>, String> {
    if let [(_, leaf)] = ranges {
        return match leaf {
            Leaf::Always(action) => Ok(vec![answer(verdict(*action))]),
            Leaf::Check(check) => checked(check),
        };
    }
    let (below, from) = ranges.split_at(ranges.len() / 2);
    let &(first, _) = from.first().ok_or("a search without ranges")?;
    let below = search(below)?;
    // A conditional jump reaches 255 instructions, an unconditional one anywhere.
    let mut block = match u8::try_from(below.len()) {
        Ok(distance) => vec![jump_if(JUMP_AT_LEAST, first, distance, 0)],
        Err(_) => vec![jump_if(JUMP_AT_LEAST, first, 0, 1), jump(below.len())?],
    };
    block.extend(below);
    block.extend(search(from)?);
    Ok(block)
}

/// The block for calls whose arguments decide: the first case that holds answers.
fn checked(check: &Check) -> Result<Vec<sock_filter>, String> {
    let mut block = Vec::new();
    for case in &check.cases {
        let mut rest = vec![answer(verdict(case.action))];
        for condition in case.when.iter().rev() {
            let mut test = holds(condition)?;
            test.push(jump(rest.len())?);
            test.append(&mut rest);
            rest = test;
        }
        block.extend(rest);
    }
    block.push(answer(verdict(check.otherwise)));
    Ok(block)
}

/// The block that jumps over the instruction behind it where the condition holds, and else falls
/// through to it. It is built from its end: each value's comparison jumps over all behind it.
fn holds(condition: &Condition) -> Result<Vec<sock_filter>, String> {
    let too_many = |_| format!("too many values for argument {}", condition.arg);
    let low = DATA_ARGS + 8 * condition.arg;
    let mut block = Vec::new();
    for value in condition.values().rev() {
        let found = u8::try_from(block.len() + 1).map_err(too_many)?;
        let mut test = vec![jump_if(JUMP_EQUAL, value as u32, found, 0)];
        if condition.bits == 64 {
            // The accumulator holds one word at a time, so each value loads both.
            test = load_masked(low, condition.mask_low()).chain(test).collect();
            let next = u8::try_from(test.len()).map_err(too_many)?;
            let high = jump_if(JUMP_EQUAL, (value >> 32) as u32, 0, next);
            let loaded = load_masked(low + 4, condition.mask_high());
            test = loaded.chain([high]).chain(test).collect();
        }
        test.append(&mut block);
        block = test;
    }
    if condition.bits == 32 {
        block = load_masked(low, condition.mask_low()).chain(block).collect();
    }
    Ok(block)
}

fn load_masked(offset: u32, mask: Option<u32>) -> impl Iterator<Item = sock_filter> {
    let and = mask.map(|mask| sock_filter { code: AND, jt: 0, jf: 0, k: mask });
    std::iter::once(load(offset)).chain(and)
}

fn verdict(action: Action) -> u32 {
    match action.errno() {
        None => libc::SECCOMP_RET_ALLOW,
        Some(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
    }
}

fn load(offset: u32) -> sock_filter {
    sock_filter { code: LOAD, jt: 0, jf: 0, k: offset }
}

fn answer(verdict: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k: verdict }
}

fn jump(distance: usize) -> Result<sock_filter, String> {
    let k = u32::try_from(distance).map_err(|error| error.to_string())?;
    Ok(sock_filter { code: JUMP, jt: 0, jf: 0, k })
}

fn jump_if(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
