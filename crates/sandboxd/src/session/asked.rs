//! What a `start` asks for, checked against the launcher's own bounds before anything is made for
//! it: pure, so that it can be fuzzed (fuzz/mod.rs).

use crate::child::plan::check_limits;
use crate::protocol::message::{ErrorCode, Start, Words};

const GLOBS_MAX: usize = 64;
const GLOB_BYTES_MAX: usize = 1024;

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
    Ok(words)
}
