//! Many calls of the application on one thread: a hub switches between them, and waits for the engine's descriptor among
//! those of the application. For the seats that thread is one: away as long as the hub does not wait.

use crate::host::Host;
use crate::leader::{self, HEARTBEAT_MS};
use crate::shared::Shared;
use crate::sys::board::{Word, WorkerState};
use crate::sys::clock;

/// The one seat of a hub's thread.
pub const HUB: usize = 0;

impl<H: Host> Shared<H> {
    /// The hub's wait has ended: from now on the application may have control.
    #[inline]
    pub fn hub_wakes(&self) {
        let now_ns = clock::monotonic_coarse_ns();
        leader::beat_at(self, WorkerState::Active, now_ns);
        self.board.set(Word::CallStarted, now_ns);
        // Serving may have begun between the two: then this wait had no beginning.
        if !self.seats.is_away(HUB) {
            self.enter(HUB);
        }
    }

    /// The hub is about to wait: what has been yielded leaves now, and the engine's next deadline wakes it.
    /// `has_more`: there is work that it knows of, so that it must come back at once.
    pub fn hub_rests(&self, has_more: bool) {
        let Some(waker) = &self.waker else { return };
        let mut reactor = self.lock();
        reactor.update_time();
        reactor.flush_batch();
        reactor.flush_streams();
        let is_due =
            has_more || reactor.has_ready() || reactor.has_words() || reactor.is_drained() || self.has_log_to_tend(&reactor);
        let left_ms =
            if is_due { 0 } else { reactor.until_next_deadline().map_or(HEARTBEAT_MS, |left| (left + 1).min(HEARTBEAT_MS)) };
        let now_ms = reactor.now_ms;
        waker.wake_by(now_ms + left_ms, now_ms);
        self.board.set(Word::CallStarted, 0);
        leader::beat_at(self, if reactor.is_draining() { WorkerState::Retiring } else { WorkerState::Idle }, reactor.now_ns());
        // Before the lock is let go of, so that the standby thread stops what it is about.
        if self.seats.is_away(HUB) {
            self.leave(HUB);
        }
    }

    /// Another call begins, or goes on, without a wait in between.
    #[inline]
    pub fn next_call(&self) {
        self.seats.next(HUB);
    }
}
