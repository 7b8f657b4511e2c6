//! A program that could not be executed: whose fault it is, and what its user is told. Between fork
//! and exec nothing is allocated.

/// Tells the user on the program's standard error, as a shell does. Gives the exit status then, 127
/// or 126; `None` where the program is the toolchain's and the failure therefore ours.
pub fn cannot_execute(program: &[u8], errno: i32) -> Option<i32> {
    if !is_programs_own(program, errno) {
        return None;
    }
    explain(program, errno);
    Some(if errno == libc::ENOENT { 127 } else { 126 })
}

/// A program below /work that can't be executed is what the user made; a toolchain is not.
fn is_programs_own(program: &[u8], errno: i32) -> bool {
    let usual = [libc::ENOENT, libc::EACCES, libc::ENOEXEC, libc::EISDIR, libc::ELOOP];
    // Arguments and environment are the request's, and so is the stack that bounds them.
    errno == libc::E2BIG || (program.starts_with(b"/work/") && usual.contains(&errno))
}

fn explain(program: &[u8], errno: i32) {
    let why: &[u8] = match errno {
        libc::ENOENT => b": no such file, or its interpreter is missing\n",
        libc::ENOEXEC => b": not a program\n",
        libc::EACCES => b": permission denied\n",
        libc::E2BIG => b": arguments and environment are too long for the stack limit\n",
        _ => b": not executable\n",
    };
    for part in [b"sandbox: cannot execute ", program, why] {
        let _ = rustix::io::write(rustix::stdio::stderr(), part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_made_is_theirs_and_a_toolchain_is_not() {
        let rows: [(&[u8], i32, bool); 5] = [
            (b"/work/a.out", libc::ENOENT, true),
            (b"/work/a.out", libc::ENOMEM, false),
            (b"/workshop/a.out", libc::ENOENT, false),
            (b"/usr/bin/python3", libc::EACCES, false),
            (b"/usr/bin/python3", libc::E2BIG, true),
        ];
        for (program, errno, expected) in rows {
            assert_eq!(is_programs_own(program, errno), expected, "{program:?} {errno}");
        }
    }
}
