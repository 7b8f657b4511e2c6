//! The allow-list of system calls: `policies/seccomp/<arch>.json` compiled to a BPF program.
//!
//! Every sandbox installs it, so it is made to be cheap to install: the kernel translates each
//! instruction to machine code (0.2 µs each), then runs the filter once for every number it knows
//! to learn which are always allowed (`seccomp_cache_prepare`). So the program is a binary search
//! over ranges of equal answers, with the checks of arguments at its leaves, and shares returns.

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
#[cfg(target_arch = "x86_64")]
const EGRESS_POLICY: &str = include_str!("../../policies/seccomp/egress-x86_64.json");

#[cfg(target_arch = "aarch64")]
use syscalls_aarch64 as syscalls;
#[cfg(target_arch = "aarch64")]
const POLICY: &str = include_str!("../../policies/seccomp/aarch64.json");
#[cfg(target_arch = "aarch64")]
const EGRESS_POLICY: &str = include_str!("../../policies/seccomp/egress-aarch64.json");

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

/// The farthest that a conditional jump reaches.
const REACH: usize = u8::MAX as usize;

/// How far back a return is shared: farther ones would cost a jump to get there.
const SHARED_WITHIN: usize = 150;

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
    filter_of(POLICY)
}

/// The one of the egress process, which is ours and copies bytes.
///
/// # Errors
/// As above.
pub fn filter_for_egress() -> Result<Filter, String> {
    filter_of(EGRESS_POLICY)
}

fn filter_of(text: &str) -> Result<Filter, String> {
    let policy = Policy::parse(text)?;
    if policy.architecture != std::env::consts::ARCH {
        return Err(format!("the policy is for {}", policy.architecture));
    }
    compile(&policy, syscalls::number).map(Filter)
}

fn compile(policy: &Policy, number: fn(&str) -> Option<u32>) -> Result<Vec<sock_filter>, String> {
    let mut program = Backwards::default();
    let mut start = program.search(&policy.ranges(number)?)?;
    let kill = program.answer(libc::SECCOMP_RET_KILL_PROCESS);
    if let Some(bit) = policy.killed_bit()? {
        start = program.jump_if(JUMP_BITS, bit, kill, start);
    }
    start = program.before(start, LOAD, DATA_NUMBER);
    start = program.jump_if(JUMP_EQUAL, policy.audit_arch()?, start, kill);
    program.before(start, LOAD, DATA_ARCH);
    if program.code.len() > INSTRUCTIONS_MAX {
        return Err(format!("{} instructions, the kernel takes 4096", program.code.len()));
    }
    program.code.reverse();
    Ok(program.code)
}

/// A place in the program, counted from its end.
type Place = usize;

/// A program under construction, last instruction first: jumps only go forward, so whatever an
/// instruction jumps to is there already. Each method returns the place where its block starts.
#[derive(Default)]
struct Backwards {
    code: Vec<sock_filter>,
}

impl Backwards {
    /// Finds the range of the number in the accumulator. A range is its first number and its
    /// leaf, and reaches to the next one.
    fn search(&mut self, ranges: &[(u32, Leaf)]) -> Result<Place, String> {
        match ranges {
            [] => Err("a search without ranges".to_owned()),
            [(_, Leaf::Always(action))] => Ok(self.answer(verdict(*action))),
            [(_, Leaf::Check(check))] => Ok(self.checked(check)),
            _ => {
                let (below, from) = ranges.split_at(ranges.len() / 2);
                let first = from.first().map_or(0, |&(first, _)| first);
                let from = self.search(from)?;
                let below = self.search(below)?;
                Ok(self.jump_if(JUMP_AT_LEAST, first, from, below))
            }
        }
    }

    /// Asks the arguments: the first case that holds answers.
    fn checked(&mut self, check: &Check) -> Place {
        let mut next = self.answer(verdict(check.otherwise));
        for case in check.cases.iter().rev() {
            let mut held = self.answer(verdict(case.action));
            for condition in case.when.iter().rev() {
                held = self.holds(condition, held, next);
            }
            next = held;
        }
        next
    }

    /// Goes to `held` where the argument has one of the values, else to `next`.
    fn holds(&mut self, condition: &Condition, held: Place, mut next: Place) -> Place {
        let low = DATA_ARGS + 8 * condition.arg;
        for value in condition.values().rev() {
            let miss = next;
            next = self.jump_if(JUMP_EQUAL, value as u32, held, miss);
            if condition.bits == 64 {
                // The accumulator has 32 bits: each value loads both words.
                next = self.load_masked(low, condition.mask_low(), next);
                next = self.jump_if(JUMP_EQUAL, (value >> 32) as u32, next, miss);
                next = self.load_masked(low + 4, condition.mask_high(), next);
            }
        }
        if condition.bits == 32 {
            next = self.load_masked(low, condition.mask_low(), next);
        }
        next
    }

    fn load_masked(&mut self, offset: u32, mask: Option<u32>, mut next: Place) -> Place {
        if let Some(mask) = mask {
            next = self.before(next, AND, mask);
        }
        self.before(next, LOAD, offset)
    }

    /// An instruction that goes on at `next`.
    fn before(&mut self, next: Place, code: u16, k: u32) -> Place {
        if self.distance(next) > 0 {
            self.jump(next);
        }
        self.push(sock_filter { code, jt: 0, jf: 0, k })
    }

    fn jump_if(&mut self, code: u16, k: u32, mut yes: Place, mut no: Place) -> Place {
        // A jump over the bounds goes by way of an unconditional one, which has none. The second
        // may push the first target out of reach, so both leave room for it.
        if self.distance(yes) >= REACH {
            yes = self.jump(yes);
        }
        if self.distance(no) >= REACH {
            no = self.jump(no);
        }
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(sock_filter { code, jt, jf, k })
    }

    fn jump(&mut self, target: Place) -> Place {
        let k = self.distance(target) as u32;
        self.push(sock_filter { code: JUMP, jt: 0, jf: 0, k })
    }

    /// A return, shared with those before while they are near.
    fn answer(&mut self, verdict: u32) -> Place {
        let near = self.code.len().saturating_sub(SHARED_WITHIN);
        let same = |step: &sock_filter| step.code == RETURN && step.k == verdict;
        match self.code.iter().skip(near).position(same) {
            Some(at) => near + at,
            None => self.push(sock_filter { code: RETURN, jt: 0, jf: 0, k: verdict }),
        }
    }

    /// How many instructions the next one would jump over to reach `target`.
    fn distance(&self, target: Place) -> usize {
        self.code.len() - 1 - target
    }

    fn push(&mut self, step: sock_filter) -> Place {
        self.code.push(step);
        self.code.len() - 1
    }
}

fn verdict(action: Action) -> u32 {
    match action.errno() {
        None => libc::SECCOMP_RET_ALLOW,
        Some(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
    }
}
