//! What launcher and egress process say to each other: JSON, one message a packet (unix(7),
//! SOCK_SEQPACKET). The listeners come with the order, as descriptors.

use super::target::Target;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

pub const WORD_BYTES_MAX: usize = 4096;
pub const ORDER_BYTES_MAX: usize = 32 * 1024;
/// What one sandbox may name; each is a listener (packages/contract/src/network.ts has it too).
pub const TARGETS_MAX: usize = 16;

/// The launcher's one message. After it, the end of its side means that the sandbox is over.
#[derive(Debug, Deserialize, Serialize)]
pub struct Order {
    /// Listener by listener, in the order of the descriptors.
    pub targets: Vec<Target>,
    pub caps: Caps,
    /// What the process becomes: a host uid that nobody else has.
    pub host_id: u32,
    /// An empty folder, to be its root.
    pub root: PathBuf,
}

/// Bounds of one sandbox's connections.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// All connections and both directions together.
    pub bytes_max: u64,
    /// From the first to the last; one more is cut and listed, and nobody listens after it.
    pub connections_max: u32,
    /// Of one connection, its dialling included.
    pub time_ms_max: u64,
}

#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum Word {
    /// It is confined and listens.
    Ready,
    /// It is not, and has ended.
    Failed {
        errno: i32,
    },
    Opened {
        number: u32,
        target: usize,
    },
    Closed {
        number: u32,
        account: Account,
    },
}

/// How one connection went.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Account {
    /// The one that was dialled, or refused.
    pub address: Option<IpAddr>,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub time_ms: u64,
    pub outcome: ConnectionOutcome,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionOutcome {
    /// Both sides said that they were done.
    Closed,
    /// One side broke it off.
    Reset,
    Unresolved,
    /// No address of the name is one that a sandbox may be connected to.
    AddressRefused,
    ConnectFailed,
    BytesLimit,
    ConnectionsLimit,
    TimeLimit,
    /// The sandbox was over before the connection was.
    Cancelled,
    /// The egress process ended under it.
    EgressLost,
}
