//! The launch protocol: frames, messages and the list of setup steps.

pub mod frame;
#[cfg(test)]
mod golden;
pub mod input;
pub mod interactive;
pub mod message;
pub mod pool;
pub mod steps;
