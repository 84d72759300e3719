//! What the threads that call the application and the standby thread share: the reactor under its lock, and who of
//! them is where.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crate::access::AccessLog;
use crate::host::Host;
use crate::listener::BELL_GENERATION;
use crate::outlets::Outlets;
use crate::reactor::Reactor;
use crate::seats::Seats;
use crate::sys::bell::Bell;
use crate::sys::board::Board;
use crate::sys::epoll::{Epoll, Interest};
use crate::waker::Waker;

/// A worker's engine, as its threads see it.
pub struct Shared<H: Host> {
    reactor: Mutex<Reactor<H>>,
    pub epoll: Arc<Epoll>,
    pub board: Arc<Board>,
    pub seats: Seats,
    /// Rung to wake the leader where others have to: it may wait for events on any thread.
    bell: Option<Bell>,
    /// What wakes the hub that has the thread, where one does.
    pub(crate) waker: Option<Waker>,
    parked: AtomicBool,
    ended: AtomicBool,
    stopping: AtomicBool,
    /// An answer has been streamed since the standby thread last looked, and whether it looks less often just now.
    streamed: AtomicBool,
    lazy: AtomicBool,
    standby: OnceLock<Thread>,
    /// Where the access log goes. Whoever has this lock may take the reactor's, not the other way round.
    outlets: Mutex<Outlets>,
    reopening: AtomicBool,
}

const BELL_TOKEN: u64 = (BELL_GENERATION as u64) << 32;
/// How long the end of a worker waits for readers of its log.
const LAST_LINES: Duration = Duration::from_secs(1);

impl<H: Host> Shared<H> {
    /// What one thread shares with the standby thread: the one that calls the application.
    pub fn new(reactor: Reactor<H>) -> Self {
        Self::with_seats(reactor, 1, None, None)
    }

    /// What so many threads share that call the application at the same time.
    ///
    /// # Errors
    /// The system has no descriptor for it.
    pub fn of_many(mut reactor: Reactor<H>, threads: usize) -> io::Result<Self> {
        let bell = Bell::new()?;
        reactor.epoll.add(bell.fd(), BELL_TOKEN, Interest::NewRead)?;
        reactor.make_room_for_calls(threads);
        Ok(Self::with_seats(reactor, threads, Some(bell), None))
    }

    /// What the calls share that a hub runs in turns on one thread.
    ///
    /// # Errors
    /// The system has no descriptor for it.
    pub fn of_hub(mut reactor: Reactor<H>) -> io::Result<Self> {
        let bell = Bell::new()?;
        reactor.epoll.add(bell.fd(), BELL_TOKEN, Interest::NewRead)?;
        let waker = Waker::new(&reactor.epoll)?;
        reactor.make_room_for_calls(reactor.settings.worker_connections);
        Ok(Self::with_seats(reactor, 1, Some(bell), Some(waker)))
    }

    fn with_seats(mut reactor: Reactor<H>, threads: usize, bell: Option<Bell>, waker: Option<Waker>) -> Self {
        Self {
            outlets: Mutex::new(reactor.access.as_mut().and_then(AccessLog::take_outlets).unwrap_or_default()),
            reopening: AtomicBool::new(false),
            epoll: Arc::clone(&reactor.epoll),
            board: Arc::clone(&reactor.board),
            reactor: Mutex::new(reactor),
            seats: Seats::new(threads),
            bell,
            waker,
            parked: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            streamed: AtomicBool::new(false),
            lazy: AtomicBool::new(false),
            standby: OnceLock::new(),
        }
    }

    /// Take the lock. It is held for microseconds, never across a wait or an application call.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, Reactor<H>> {
        // A panic under the lock ends the worker; until then serving on is better than hanging.
        self.reactor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Take the lock if nobody has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Reactor<H>>> {
        self.reactor.try_lock().ok()
    }

    /// Have the access log's file opened anew. Safe in a signal handler; done when the log is tended next.
    pub fn reopen_access_log(&self) {
        self.reopening.store(true, Ordering::SeqCst);
    }

    /// Whether somebody should look after the access log.
    #[inline]
    pub fn has_log_to_tend(&self, reactor: &Reactor<H>) -> bool {
        reactor.log_is_due() || self.reopening.load(Ordering::Relaxed)
    }

    /// Look after the access log: without the reactor's lock, since a disk may take its time.
    pub fn tend_log(&self) {
        // Whoever is at it already goes on; what comes meanwhile has its turn next.
        let Ok(mut outlets) = self.outlets.try_lock() else { return };
        if self.reopening.swap(false, Ordering::SeqCst) {
            outlets.reopen();
        }
        self.lock().take_gathered(&mut outlets.gathered);
        outlets.write();
        self.lock().log_is_written(outlets.is_behind(), outlets.take_notices());
    }

    /// Write the rest of the access log. For whoever ends the worker, when nobody else is left.
    pub fn finish_log(&self) {
        let mut outlets = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reactor = self.lock();
        reactor.log_rest();
        reactor.take_gathered(&mut outlets.gathered);
        drop(reactor);
        outlets.finish(LAST_LINES);
        self.lock().log_is_written(false, outlets.take_notices());
    }

