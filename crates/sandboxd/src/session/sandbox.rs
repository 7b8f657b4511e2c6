//! A live sandbox of a session: the run, its pending input, and what becomes of it at its end.

use crate::protocol::frame::PAYLOAD_BYTES_MAX;
use crate::protocol::interactive::{Interactive, SignalName, Size};
use crate::protocol::message::{End, Outcome, Reply, Request, Stream};
use crate::session::{Session, State};
use crate::supervise::context::{Context, Layer};
use crate::supervise::running::Running;
use crate::supervise::slots::{Lease, Slot};
use crate::supervise::terminal;
use crate::workspace::Workspace;
use rustix::io::Errno;
use std::rc::Rc;

/// What is to be done at the end, and what is given back then.
pub struct Wishes {
    pub keep: bool,
    pub artifacts: Vec<String>,
    /// The sandbox was made before the request came.
    pub prepared: bool,
    /// It is talked to while it runs.
    pub interactive: Option<Interactive>,
    pub _lease: Option<Lease>,
}

pub struct Sandbox {
    pub running: Running,
    workspace: Workspace,
    slot: Rc<Slot>,
    pub wishes: Wishes,
    input: Vec<u8>,
    fed: usize,
    input_ended: bool,
    /// Of all input, what the program took, and what the client knows of that.
    taken: u64,
    told: u64,
}

/// More input of a program that is talked to is not read from its client while so much waits.
const INPUT_BYTES_MAX: usize = 1024 * 1024;

/// The layer that a compile left, with the workspace that holds it.
pub struct KeptLayer {
    pub handle: String,
    _workspace: Workspace,
}

impl Sandbox {
    pub fn new(running: Running, workspace: Workspace, slot: Rc<Slot>, wishes: Wishes) -> Sandbox {
        let (input, fed, taken, told) = (Vec::new(), 0, 0, 0);
        Sandbox { running, workspace, slot, wishes, input, fed, input_ended: false, taken, told }
    }

    pub fn has_pending_input(&self) -> bool {
        self.fed < self.input.len()
    }

    /// Of one that is talked to signals may follow its input: some of that may wait.
    pub fn has_room(&self) -> bool {
        let waiting = self.input.len().saturating_sub(self.fed);
        match self.wishes.interactive {
            Some(_) => waiting < INPUT_BYTES_MAX,
            None => waiting == 0,
        }
    }

    pub fn feed(&mut self, bytes: &[u8], last: bool) {
        // What was fed goes first: the rest is never more than may wait, and one frame.
        self.input.drain(..self.fed);
        self.fed = 0;
        self.input.extend_from_slice(bytes);
        self.input_ended |= last;
        self.push_input();
    }

    /// What only a program that is talked to can be told; `false` where this one can't.
    pub fn is_told(&self, request: &Request) -> bool {
        match request {
            Request::Signal { signal } => self.signal(*signal),
            Request::Resize(size) => self.resize(*size),
            _ => false,
        }
    }

    fn signal(&self, signal: SignalName) -> bool {
        let is_there = self.wishes.interactive.is_some() && self.running.has_started();
        if is_there {
            self.running.launched.signal(signal);
        }
        is_there
    }

    fn resize(&self, size: Size) -> bool {
        let has_terminal = self.wishes.interactive.is_some_and(|it| it.terminal.is_some());
        if has_terminal {
            terminal::resize(self.running.raw_pipe(Stream::Stdout), size);
        }
        has_terminal
    }

