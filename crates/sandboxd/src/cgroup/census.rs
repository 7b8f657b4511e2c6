//! Who is in a sandbox and what they use, from the sandbox's own /proc (proc(5)): there only its
//! own processes have a name, so none of the host can be taken for one of them.

use super::files;
use rustix::fs::{fstatfs, openat, Dir, Mode, OFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Clock ticks of /proc/<pid>/stat in a second: 100 on every architecture (time(7), USER_HZ).
const TICK_US: u64 = 10_000;
/// No more are looked at; no sandbox has so many.
const PROCESSES_MAX: usize = 4096;

/// The places of one sandbox that tell of it.
pub struct Places {
    proc: OwnedFd,
    /// /work, /tmp and /dev/shm.
    tmpfs: Vec<OwnedFd>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Processes and threads, without PID 1, which is ours.
    pub tasks: u64,
    pub processes: u64,
    pub anon_kb: u64,
    /// Mapped pages of shared memory and of files in tmpfs.
    pub shared_kb: u64,
    pub tmpfs_kb: u64,
    /// Page tables, which a program can make large without touching much.
    pub tables_kb: u64,
    /// Of all that live and of all whose end somebody waited for.
    pub cpu_us: u64,
}

impl Counted {
    /// Files of a tmpfs may be mapped too: they count once, at the cost of counting too little
    /// where shared memory lies beside them.
    pub fn memory_kb(&self) -> u64 {
        self.anon_kb + self.tables_kb + self.shared_kb.max(self.tmpfs_kb)
    }
}

impl Places {
    /// Through PID 1, whose folder in the host's /proc this is, once it has built its root.
    pub fn open(init: BorrowedFd<'_>) -> io::Result<Places> {
        let open = |path: &str, flags: OFlags| {
            let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
            openat(init, path, flags, Mode::empty())
        };
        let proc = open("root/proc", OFlags::RDONLY)?;
        let paths = ["root/work", "root/tmp", "root/dev/shm"];
        let tmpfs: Result<_, _> = paths.into_iter().map(|path| open(path, OFlags::PATH)).collect();
        Ok(Places { proc, tmpfs: tmpfs? })
    }

    pub fn count(&self) -> io::Result<Counted> {
        let mut all = Counted { tmpfs_kb: self.tmpfs_kb(), ..Counted::default() };
        for name in self.processes()? {
            // Whoever ended since the listing is no more.
            let Ok(stat) = files::read(self.proc.as_fd(), &format!("{name}/stat")) else {
                continue;
            };
            let (threads, cpu_us) = parse_stat(&stat).unwrap_or_default();
            all.cpu_us += cpu_us;
            if name == "1" {
                continue;
            }
            all.tasks += threads;
            all.processes += 1;
            let status = files::read(self.proc.as_fd(), &format!("{name}/status"));
            let status = status.unwrap_or_default();
            all.anon_kb += kib(&status, "RssAnon:");
            all.shared_kb += kib(&status, "RssShmem:");
            all.tables_kb += kib(&status, "VmPTE:");
        }
        Ok(all)
    }

    /// The same memory with pages that several processes share divided among them: dear, so only
    /// asked where the quick figure is past the limit.
    pub fn exact_memory_kb(&self, quick: &Counted) -> io::Result<u64> {
        let mut exact = Counted { anon_kb: 0, shared_kb: 0, ..*quick };
        for name in self.processes()?.iter().filter(|name| *name != "1") {
            let path = format!("{name}/smaps_rollup");
            let text = files::read(self.proc.as_fd(), &path).unwrap_or_default();
            exact.anon_kb += kib(&text, "Pss_Anon:");
            exact.shared_kb += kib(&text, "Pss_Shmem:");
        }
        Ok(exact.memory_kb())
    }

    fn processes(&self) -> io::Result<Vec<String>> {
        let entries = Dir::read_from(&self.proc)?;
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().to_str().ok()?;
            name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.to_string())
        });
        Ok(names.take(PROCESSES_MAX).collect())
    }

    fn tmpfs_kb(&self) -> u64 {
        let used = |folder: &OwnedFd| {
            let stat = fstatfs(folder).ok()?;
            let blocks = stat.f_blocks.saturating_sub(stat.f_bfree);
            Some(blocks.saturating_mul(u64::try_from(stat.f_bsize).ok()?) / 1024)
        };
        self.tmpfs.iter().filter_map(used).sum()
    }
}

/// CPU time of PID 1 and of all whose end was waited for; it can be read until PID 1 is reaped.
pub fn ended_cpu_us(init: BorrowedFd<'_>) -> u64 {
    let stat = files::read(init, "stat").unwrap_or_default();
    parse_stat(&stat).unwrap_or_default().1
}

/// Threads, and CPU time with that of waited-for children. The name in the second field may hold
/// anything, blanks and parentheses too: fields count from its last parenthesis.
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let field = |number: usize| rest.split(' ').nth(number - 3)?.parse::<u64>().ok();
    let ticks: u64 = (14..=17).filter_map(field).sum();
    Some((field(20)?, ticks * TICK_US))
}

fn kib(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_fields_is_no_field() {
        let stat = "7 (a) S 1 (b) R 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 100";
        assert_eq!(parse_stat(stat), Some((9, 26 * TICK_US)));
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn memory_lines_are_read_by_whole_names() {
        let status = "VmRSS:\t 9 kB\nRssAnon:\t     120 kB\nRssShmem:\t       4 kB\n";
        assert_eq!(kib(status, "RssAnon:"), 120);
        assert_eq!(kib(status, "RssShmem:"), 4);
        assert_eq!(kib(status, "Rss:"), 0);
    }

    #[test]
    fn files_that_are_mapped_count_once() {
        let counted = Counted { anon_kb: 10, shared_kb: 5, tmpfs_kb: 20, ..Counted::default() };
        assert_eq!(counted.memory_kb(), 30);
    }
}
