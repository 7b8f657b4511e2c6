//! What a `start` asks for, checked against the launcher's own bounds before anything is made for
//! it: pure, so that it can be fuzzed (fuzz/mod.rs).

use crate::child::plan::check_limits;
use crate::confine::packs::is_digest;
use crate::protocol::message::{DataSet, ErrorCode, Start, Words};

const GLOBS_MAX: usize = 64;
const GLOB_BYTES_MAX: usize = 1024;
/// packages/contract/src/data.ts has both too.
const DATA_MAX: usize = 16;
const DATA_NAME_BYTES_MAX: usize = 64;

/// # Errors
/// `PROTOCOL` for words that are none or too many, `LIMIT` for a limit above its ceiling.
pub fn understand(start: &Start, payload: &[u8], cores: u64) -> Result<Words, (ErrorCode, String)> {
    let words: Words = if payload.is_empty() {
        Words::default()
    } else {
        serde_json::from_slice(payload).map_err(|error| (ErrorCode::Protocol, error.to_string()))?
    };
    check_limits(&start.limits, cores)?;
    let fine = |glob: &String| glob.len() <= GLOB_BYTES_MAX;
    if words.artifacts.len() > GLOBS_MAX || !words.artifacts.iter().all(fine) {
        return Err((ErrorCode::Protocol, "too many or too long globs".to_string()));
    }
    check_data(&start.data)?;
    Ok(words)
}

/// Names are folders of /data: small letters, digits, and `.`, `_`, `-` between them.
fn check_data(sets: &[DataSet]) -> Result<(), (ErrorCode, String)> {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = |name: &[u8]| {
        name.len() <= DATA_NAME_BYTES_MAX
            && name.first().is_some_and(is_plain)
            && name.last().is_some_and(is_plain)
            && name.iter().all(|byte| is_plain(byte) || b"._-".contains(byte))
    };
    let refused = |message: String| Err((ErrorCode::Protocol, message));
    if sets.len() > DATA_MAX {
        return refused(format!("more than {DATA_MAX} data sets"));
    }
    for (at, DataSet { name, digest }) in sets.iter().enumerate() {
        let is_new = !sets.iter().take(at).any(|other| other.name == *name);
        if !is_new || !is_name(name.as_bytes()) || !is_digest(digest) {
            return refused(format!("{name:?} is no data set, or stands there twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(names: &[&str]) -> Vec<DataSet> {
        let digest = "a".repeat(64);
        names
            .iter()
            .map(|name| DataSet { name: name.to_string(), digest: digest.clone() })
            .collect()
    }

    #[test]
    fn a_name_is_one_folder_and_stands_there_once() {
        let longest = "n".repeat(DATA_NAME_BYTES_MAX);
        assert!(check_data(&sets(&["iris", "a", "v1.2_x-y", &longest])).is_ok());
        for name in ["", ".", "..", "a/b", "/a", "A", "a ", "-a", "a.", "a\0b", "\u{e4}"] {
            assert!(check_data(&sets(&[name])).is_err(), "{name:?}");
        }
        assert!(check_data(&sets(&[&format!("{longest}n")])).is_err());
        assert!(check_data(&sets(&["iris", "iris"])).is_err());
        let names: Vec<String> = (0..=DATA_MAX).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(check_data(&sets(&names)).is_err());
        assert!(check_data(&sets(names.get(1..).unwrap_or_default())).is_ok());
        let path = DataSet { name: "iris".into(), digest: format!("../{}", "a".repeat(61)) };
        assert!(check_data(&[path]).is_err());
    }
}
