//! The launch protocol: frames, messages and the list of setup steps.

pub mod frame;
pub mod message;
pub mod steps;
