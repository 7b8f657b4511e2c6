//! One connection: its buffers, what it may say next, and the sandbox that lives on it.

pub mod asked;
pub mod filling;
pub mod sandbox;
mod words;

use crate::child::monotonic_ns;
use crate::lab::{holds, Protection};
use crate::protocol::frame::append_frame;
use crate::protocol::input::{first_input, Input};
use crate::protocol::message::{ErrorCode, Reply, Stream};
use crate::session::filling::Filling;
use crate::session::sandbox::{KeptLayer, Sandbox};
use crate::supervise::context::Context;
use crate::supervise::network::egress::Egress;
use crate::supervise::spares::orders::Order;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// Output waiting for the client beyond this stops reading from the program.
const OUT_BYTES_MAX: usize = 1024 * 1024;
/// An error's message may quote what the client said.
const MESSAGE_LETTERS_MAX: usize = 500;
const HOLD_NS: u64 = 2_000_000;
const HOLD_BYTES_MAX: usize = 16 * 1024;
const SILENCE_NS: u64 = 30_000_000_000;
const READ_BYTES: usize = 128 * 1024;

pub struct Session {
    /// `None` when the client is gone and only the sandbox's end is waited for.
    pub socket: Option<OwnedFd>,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
    pub state: State,
    /// Word of the start and a little output wait to be sent: they go with what follows, or after a
    /// moment. Most programs are short, and a client that is woken for each takes their CPU.
    held_until_ns: Option<u64>,
    /// When the client last said or took something.
    moved_ns: u64,
    /// The client broke the protocol while its sandbox lived: it is not listened to any more.
    is_deaf: bool,
}

/// The beginning of a message, cut between two letters.
pub fn shortened(message: &str) -> &str {
    let end = message.char_indices().nth(MESSAGE_LETTERS_MAX).map_or(message.len(), |(at, _)| at);
    message.get(..end).unwrap_or_default()
}

pub enum State {
    /// Nothing was said yet.
    Fresh,
    /// The versions agree.
    Greeted,
    /// With what this client has ordered to be kept ready.
    Control(Option<Rc<Order>>),
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
            held_until_ns: None,
            moved_ns: monotonic_ns(),
            is_deaf: false,
        }
    }

    pub fn say(&mut self, reply: &Reply<'_>, payload: &[u8]) {
        if self.socket.is_none() {
            return;
        }
        append_frame(&mut self.outgoing, reply, payload);
        self.held_until_ns = None;
    }

    /// Says what may wait for a moment, unless much is waiting already.
    fn say_later(&mut self, reply: &Reply<'_>, payload: &[u8]) {
        let until = match self.held_until_ns {
            Some(until) => Some(until),
            None if self.has_outgoing() => None,
            None => Some(monotonic_ns() + HOLD_NS),
        };
        self.say(reply, payload);
        self.held_until_ns = until.filter(|_| self.outgoing.len() < HOLD_BYTES_MAX);
    }

    pub fn say_raw(&mut self, value: &serde_json::Value) {
        append_frame(&mut self.outgoing, value, &[]);
    }

    /// Says what is wrong. A sandbox that lives is killed, and still seen to its end.
    fn refuse(&mut self, code: ErrorCode, message: &str, now_ns: u64) {
        let message = shortened(message);
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

    /// When a client that should say or take something and doesn't is given up.
    pub fn silence_ends_ns(&self) -> Option<u64> {
        let owes = match &self.state {
            State::Fresh | State::Filling(_) | State::Closing => true,
            State::Live(sandbox) => sandbox.running.dead_ns.is_some(),
            State::Greeted | State::Control(_) | State::Over(_) => false,
        };
        (owes && self.socket.is_some()).then_some(self.moved_ns + SILENCE_NS)
    }

    /// When what is held back has to go.
    pub fn held_until_ns(&self) -> Option<u64> {
        self.held_until_ns
    }

    /// Whether more output of the program may be read.
    pub fn has_room(&self) -> bool {
        self.outgoing.len() - self.sent < OUT_BYTES_MAX
    }

    /// Whether more of the client's words may be read: not while input waits for the program.
    pub fn wants_words(&self) -> bool {
        match &self.state {
            State::Live(sandbox) => sandbox.has_room(),
            State::Filling(filling) => filling.awaits_until_ns().is_none(),
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

    /// Writes what waits and is not held back. `false` when the client is gone.
    pub fn flush(&mut self) -> bool {
        if self.held_until_ns.is_some_and(|until| monotonic_ns() < until) {
            return true;
        }
        self.held_until_ns = None;
        let Some(socket) = &self.socket else { return true };
        while let Some(rest) = self.outgoing.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(socket, rest) {
                Ok(count) => {
                    self.sent += count;
                    self.moved_ns = monotonic_ns();
                }
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
            Ok(_) => self.moved_ns = now_ns,
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
            match first_input(rest) {
                Ok(Some(Input { request, payload, taken })) => {
                    at += taken;
                    self.handle(request, payload, context, now_ns);
                }
                Ok(None) => break,
                Err(message) => self.refuse(ErrorCode::Protocol, &message, now_ns),
            }
            if self.is_deaf || matches!(self.state, State::Closing) {
                return;
            }
        }
        self.incoming = incoming;
        self.incoming.drain(..at);
    }

    pub fn egress(&self) -> Option<&Egress> {
        match &self.state {
            State::Live(sandbox) => sandbox.running.launched.egress.as_ref(),
            State::Filling(filling) => filling.egress(),
            _ => None,
        }
    }

    /// Takes in what the egress process told; what the client said may have waited for it.
    pub fn read_egress(&mut self, context: &mut Context, now_ns: u64) {
        let egress = match &mut self.state {
            State::Live(sandbox) => sandbox.running.launched.egress.as_mut(),
            State::Filling(filling) => filling.egress_mut(),
            _ => None,
        };
        if let Some(egress) = egress {
            egress.read();
        }
        self.handle_frames(context, now_ns);
    }

    /// It was not ready in time: what waits goes on, to be refused.
    pub fn give_up_egress(&mut self, context: &mut Context, now_ns: u64) {
        if let State::Filling(filling) = &mut self.state {
            if filling.awaits_until_ns().is_some_and(|until_ns| until_ns <= now_ns) {
                filling.egress_mut().into_iter().for_each(Egress::give_up);
                self.handle_frames(context, now_ns);
            }
        }
    }

    /// Reads what PID 1 reported, and tells of the start: before any output, and before the end.
    pub fn read_reports(&mut self) {
        let State::Live(sandbox) = &mut self.state else { return };
        if let Some(prepare_us) = sandbox.running.read_reports() {
            sandbox.count_cpu();
            let prepared = sandbox.wishes.prepared;
            self.say_later(&Reply::Started { prepare_us, prepared }, &[]);
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
                    self.say_later(&Reply::Output { stream, time_us }, kept);
                }
                return true;
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => sandbox.running.end_stream(stream),
        }
        false
    }
}
