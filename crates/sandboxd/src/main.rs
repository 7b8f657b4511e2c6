//! sandboxd: the native launcher of GozoLite. It has privilege and knows no tenant, no HTTP and no
//! language; it is told what to confine over a unix socket (docs/reference/launch-protocol.md).

// cargo-fuzz builds this file with libFuzzer's main (crates/sandboxd/fuzz).
#![cfg_attr(fuzzing, no_main)]

mod bytes;
mod cgroup;
mod child;
mod config;
mod confine;
mod diagnose;
mod egress;
mod faults;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod inside;
mod lab;
mod protocol;
mod session;
mod standing;
mod supervise;
mod sys;
mod workspace;

use crate::child::plan::Host;
use crate::config::Config;
use crate::confine::caches::Caches;
use crate::confine::packs::Packs;
use crate::standing::parent::DeathSignal;
use crate::standing::{namespace, Ids, Standing};
use crate::supervise::context::Context;
use crate::supervise::daemon::Daemon;
use crate::supervise::slots::Slots;
use rustix::fs::Mode;
use rustix::net::{
    bind, listen, socket_with, AddressFamily, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::process::{getrlimit, setrlimit, DumpableBehavior, Resource, Rlimit};
use rustix::thread::{set_capabilities_secure_bits, CapabilitiesSecureBits};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;

const BACKLOG: i32 = 1024;
const DESCRIPTORS: u64 = 65_536;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| word == "egress") {
        return egress::main();
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let told = inside::command(&words)
        .unwrap_or_else(|| config::read(words.into_iter()).and_then(|config| run(&config)));
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("sandboxd: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Config) -> Result<(), String> {
    if config.inside.is_some() {
        namespace::settle()?;
    } else if namespace::is_needed() {
        return Err(namespace::enter());
    }
    let ids = standing::find_ids(config.uid_base..config.uid_base + config.slots);
    let standing = Standing::new(config.inside, ids);
    if config.inside.is_none() {
        config::check_uid_range(config)?;
    }
    harden(&standing).map_err(|error| format!("cannot confine itself: {error}"))?;
    let signals = sys::signal_descriptor(&[libc::SIGTERM, libc::SIGINT, libc::SIGHUP])
        .map_err(|error| format!("cannot take signals: {error}"))?;
    let listener = listen_at(config)?;
    let served = serve(config, standing, (listener, signals));
    let _ = std::fs::remove_file(&config.socket);
    served
}

fn serve(
    config: &Config,
    mut standing: Standing,
    (listener, signals): (OwnedFd, OwnedFd),
) -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let tree = open_tree(config, &mut standing);
    let landlock = confine::landlock::find();
    if landlock.is_none() {
        standing.lack("landlock", "not in this kernel, or switched off".into());
    }
    standing.check(config.floor)?;
    let caches = config.caches.clone().map(|folder| Caches::new(folder, config.socket_owner));
    let template =
        confine::template::Template::build(config.packs.clone().map(Packs::new), caches)?;
    if matches!(tree.mode(), cgroup::Mode::V1 | cgroup::Mode::Hybrid) {
        template.favor_moves();
    }
    if standing.outer_uid.is_some() {
        standing::trial::run(template.roots().host())?;
    }
    let slots = Slots::new(standing.ids, config.slots, cores);
    let host = Host {
        filter: confine::seccomp::filter_for_this_machine()?,
        landlock,
        cores: cores as u64,
        death_signal: DeathSignal::of_ours(),
        standing,
    };
    let mut context = Context::new(host, tree, template, slots)
        .map_err(|error| format!("cannot make a poller: {error}"))?;
    context.network_allow.clone_from(&config.network_allow);
    let daemon = Daemon::new(context, listener, signals);
    let served = daemon.and_then(|mut daemon| daemon.run());
    served.map_err(|error| format!("cannot go on: {error}"))
}

/// The cgroups of this host; what is missing is watched, if the floor allows that.
fn open_tree(config: &Config, standing: &mut Standing) -> cgroup::Tree {
    match cgroup::Tree::open(config.cgroup_parent.as_deref(), &instance(&config.socket)) {
        Ok(tree) => tree,
        Err(reason) => {
            standing.lack_cgroups(reason);
            cgroup::Tree::watched()
        }
    }
}

/// Nothing of the launcher is for others to read, and its children start from known limits.
fn harden(standing: &Standing) -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    if standing.ids != Ids::Shared {
        // With one id a user can't give groups up (user_namespaces(7)): `own-uid` says it.
        rustix::thread::set_thread_groups(&[])?;
    }
    rustix::process::umask(Mode::from_raw_mode(0o022));
    set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)?;
    raise_own_limits();
    // Large buffers go back as soon as they are freed: every page that stays is copied into the
    // page tables of every sandbox's first process.
    let large = 128 * 1024;
    sys::tune_allocator(&[(libc::M_MMAP_THRESHOLD, large), (libc::M_TRIM_THRESHOLD, large)]);
    Ok(())
}

/// As far as this host lets it: a container's root may lack CAP_SYS_RESOURCE, and then the limits
/// that it was given hold, for the launcher and for what a sandbox can be allowed.
fn raise_own_limits() {
    let most = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    if setrlimit(Resource::Nofile, most).is_err() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let _ = setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard });
    }
    for resource in [Resource::Stack, Resource::Fsize, Resource::Nproc, Resource::Cpu] {
        let current = getrlimit(resource).current;
        let _ = setrlimit(resource, Rlimit { current, maximum: None });
    }
}

/// Binds the socket: 0600, owned by the server's user, and never over a launcher that lives.
fn listen_at(config: &Config) -> Result<OwnedFd, String> {
    let path = &config.socket;
    let told = |error: io::Error| format!("cannot listen at {}: {error}", path.display());
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(format!("another launcher already listens at {}", path.display()));
    }
    let _ = std::fs::remove_file(path);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(|error| told(error.into()))?;
    let address = SocketAddrUnix::new(path).map_err(|error| told(error.into()))?;
    let open = rustix::process::umask(Mode::from_raw_mode(0o177));
    bind(&listener, &address).map_err(|error| told(error.into()))?;
    rustix::process::umask(open);
    if config.inside.is_none() {
        std::os::unix::fs::chown(path, Some(config.socket_owner), None).map_err(told)?;
    }
    listen(&listener, BACKLOG).map_err(|error| told(error.into()))?;
    Ok(listener)
}

/// A name for this launcher's cgroups that its next life finds again: one per socket (FNV-1a).
fn instance(socket: &Path) -> String {
    let bytes = socket.as_os_str().as_encoded_bytes();
    let hash = bytes
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    format!("gozolite-{hash:08x}")
}
