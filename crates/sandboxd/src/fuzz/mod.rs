//! The launcher's input, fuzzed: arbitrary bytes as what a connection says, through frames,
//! messages and every check, to the plan of a sandbox. Nothing is launched, nothing needs a
//! privilege. Two engines call `hear`: the seeded one of `cargo test` (engine.rs), and libFuzzer
//! (../../fuzz).

#[cfg(test)]
mod engine;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mutate;
mod promises;

use crate::child::plan::Plan;
use crate::protocol::frame::{append_frame, first_frame};
use crate::protocol::input::first_input;
use crate::protocol::message::{ErrorCode, Recipe, Reply, Request, Start, Words};
use crate::protocol::pool::read_order;
use crate::session::asked::understand;
use crate::session::shortened;
use crate::supervise::recipes::Recipes;

const CORES: u64 = 4;

/// Hears a whole connection out, in whatever order its messages come: what the order refuses
/// in the launcher is looked at here too.
///
/// # Panics
/// Where a check let something pass that the launcher relies on (promises.rs).
pub fn hear(bytes: &[u8]) -> Trace {
    let mut trace = Trace::default();
    // Of a launcher that serves packs, and of one that was told of none.
    let mut books = [Recipes::new(true), Recipes::new(false)];
    let mut rest = bytes;
    loop {
        let input = match first_input(rest) {
            Ok(Some(input)) => input,
            Ok(None) => break,
            Err(message) => {
                trace.refused(ErrorCode::Protocol, &message);
                break;
            }
        };
        promises::whole_frame(rest, input.taken);
        trace.note(u64::from(input.payload.is_empty()));
        match input.request {
            Request::Hello { version } => trace.note(10 + u64::from(version == 1)),
            Request::Diagnose {} => trace.note(20),
            Request::Pool { .. } => order(input.payload, &mut trace),
            Request::Stdin {} => trace.note(30),
            Request::StdinEnd {} => trace.note(31),
            Request::Signal { signal } => promises::signal_is_one(signal.number(), &mut trace),
            Request::Resize(_) => trace.note(33),
            Request::Recipe { digest, recipe } => learn(&mut books, &digest, &recipe, &mut trace),
            Request::File(file) => promises::file_stays_below(&file.path, &mut trace),
            Request::Start(start) => begin(&start, input.payload, &mut books, &mut trace),
        }
        rest = rest.get(input.taken..).unwrap_or_default();
    }
    promises::no_frame_is_seen_too_early(bytes);
    trace
}

fn begin(start: &Start, payload: &[u8], books: &mut [Recipes; 2], trace: &mut Trace) {
    let words = match understand(start, payload, CORES) {
        Ok(words) => words,
        Err((code, message)) => return trace.refused(code, &message),
    };
    promises::limits_are_within_ceilings(&start.limits, CORES);
    promises::globs_end(&words.artifacts);
    trace.note(40 + u64::from(start.layer.is_some()) + 2 * u64::from(start.keep));
    let other = Recipe {
        rootfs: "host".to_string(),
        command: vec!["/bin/true".to_string()],
        env: Default::default(),
        boot: None,
    };
    let [recipes, _] = books;
    let known = recipes.get(&start.recipe);
    trace.note(50 + u64::from(known.is_some()));
    plan(start, (known.map_or(&other, |known| &**known), &words), trace);
}

fn plan(start: &Start, (recipe, words): (&Recipe, &Words), trace: &mut Trace) {
    match Plan::new((recipe, words), start.limits, vec![0, CORES as usize - 1]) {
        Ok(plan) => {
            trace.note(60);
            trace.note(words.args.len().min(3) as u64);
            promises::plan_is_bounded(&plan, recipe);
            promises::orders_arrive(&plan, CORES);
        }
        Err((code, message)) => trace.refused(code, &message),
    }
}

fn order(payload: &[u8], trace: &mut Trace) {
    match read_order(payload, CORES) {
        Ok(lines) => {
            trace.note(90 + lines.len().min(4) as u64);
            lines.iter().for_each(|line| promises::limits_are_within_ceilings(&line.limits, CORES));
        }
        Err((code, message)) => trace.refused(code, &message),
    }
}

fn learn(books: &mut [Recipes; 2], digest: &str, recipe: &Recipe, trace: &mut Trace) {
    for (recipes, serves_packs) in books.iter_mut().zip([true, false]) {
        match recipes.learn(digest, recipe.clone()) {
            Ok(()) => {
                promises::root_is_of_our_own(recipe, serves_packs);
                assert!(recipes.get(digest).map(|known| &**known) == Some(recipe));
                trace.note(70 + u64::from(recipe.rootfs.len() == 64));
            }
            Err((code, message)) => trace.refused(code, &message),
        }
    }
}

/// Which way an input took: what is new of it is worth changing further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace(u64);

impl Default for Trace {
    fn default() -> Trace {
        Trace(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    fn note(&mut self, what: u64) {
        self.0 = (self.0 ^ what).wrapping_mul(0x0100_0000_01b3);
    }

    /// What is said about it is a frame again, whatever the message quotes.
    fn refused(&mut self, code: ErrorCode, message: &str) {
        let mut out = Vec::new();
        append_frame(&mut out, &Reply::Error { code, message: shortened(message) }, &[]);
        let span = first_frame(&out).ok().flatten();
        assert!(span.is_some_and(|span| span.end == out.len()));
        self.note(100 + code as u64);
        // Which check refused it, not what it quotes.
        let letters = message.bytes().filter(u8::is_ascii_alphabetic).take(12);
        letters.for_each(|letter| self.note(u64::from(letter)));
    }
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hear(bytes);
});
