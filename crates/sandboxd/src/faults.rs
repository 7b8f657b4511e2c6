//! Stops at a named step, so that a test can kill whom it likes just there. Without the feature
//! `fault-lab` nothing of this is in the program.
//!
//! The first sandbox of a launcher's life stops (at the steps of a network or of data: each that
//! has one), in whichever process does the step, as soon as it is done. That process tells by its
//! name, `gozo-stop-` and the step's number, and goes on when the file that was named appears, if
//! it still sees the host's files then.

#[cfg(not(feature = "fault-lab"))]
mod chosen {
    use crate::protocol::steps::Step;

    pub fn stop_at(_: &str) -> Result<(), String> {
        Err("this build stops nowhere (it lacks the feature fault-lab)".into())
    }

    pub fn begin_sandbox() {}

    pub fn reach(_: Step) {}
}

#[cfg(feature = "fault-lab")]
mod chosen {
    use crate::protocol::steps::{Step, STEPS};
    use rustix::fs::{access, Access};
    use rustix::thread::{nanosleep, set_name, Timespec};
    use std::ffi::CString;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::OnceLock;

    static SANDBOX: AtomicU32 = AtomicU32::new(0);
    static STOP: OnceLock<Stop> = OnceLock::new();

    struct Stop {
        step: Step,
        name: CString,
        resume: CString,
    }

    /// `STEP:FILE`
    pub fn stop_at(words: &str) -> Result<(), String> {
        let told = || format!("--stop-at wants STEP:FILE, not {words}");
        let (wanted, file) = words.split_once(':').ok_or_else(told)?;
        let step = STEPS.iter().find(|(_, name)| *name == wanted).ok_or_else(told)?.0;
        let name = CString::new(format!("gozo-stop-{}", step as u32)).map_err(|_| told())?;
        let resume = CString::new(file).map_err(|_| told())?;
        STOP.set(Stop { step, name, resume }).map_err(|_| told())
    }

    /// The next steps are another sandbox's.
    pub fn begin_sandbox() {
        SANDBOX.fetch_add(1, Ordering::Relaxed);
    }

    /// Allocates nothing: most of the callers are children.
    pub fn reach(step: Step) {
        let Some(stop) = STOP.get() else { return };
        let is_first = SANDBOX.load(Ordering::Relaxed) == 1;
        if stop.step != step
            || !(is_first || matches!(step, Step::Egress | Step::Hosts | Step::Data))
        {
            return;
        }
        let _ = set_name(&stop.name);
        while access(&stop.resume, Access::EXISTS).is_err() {
            let _ = nanosleep(&Timespec { tv_sec: 0, tv_nsec: 2_000_000 });
        }
        let _ = set_name(c"sandboxd");
    }
}

pub use chosen::{begin_sandbox, reach, stop_at};
