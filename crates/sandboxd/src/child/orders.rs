//! What a request decides, carried to a sandbox that was made before it came: the launcher writes
//! it to a file in memory, the payload reads it into room that was made before the clone, since
//! between fork and exec nothing is allocated.

use crate::child::plan::{Plan, STRINGS_BYTES_MAX, STRINGS_MAX};
use crate::confine::rlimits::{self, ASKED};
use rustix::io::{pread, Errno};
use rustix::thread::CpuSet;
use std::ffi::{c_char, CStr, CString};
use std::io::Write;
use std::os::fd::BorrowedFd;

const WORD_BYTES: usize = 8;
/// Values of the asked resource limits, the CPU count, the host's cores, the CPUs that the program
/// may start on (a bit each), how many arguments and how many environment strings, and whether the
/// program is talked to.
const WORDS: usize = ASKED + 2 + START_WORDS + 3;
const AT_CPUS: usize = ASKED;
const AT_CORES: usize = ASKED + 1;
const AT_STARTS: usize = ASKED + 2;
const AT_ARGV: usize = AT_STARTS + START_WORDS;
const AT_ENVP: usize = AT_ARGV + 1;
const AT_TALKS: usize = AT_ENVP + 1;
/// As many CPUs as `CpuSet` has (CPU_SETSIZE of sched_setaffinity(2)).
const START_WORDS: usize = 16;
/// Two numbers of 64 bits, a blank and a line's end.
pub const HANDOFF_LINE_BYTES: usize = 42;
const BYTES_MAX: usize = WORDS * WORD_BYTES + 2 * STRINGS_BYTES_MAX;

/// The launcher's side.
pub fn encode(plan: &Plan, cores: u64, has_pids_group: bool) -> Vec<u8> {
    let mut words = [0u64; WORDS];
    let values = rlimits::asked(&plan.limits, has_pids_group).map(|(_, _, value)| value);
    let starts = plan.starts.iter().filter(|cpu| **cpu < START_WORDS * 64);
    for (place, value) in words.iter_mut().zip(values) {
        *place = value;
    }
    for (at, value) in [
        (AT_CPUS, plan.limits.cpus),
        (AT_CORES, cores),
        (AT_ARGV, plan.argv.len() as u64),
        (AT_ENVP, plan.envp.len() as u64),
        (AT_TALKS, u64::from(plan.talks)),
    ] {
        put(&mut words, at, value);
    }
    for cpu in starts {
        let at = AT_STARTS + cpu / 64;
        let value = words.get(at).copied().unwrap_or(0) | 1 << (cpu % 64);
        put(&mut words, at, value);
    }
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    for text in plan.argv.iter().chain(&plan.envp) {
        bytes.extend_from_slice(CString::as_bytes_with_nul(text));
    }
    bytes
}

fn put(words: &mut [u64; WORDS], at: usize, value: u64) {
    if let Some(place) = words.get_mut(at) {
        *place = value;
    }
}

/// The payload's side.
pub struct Orders {
    bytes: Vec<u8>,
    read: usize,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
}

impl Orders {
    /// Room for the longest plan. Pages that no plan needs are never touched.
    pub fn room() -> Orders {
        let list = || Vec::with_capacity(STRINGS_MAX + 1);
        Orders { bytes: vec![0; BYTES_MAX], read: 0, argv: list(), envp: list() }
    }

    /// What was known before the clone.
    pub fn known(bytes: Vec<u8>) -> Orders {
        let read = bytes.len();
        Orders { bytes, read, ..Orders::room() }
    }

    /// Reads what the launcher wrote. Allocates nothing.
    ///
    /// # Errors
    /// `EIO` where it is not whole, besides the kernel's own.
    pub fn read(&mut self, file: BorrowedFd<'_>) -> rustix::io::Result<()> {
        while let Some(rest) = self.bytes.get_mut(self.read..).filter(|rest| !rest.is_empty()) {
            match pread(file, rest, self.read as u64)? {
                0 => break,
                count => self.read += count,
            }
        }
        self.understand()
    }

