//! Loaded into an interpreter that is booted ahead of requests (docs/adr/0054). Preloaded into a
//! template it writes the process's state into a file in memory where the interpreter would wait
//! for its first request; in every later sandbox, where it is loaded before any library (docs/adr/
//! 0103), it puts this state in place of the process's own. All of that happens inside of a sandbox
//! that is confined already, with nothing but its own rights.
//!
//! No allocation and no library: most of the time there is none that could be called.

// Elsewhere it is empty, and nothing is preloaded; so it is where a test is built, which has std.
#![cfg_attr(all(target_arch = "x86_64", not(test)), no_std)]

#[cfg(all(target_arch = "x86_64", not(test)))]
mod begin;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod heap;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod image;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod restore;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod save;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod sys;
#[cfg(all(target_arch = "x86_64", not(test)))]
mod text;
