//! The compiled programs against the policies themselves, on an interpreter of classic BPF.

use super::policy::names;
use super::*;

mod egress;
mod faulty;

type Answer = Result<u32, String>;
type Number = fn(&str) -> Option<u32>;

const X86_64: &str = include_str!("../../../policies/seccomp/x86_64.json");
const AARCH64: &str = include_str!("../../../policies/seccomp/aarch64.json");
const MACHINES: [(&str, &str, Number); 2] =
    [("x86_64", X86_64, syscalls_x86_64::number), ("aarch64", AARCH64, syscalls_aarch64::number)];
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | 38;
const EPERM: u32 = libc::SECCOMP_RET_ERRNO | 1;

struct Call {
    arch: u32,
    number: u32,
    args: [u64; 6],
}

/// Runs a program as the kernel would; an error where the kernel would refuse to load it.
fn interpret(program: &[sock_filter], call: &Call) -> Answer {
    let (mut at, mut accumulator) = (0usize, 0u32);
    loop {
        let step = program.get(at).ok_or_else(|| format!("left the program at {at}"))?;
        at += 1;
        let branch = |taken: bool| usize::from(if taken { step.jt } else { step.jf });
        match step.code {
            LOAD => accumulator = word(call, step.k)?,
            AND => accumulator &= step.k,
            JUMP => at += step.k as usize,
            JUMP_EQUAL => at += branch(accumulator == step.k),
            JUMP_AT_LEAST => at += branch(accumulator >= step.k),
            JUMP_BITS => at += branch(accumulator & step.k != 0),
            RETURN => return Ok(step.k),
            code => return Err(format!("instruction {code:#x}")),
        }
    }
}

fn word(call: &Call, offset: u32) -> Answer {
    match offset {
        DATA_NUMBER => Ok(call.number),
        DATA_ARCH => Ok(call.arch),
        DATA_ARGS..64 if offset & 3 == 0 => {
            let arg = call.args[(offset - DATA_ARGS) as usize / 8];
            Ok((arg >> (offset % 8 * 8)) as u32)
        }
        _ => Err(format!("a load at {offset}")),
    }
}

/// What the policy says of a number, read from its words, without ranges, search or jumps.
fn entry(policy: &Policy, number: Number, nr: u32) -> Leaf<'_> {
    let named = |lines: &[String]| names(lines).any(|name| number(name) == Some(nr));
    let group = policy.groups.iter().find(|group| named(&group.syscalls));
    let check = policy.checks.iter().find(|check| named(&check.syscalls));
    let plain = Leaf::Always(group.map_or(policy.otherwise, |group| group.action));
    check.map_or(plain, Leaf::Check)
}

fn decide(leaf: Leaf, args: &[u64; 6]) -> u32 {
    let check = match leaf {
        Leaf::Always(action) => return verdict(action),
        Leaf::Check(check) => check,
    };
    let meets = |condition: &Condition| {
        let arg = args[condition.arg as usize];
        let seen = if condition.bits == 64 { arg } else { arg & 0xffff_ffff };
        let low = condition.mask_low().unwrap_or(u32::MAX);
        let high = condition.mask_high().filter(|_| condition.bits == 64).unwrap_or(u32::MAX);
        let masked = seen & (u64::from(high) << 32 | u64::from(low));
        condition.values().any(|value| value == masked)
    };
    let case = check.cases.iter().find(|case| case.when.iter().all(meets));
    verdict(case.map_or(check.otherwise, |case| case.action))
}

/// For each argument: the values the check speaks of, their neighbours, and the same with bits
/// set where the check must not look, or must.
fn interesting(leaf: Leaf, arg: u32) -> Vec<u64> {
    let mut values = vec![0, u64::MAX];
    let cases = if let Leaf::Check(check) = leaf { check.cases.as_slice() } else { &[] };
    let conditions = cases.iter().flat_map(|case| &case.when);
    for condition in conditions.filter(|condition| condition.arg == arg) {
        let outside = u64::from(!condition.mask_low().unwrap_or(u32::MAX));
        for value in condition.values() {
            values.extend([value, value + 1, value | outside, value ^ 0x8000_0000]);
            values.extend([value | 1 << 32, value | 1 << 63]);
        }
    }
    values.sort_unstable();
    values.dedup();
    values
}

