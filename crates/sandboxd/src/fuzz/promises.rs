//! What the launcher relies on behind its checks, said a second time and in other words.

use super::Trace;
use crate::child::orders::{encode, Orders};
use crate::child::plan::Plan;
use crate::confine::rlimits;
use crate::protocol::frame::{first_frame, HEADER_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::protocol::message::{Limits, Recipe};
use crate::workspace::{segments, split, Glob};
use rustix::fs::{memfd_create, MemfdFlags};
use std::ffi::CString;
use std::os::fd::AsFd;
use std::path::Path;

const MATCH_STEPS: u64 = 20_000;

/// One byte carries it, and neither "all of them" nor a crash can be asked for.
pub fn signal_is_one(number: i32, trace: &mut Trace) {
    let crashes = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];
    assert!((1..32).contains(&number) && !crashes.contains(&number), "signal {number}");
    trace.note(32);
}

pub fn whole_frame(rest: &[u8], taken: usize) {
    assert!(taken > 8 && taken <= rest.len());
    assert!(taken <= 8 + HEADER_BYTES_MAX + PAYLOAD_BYTES_MAX);
}

/// Bytes that come in two parts mean what they mean at once.
pub fn no_frame_is_seen_too_early(bytes: &[u8]) {
    let whole = first_frame(bytes);
    let middle = bytes.get(..bytes.len() / 2).unwrap_or_default();
    match first_frame(middle) {
        Ok(None) => {}
        other => assert!(other == whole),
    }
}

/// A root is the host's, or one folder below the launcher's own packs: no name that passes leads
/// anywhere else, and without packs there is the host's alone.
pub fn root_is_of_our_own(recipe: &Recipe, serves_packs: bool) {
    let name = recipe.rootfs.as_str();
    let below = Path::new("/packs/trees").join(name);
    let is_folder_of_packs = below.parent() == Some(Path::new("/packs/trees"))
        && below.file_name().is_some_and(|last| last == name)
        && name.chars().all(|letter| letter.is_ascii_digit() || ('a'..='f').contains(&letter))
        && name.chars().count() == 64;
    assert!(name == "host" || serves_packs && is_folder_of_packs);
    assert!(recipe.command.first().is_some_and(|program| program.starts_with('/')));
}

pub fn file_stays_below(path: &str, trace: &mut Trace) {
    let Ok((folders, name)) = split(path) else { return trace.note(80) };
    trace.note(81 + folders.len().min(2) as u64);
    for part in folders.iter().chain([&name]) {
        assert!(!part.is_empty() && *part != "." && *part != "..");
        assert!(!part.contains('/') && CString::new(*part).is_ok() && part.len() < 256);
    }
    assert!(folders.len() < 16);
}

pub fn limits_are_within_ceilings(limits: &Limits, cores: u64) {
    const TEN_MINUTES_MS: u64 = 10 * 60 * 1000;
    assert!((1..=TEN_MINUTES_MS).contains(&limits.wall_time_ms));
    assert!((1..=TEN_MINUTES_MS).contains(&limits.cpu_time_ms));
    assert!(limits.memory_kb >= 512 && limits.memory_kb.checked_mul(1024).is_some());
    assert!(limits.stack_kb <= 1 << 20 && limits.disk_kb <= 1 << 20 && limits.file_kb <= 1 << 20);
    assert!((1..=cores).contains(&limits.cpus));
    assert!(limits.output_kb <= 256 << 10);
    assert!((1..=512).contains(&limits.processes));
    assert!((8..=4096).contains(&limits.open_files));
    let asked = rlimits::asked(limits, true).map(|(_, _, value)| value);
    assert!(asked.iter().all(|value| *value <= 1 << 30));
}

/// No pattern takes more than its budget, whatever it is matched against.
pub fn globs_end(globs: &[String]) {
    for glob in globs.iter().take(8) {
        let mut budget = MATCH_STEPS;
        let glob = Glob::new(glob);
        for path in ["a", "out/plot.png", "a/b/c/d/e/f", "\u{e9}t\u{e9}/\u{1f600}[x]"] {
            let _ = glob.matches(&segments(path), &mut budget);
            assert!(budget <= MATCH_STEPS);
        }
    }
}

pub fn plan_is_bounded(plan: &Plan, recipe: &Recipe) {
    let (argv, envp) = (&plan.argv, &plan.envp);
    assert!(argv.len() >= recipe.command.len() && argv.len() <= 4096 && envp.len() <= 4096);
    assert!(argv.first().is_some_and(|program| program.to_bytes().starts_with(b"/")));
    for list in [argv, envp] {
        assert!(list.iter().map(|text| text.to_bytes_with_nul().len()).sum::<usize>() <= 512 << 10);
    }
}

/// What the payload reads is what the launcher wrote.
pub fn orders_arrive(plan: &Plan, cores: u64) {
    let Ok(file) = memfd_create("fuzz", MemfdFlags::CLOEXEC) else { return };
    let bytes = encode(plan, cores, true);
    assert!(rustix::io::write(&file, &bytes) == Ok(bytes.len()));
    let mut orders = Orders::room();
    assert!(orders.read(file.as_fd()).is_ok());
    assert!(orders.argv().len() == plan.argv.len() + 1);
    assert!(orders.envp().len() == plan.envp.len() + 1);
    assert!(plan.argv.first().is_some_and(|program| program.to_bytes() == orders.program()));
    let values = rlimits::asked(&plan.limits, true).map(|(_, _, value)| value);
    assert!(orders.rlimits() == values);
    for here in [0, cores as usize - 1, 1000] {
        assert!(u64::from(orders.cpus(here).count()) == plan.limits.cpus);
    }
}
