//! Readiness: a level-triggered epoll instance and the events it reports.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    Read,
    Write,
    Both,
    /// Readable, waking as few of the processes that watch the same descriptor as the kernel can.
    SharedRead,
    /// Readable, told once each time more comes.
    NewRead,
}

impl Interest {
    const fn bits(self) -> u32 {
        match self {
            Self::Read => libc::EPOLLIN as u32,
            Self::Write => libc::EPOLLOUT as u32,
            Self::Both => (libc::EPOLLIN | libc::EPOLLOUT) as u32,
            Self::SharedRead => (libc::EPOLLIN | libc::EPOLLEXCLUSIVE) as u32,
            Self::NewRead => libc::EPOLLIN as u32 | libc::EPOLLET as u32,
        }
    }
}

/// Room for the events of one wait.
pub struct Events {
    raw: Vec<libc::epoll_event>,
    filled: usize,
    next: usize,
}

impl Events {
    pub fn with_room_for(count: usize) -> Self {
        Self { raw: vec![libc::epoll_event { events: 0, u64: 0 }; count], filled: 0, next: 0 }
    }

    /// How many events the last wait brought.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Whether events of the last wait have not been taken yet.
    pub fn has_more(&self) -> bool {
        self.next < self.filled
    }

    /// Forget what has not been taken.
    pub fn forget(&mut self) {
        self.filled = 0;
        self.next = 0;
    }

    /// Take the next event of the last wait: the token that a ready descriptor was registered with. Whether the peer
    /// is gone or the socket has failed, reading or writing will tell.
    #[inline]
    pub fn take(&mut self) -> Option<u64> {
        if self.next == self.filled {
            return None;
        }
        let raw = self.raw[self.next];
        self.next += 1;
        Some(raw.u64)
    }
}

/// An epoll instance. Made after fork: an inherited one would report the siblings' events too.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is a descriptor nobody else owns yet.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just made and has no other owner.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Its own descriptor: readable while there are events.
    pub fn fileno(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), token, interest.bits())
    }

    pub fn modify(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_raw_fd(), token, interest.bits())
    }

    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_raw_fd(), 0, 0)
    }

    /// Wait for events. `timeout_ms` 0 returns at once, -1 waits for ever.
    ///
    /// # Errors
    /// `Interrupted` when a signal arrived: the caller lets Python run its handlers.
    pub fn wait(&self, events: &mut Events, timeout_ms: i32) -> io::Result<usize> {
        events.filled = 0;
        events.next = 0;
        let room = i32::try_from(events.raw.len()).unwrap_or(i32::MAX);
        // SAFETY: `raw` is writable for `room` entries during the call, and `self.fd` is owned.
        let count = check(unsafe { libc::epoll_wait(self.fd.as_raw_fd(), events.raw.as_mut_ptr(), room, timeout_ms) })?;
        events.filled = count as usize;
        Ok(events.filled)
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, bits: u32) -> io::Result<()> {
        let mut event = libc::epoll_event { events: bits, u64: token };
        // SAFETY: `event` lives through the call; a bad descriptor is an error, not undefined.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &raw mut event) })?;
        Ok(())
    }
}
