//! The layers of confinement, one file each, in the order of docs/architecture.md.

pub mod capabilities;
pub mod etc;
pub mod landlock;
pub mod namespaces;
pub mod rlimits;
pub mod rootfs;
pub mod seccomp;
pub mod template;
