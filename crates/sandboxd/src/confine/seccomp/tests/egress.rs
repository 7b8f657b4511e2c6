//! The policies of the egress process.

use super::*;

const EGRESS: [(&str, &str, Number); 2] = [
    (
        "x86_64",
        include_str!("../../../../policies/seccomp/egress-x86_64.json"),
        syscalls_x86_64::number,
    ),
    (
        "aarch64",
        include_str!("../../../../policies/seccomp/egress-aarch64.json"),
        syscalls_aarch64::number,
    ),
];

#[test]
fn the_egress_process_copies_bytes_and_does_nothing_else() -> Result<(), String> {
    let (allow, away) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_ERRNO | 97);
    let rows: [(&str, [u64; 3], u32); 22] = [
        ("read", [0; 3], allow),
        ("connect", [0; 3], allow),
        ("accept4", [0; 3], allow),
        ("socket", [2, 0x80001, 0], allow),
        ("socket", [10, 0x80802, 0], allow),
        ("socket", [16, 0x80002, 0], allow),
        ("socket", [1, 1, 0], away),
        ("socket", [2, 3, 0], away),
        ("socket", [2, 1, 262], away),
        ("socket", [16, 2, 9], away),
        ("socket", [17, 2, 0], away),
        ("clone", [0x3d0f00, 0, 0], allow),
        ("clone", [0x11, 0, 0], EPERM),
        ("clone3", [0; 3], ENOSYS),
        ("ioctl", [3, 0x5421, 0], allow),
        ("ioctl", [3, 0x5412, 0], EPERM),
        ("openat", [0; 3], EPERM),
        ("execve", [0; 3], EPERM),
        ("listen", [0; 3], EPERM),
        ("kill", [0; 3], EPERM),
        ("setns", [0; 3], EPERM),
        ("prctl", [0; 3], EPERM),
    ];
    for (machine, text, number) in EGRESS {
        let policy = Policy::parse(text)?;
        let program = compile(&policy, number)?;
        for (name, [first, second, third], expected) in rows {
            let args = [first, second, third, 0, 0, 0];
            let number = number(name).ok_or_else(|| format!("{name} on {machine}"))?;
            let call = Call { arch: policy.audit_arch()?, number, args };
            assert_eq!(interpret(&program, &call), Ok(expected), "{machine} {name} {args:x?}");
        }
    }
    Ok(())
}