/// Compares program and policy for one number and all combinations of interesting arguments.
fn compare(program: &[sock_filter], arch: u32, nr: u32, leaf: Leaf) -> Result<(), String> {
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|arg| interesting(leaf, arg));
    for &a in &first {
        for &b in &second {
            for (&c, &d) in third.iter().flat_map(|c| fourth.iter().map(move |d| (c, d))) {
                let args = [a, b, c, d, 0, 0];
                let answer = interpret(program, &Call { arch, number: nr, args });
                let expected = decide(leaf, &args);
                if answer != Ok(expected) {
                    return Err(format!("{nr} {args:x?}: {answer:x?}, not {expected:x}"));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_program_answers_as_the_policy_for_every_number_and_its_arguments() -> Result<(), String> {
    for (_, text, number) in MACHINES {
        let policy = Policy::parse(text)?;
        let program = compile(&policy, number)?;
        for nr in (0..1024).chain([0x3fff_ffff, 0x8000_0000, 0xbfff_ffff]) {
            compare(&program, policy.audit_arch()?, nr, entry(&policy, number, nr))?;
        }
    }
    Ok(())
}

#[test]
fn foreign_architectures_and_x32_kill() -> Result<(), String> {
    let policy = Policy::parse(X86_64)?;
    let program = compile(&policy, syscalls_x86_64::number)?;
    let run = |arch, number| interpret(&program, &Call { arch, number, args: [0; 6] });
    let arch = policy.audit_arch()?;
    assert_eq!(run(arch, 0), Ok(libc::SECCOMP_RET_ALLOW));
    assert_eq!(run(arch, 0x4000_0000), Ok(KILL));
    assert_eq!(run(arch, 0x4000_0000 | 520), Ok(KILL));
    assert_eq!(run(0x4000_0003, 0), Ok(KILL), "i386");
    assert_eq!(run(0xc000_00b7, 0), Ok(KILL), "aarch64");
    Ok(())
}

#[test]
fn what_the_threat_model_names_is_refused_so() -> Result<(), String> {
    let allow = libc::SECCOMP_RET_ALLOW;
    let errno = |errno: u32| libc::SECCOMP_RET_ERRNO | errno;
    let rows: [(&str, [u64; 3], u32); 41] = [
        ("clone3", [0; 3], ENOSYS),
        ("io_uring_setup", [0; 3], ENOSYS),
        ("a call of tomorrow", [0; 3], ENOSYS),
        ("mount", [0; 3], EPERM),
        ("unshare", [0; 3], EPERM),
        ("ptrace", [0; 3], EPERM),
        ("clone", [0x11, 0, 0], allow),
        ("clone", [0x3d0f00, 0, 0], allow),
        ("clone", [0x1000_0011, 0, 0], EPERM),
        ("clone", [0x0200_0011, 0, 0], EPERM),
        ("ioctl", [0, 0x5401, 0], allow),
        ("ioctl", [0, 0x5412, 0], EPERM),
        ("ioctl", [0, 0x5412 | 1 << 32, 0], EPERM),
        ("ioctl", [0, 0xae01, 0], errno(25)),
        ("ioctl", [0, 0x89a0, 0], errno(25)),
        ("ioctl", [0, 0x8933, 0], allow),
        ("fcntl", [0, 0x407, 0], EPERM),
        ("fcntl", [0, 0x410, 0], errno(22)),
        ("fcntl", [0, 1030, 0], allow),
        ("setsockopt", [0, 6, 38], errno(92)),
        ("setsockopt", [0, 0, 64], errno(92)),
        ("sendmsg", [0, 0, 1], errno(95)),
        ("socket", [1, 0x80801, 0], allow),
        ("socket", [2, 1, 6], allow),
        ("socket", [2, 1, 262], errno(93)),
        ("socket", [2, 3, 1], EPERM),
        ("socket", [16, 3, 0], allow),
        ("socket", [16, 3, 4], errno(97)),
        ("socket", [17, 3, 0x300], errno(97)),
        ("socket", [38, 5, 0], errno(97)),
        ("socket", [40, 1, 0], errno(97)),
        ("prctl", [22, 2, 0], errno(22)),
        ("prctl", [15, 0, 0], allow),
        ("prctl", [0x5356_4d41, 1 << 32, 0], errno(22)),
        ("fchmodat", [0, 0, 0o4755], EPERM),
        ("fchmodat", [0, 0, 0o1777], allow),
        ("mknodat", [0, 0, 0o20666], EPERM),
        ("mknodat", [0, 0, 0o10666], allow),
        ("sched_setscheduler", [0, 1 | 0x4000_0000, 0], EPERM),
        ("setresuid", [1000, 0xffff_ffff, 0], EPERM),
        ("sync", [0; 3], errno(0)),
    ];
    for (machine, text, number) in MACHINES {
        let policy = Policy::parse(text)?;
        let program = compile(&policy, number)?;
        let arch = policy.audit_arch()?;
        for (name, [first, second, third], expected) in rows {
            let args = [first, second, third, 0, 0, 0];
            let call = Call { arch, number: number(name).unwrap_or(600), args };
            assert_eq!(interpret(&program, &call), Ok(expected), "{machine} {name} {args:x?}");
        }
    }
    Ok(())
}

#[test]
fn the_launcher_can_start_the_program_and_say_why_not() -> Result<(), String> {
    for (_, text, number) in MACHINES {
        let policy = Policy::parse(text)?;
        let program = compile(&policy, number)?;
        for name in ["execve", "execveat", "write", "close", "exit_group"] {
            let nr = number(name).ok_or(name)?;
            let call = Call { arch: policy.audit_arch()?, number: nr, args: [u64::MAX; 6] };
            assert_eq!(interpret(&program, &call), Ok(libc::SECCOMP_RET_ALLOW), "{name}");
        }
    }
    Ok(())
}

#[test]
fn the_architectures_differ_only_in_calls_that_one_of_them_lacks() -> Result<(), String> {
    let (x86, arm) = (Policy::parse(X86_64)?, Policy::parse(AARCH64)?);
    let groups = |policy: &Policy, name: &str| {
        let has = |lines: &[String]| names(lines).any(|known| known == name);
        let group = policy.groups.iter().find(|group| has(&group.syscalls));
        (group.map(|group| group.action), policy.checks.iter().any(|check| has(&check.syscalls)))
    };
    for &(name, _) in syscalls_aarch64::NUMBERS {
        assert_eq!(groups(&x86, name), groups(&arm, name), "{name}");
    }
    Ok(())
}

#[test]
fn tables_are_sorted_and_hold_nothing_the_policy_does_not_name() -> Result<(), String> {
    let tables = [syscalls_x86_64::NUMBERS, syscalls_aarch64::NUMBERS];
    for ((machine, text, _), table) in MACHINES.into_iter().zip(tables) {
        let policy = Policy::parse(text)?;
        assert_eq!(policy.architecture, machine);
        assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0), "{machine}");
        let lines = policy.groups.iter().map(|group| &group.syscalls);
        let lines = lines.chain(policy.checks.iter().map(|check| &check.syscalls));
        assert_eq!(lines.flat_map(|lines| names(lines)).count(), table.len(), "{machine}");
    }
    Ok(())
}

/// Checks around 255 instructions, the reach of a conditional jump, with both targets behind them.
#[test]
fn long_programs_jump_as_far_as_they_must() -> Result<(), String> {
    let values = |from: u32, to: u32| {
        let values = (from..to).map(|value| format!("\"v{value}\": \"{value:#x}\""));
        format!(r#"{{ "arg": 0, "any_of": {{ {} }} }}"#, values.collect::<Vec<_>>().join(", "))
    };
    for length in 248..260 {
        let text = format!(
            r#"{{ "architecture": "test", "audit_arch": "0x1", "otherwise": "ENOSYS",
            "groups": [{{ "reason": [], "action": "allow", "syscalls": ["1"] }}],
            "checks": [{{ "reason": [], "syscalls": ["0", "2"], "otherwise": "EPERM",
            "cases": [{{ "when": [{}, {}], "action": "allow" }}] }}] }}"#,
            values(2, 5),
            values(0, length)
        );
        let policy = Policy::parse(&text)?;
        let number: Number = |name| name.parse().ok();
        let program = compile(&policy, number)?;
        for nr in 0..4 {
            compare(&program, 1, nr, entry(&policy, number, nr))?;
        }
    }
    Ok(())
}
