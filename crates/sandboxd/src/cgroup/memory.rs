//! The memory that a run answers for: its high-water mark without the clean pages of toolchain
//! files, which are charged to whoever touches them first. No kernel keeps that mark, so the
//! supervisor looks now and then, and never takes off more than was there to take off
//! (docs/adr/0020-memory-looked-at.md).

/// What a group is charged for at one moment, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Charged {
    /// The highest that `usage` ever was.
    pub peak: u64,
    /// 0 where the mark rose: then nothing follows from it.
    pub usage: u64,
    /// The page cache, `shmem` in it.
    pub file: u64,
    pub shmem: u64,
    pub dirty: u64,
    pub anon: u64,
}

/// What the looks have shown so far, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    peak: u64,
    counted: u64,
}

impl Seen {
    /// Whether a look could show anything new; gives what is used now then. Where the mark rose it
    /// is at least that, so that nobody has to read it.
    pub fn used_if_new(&self, peak: u64, usage: impl FnOnce() -> u64) -> Option<u64> {
        if peak > self.peak {
            return Some(0);
        }
        Some(usage()).filter(|usage| *usage > self.counted)
    }

    /// Takes one look. A mark that rose since the last one had at most the clean pages of now in
    /// it, but for those read since; what is held now counts however low it is.
    pub fn look(&mut self, now: &Charged) {
        let clean = now.file.saturating_sub(now.shmem).saturating_sub(now.dirty);
        let held = now.usage.saturating_sub(clean).max(now.anon + now.shmem);
        self.counted = self.counted.max(held);
        if now.peak > self.peak {
            self.peak = now.peak;
            self.counted = self.counted.max(now.peak.saturating_sub(clean));
        }
    }

    pub fn kb(&self) -> u64 {
        self.counted / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn charged(peak: u64, anon: u64, file: u64) -> Charged {
        Charged { peak, usage: anon + file, file, shmem: 0, dirty: 0, anon }
    }

    #[test]
    fn clean_pages_of_a_cold_toolchain_are_taken_off() {
        let mut seen = Seen::default();
        seen.look(&charged(60 * MIB, 10 * MIB, 50 * MIB));
        assert_eq!(seen.kb(), 10 * 1024);
    }

    #[test]
    fn pages_read_after_the_peak_do_not_make_it_smaller() {
        let mut seen = Seen::default();
        seen.look(&charged(100 * MIB, 100 * MIB, 0));
        seen.look(&charged(100 * MIB, MIB, 90 * MIB));
        assert_eq!(seen.kb(), 100 * 1024);
    }

    #[test]
    fn memory_that_takes_the_place_of_the_page_cache_counts_though_the_mark_stays() {
        let mut seen = Seen::default();
        seen.look(&charged(100 * MIB, MIB, 99 * MIB));
        assert_eq!(seen.used_if_new(100 * MIB, || 100 * MIB), Some(100 * MIB));
        seen.look(&charged(100 * MIB, 80 * MIB, 20 * MIB));
        assert_eq!(seen.kb(), 80 * 1024);
    }

    fn any_charged() -> impl Strategy<Value = Charged> {
        let part = || 0u64..1 << 40;
        (part(), part(), part(), part(), part(), part()).prop_map(
            |(peak, usage, file, shmem, dirty, anon)| Charged {
                peak,
                usage,
                file,
                shmem,
                dirty,
                anon,
            },
        )
    }

    proptest! {
        #[test]
        fn no_look_makes_it_smaller_and_none_is_below_what_is_held(
            looks in proptest::collection::vec(any_charged(), 1..8),
        ) {
            let mut seen = Seen::default();
            for now in &looks {
                let before = seen;
                seen.look(now);
                prop_assert!(seen.counted >= before.counted && seen.peak >= before.peak);
                prop_assert!(seen.counted >= now.anon + now.shmem);
                let is_old = before.used_if_new(now.peak, || now.usage).is_none();
                if is_old && now.anon + now.shmem <= now.usage {
                    prop_assert_eq!(seen, before);
                }
            }
        }
    }
}
