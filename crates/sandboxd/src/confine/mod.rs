//! The layers of confinement, one file each, in the order of docs/architecture.md.

pub mod caches;
pub mod capabilities;
pub mod data;
pub mod etc;
pub mod landlock;
pub mod namespaces;
pub mod packs;
pub mod rlimits;
pub mod root;
pub mod rootfs;
pub mod roots;
pub mod seccomp;
pub mod template;
