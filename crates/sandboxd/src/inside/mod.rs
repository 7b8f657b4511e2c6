//! PID 1 of a container of the `container` backend (docs/adr/0025): the engine has made the
//! namespaces, mounts and cgroup; this says what it finds of them, takes the files, confines the
//! program with the launcher's own last layers, holds its limits and tells its end. It speaks
//! frames of the launch protocol over the container's standard streams.

mod counters;
mod facts;
mod layer;
mod payload;
mod profile;
mod running;
mod score;
mod skeleton;
mod start;
mod sys;
mod words;

use crate::protocol::frame::append_frame;
use crate::protocol::message::{End, LimitName, Outcome, Reply, Truncated, Usage, VERSION};
use crate::supervise::judge::setup_failed;
use rustix::event::{poll, Timespec};
use rustix::io::Errno;
use rustix::mm::{mlockall, MlockAllFlags};
use rustix::process::{set_dumpable_behavior, DumpableBehavior};
use serde::Serialize;
use std::io;
use std::path::Path;

/// A request that can't be met, or an end before there was a program.
enum Refusal {
    Ended(Box<End>),
    /// The client went, or spoke another language: nobody is there to be told.
    Gone(String),
}

impl From<crate::protocol::steps::SetupFailure> for Refusal {
    fn from(failure: crate::protocol::steps::SetupFailure) -> Refusal {
        Refusal::ended(setup_failed(failure), Vec::new())
    }
}

impl Refusal {
    fn ended(outcome: Outcome, limits_hit: Vec<LimitName>) -> Refusal {
        let (usage, truncated) = (Usage::default(), Truncated::default());
        Refusal::Ended(Box::new(End { outcome, usage, limits_hit, truncated, layer: None }))
    }
}

/// Runs the part that the command line names, if it names one of these.
pub fn command(words: &[String]) -> Option<Result<(), String>> {
    let told: Vec<&str> = words.iter().map(String::as_str).collect();
    match told.as_slice() {
        ["--inside"] => Some(supervise()),
        ["--engine-profile"] => Some(profile::text().map(|text| println!("{text}"))),
        ["--image-skeleton", folder, uid_base] => Some(
            uid_base
                .parse()
                .map_err(|_| format!("{uid_base} is no uid"))
                .and_then(|base| skeleton::write(Path::new(folder), base)),
        ),
        _ => None,
    }
}

#[derive(Serialize)]
struct Hello {
    r#type: &'static str,
    version: u32,
    launcher: &'static str,
    inside: facts::Facts,
}

fn supervise() -> Result<(), String> {
    if std::process::id() != 1 || !facts::has_own_pid_namespace() {
        return Err("--inside is for process 1 of a container".into());
    }
    let score = score::Score::find();
    // The program has the same uid: nothing of this process is for it to read or to trace.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("cannot hide: {error}"))?;
    let filter = crate::confine::seccomp::filter_for_this_machine()?;
    let counters = counters::Counters::find();
    let landlock = crate::confine::landlock::find();
    let hello = Hello {
        r#type: "hello",
        version: VERSION,
        launcher: env!("CARGO_PKG_VERSION"),
        inside: facts::Facts::read(&counters, landlock.is_some()),
    };
    send(&hello, &[]).map_err(|error| format!("cannot speak: {error}"))?;
    // Code that was dropped for want of memory would have to be read again when there is none. Not
    // every engine lets it; then it is as good as it was.
    let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
    let host = payload::Host { filter, landlock, score };
    match serve(&host, &counters) {
        Ok(end) => send(&Reply::End(&end), &[]).map_err(|error| error.to_string()),
        Err(Refusal::Ended(end)) => send(&Reply::End(&end), &[]).map_err(|error| error.to_string()),
        Err(Refusal::Gone(why)) => Err(why),
    }
}

fn serve(host: &payload::Host, counters: &counters::Counters) -> Result<End, Refusal> {
    let request = words::read_request()?;
    let mut end = running::run(&request, host, counters)?;
    let sent = send_artifacts(&request.program.artifacts);
    end.truncated.artifacts = sent.map_err(|error| Refusal::Gone(error.to_string()))?;
    if request.keep && end.outcome == (Outcome::Exited { exit_code: 0 }) {
        layer::pack(Path::new("/work"), &mut layer::Sender::default())
            .map_err(|error| Refusal::Gone(format!("cannot keep the output: {error}")))?;
        end.layer = Some("sent".into());
    }
    Ok(end)
}

/// Every process but this one is dead: what lies in /work no longer changes.
fn send_artifacts(globs: &[String]) -> io::Result<bool> {
    if globs.is_empty() {
        return Ok(false);
    }
    let (files, cut) = crate::workspace::collect(&words::open_work()?, globs)?;
    for (path, bytes) in &files {
        let total = bytes.len() as u64;
        let mut pieces = bytes.chunks(words::PIECE_BYTES).peekable();
        if pieces.peek().is_none() {
            send(&Reply::Artifact { path, bytes: total, more: false }, &[])?;
        }
        while let Some(piece) = pieces.next() {
            let more = pieces.peek().is_some();
            send(&Reply::Artifact { path, bytes: total, more }, piece)?;
        }
    }
    Ok(cut)
}

/// One frame to the server, by the container's standard output.
fn send<T: Serialize>(header: &T, payload: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(payload.len() + 256);
    append_frame(&mut frame, header, payload);
    let mut rest = frame.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // A pipe's page is charged here: the killed give theirs back in a moment.
            Err(Errno::NOMEM) => {
                let wait = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                let _ = poll(&mut [], Some(&wait));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
