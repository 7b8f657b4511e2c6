//! The seeded engine, on stable Rust: the kept corpus first, then changes of it, and of what took a
//! new way. `GOZO_FUZZ_CPU_SECONDS` says how long (2 without it; of all threads together),
//! `GOZO_FUZZ_SEED` from where: each thread has a seed of its own and a pool of its own.

use super::mutate::{mutate, Random};
use super::{hear, Trace};
use rustix::time::{clock_gettime, ClockId};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const CPU_SECONDS: u64 = 2;
const THREADS: u32 = 2;
const SEED: u64 = 4;
const POOL_MAX: usize = 4096;
const SLOW: Duration = Duration::from_secs(2);

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/fuzz/launcher");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?))).collect()
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn cpu_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// Hears one input; one that breaks a promise, or takes too long, is saved and named.
fn heard(bytes: &[u8]) -> Trace {
    let began = Instant::now();
    let trace = std::panic::catch_unwind(|| hear(bytes)).ok().filter(|_| began.elapsed() < SLOW);
    trace.unwrap_or_else(|| {
        let name = format!("gozo-fuzz-{:?}.bin", std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        let saved = std::fs::write(&path, bytes);
        unreachable!("an input broke the launcher's promises: {} {saved:?}", path.display())
    })
}

#[test]
fn the_kept_corpus_breaks_no_promise() {
    let corpus = corpus();
    assert!(corpus.len() >= 10, "the corpus was not read");
    let ways: HashSet<Trace> = corpus.iter().map(|(_, bytes)| heard(bytes)).collect();
    // Inputs that all go the same way would keep nothing.
    assert!(ways.len() * 2 > corpus.len(), "{} ways of {} inputs", ways.len(), corpus.len());
}

/// What one thread did.
struct Done {
    executions: u64,
    cpu: Duration,
    ways: HashSet<Trace>,
}

/// Changes inputs for so long, by this thread's CPU time.
fn change(seed: u64, end: Duration) -> Done {
    let mut random = Random(seed);
    let mut pool: Vec<Vec<u8>> = corpus().into_iter().map(|(_, bytes)| bytes).collect();
    let mut ways: HashSet<Trace> = pool.iter().map(|bytes| heard(bytes)).collect();
    let (began, mut executions) = (cpu_time(), 0);
    while cpu_time() - began < end {
        for _ in 0..64 {
            let (first, second) = (random.below(pool.len()), random.below(pool.len()));
            let pick = |at: usize| pool.get(at).map_or(&[][..], |bytes| bytes);
            let changed = mutate(pick(first), pick(second), &mut random);
            executions += 1;
            if ways.insert(heard(&changed)) {
                if pool.len() < POOL_MAX {
                    pool.push(changed);
                } else if let Some(place) = pool.get_mut(first) {
                    *place = changed;
                }
            }
        }
    }
    Done { executions, cpu: cpu_time() - began, ways }
}

#[test]
fn no_changed_input_breaks_a_promise() {
    let end = Duration::from_secs(number("GOZO_FUZZ_CPU_SECONDS", CPU_SECONDS));
    let seed = number("GOZO_FUZZ_SEED", SEED);
    let all: Vec<Done> = std::thread::scope(|scope| {
        let seeds = seed..seed + u64::from(THREADS);
        let threads: Vec<_> =
            seeds.map(|seed| scope.spawn(move || change(seed, end / THREADS))).collect();
        let told = |_| unreachable!("the thread has said what broke");
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(told)).collect()
    });
    let executions: u64 = all.iter().map(|done| done.executions).sum();
    let seconds: f64 = all.iter().map(|done| done.cpu.as_secs_f64()).sum();
    let ways: HashSet<&Trace> = all.iter().flat_map(|done| &done.ways).collect();
    println!(
        "fuzz: {executions} executions in {seconds:.1} CPU s of {THREADS} threads, seeds from \
         {seed}, {} ways",
        ways.len()
    );
    assert!(seconds >= end.as_secs_f64(), "all of the time was used");
    assert!(ways.len() > 100, "only {} ways were taken", ways.len());
}
