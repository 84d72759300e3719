//! The thread that polls: what it does between two application calls.

use std::io::{self, ErrorKind};

use crate::access::{AccessLog, Record};
use crate::host::Host;
use crate::input::Desk;
use crate::reactor::Reactor;
use crate::shared::Shared;
use crate::sys::board::{Board, Word, WorkerState};
use crate::sys::clock;

/// The longest wait: the heartbeat must be seen to tick.
const HEARTBEAT_MS: u64 = 1000;

/// How long the next wait may last, in milliseconds. 0: there is work already.
pub fn patience<H: Host>(reactor: &Reactor<H>, desk: &Desk) -> i32 {
    // Many events at once promise more: looking again costs less than going to sleep.
    if reactor.has_ready() || desk.events.filled() > 1 {
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

/// Tell the board that the application's thread is alive, and what it is about to do.
pub fn beat<H: Host>(shared: &Shared<H>, state: WorkerState) {
    shared.board.set(Word::Heartbeat, clock::monotonic_coarse_ns());
    shared.board.set_state(state);
}

impl<H: Host> Reactor<H> {
    /// The access log, if there is one.
    pub fn access_log(&self) -> Option<&AccessLog> {
        self.access.as_ref()
    }

    /// Add a line to the access log.
    pub fn log_access(&mut self, record: &mut Record<'_>) {
        let now = self.wall_seconds();
        if let Some(log) = &mut self.access {
            log.record(record, now);
        }
    }

    /// Whether connections are kept at all.
    pub fn keeps_alive(&self) -> bool {
        !self.settings().keepalive.is_zero()
    }

    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Write out the access log's lines.
    pub fn flush_access_log(&mut self) {
        if let Some(log) = &mut self.access {
            log.flush();
        }
    }
}
