//! The thread that polls: what it does between two application calls.

use std::io::{self, ErrorKind};

use crate::desk::Desk;
use crate::host::Host;
use crate::reactor::Reactor;
use crate::shared::Shared;
use crate::sys::board::{Board, Word, WorkerState};
use crate::sys::{clock, memory};

/// The longest wait: the heartbeat must be seen to tick.
pub(crate) const HEARTBEAT_MS: u64 = 1000;

/// How long the next wait may last, in milliseconds. 0: there is work already.
pub fn patience<H: Host>(reactor: &Reactor<H>, desk: &Desk) -> i32 {
    // Many events at once promise more: looking again costs less than going to sleep.
    if reactor.has_ready() || desk.has_more() || desk.events.filled() > 1 {
        return 0;
    }
    // One more than what is left: a wait is rounded down, and would end just before the deadline.
    reactor.until_next_deadline().map_or(HEARTBEAT_MS, |left| (left + 1).min(HEARTBEAT_MS)) as i32
}

/// Wait for events. Called without the lock, and detached from the interpreter where `timeout_ms` is not 0.
///
/// # Errors
/// Only what makes going on impossible; an interrupted wait is an early end.
pub fn wait<H: Host>(shared: &Shared<H>, desk: &mut Desk, timeout_ms: i32) -> io::Result<()> {
    match shared.epoll.wait(&mut desk.events, timeout_ms) {
        Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Notices when the worker has had nothing to do for a while, and gives the memory of busier times back.
pub struct Quiet {
    requests: u64,
    since_ms: u64,
    given_back: bool,
}

/// How long without a request makes it worthwhile.
const QUIET_MS: u64 = 10_000;

impl Quiet {
    /// Watch from now on; from now on, too, freed memory is kept.
    #[expect(clippy::new_without_default, reason = "it changes how the process keeps memory")]
    pub fn new() -> Self {
        memory::keep_freed();
        memory::stock_up();
        Self { requests: 0, since_ms: clock::monotonic_ms(), given_back: true }
    }

    /// A wait has ended.
    #[inline]
    pub fn waited<H: Host>(&mut self, shared: &Shared<H>) {
        let requests = shared.board.get(Word::Requests);
        if requests != self.requests {
            self.requests = requests;
            self.since_ms = clock::monotonic_ms();
            self.given_back = false;
        } else if !self.given_back && clock::monotonic_ms() - self.since_ms > QUIET_MS {
            self.given_back = true;
            memory::give_back_freed();
        }
    }
}

/// Tell the board that the application's thread is alive, and what it is about to do.
pub fn beat<H: Host>(shared: &Shared<H>, state: WorkerState) {
    beat_at(shared, state, clock::monotonic_coarse_ns());
}

/// As [`beat`], where the moment is known.
#[inline]
pub fn beat_at<H: Host>(shared: &Shared<H>, state: WorkerState, now_ns: u64) {
    shared.board.set(Word::Heartbeat, now_ns);
    shared.board.set_state(state);
}

impl<H: Host> Reactor<H> {
    /// Whether connections are kept at all.
    pub fn keeps_alive(&self) -> bool {
        !self.settings().keepalive.is_zero()
    }

    pub fn board(&self) -> &Board {
        &self.board
    }
}
