//! The operating system, one call a function: the only `unsafe` of this crate lives below here.
//!
//! Every function returns `io::Result` and owns or borrows its descriptors, so the floors above cannot
//! misuse a number. A port to another kernel replaces this folder and nothing else.

pub mod alarm;
pub mod bell;
pub mod beneath;
pub mod board;
pub mod clock;
pub mod epoll;
pub mod memory;
pub mod output;
pub mod pass;
pub mod poll;
pub mod socket;
pub mod thread;

use std::io;

/// Turn the `-1` of a system call into the error it left behind.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Turn the `-1` of a call that returns a size into the error it left behind.
fn check_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