    /// Writes pending input to the program, as much as its pipe takes.
    pub fn push_input(&mut self) {
        while let Some(pipe) = &self.running.stdin {
            let Some(rest) = self.input.get(self.fed..).filter(|rest| !rest.is_empty()) else {
                if self.input_ended {
                    self.running.stdin = None;
                }
                break;
            };
            match rustix::io::write(pipe, rest) {
                Ok(count) => {
                    self.fed += count;
                    self.taken += count as u64;
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => self.running.stdin = None,
            }
        }
        // Nothing pending, or nobody who would read it.
        self.taken += self.input.len().saturating_sub(self.fed) as u64;
        self.input.clear();
        self.fed = 0;
    }

    /// Counts the sandbox on the CPU that its program took.
    pub fn count_cpu(&self) {
        if let Some(cpu) = self.running.cpu {
            self.slot.runs_on(cpu);
        }
    }

    /// It could not be killed: the answer is given all the same, and its uid is withheld.
    pub fn abandon(&mut self, now_ns: u64) {
        eprintln!("sandboxd: a sandbox could not be killed; its uid is withheld");
        self.slot.withhold();
        self.running.dead_ns = Some(now_ns);
    }
}

impl Session {
    /// Ends the execution once the sandbox is dead and its last output is on its way.
    pub fn finish(&mut self, context: &mut Context, now_ns: u64) {
        self.read_reports();
        if !matches!(&self.state, State::Live(sandbox) if sandbox.running.is_settled())
            || !self.drain(now_ns)
        {
            return;
        }
        if !self.is_accounted(now_ns) {
            return;
        }
        let State::Live(sandbox) = std::mem::replace(&mut self.state, State::Closing) else {
            return;
        };
        let cut = self.say_artifacts(&sandbox);
        let mut end = sandbox.running.end(cut);
        context.unwatch(&sandbox.running);
        let Sandbox { running, workspace, slot, wishes, .. } = *sandbox;
        slot.frees_cpu();
        let kept = keep_output(&wishes, workspace, &slot, (context, &mut end));
        let connections = connections_of(&running);
        self.say(&Reply::End(&end), &connections);
        // First the answer, then the rest: the client need not wait for the groups to go.
        self.flush();
        context.running = context.running.saturating_sub(1);
        self.state = State::Over(kept);
        context.bury(running, slot, now_ns);
    }

    /// Tells the client of one that is talked to how much of its input went in, as far as it reads.
    pub fn tell_taken(&mut self) {
        let has_room = self.has_room();
        let State::Live(sandbox) = &mut self.state else { return };
        let bytes = sandbox.taken;
        if has_room && sandbox.wishes.interactive.is_some() && sandbox.told != bytes {
            sandbox.told = bytes;
            self.say(&Reply::Taken { bytes }, &[]);
        }
    }

    /// The egress process has told of every connection, or had its time for it.
    fn is_accounted(&mut self, now_ns: u64) -> bool {
        let State::Live(sandbox) = &mut self.state else { return true };
        sandbox.running.launched.egress.as_mut().is_none_or(|egress| egress.finish(now_ns))
    }

    /// All writers are dead: what the pipes hold is all there will be. `false` while the client
    /// has no room for it.
    fn drain(&mut self, now_ns: u64) -> bool {
        for stream in [Stream::Stdout, Stream::Stderr] {
            while self.pump(stream, now_ns) {
                self.flush();
            }
        }
        self.has_room()
    }

    fn say_artifacts(&mut self, sandbox: &Sandbox) -> bool {
        let Ok((found, cut)) = sandbox.workspace.collect(&sandbox.wishes.artifacts) else {
            return true;
        };
        for (path, content) in &found {
            let bytes = content.len() as u64;
            let mut parts = content.chunks(PAYLOAD_BYTES_MAX).peekable();
            if parts.peek().is_none() {
                self.say(&Reply::Artifact { path, bytes, more: false }, &[]);
            }
            while let Some(part) = parts.next() {
                let more = parts.peek().is_some();
                self.say(&Reply::Artifact { path, bytes, more }, part);
            }
        }
        cut
    }
}

/// The payload of the end: empty where there was no network.
fn connections_of(running: &Running) -> Vec<u8> {
    let log = running.launched.egress.as_ref().map(|egress| serde_json::to_vec(egress.log()));
    log.and_then(Result::ok).unwrap_or_default()
}

/// Freezes what a compile left and registers it; otherwise the workspace goes here.
fn keep_output(
    wishes: &Wishes,
    workspace: Workspace,
    slot: &Rc<Slot>,
    (context, end): (&mut Context, &mut End),
) -> Option<KeptLayer> {
    let succeeded = matches!(end.outcome, Outcome::Exited { exit_code: 0 });
    if !wishes.keep || !succeeded || workspace.freeze().is_err() {
        return None;
    }
    let path = workspace.attached()?.to_path_buf();
    let handle = context.keep_layer(Layer { path, slot: Rc::clone(slot) })?;
    end.layer = Some(handle.clone());
    Some(KeptLayer { handle, _workspace: workspace })
}
