//! Waiting for a few descriptors, outside of the engine's loop.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub read: bool,
    pub write: bool,
}

impl Wanted {
    fn bits(self) -> libc::c_short {
        let read = if self.read { libc::POLLIN } else { 0 };
        let write = if self.write { libc::POLLOUT } else { 0 };
        read | write
    }
}

/// Wait until one of them is ready, has failed where something is wanted of it, or so many milliseconds have passed; -1
/// waits for ever.
///
/// # Errors
/// Only what makes going on impossible; an interrupted wait is an early end.
pub fn wait(wanted: &[(BorrowedFd<'_>, Wanted)], timeout_ms: i32) -> io::Result<()> {
    let entry = |&(fd, wanted): &(BorrowedFd<'_>, Wanted)| {
        // An end is reported whether it is wanted or not: of a descriptor of which nothing is, it would end every wait.
        let fd = if wanted == Wanted::default() { -1 } else { fd.as_raw_fd() };
        libc::pollfd { fd, events: wanted.bits(), revents: 0 }
    };
    let mut entries: Vec<libc::pollfd> = wanted.iter().map(entry).collect();
    // SAFETY: the entries are writable during the call, and so many.
    let waited = check(unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, timeout_ms) });
    match waited {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}