    /// The application gets control in this seat.
    #[inline]
    pub fn enter(&self, seat: usize) {
        // Sequentially consistent with `park`: either we see that the standby sleeps, or it sees that we are away.
        self.seats.enter(seat);
        if self.parked.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// The application has given control back.
    #[inline]
    pub fn leave(&self, seat: usize) {
        self.seats.leave(seat);
    }

    /// The thread in this seat waits for its host, which may take its time.
    pub fn step_aside(&self, seat: usize) {
        self.seats.step_aside(seat);
        if self.parked.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Whether several threads call the application.
    #[inline]
    pub fn is_pooled(&self) -> bool {
        self.bell.is_some() && self.waker.is_none()
    }

    /// Whether one thread has several calls of the application, between which a hub switches.
    pub fn has_hub(&self) -> bool {
        self.waker.is_some()
    }

    /// What a byte is written to, to wake the leader: for a signal's handler.
    pub fn button(&self) -> Option<RawFd> {
        self.bell.as_ref().map(Bell::button)
    }

    /// Wake the leader from its wait.
    pub fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// Finish what has been accepted and accept nothing more. Takes effect at once, also during a call.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Whether the worker is to finish.
    #[inline]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Tell the standby thread to end.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.wake();
        self.seats.wake_all();
        self.ring();
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// A block is waiting to be flushed: the standby thread must be alert.
    #[inline]
    pub fn has_block(&self) {
        if !self.streamed.load(Ordering::Relaxed) {
            self.streamed.store(true, Ordering::SeqCst);
            if self.lazy.load(Ordering::SeqCst)
                && let Some(thread) = self.standby.get()
            {
                thread.unpark();
            }
        }
    }

    /// Whether a block has been streamed since the last call.
    pub(crate) fn has_streamed(&self) -> bool {
        self.streamed.swap(false, Ordering::SeqCst)
    }

    /// Sleep for a tick; a lazy one ends with the first streamed block. Called by the standby thread alone.
    pub(crate) fn pause(&self, tick: Duration, lazily: bool) {
        self.standby.get_or_init(std::thread::current);
        if !lazily {
            return std::thread::sleep(tick);
        }
        self.lazy.store(true, Ordering::SeqCst);
        if !self.streamed.load(Ordering::SeqCst) {
            std::thread::park_timeout(tick);
        }
        self.lazy.store(false, Ordering::SeqCst);
    }

    #[cold]
    fn wake(&self) {
        self.parked.store(false, Ordering::SeqCst);
        if let Some(thread) = self.standby.get() {
            thread.unpark();
        }
    }

    /// Sleep until the next exchange begins. Called by the standby thread alone.
    pub(crate) fn park(&self) {
        self.standby.get_or_init(std::thread::current);
        self.parked.store(true, Ordering::SeqCst);
        while self.parked.load(Ordering::SeqCst) && !self.seats.is_anyone_away() && !self.has_ended() {
            std::thread::park();
        }
        self.parked.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Instant;

    use super::*;
    use crate::testing::{Pair, Plain};

    const ROUNDS: u32 = 50_000;

    fn shared() -> Arc<Shared<Plain>> {
        Arc::new(Shared::new(Pair::new(crate::settings::Settings::default()).reactor))
    }

    /// Run `standby` until the end in a thread of its own; it counts what it notices. Do `call` many times over: each
    /// time it must be noticed before `back` is called.
    fn noticed(
        shared: &Arc<Shared<Plain>>,
        standby: fn(&Shared<Plain>, &AtomicU32),
        call: fn(&Shared<Plain>),
        back: fn(&Shared<Plain>),
    ) {
        let count = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| standby(shared, &count));
            for round in 0..ROUNDS {
                call(shared);
                let until = Instant::now() + Duration::from_secs(10);
                while count.load(Ordering::SeqCst) <= round {
                    if Instant::now() > until {
                        shared.end();
                        panic!("it sleeps on in round {round}");
                    }
                    std::thread::yield_now();
                }
                back(shared);
            }
            shared.end();
        });
    }

    #[test]
    fn no_exchange_is_slept_through() {
        let standby = |shared: &Shared<Plain>, count: &AtomicU32| {
            while !shared.has_ended() {
                shared.park();
                let moment = shared.seats.moment();
                if moment.is_away() {
                    count.fetch_add(1, Ordering::SeqCst);
                    while shared.seats.moment() == moment {
                        std::thread::yield_now();
                    }
                }
            }
        };
        noticed(&shared(), standby, |shared| shared.enter(0), |shared| shared.leave(0));
    }

    #[test]
    fn no_streamed_block_is_slept_through() {
        let standby = |shared: &Shared<Plain>, count: &AtomicU32| {
            while !shared.has_ended() {
                shared.pause(Duration::from_secs(60), true);
                if shared.has_streamed() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        };
        noticed(&shared(), standby, Shared::has_block, |_| {});
    }
}
