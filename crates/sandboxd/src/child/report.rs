//! What the sandbox's PID 1 tells the launcher, over a pipe that no payload ever holds: records of
//! a fixed size, each written at once.

use crate::protocol::steps::{SetupFailure, Step};

pub const REPORT_BYTES: usize = 32;

const FAILED: u32 = 1;
const STARTED: u32 = 2;
const ENDED: u32 = 3;
const THERE: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    Failed(SetupFailure),
    /// Its runtime is where it waits for its request.
    There,
    /// The program was executed: monotonic time, and the CPU time that preparation used.
    /// On which CPU the program is comes with it.
    Started {
        at_ns: u64,
        prepare_cpu_us: u64,
        cpu: u32,
    },
    Ended(Ended),
}

/// How the main process ended, as wait(2) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub at_ns: u64,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// A writable tmpfs had no free page or inode left.
    pub disk_full: bool,
}

impl Report {
    pub fn encode(&self) -> [u8; REPORT_BYTES] {
        let (kind, first, second, long, longer) = match *self {
            Report::Failed(failure) => (FAILED, failure.step as u32, failure.errno as u32, 0, 0),
            Report::There => (THERE, 0, 0, 0, 0),
            Report::Started { at_ns, prepare_cpu_us, cpu } => {
                (STARTED, cpu, 0, at_ns, prepare_cpu_us)
            }
            Report::Ended(end) => {
                let (how, value) = match (end.exit_code, end.signal) {
                    (Some(code), _) => (0, code as u32),
                    (None, Some(signal)) => (1, signal as u32),
                    (None, None) => (2, 0),
                };
                (ENDED, how, value, end.at_ns, u64::from(end.disk_full))
            }
        };
        let mut bytes = [0; REPORT_BYTES];
        put(&mut bytes, 0, &kind.to_le_bytes());
        put(&mut bytes, 4, &first.to_le_bytes());
        put(&mut bytes, 8, &second.to_le_bytes());
        put(&mut bytes, 16, &long.to_le_bytes());
        put(&mut bytes, 24, &longer.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8; REPORT_BYTES]) -> Option<Report> {
        let (kind, first, second) = (word(bytes, 0)?, word(bytes, 4)?, word(bytes, 8)?);
        let (long, longer) = (long_word(bytes, 16)?, long_word(bytes, 24)?);
        match kind {
            FAILED => {
                let step = Step::from_number(first)?;
                Some(Report::Failed(SetupFailure { step, errno: second as i32 }))
            }
            THERE => Some(Report::There),
            STARTED => Some(Report::Started { at_ns: long, prepare_cpu_us: longer, cpu: first }),
            ENDED => Some(Report::Ended(Ended {
                at_ns: long,
                exit_code: (first == 0).then_some(second as i32),
                signal: (first == 1).then_some(second as i32),
                disk_full: longer != 0,
            })),
            _ => None,
        }
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long_word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_report_survives_the_pipe(
            (at_ns, cpu, code, signal, full) in any::<(u64, u64, i32, u8, bool)>(),
        ) {
            let end = Ended { at_ns, exit_code: Some(code), signal: None, disk_full: full };
            let signalled = Ended { exit_code: None, signal: Some(signal.into()), ..end };
            let reports = [
                Report::There,
                Report::Started { at_ns, prepare_cpu_us: cpu, cpu: code as u32 },
                Report::Failed(SetupFailure { step: Step::PivotRoot, errno: code }),
                Report::Ended(end),
                Report::Ended(signalled),
            ];
            for report in reports {
                prop_assert_eq!(Report::decode(&report.encode()), Some(report));
            }
        }

        #[test]
        fn garbage_is_no_report_or_one_that_encodes_again(bytes: [u8; REPORT_BYTES]) {
            if let Some(report) = Report::decode(&bytes) {
                prop_assert_eq!(Report::decode(&report.encode()), Some(report));
            }
        }
    }
}
