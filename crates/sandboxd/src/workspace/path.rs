//! Which names of a request can be files below /work: pure, so that it can be fuzzed.

use rustix::io::Errno;

const SEGMENT_BYTES_MAX: usize = 255;
pub const DEPTH_MAX: usize = 16;

/// The folders on the way and the file's own name.
///
/// # Errors
/// `EINVAL` for what could lead elsewhere: empty, `.`, `..`, a NUL, too long, too deep.
pub fn split(path: &str) -> Result<(Vec<&str>, &str), Errno> {
    let mut segments: Vec<&str> = path.split('/').take(DEPTH_MAX + 1).collect();
    let fine = |part: &&str| {
        !part.is_empty() && *part != "." && *part != ".." && part.len() <= SEGMENT_BYTES_MAX
    };
    if segments.len() > DEPTH_MAX || !segments.iter().all(fine) || path.contains('\0') {
        return Err(Errno::INVAL);
    }
    let name = segments.pop().ok_or(Errno::INVAL)?;
    Ok((segments, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        let long = "x".repeat(SEGMENT_BYTES_MAX + 1);
        let deep = vec!["d"; DEPTH_MAX + 1].join("/");
        for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0", &long, &deep] {
            assert_eq!(split(path), Err(Errno::INVAL), "{path}");
        }
        let deepest = vec!["d"; DEPTH_MAX].join("/");
        for path in ["a", "a/b", "...", "..a", "a b", &long[1..], &deepest] {
            assert!(split(path).is_ok(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_was_said(path in "[a./\0]{0,40}") {
            if let Ok((mut parts, name)) = split(&path) {
                parts.push(name);
                prop_assert!(!parts.contains(&".."));
                prop_assert_eq!(parts.join("/"), path.as_str());
            }
        }
    }
}
