//! The messages of the launch protocol (docs/reference/launch-protocol.md).

use crate::egress::target::Target;
use crate::egress::words::{Account, Caps};
use crate::protocol::interactive::{Interactive, SignalName, Size};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const VERSION: u32 = 1;

/// What a client may say.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    Hello {
        version: u32,
    },
    Recipe {
        digest: String,
        recipe: Box<Recipe>,
    },
    Diagnose {},
    /// What to keep ready; which, says the payload (pool.rs).
    Pool {
        age_ms: u64,
    },
    Start(Box<Start>),
    File(FileHeader),
    Stdin {},
    StdinEnd {},
    /// To the process group of a program that is talked to, and the size of its terminal.
    Signal {
        signal: SignalName,
    },
    Resize(Size),
}

/// What the launcher knows of a stage ahead of any request.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Recipe {
    pub rootfs: String,
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// How its runtime is booted ahead of a request, where it can be.
    pub boot: Option<Boot>,
}

impl Recipe {
    /// Whether what is booted can take on this environment.
    pub fn boot_serves(&self, env: &BTreeMap<String, String>) -> bool {
        let kept = self.boot.as_ref().map_or(&[][..], |boot| &boot.keeps_env);
        !env.keys().any(|name| kept.iter().any(|kept| is_of(name, kept)))
    }
}

/// Whether a variable is this one, or, with a star at the end, one of those that begin so.
fn is_of(name: &str, kept: &str) -> bool {
    kept.strip_suffix('*').map_or(name == kept, |begin| name.starts_with(begin))
}

/// A runtime that starts before its request comes, and waits where it would read the program.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Boot {
    /// The first arguments of the request that it is booted for follow: so many.
    pub command: Vec<String>,
    pub args: usize,
    /// Which of these names the program's file, where the runtime opens that before it waits.
    pub opens: Option<usize>,
    /// What this file holds meanwhile; absent: nothing.
    pub blank: Option<String>,
    pub env: BTreeMap<String, String>,
    /// It can't take on another environment: a request with one starts cold.
    #[serde(default)]
    pub keeps_env: Vec<String>,
    /// It can be told no arguments but the first `args`: a request with more starts cold.
    #[serde(default)]
    pub keeps_args: bool,
    /// It makes the file `ready` there when it waits; until then it is given to nobody.
    #[serde(default)]
    pub says_ready: bool,
    /// Its state can be kept, and others started from it.
    #[serde(default)]
    pub template: bool,
    /// It is stopped there, with nothing of ours in it; it can be told nothing.
    pub holds: Option<Hold>,
    /// Of the file below `BOOT_FOLDER` that makes it wait. It removes itself.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub program: String,
}

impl Boot {
    /// Whether the arguments that it was started with are all that it can have.
    pub fn hears_no_more(&self) -> bool {
        self.holds.is_some() || self.keeps_args
    }
}

/// The call of its start that a runtime is held at.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// getuid(2).
    Getuid,
    /// The first that names the file of its program, by the argument `opens`.
    Program,
}

#[derive(Debug, Deserialize, PartialEq)]
pub struct Start {
    pub id: String,
    pub recipe: String,
    pub limits: Limits,
    pub layer: Option<String>,
    #[serde(default)]
    pub keep: bool,
    pub network: Option<Network>,
    #[serde(default)]
    pub data: Vec<DataSet>,
    /// It is talked to while it runs.
    pub interactive: Option<Interactive>,
}

/// A tree of the launcher's own packs that the program finds at /data/<name>.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct DataSet {
    pub name: String,
    pub digest: String,
}

/// What the program may connect to, and how much.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Network {
    pub allow: Vec<Target>,
    pub caps: Caps,
}

/// The payload of the `end` of a sandbox with a network is a list of these.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Connection {
    pub host: String,
    pub port: u16,
    #[serde(flatten)]
    pub account: Account,
}

/// The payload of `start`: what may be longer than a header.
#[derive(Debug, Default, Deserialize, PartialEq)]
pub struct Words {
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub artifacts: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
pub struct FileHeader {
    pub path: String,
    #[serde(default)]
    pub executable: bool,
    #[serde(default)]
    pub append: bool,
}

/// Milliseconds, and KiB of 1,024 bytes (docs/reference/limits.md).
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub wall_time_ms: u64,
    pub cpu_time_ms: u64,
    pub memory_kb: u64,
    pub stack_kb: u64,
    pub cpus: u64,
    pub output_kb: u64,
    pub disk_kb: u64,
    pub file_kb: u64,
    pub processes: u64,
    pub open_files: u64,
}

/// What the launcher says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply<'a> {
    Hello {
        version: u32,
        launcher: &'a str,
    },
    RecipeOk {
        digest: &'a str,
    },
    PoolOk {},
    Started {
        prepare_us: u64,
        prepared: bool,
    },
    Output {
        stream: Stream,
        time_us: u64,
    },
    /// So much of its input the program has taken, in all.
    Taken {
        bytes: u64,
    },
    Artifact {
        path: &'a str,
        bytes: u64,
        more: bool,
    },
    End(&'a End),
    Error {
        code: ErrorCode,
        message: &'a str,
    },
}

#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrorCode {
    Version,
    Protocol,
    Recipe,
    Limit,
    Path,
    Layer,
    Busy,
    Network,
}

#[derive(Debug, Serialize)]
pub struct End {
    pub outcome: Outcome,
    pub usage: Usage,
    pub limits_hit: Vec<LimitName>,
    pub truncated: Truncated,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
}

/// How the command ended; the launcher decides once.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    Exited { exit_code: i32 },
    Signalled { signal: String },
    LimitExceeded { limit: LimitName, exit_code: Option<i32>, signal: Option<String> },
    Cancelled,
    SetupFailed { step: &'static str, errno: String },
}

#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    WallTimeMs,
    CpuTimeMs,
    MemoryKb,
    OutputKb,
    DiskKb,
    FileKb,
    Processes,
}

#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq, Eq)]
pub struct Usage {
    pub wall_us: u64,
    pub cpu_us: u64,
    pub memory_kb: u64,
    pub stdout_bytes: u64,
    pub stderr_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq, Eq)]
pub struct Truncated {
    pub stdout: bool,
    pub stderr: bool,
    pub artifacts: bool,
}
