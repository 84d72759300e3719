//! A bell: what wakes a thread that waits for descriptors, from any other thread or a signal handler.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;

/// A pipe whose bytes mean nothing but that they came. Not an event counter: Python's wake-up descriptor, which a bell
/// can be, is written to byte by byte.
#[derive(Debug)]
pub struct Bell {
    read: OwnedFd,
    write: OwnedFd,
}

impl Bell {
    pub fn new() -> io::Result<Self> {
        let mut ends = [-1; 2];
        // SAFETY: `ends` has room for the two descriptors.
        check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
        // SAFETY: both were just made and have no other owner.
        let [read, write] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(Self { read, write })
    }

    /// What is readable while it rings.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// What a byte is written to, to ring it.
    pub fn button(&self) -> RawFd {
        self.write.as_raw_fd()
    }

    /// Wake whoever waits, or will wait next.
    pub fn ring(&self) {
        // SAFETY: one byte that is readable. It can only fail where the pipe is full, and so rings already.
        let _ = unsafe { libc::write(self.write.as_raw_fd(), [0u8].as_ptr().cast(), 1) };
    }

    /// Wait until it rings, or so many milliseconds.
    ///
    /// # Errors
    /// `Interrupted` when a signal arrived.
    pub fn wait(&self, timeout_ms: i32) -> io::Result<()> {
        let mut poll = libc::pollfd { fd: self.read.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `poll` is writable during the call.
        if check(unsafe { libc::poll(&raw mut poll, 1, timeout_ms) })? > 0 {
            let mut bytes = [0u8; 256];
            // SAFETY: `bytes` is writable as far as it is said to be. Somebody else may have emptied the pipe meanwhile.
            let _ = unsafe { libc::read(self.read.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
        }
        Ok(())
    }
}
