//! Starting a thread that no signal reaches: signals belong to the thread that calls the application.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Start a named thread with every signal blocked.
pub fn spawn_without_signals(name: &str, stack_bytes: usize, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    // SAFETY: all-zero bytes are a valid signal set, and sigfillset overwrites it.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `all` is writable during the call.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets live through the call. A new thread inherits the mask, so it never runs unmasked.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    let thread = Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(run);
    // SAFETY: `before` holds the mask that was in force.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    thread
}