    /// # Errors
    /// `EIO` where it is not whole.
    pub fn understand(&mut self) -> rustix::io::Result<()> {
        let bytes = self.bytes.get(..self.read).unwrap_or_default();
        let mut rest = bytes.get(WORDS * WORD_BYTES..).ok_or(Errno::IO)?;
        for (at, list) in [(AT_ARGV, &mut self.argv), (AT_ENVP, &mut self.envp)] {
            for _ in 0..word(bytes, at).min(STRINGS_MAX as u64) {
                let text = CStr::from_bytes_until_nul(rest).map_err(|_| Errno::IO)?;
                list.push(text.as_ptr());
                rest = rest.get(text.count_bytes() + 1..).unwrap_or_default();
            }
            list.push(std::ptr::null());
        }
        Ok(())
    }

    /// Pointers to each string, and a null one behind them.
    pub fn argv(&self) -> &[*const c_char] {
        &self.argv
    }

    pub fn envp(&self) -> &[*const c_char] {
        &self.envp
    }

    /// Whether signals may come for the program.
    pub fn talks(&self) -> bool {
        word(&self.bytes, AT_TALKS) != 0
    }

    /// What a booted runtime is told: how many arguments and how many environment strings, as
    /// decimal numbers in a line, and the strings themselves, each with a NUL behind it.
    pub fn handoff(&self, line: &mut [u8; HANDOFF_LINE_BYTES]) -> (usize, &[u8]) {
        let mut rest = line.as_mut_slice();
        for (at, end) in [(AT_ARGV, b' '), (AT_ENVP, b'\n')] {
            // A slice takes what fits, and two numbers of 20 digits do.
            let _ = write!(rest, "{}{}", word(&self.bytes, at), char::from(end));
        }
        let left = rest.len();
        let texts = self.bytes.get(WORDS * WORD_BYTES..self.read).unwrap_or_default();
        (HANDOFF_LINE_BYTES.saturating_sub(left), texts)
    }

    /// The program's path, for the message where it can't be executed.
    pub fn program(&self) -> &[u8] {
        let texts = self.bytes.get(WORDS * WORD_BYTES..self.read).unwrap_or_default();
        CStr::from_bytes_until_nul(texts).map_or(b"", CStr::to_bytes)
    }

    /// The values of `rlimits::asked`, in its order.
    pub fn rlimits(&self) -> [u64; ASKED] {
        std::array::from_fn(|at| word(&self.bytes, at))
    }

