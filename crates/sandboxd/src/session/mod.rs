//! One connection: its buffers, what it may say next, and the sandbox that lives on it.

pub mod filling;
pub mod sandbox;

use crate::diagnose;
use crate::lab::{holds, Protection};
use crate::protocol::frame::{append_frame, first_frame, HEADER_START};
use crate::protocol::message::{ErrorCode, FileHeader, Reply, Request, Stream, VERSION};
use crate::session::filling::{Filling, Refusal};
use crate::session::sandbox::{KeptLayer, Sandbox};
use crate::supervise::context::Context;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Output waiting for the client beyond this stops reading from the program.
const OUT_BYTES_MAX: usize = 1024 * 1024;
/// An error's message may quote what the client said.
const MESSAGE_LETTERS_MAX: usize = 500;
const READ_BYTES: usize = 128 * 1024;

pub struct Session {
    /// `None` when the client is gone and only the sandbox's end is waited for.
    pub socket: Option<OwnedFd>,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
    pub state: State,
    /// The client broke the protocol while its sandbox lived: it is not listened to any more.
    is_deaf: bool,
}

pub enum State {
    /// Nothing was said yet.
    Fresh,
    /// The versions agree.
    Greeted,
    Control,
    Filling(Box<Filling>),
    Live(Box<Sandbox>),
    /// The end was told; a compile's layer lives until the connection closes.
    Over(Option<KeptLayer>),
    /// Everything is said. The client closes; what it still says meanwhile is dropped, since to
    /// close before it has read our last word would destroy that word.
    Closing,
}

impl Session {
    pub fn new(socket: OwnedFd) -> Session {
        Session {
            socket: Some(socket),
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            state: State::Fresh,
            is_deaf: false,
        }
    }

    pub fn say(&mut self, reply: &Reply<'_>, payload: &[u8]) {
        if self.socket.is_none() {
            return;
        }
        append_frame(&mut self.outgoing, reply, payload);
    }

    pub fn say_raw(&mut self, value: &serde_json::Value) {
        append_frame(&mut self.outgoing, value, &[]);
    }

    /// Says what is wrong. A sandbox that lives is killed, and still seen to its end.
    fn refuse(&mut self, code: ErrorCode, message: &str, now_ns: u64) {
        let cut =
            message.char_indices().nth(MESSAGE_LETTERS_MAX).map_or(message.len(), |(at, _)| at);
        let message = message.get(..cut).unwrap_or_default();
        self.say(&Reply::Error { code, message }, &[]);
        self.is_deaf = true;
        match &mut self.state {
            State::Live(sandbox) => sandbox.running.cancel(now_ns),
            other => *other = State::Closing,
        }
    }

