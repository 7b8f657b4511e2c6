//! What a client wants to be kept ready, and what is: the payloads of `pool` and `pool_ok`.

use crate::child::plan::check_limits;
use crate::protocol::message::{ErrorCode, Limits};
use serde::{Deserialize, Serialize};

/// packages/sandbox/src/backend.ts has these too.
const LINES_MAX: usize = 128;
const COUNT_MAX: usize = 64;
const ARGS_MAX: usize = 64;

/// Sandboxes for requests like this one.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Keep {
    pub recipe: String,
    /// The first arguments of such a request, as many as its recipe's boot takes.
    #[serde(default)]
    pub args: Vec<String>,
    /// For a request that keeps its output.
    #[serde(default)]
    pub keep: bool,
    pub count: usize,
    pub limits: Limits,
}

/// What there is for one `Keep`, in the same order.
#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq, Eq)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Kept {
    pub ready: usize,
    /// So many of these started from a template (docs/adr/0054).
    #[serde(default)]
    pub templated: usize,
    /// Of these together.
    pub memory_kb: u64,
}

/// # Errors
/// `PROTOCOL` for what is no order or one too long, `LIMIT` for a limit above its ceiling.
pub fn read_order(payload: &[u8], cores: u64) -> Result<Vec<Keep>, (ErrorCode, String)> {
    let protocol = |message: String| (ErrorCode::Protocol, message);
    let lines: Vec<Keep> =
        serde_json::from_slice(payload).map_err(|error| protocol(error.to_string()))?;
    if lines.len() > LINES_MAX {
        return Err(protocol(format!("an order has at most {LINES_MAX} lines")));
    }
    for line in &lines {
        check_limits(&line.limits, cores)?;
        if line.count > COUNT_MAX || line.args.len() > ARGS_MAX {
            return Err(protocol(format!(
                "a line of an order has at most {COUNT_MAX} sandboxes, {ARGS_MAX} arguments"
            )));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    fn line(count: usize, args: usize) -> Value {
        let limits = Limits {
            wall_time_ms: 1,
            cpu_time_ms: 1,
            memory_kb: 1024,
            stack_kb: 64,
            cpus: 1,
            disk_kb: 64,
            processes: 1,
            open_files: 8,
            ..Limits::default()
        };
        json!({ "recipe": "a", "args": vec!["x"; args], "count": count, "limits": limits })
    }

    fn read(lines: &[Value]) -> Result<usize, ErrorCode> {
        let payload = serde_json::to_vec(lines).unwrap_or_default();
        read_order(&payload, 2).map(|lines| lines.len()).map_err(|(code, _)| code)
    }

    #[test]
    fn an_order_has_its_bounds() {
        assert_eq!(read(&[]), Ok(0));
        assert_eq!(read(&[line(COUNT_MAX, ARGS_MAX)]), Ok(1));
        assert_eq!(read(&vec![line(1, 0); LINES_MAX]), Ok(LINES_MAX));
        assert_eq!(read(&vec![line(1, 0); LINES_MAX + 1]), Err(ErrorCode::Protocol));
        assert_eq!(read(&[line(COUNT_MAX + 1, 0)]), Err(ErrorCode::Protocol));
        assert_eq!(read(&[line(1, ARGS_MAX + 1)]), Err(ErrorCode::Protocol));
        assert_eq!(read_order(b"{}", 2).map_err(|(code, _)| code), Err(ErrorCode::Protocol));
        let mut high = line(1, 0);
        high["limits"]["cpus"] = json!(3);
        assert_eq!(read(&[high]), Err(ErrorCode::Limit));
    }
}
