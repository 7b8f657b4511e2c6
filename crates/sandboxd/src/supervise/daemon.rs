//! The launcher's loop: one thread, one poller, no lock. It accepts, passes events on to sessions,
//! holds clocks, and ends by a signal with nothing left behind.

mod entrance;

use self::entrance::Entrance;
use crate::child::monotonic_ns;
use crate::protocol::message::Stream;
use crate::session::{Session, State};
use crate::supervise::context::Context;
use crate::supervise::watch::{data, stop_waiting, watch, Kind, Seat, ALL_KINDS, KINDS};
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::event::Timespec;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

const LISTENER: u64 = u64::MAX;
const SIGNALS: u64 = u64::MAX - 1;
const EVENTS: usize = 256;
/// Connections at once: two for each slot is more than any server needs.
const SESSIONS_MAX: usize = 4096;
/// How long a stop waits for sandboxes to be gone.
const DRAIN_NS: u64 = 2_000_000_000;

pub struct Daemon {
    context: Context,
    seats: Vec<Option<Seat>>,
    entrance: Entrance,
    signals: OwnedFd,
    drain_deadline_ns: Option<u64>,
}

impl Daemon {
    pub fn new(context: Context, listener: OwnedFd, signals: OwnedFd) -> std::io::Result<Daemon> {
        let read = EventFlags::IN;
        let entrance = Entrance::open(listener, &context.epoll, LISTENER)?;
        epoll::add(&context.epoll, &signals, EventData::new_u64(SIGNALS), read)?;
        Ok(Daemon { context, seats: Vec::new(), entrance, signals, drain_deadline_ns: None })
    }