    /// The CPUs that the program gets if it starts where it is now: `here`, if it may start there.
    pub fn cpus(&self, here: usize) -> CpuSet {
        let may = |cpu: &usize| {
            word(&self.bytes, AT_STARTS + cpu / 64) >> (cpu % 64) & 1 == 1
                && *cpu < START_WORDS * 64
        };
        let first = Some(here).filter(may).or((0..START_WORDS * 64).find(may)).unwrap_or(here);
        let cores = word(&self.bytes, AT_CORES).max(1);
        let mut set = CpuSet::new();
        for offset in 0..word(&self.bytes, AT_CPUS).clamp(1, cores) {
            set.set((first + offset as usize) % cores as usize);
        }
        set
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let place = bytes.get(at * WORD_BYTES..(at + 1) * WORD_BYTES);
    place.and_then(|place| place.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::Limits;
    use proptest::prelude::*;
    use rustix::fs::{memfd_create, MemfdFlags};
    use std::os::fd::AsFd;

    const LIMITS: Limits = Limits {
        wall_time_ms: 1,
        cpu_time_ms: 3000,
        memory_kb: 512,
        stack_kb: 64,
        cpus: 2,
        output_kb: 0,
        disk_kb: 4,
        file_kb: 7,
        processes: 5,
        open_files: 8,
    };

    fn carried(plan: &Plan, cores: u64) -> Orders {
        let mut orders = Orders::room();
        let file = memfd_create("orders", MemfdFlags::CLOEXEC);
        let wrote = file.as_ref().map(|file| rustix::io::write(file, &encode(plan, cores, true)));
        assert!(wrote.is_ok());
        assert!(file.is_ok_and(|file| orders.read(file.as_fd()).is_ok()));
        orders
    }

    fn c_strings(list: &[String]) -> Vec<CString> {
        list.iter().filter_map(|text| CString::new(text.as_str()).ok()).collect()
    }

    proptest! {
        #[test]
        fn strings_survive_the_way(argv: Vec<String>, envp: Vec<String>) {
            let (argv, envp) = (c_strings(&argv), c_strings(&envp));
            let plan = Plan { limits: LIMITS, argv, envp, starts: vec![0], talks: false };
            let orders = carried(&plan, 2);
            prop_assert_eq!(orders.argv().len(), plan.argv.len() + 1);
            prop_assert_eq!(orders.envp().len(), plan.envp.len() + 1);
            let texts: Vec<u8> = plan.argv.iter().chain(&plan.envp)
                .flat_map(|text| text.as_bytes_with_nul().to_vec()).collect();
            prop_assert_eq!(&orders.bytes[WORDS * WORD_BYTES..orders.read], &texts[..]);
            let first = plan.argv.first().or(plan.envp.first()).map_or(&b""[..], |t| t.as_bytes());
            prop_assert_eq!(orders.program(), first);
            let mut line = [0; HANDOFF_LINE_BYTES];
            let (length, told) = orders.handoff(&mut line);
            let counts = format!("{} {}\n", plan.argv.len(), plan.envp.len());
            prop_assert_eq!((&line[..length], told), (counts.as_bytes(), &texts[..]));
        }
    }

    #[test]
    fn a_program_stays_where_it_is_if_it_may() {
        let plan = Plan {
            limits: LIMITS,
            argv: Vec::new(),
            envp: Vec::new(),
            starts: vec![1, 65],
            talks: true,
        };
        let orders = carried(&plan, 128);
        let set = |here| (0..128).filter(|cpu| orders.cpus(here).is_set(*cpu)).collect::<Vec<_>>();
        assert_eq!(set(65), [65, 66]);
        assert_eq!(set(0), [1, 2]);
        let values = rlimits::asked(&LIMITS, true).map(|(_, _, value)| value);
        assert_eq!(orders.rlimits(), values);
        assert!(orders.talks());
    }

    #[test]
    fn the_longest_numbers_fit_into_the_line() {
        let mut orders = Orders::room();
        let words = [u64::MAX; WORDS].map(u64::to_le_bytes);
        orders.bytes[..WORDS * WORD_BYTES].copy_from_slice(words.as_flattened());
        let mut line = [0; HANDOFF_LINE_BYTES];
        assert_eq!(orders.handoff(&mut line).0, HANDOFF_LINE_BYTES);
        assert_eq!(line.last(), Some(&b'\n'));
    }

    #[test]
    fn the_last_cpu_is_followed_by_the_first() {
        let plan = Plan {
            limits: LIMITS,
            argv: Vec::new(),
            envp: Vec::new(),
            starts: vec![3],
            talks: false,
        };
        let set = carried(&plan, 4).cpus(3);
        assert!(set.is_set(3) && set.is_set(0) && set.count() == 2);
        assert!(!carried(&plan, 4).talks());
    }

    #[test]
    fn half_a_plan_is_refused() {
        let argv = vec![CString::from(c"/bin/true")];
        let plan = Plan { limits: LIMITS, argv, envp: Vec::new(), starts: vec![0], talks: false };
        let whole = encode(&plan, 2, true);
        for length in [0, WORDS * WORD_BYTES - 1, WORDS * WORD_BYTES, whole.len() - 1] {
            let file = memfd_create("orders", MemfdFlags::CLOEXEC);
            assert!(file
                .as_ref()
                .is_ok_and(|file| rustix::io::write(file, &whole[..length]).is_ok()));
            assert!(file.is_ok_and(|file| Orders::room().read(file.as_fd()).is_err()));
        }
    }
}
