//! An alarm: a descriptor that becomes readable at a moment, for whoever can wait for descriptors only.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;

/// A timer of the monotonic clock, never read: whoever watches it is told once each time it goes off.
#[derive(Debug)]
pub struct Alarm {
    fd: OwnedFd,
}

impl Alarm {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is a descriptor nobody else owns yet.
        let fd = check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) })?;
        // SAFETY: `fd` was just made and has no other owner.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// What becomes readable.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Go off once, after so long, in the place of what was set before.
    pub fn set(&self, after: Duration) {
        let value = libc::timespec { tv_sec: after.as_secs() as libc::time_t, tv_nsec: after.subsec_nanos().into() };
        let once = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // SAFETY: `once` lives through the call. Its values are in range and the descriptor is a timer: it cannot fail.
        let _ = unsafe { libc::timerfd_settime(self.fd.as_raw_fd(), 0, &raw const once, std::ptr::null_mut()) };
    }
}