    /// Runs until a signal ends it and the last sandbox is gone.
    pub fn run(&mut self) -> std::io::Result<()> {
        let mut buffer = [MaybeUninit::<Event>::uninit(); EVENTS];
        loop {
            let timeout = self.timeout();
            let events = match epoll::wait(&self.context.epoll, &mut buffer, timeout.as_ref()) {
                Ok((events, _)) => events,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let now_ns = monotonic_ns();
            let mut has_newcomers = false;
            for event in events.iter() {
                match event.data.u64() {
                    LISTENER => has_newcomers = true,
                    SIGNALS => self.drain(now_ns),
                    token => self.handle(token, event.flags),
                }
            }
            self.tick(now_ns);
            // Last, so that no event of this round meets a newcomer on a seat that became free.
            if has_newcomers {
                self.accept(now_ns);
            }
            if self.is_drained(now_ns) {
                self.context.tree.close();
                return Ok(());
            }
        }
    }

    fn timeout(&self) -> Option<Timespec> {
        let sessions = self.seats.iter().flatten().filter_map(Seat::deadline_ns);
        let drain_ns = self.drain_deadline_ns.unwrap_or(u64::MAX);
        let others = [self.context.deadline_ns(), drain_ns, self.entrance.deadline_ns()];
        let next = sessions.chain(others).min().filter(|deadline| *deadline != u64::MAX)?;
        let left = next.saturating_sub(monotonic_ns());
        Some(Timespec {
            tv_sec: (left / 1_000_000_000) as i64,
            tv_nsec: (left % 1_000_000_000) as i64,
        })
    }

    fn accept(&mut self, now_ns: u64) {
        while let Some(socket) = self.entrance.next(&self.context.epoll, now_ns) {
            if self.context.descriptors.run_short(&socket) {
                // Closed: that is an answer. The rest wait outside until there is room.
                self.entrance.close_for_a_moment(&self.context.epoll, now_ns);
                return;
            }
            let free = self.seats.iter().position(Option::is_none);
            let index = free.unwrap_or(self.seats.len());
            if index >= SESSIONS_MAX {
                continue;
            }
            if index == self.seats.len() {
                self.seats.push(None);
            }
            let wanted = EventFlags::IN | EventFlags::RDHUP;
            if epoll::add(&self.context.epoll, &socket, data(index, Kind::Socket), wanted).is_err()
            {
                continue;
            }
            let seat =
                Seat { session: Session::new(socket), socket_flags: wanted, watched: [false; 8] };
            if let Some(place) = self.seats.get_mut(index) {
                *place = Some(seat);
            }
            // Most clients have said everything by now.
            self.with_seat(index, |seat, context, now_ns| {
                if !seat.session.read(context, now_ns) {
                    lose(seat, context, now_ns);
                }
            });
        }
    }

    fn handle(&mut self, token: u64, flags: EventFlags) {
        let index = (token / KINDS) as usize;
        let Some(kind) = ALL_KINDS.get((token % KINDS) as usize).copied() else { return };
        self.with_seat(index, |seat, context, now_ns| match kind {
            Kind::Socket => {
                let gone = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
                let reads = flags.contains(EventFlags::IN) && seat.session.wants_words();
                if flags.intersects(gone) || (reads && !seat.session.read(context, now_ns)) {
                    lose(seat, context, now_ns);
                }
            }
            Kind::Stdout => drop(seat.session.pump(Stream::Stdout, now_ns)),
            Kind::Stderr => drop(seat.session.pump(Stream::Stderr, now_ns)),
            Kind::Egress => seat.session.read_egress(context, now_ns),
            Kind::Report if stop_waiting(seat, context, now_ns) => {
                seat.session.settle(context, now_ns);
            }
            other => handle_sandbox(seat, context, other, now_ns),
        });
    }

    /// Does something for one session, then brings everything about it up to date.
    fn with_seat(&mut self, index: usize, act: impl FnOnce(&mut Seat, &mut Context, u64)) {
        let Some(Some(mut seat)) = self.seats.get_mut(index).map(Option::take) else { return };
        let now_ns = monotonic_ns();
        act(&mut seat, &mut self.context, now_ns);
        seat.session.tell_taken();
        seat.session.finish(&mut self.context, now_ns);
        if !seat.session.flush() {
            lose(&mut seat, &mut self.context, now_ns);
        }
        if seat.session.is_finished() {
            leave(seat, &mut self.context);
            return;
        }
        watch(&mut seat, index, &self.context);
        if let Some(place) = self.seats.get_mut(index) {
            *place = Some(seat);
        }
    }

    fn tick(&mut self, now_ns: u64) {
        self.context.tick(now_ns);
        self.entrance.tick(&self.context.epoll, now_ns);
        for index in 0..self.seats.len() {
            let deadline =
                self.seats.get(index).and_then(Option::as_ref).and_then(Seat::deadline_ns);
            let due = deadline.is_some_and(|deadline_ns| deadline_ns <= now_ns);
            if due {
                self.with_seat(index, tick_seat);
            }
        }
    }

    /// A signal asked for the end: nothing new, everything that lives is cancelled.
    fn drain(&mut self, now_ns: u64) {
        let mut ignored = [0u8; 128];
        let _ = rustix::io::read(&self.signals, &mut ignored);
        if self.context.draining {
            return;
        }
        self.context.draining = true;
        self.drain_deadline_ns = Some(now_ns + DRAIN_NS);
        for index in 0..self.seats.len() {
            self.with_seat(index, |seat, _, now_ns| {
                if let State::Live(sandbox) = &mut seat.session.state {
                    sandbox.running.cancel(now_ns);
                }
            });
        }
    }

    fn is_drained(&self, now_ns: u64) -> bool {
        let Some(deadline_ns) = self.drain_deadline_ns else { return false };
        let left = self.context.running + self.context.spares.late();
        let gone = left == 0 && self.context.deadline_ns() == u64::MAX;
        gone || now_ns >= deadline_ns
    }
}

fn handle_sandbox(seat: &mut Seat, context: &mut Context, kind: Kind, now_ns: u64) {
    let State::Live(sandbox) = &mut seat.session.state else { return };
    match kind {
        Kind::Stdin => {
            sandbox.push_input();
            seat.session.handle_frames(context, now_ns);
        }
        Kind::Report => {
            seat.session.read_reports();
        }
        Kind::Pid => sandbox.running.reap(now_ns),
        Kind::Oom => {
            if let Some(event) = sandbox.running.launched.group.oom_event() {
                let _ = epoll::delete(&context.epoll, event);
            }
            sandbox.running.oom(now_ns);
        }
        Kind::Socket | Kind::Stdout | Kind::Stderr | Kind::Egress => {}
    }
}

fn tick_seat(seat: &mut Seat, context: &mut Context, now_ns: u64) {
    if seat.session.silence_ends_ns().is_some_and(|end_ns| end_ns <= now_ns) {
        return lose(seat, context, now_ns);
    }
    if stop_waiting(seat, context, now_ns) {
        seat.session.settle(context, now_ns);
    }
    seat.session.give_up_egress(context, now_ns);
    let State::Live(sandbox) = &mut seat.session.state else { return };
    if sandbox.running.dead_ns.is_none() && !sandbox.running.tick(now_ns) {
        sandbox.abandon(now_ns);
    }
}

fn lose(seat: &mut Seat, context: &mut Context, now_ns: u64) {
    if let Some(socket) = &seat.session.socket {
        let _ = epoll::delete(&context.epoll, socket);
    }
    seat.session.lose_client(now_ns);
    // A sandbox that was dead already has only its end left.
    seat.session.finish(context, now_ns);
}

fn leave(seat: Seat, context: &mut Context) {
    if let Some(socket) = &seat.session.socket {
        let _ = epoll::delete(&context.epoll, socket);
    }
    if let State::Over(Some(kept)) = &seat.session.state {
        context.free_layer(&kept.handle);
    }
}
