//! Where connections come in. It closes for a moment when the launcher has no descriptor left for
//! one more: a listener that stays readable and can't be served would spin the loop.

use crate::supervise::descriptors::PAUSE_NS;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{accept_with, SocketFlags};
use std::os::fd::OwnedFd;

pub struct Entrance {
    listener: OwnedFd,
    data: u64,
    /// When it opens again.
    closed_until_ns: Option<u64>,
}

impl Entrance {
    /// # Errors
    /// The poller doesn't take the listener.
    pub fn open(listener: OwnedFd, epoll: &OwnedFd, data: u64) -> rustix::io::Result<Entrance> {
        epoll::add(epoll, &listener, EventData::new_u64(data), EventFlags::IN)?;
        Ok(Entrance { listener, data, closed_until_ns: None })
    }

    /// The next that waits to come in.
    pub fn next(&mut self, epoll: &OwnedFd, now_ns: u64) -> Option<OwnedFd> {
        if self.closed_until_ns.is_some() {
            return None;
        }
        loop {
            match accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => return Some(socket),
                // It went before we came (accept(2)).
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(Errno::AGAIN) => return None,
                Err(_) => {
                    self.close_for_a_moment(epoll, now_ns);
                    return None;
                }
            }
        }
    }

    pub fn close_for_a_moment(&mut self, epoll: &OwnedFd, now_ns: u64) {
        let nothing = EventFlags::empty();
        let _ = epoll::modify(epoll, &self.listener, EventData::new_u64(self.data), nothing);
        self.closed_until_ns = Some(now_ns.saturating_add(PAUSE_NS));
    }

    pub fn deadline_ns(&self) -> u64 {
        self.closed_until_ns.unwrap_or(u64::MAX)
    }

    pub fn tick(&mut self, epoll: &OwnedFd, now_ns: u64) {
        if self.closed_until_ns.is_some_and(|until| until <= now_ns) {
            let read = EventFlags::IN;
            let _ = epoll::modify(epoll, &self.listener, EventData::new_u64(self.data), read);
            self.closed_until_ns = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::epoll::Event;
    use rustix::event::Timespec;
    use std::mem::MaybeUninit;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn is_ready(epoll: &OwnedFd) -> bool {
        let mut room = [MaybeUninit::<Event>::uninit(); 4];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(epoll::wait(epoll, &mut room, Some(&now)), Ok((events, _)) if !events.is_empty())
    }

    #[test]
    fn a_closed_entrance_wakes_nobody_until_it_opens_again() {
        let path = std::env::temp_dir().join(format!("gozo-entrance-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let (Ok(listener), Ok(epoll)) =
            (UnixListener::bind(&path), epoll::create(epoll::CreateFlags::CLOEXEC))
        else {
            unreachable!("no socket")
        };
        assert!(listener.set_nonblocking(true).is_ok());
        let Ok(mut entrance) = Entrance::open(listener.into(), &epoll, 7) else {
            unreachable!("no entrance")
        };
        let client = UnixStream::connect(&path);
        assert!(client.is_ok() && is_ready(&epoll));
        entrance.close_for_a_moment(&epoll, 100);
        assert!(!is_ready(&epoll), "a loop would spin");
        assert!(entrance.next(&epoll, 101).is_none());
        assert_eq!(entrance.deadline_ns(), 100 + PAUSE_NS);
        entrance.tick(&epoll, 99 + PAUSE_NS);
        assert!(!is_ready(&epoll));
        entrance.tick(&epoll, 100 + PAUSE_NS);
        assert!(is_ready(&epoll));
        assert!(entrance.next(&epoll, 101 + PAUSE_NS).is_some());
        assert!(entrance.next(&epoll, 101 + PAUSE_NS).is_none());
        let _ = std::fs::remove_file(&path);
    }
}