    pub fn has_outgoing(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Whether more output of the program may be read.
    pub fn has_room(&self) -> bool {
        self.outgoing.len() - self.sent < OUT_BYTES_MAX
    }

    /// Whether more of the client's words may be read: not while input waits for the program.
    pub fn wants_words(&self) -> bool {
        match &self.state {
            State::Live(sandbox) => !sandbox.has_pending_input(),
            _ => true,
        }
    }

    pub fn is_finished(&self) -> bool {
        match self.state {
            State::Closing | State::Over(_) => self.socket.is_none(),
            _ => false,
        }
    }

    /// The client is gone: its sandbox is killed, and what it was still to be told is dropped.
    pub fn lose_client(&mut self, now_ns: u64) {
        self.socket = None;
        self.outgoing.clear();
        self.sent = 0;
        match &mut self.state {
            State::Live(sandbox) if holds(Protection::Teardown) => {
                sandbox.running.cancel(now_ns);
            }
            State::Live(_) | State::Over(_) => {}
            _ => self.state = State::Closing,
        }
    }

    /// Writes what waits. `false` when the client is gone.
    pub fn flush(&mut self) -> bool {
        let Some(socket) = &self.socket else { return true };
        while let Some(rest) = self.outgoing.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(socket, rest) {
                Ok(count) => self.sent += count,
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        self.outgoing.clear();
        self.outgoing.shrink_to(READ_BYTES);
        self.sent = 0;
        true
    }

    /// Reads once and handles every whole frame. `false` when the client is gone.
    pub fn read(&mut self, context: &mut Context, now_ns: u64) -> bool {
        let Some(socket) = &self.socket else { return true };
        self.incoming.reserve(READ_BYTES);
        match rustix::io::read(socket, spare_capacity(&mut self.incoming)) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(Errno::AGAIN | Errno::INTR) => return true,
            Err(_) => return false,
        }
        self.handle_frames(context, now_ns);
        true
    }

    /// Handles what was read, as long as the session wants words.
    pub fn handle_frames(&mut self, context: &mut Context, now_ns: u64) {
        let incoming = std::mem::take(&mut self.incoming);
        let mut at = 0;
        if self.is_deaf || matches!(self.state, State::Closing | State::Over(_)) {
            return;
        }
        while self.wants_words() {
            let rest = incoming.get(at..).unwrap_or_default();
            let span = match first_frame(rest) {
                Ok(Some(span)) => span,
                Ok(None) => break,
                Err(message) => {
                    return self.refuse(ErrorCode::Protocol, message, now_ns);
                }
            };
            let header = rest.get(HEADER_START..span.header_end).unwrap_or_default();
            let payload = rest.get(span.header_end..span.end).unwrap_or_default();
            match serde_json::from_slice::<Request>(header) {
                Ok(request) => self.handle(request, payload, context, now_ns),
                Err(error) => self.refuse(ErrorCode::Protocol, &error.to_string(), now_ns),
            }
            at += span.end;
            if self.is_deaf || matches!(self.state, State::Closing) {
                return;
            }
        }
        self.incoming = incoming;
        self.incoming.drain(..at);
    }

    fn handle(&mut self, request: Request, payload: &[u8], context: &mut Context, now_ns: u64) {
        let state = std::mem::replace(&mut self.state, State::Closing);
        self.state = match (state, request) {
            (State::Fresh, Request::Hello { version: VERSION }) => {
                let launcher = env!("CARGO_PKG_VERSION");
                self.say(&Reply::Hello { version: VERSION, launcher }, &[]);
                State::Greeted
            }
            (State::Fresh, Request::Hello { .. }) => {
                return self.refuse(ErrorCode::Version, "this launcher speaks version 1", now_ns);
            }
            (State::Greeted | State::Control, Request::Recipe { digest, recipe }) => {
                if let Err((code, message)) = context.learn(&digest, recipe) {
                    return self.refuse(code, &message, now_ns);
                }
                self.say(&Reply::RecipeOk { digest: &digest }, &[]);
                State::Control
            }
            (State::Greeted | State::Control, Request::Diagnose {}) => {
                self.say_raw(&diagnose::diagnosis(context));
                State::Control
            }
            (State::Greeted, Request::Start(start)) => {
                match Filling::begin(*start, payload, context, now_ns) {
                    Ok(filling) => State::Filling(Box::new(filling)),
                    Err(refusal) => return self.give_up(refusal, now_ns),
                }
            }
            (State::Filling(filling), Request::File(file)) => {
                return self.fill(filling, (&file, payload), now_ns);
            }
            (State::Filling(filling), Request::Stdin {}) => {
                self.launch(filling, context, now_ns);
                return self.feed(payload, false);
            }
            (State::Filling(filling), Request::StdinEnd {}) => {
                self.launch(filling, context, now_ns);
                return self.feed(&[], true);
            }
            (State::Live(sandbox), Request::Stdin {}) => {
                self.state = State::Live(sandbox);
                return self.feed(payload, false);
            }
            (State::Live(sandbox), Request::StdinEnd {}) => {
                self.state = State::Live(sandbox);
                return self.feed(&[], true);
            }
            (state, _) => {
                self.state = state;
                return self.refuse(ErrorCode::Protocol, "this message is out of order", now_ns);
            }
        };
    }

    fn fill(&mut self, filling: Box<Filling>, file: (&FileHeader, &[u8]), now_ns: u64) {
        match filling.write(file.0, file.1) {
            Ok(()) => self.state = State::Filling(filling),
            Err(refusal) => self.give_up(refusal, now_ns),
        }
    }

    fn launch(&mut self, filling: Box<Filling>, context: &mut Context, now_ns: u64) {
        match filling.launch(context) {
            Ok(sandbox) => self.state = State::Live(Box::new(sandbox)),
            Err(refusal) => self.give_up(refusal, now_ns),
        }
    }

    fn feed(&mut self, bytes: &[u8], last: bool) {
        if let State::Live(sandbox) = &mut self.state {
            sandbox.feed(bytes, last);
        }
    }

    fn give_up(&mut self, refusal: Refusal, now_ns: u64) {
        match refusal {
            Refusal::Error(code, message) => self.refuse(code, &message, now_ns),
            Refusal::Ended(end) => {
                self.say(&Reply::End(&end), &[]);
                self.state = State::Closing;
            }
        }
    }

    /// Reads what PID 1 reported, and tells of the start: before any output, and before the end.
    pub fn read_reports(&mut self) {
        let State::Live(sandbox) = &mut self.state else { return };
        if let Some(prepare_us) = sandbox.running.read_reports() {
            sandbox.count_cpu();
            self.say(&Reply::Started { prepare_us }, &[]);
        }
    }

    /// Passes on what a stream of the program holds. `true` when there may be more.
    pub fn pump(&mut self, stream: Stream, now_ns: u64) -> bool {
        if !self.has_room() {
            return false;
        }
        self.read_reports();
        let State::Live(sandbox) = &mut self.state else { return false };
        let mut chunk = Vec::with_capacity(crate::supervise::running::READ_BYTES);
        let Some(pipe) = sandbox.running.pipe(stream) else { return false };
        match rustix::io::read(pipe.as_fd(), spare_capacity(&mut chunk)) {
            Ok(0) => sandbox.running.end_stream(stream),
            Ok(count) => {
                let kept = sandbox.running.count(stream, count, now_ns);
                let time_us = sandbox.running.age_us(now_ns);
                if let Some(kept) = chunk.get(..kept).filter(|kept| !kept.is_empty()) {
                    self.say(&Reply::Output { stream, time_us }, kept);
                }
                return true;
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => sandbox.running.end_stream(stream),
        }
        false
    }
}
