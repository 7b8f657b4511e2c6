//! What the poller watches of each session: exactly what the session can use now.

use super::context::Context;
use super::network::egress::Egress;
use crate::protocol::message::Stream;
use crate::session::{Session, State};
use rustix::event::epoll::{self, EventData, EventFlags};
use std::os::fd::{AsFd, OwnedFd};

/// A token is the seat's index times this, plus the kind.
pub const KINDS: u64 = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Socket,
    Stdout,
    Stderr,
    Stdin,
    Report,
    Pid,
    Oom,
    Egress,
}

impl Seat {
    /// When something has to be done for the session though nothing happens.
    pub fn deadline_ns(&self) -> Option<u64> {
        let clocks = match &self.session.state {
            State::Live(sandbox) if sandbox.running.dead_ns.is_none() => {
                Some(sandbox.running.deadline_ns())
            }
            _ => None,
        };
        let session = [self.session.held_until_ns(), self.session.silence_ends_ns()];
        let egress = match &self.session.state {
            State::Live(sandbox) => {
                sandbox.running.launched.egress.as_ref().and_then(Egress::deadline_ns)
            }
            State::Filling(filling) => filling.awaits_until_ns(),
            _ => None,
        };
        session.into_iter().flatten().chain(clocks).chain(egress).min()
    }
}

pub const ALL_KINDS: [Kind; 8] = [
    Kind::Socket,
    Kind::Stdout,
    Kind::Stderr,
    Kind::Stdin,
    Kind::Report,
    Kind::Pid,
    Kind::Oom,
    Kind::Egress,
];

/// One connection's place in the loop.
pub struct Seat {
    pub session: Session,
    /// What the poller watches the socket for.
    pub socket_flags: EventFlags,
    pub watched: [bool; 8],
}

pub fn data(index: usize, kind: Kind) -> EventData {
    EventData::new_u64(index as u64 * KINDS + kind as u64)
}

/// Makes the poller watch exactly what the session can use now.
pub fn watch(seat: &mut Seat, index: usize, context: &Context) {
    if let Some(socket) = &seat.session.socket {
        let mut wanted = EventFlags::RDHUP;
        wanted.set(EventFlags::IN, seat.session.wants_words());
        let held = seat.session.held_until_ns().is_some();
        wanted.set(EventFlags::OUT, seat.session.has_outgoing() && !held);
        if wanted != seat.socket_flags {
            let _ = epoll::modify(&context.epoll, socket, data(index, Kind::Socket), wanted);
            seat.socket_flags = wanted;
        }
    }
    if let Some(egress) = seat.session.egress() {
        let wish = (Kind::Egress, Some(egress.descriptor()), !egress.has_ended(), EventFlags::IN);
        watch_one(&mut seat.watched, index, context, wish);
    }
    if let State::Filling(filling) = &seat.session.state {
        let wish = (Kind::Report, filling.late_report(), true, EventFlags::IN);
        watch_one(&mut seat.watched, index, context, wish);
    }
    let room = seat.session.has_room();
    let State::Live(sandbox) = &seat.session.state else { return };
    let running = &sandbox.running;
    // What the program writes before PID 1 could say that it started waits in the pipe.
    let out = |stream| room && running.has_started() && running.pipe(stream).is_some();
    let read = EventFlags::IN;
    let wishes = [
        (Kind::Stdout, Some(running.raw_pipe(Stream::Stdout)), out(Stream::Stdout), read),
        (Kind::Stderr, Some(running.raw_pipe(Stream::Stderr)), out(Stream::Stderr), read),
        (Kind::Stdin, running.stdin.as_ref(), sandbox.has_pending_input(), EventFlags::OUT),
        (Kind::Report, Some(&running.launched.report), true, read),
        (Kind::Pid, Some(&running.launched.pidfd), true, read),
        (Kind::Oom, running.launched.group.oom_event(), true, read),
    ];
    for wish in wishes {
        watch_one(&mut seat.watched, index, context, wish);
    }
}

/// What was waited for is there, or too late: its sandbox may be another one from here on.
pub fn stop_waiting(seat: &mut Seat, context: &Context, now_ns: u64) -> bool {
    let State::Filling(filling) = &seat.session.state else { return false };
    let report = filling.late_report().filter(|_| !filling.is_late(now_ns));
    report.is_some_and(|report| {
        watch_one(
            &mut seat.watched,
            0,
            context,
            (Kind::Report, Some(report), false, EventFlags::IN),
        );
        true
    })
}

type Wish<'a> = (Kind, Option<&'a OwnedFd>, bool, EventFlags);

fn watch_one(
    watched: &mut [bool; 8],
    index: usize,
    context: &Context,
    (kind, descriptor, wanted, flags): Wish<'_>,
) {
    let (Some(descriptor), Some(watched)) = (descriptor, watched.get_mut(kind as usize)) else {
        return;
    };
    if wanted && !*watched {
        *watched = epoll::add(&context.epoll, descriptor.as_fd(), data(index, kind), flags).is_ok();
    } else if !wanted && *watched {
        let _ = epoll::delete(&context.epoll, descriptor);
        *watched = false;
    }
}
