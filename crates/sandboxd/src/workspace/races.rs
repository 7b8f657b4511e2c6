//! A workspace in which a program changes folders into links while the launcher reads and writes.
//! The launcher never lets that happen: these tests do, to show what holds if it did.

use super::{Workspace, Writing};
use rustix::fs::{openat, Mode, OFlags, CWD};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const FINE: Writing = Writing { executable: false, append: false, exists: false };
const MORE: Writing = Writing { executable: false, append: true, exists: false };

/// A folder beside the workspace that nobody may reach through it, and the workspace.
struct Scene {
    base: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let base = std::env::temp_dir().join(format!("gozo-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        for folder in ["outside/d", "work"] {
            assert!(fs::create_dir_all(base.join(folder)).is_ok());
        }
        assert!(fs::write(base.join("outside/secret"), "secret").is_ok());
        Scene { base }
    }

    fn work(&self) -> PathBuf {
        self.base.join("work")
    }

    fn workspace(&self) -> Workspace {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || openat(CWD, self.work(), flags, Mode::empty());
        let (Ok(mount), Ok(tmp)) = (open(), open()) else { unreachable!("no workspace") };
        let host_id = rustix::process::getuid().as_raw();
        Workspace { mount, tmp, attached: None, disk_kb: 4, host_id, farewell: Default::default() }
    }

    fn outside(&self) -> Vec<PathBuf> {
        let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
        let first = entries(&self.base.join("outside"));
        let second = entries(&self.base.join("outside/d"));
        let mut paths: Vec<PathBuf> = first.chain(second).map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.base);
    }
}

fn errno(result: std::io::Result<()>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

#[test]
fn no_link_is_written_through() {
    let scene = Scene::new("links");
    let (work, outside) = (scene.work(), scene.base.join("outside"));
    for (target, name) in [
        (outside.clone(), "folder"),
        (PathBuf::from("../outside"), "up"),
        (outside.join("secret"), "file"),
        (outside.join("absent"), "dangling"),
        (PathBuf::from("/proc/self/cwd"), "magic"),
    ] {
        assert!(symlink(target, work.join(name)).is_ok());
    }
    let before = scene.outside();
    let workspace = scene.workspace();
    for path in ["folder/x", "up/x", "magic/x"] {
        assert_eq!(errno(workspace.write(path, b"x", FINE)), Some(libc::ELOOP), "{path}");
    }
    for path in ["file", "dangling"] {
        assert_eq!(errno(workspace.write(path, b"x", FINE)), Some(libc::EEXIST), "{path}");
        assert_eq!(errno(workspace.write(path, b"x", MORE)), Some(libc::ELOOP), "{path}");
    }
    assert_eq!(scene.outside(), before);
    assert!(fs::read(outside.join("secret")).is_ok_and(|text| text == b"secret"));
    assert!(workspace.collect(&["**".to_string()]).is_ok_and(|(found, _)| found.is_empty()));
}

#[test]
fn a_fifo_where_a_file_is_expected_keeps_nobody_waiting() {
    let scene = Scene::new("fifo");
    let path = scene.work().join("pipe");
    assert!(rustix::fs::mknodat(
        CWD,
        &path,
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o666),
        0
    )
    .is_ok());
    let workspace = scene.workspace();
    assert_eq!(errno(workspace.write("pipe", b"x", MORE)), Some(libc::ENXIO));
    assert!(workspace.collect(&["pipe".to_string()]).is_ok_and(|(found, _)| found.is_empty()));
}

#[test]
fn a_folder_that_becomes_a_link_meanwhile_leads_nowhere() {
    let scene = Scene::new("race");
    let (work, outside) = (scene.work(), scene.base.join("outside"));
    let before = scene.outside();
    let (ends, flips) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut written, mut refused) = (0, 0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let swap = work.join("swap");
            while !ends.load(Ordering::Relaxed) {
                let _ = fs::create_dir(work.join("d"));
                let _ = fs::rename(work.join("d"), &swap);
                let _ = symlink(&outside, work.join("d"));
                let _ = fs::remove_file(work.join("d"));
                let _ = fs::remove_dir_all(&swap);
                flips.fetch_add(1, Ordering::Relaxed);
            }
        });
        let workspace = scene.workspace();
        let until = Instant::now() + Duration::from_secs(20);
        // Until both have been seen often enough: the folder entered, and the link refused.
        while (written < 200 || refused < 200) && Instant::now() < until {
            match workspace.write("d/stolen", b"x", FINE) {
                Ok(()) => written += 1,
                Err(error) if error.raw_os_error() == Some(libc::ELOOP) => refused += 1,
                Err(_) => {}
            }
            let found = workspace.collect(&["d/secret".to_string(), "d/**".to_string()]);
            let secrets = |(found, _): (Vec<super::Artifact>, bool)| {
                found.iter().filter(|(_, text)| text == b"secret").count()
            };
            assert_eq!(found.map_or(0, secrets), 0);
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert!(written >= 200 && refused >= 200, "{written} written, {refused} refused");
    assert!(flips.load(Ordering::Relaxed) > 0);
    assert_eq!(scene.outside(), before);
}
