//! Everything between a request and its end: starting a sandbox, holding its clocks, judging how
//! it ended, and what all sandboxes of one launcher share.

pub mod context;
pub mod daemon;
pub mod data;
pub mod descriptors;
pub mod judge;
pub mod launch;
pub mod network;
pub mod parked;
pub mod recipes;
pub mod running;
pub mod slots;
pub mod spares;
pub mod terminal;
mod watch;
