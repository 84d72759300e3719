//! The seats: the threads that call the application. One of them leads, which means that it polls. While the leader is
//! in the application, the standby thread calls another one to lead; where none has time, it stands in itself.
//!
//! The leader keeps its role over a call, so that calls that are short wake nobody.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Thread;

/// A moment that none is as late as: the call is not one to be timed.
const EXCUSED: u64 = u64::MAX;

/// What one thread shows of itself.
#[derive(Debug, Default)]
struct Seat {
    /// Moves when the application gets control and when it gives it back: odd in between.
    exchange: AtomicU64,
    /// When it got control, in nanoseconds of the monotonic clock; kept where there are several seats.
    started_ns: AtomicU64,
    /// Whether it is the host that has control, and not the application.
    aside: AtomicBool,
    /// Set to call it while it rests.
    called: AtomicBool,
}

/// All of a worker's, at least one.
#[derive(Debug)]
pub struct Seats {
    seats: Box<[Seat]>,
    leader: AtomicUsize,
    /// Those that rest, who rested last at the end: its stack and caches are the warmest.
    resting: Mutex<Vec<(usize, Thread)>>,
}

/// Who leads, and in which exchange; the same again means that the leader has been away all the while, or idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    leader: usize,
    exchange: u64,
}

impl Moment {
    /// Whether the leader is in the application.
    pub fn is_away(self) -> bool {
        self.exchange & 1 == 1
    }

    /// How many calls have begun since an earlier moment, as far as that can be told.
    pub fn calls_since(self, earlier: Self) -> u64 {
        if self.leader == earlier.leader { self.exchange.wrapping_sub(earlier.exchange) / 2 } else { 0 }
    }
}

impl Seats {
    /// Room for so many threads; the first one leads.
    pub fn new(count: usize) -> Self {
        let seats = (0..count.max(1)).map(|_| Seat::default()).collect();
        Self { seats, leader: AtomicUsize::new(0), resting: Mutex::default() }
    }

    pub fn count(&self) -> usize {
        self.seats.len()
    }

    /// The application gets control in this seat.
    #[inline]
    pub(crate) fn enter(&self, seat: usize) {
        let exchange = &self.seats[seat].exchange;
        let before = exchange.load(Ordering::Relaxed);
        exchange.store(before + 1, Ordering::SeqCst);
    }

    /// The application has given control back.
    #[inline]
    pub(crate) fn leave(&self, seat: usize) {
        let exchange = &self.seats[seat].exchange;
        let before = exchange.load(Ordering::Relaxed);
        exchange.store(before + 1, Ordering::Release);
    }

    /// The application gives control back and gets it again.
    #[inline]
    pub(crate) fn next(&self, seat: usize) {
        let exchange = &self.seats[seat].exchange;
        exchange.store(exchange.load(Ordering::Relaxed) + 2, Ordering::SeqCst);
    }

    /// The thread waits for its host, with nothing of the application's: others may lead meanwhile.
    pub(crate) fn step_aside(&self, seat: usize) {
        self.seats[seat].aside.store(true, Ordering::SeqCst);
        self.enter(seat);
    }

    /// The host has let it go on.
    pub fn come_back(&self, seat: usize) {
        self.leave(seat);
        self.seats[seat].aside.store(false, Ordering::SeqCst);
    }

    /// Note when the application got control in this seat.
    pub fn started(&self, seat: usize, now_ns: u64) {
        self.seats[seat].started_ns.store(now_ns, Ordering::Relaxed);
    }

    /// What the application does in this seat is no call that ought to end soon, and nothing that it does before it
    /// returns concerns the engine.
    pub fn excuse(&self, seat: usize) {
        self.started(seat, EXCUSED);
    }

    /// Who leads now, and in which exchange.
    pub fn moment(&self) -> Moment {
        let leader = self.leader.load(Ordering::SeqCst);
        Moment { leader, exchange: self.seats[leader].exchange.load(Ordering::SeqCst) }
    }

    /// Whether the application has control in this seat.
    #[inline]
    pub fn is_away(&self, seat: usize) -> bool {
        self.seats[seat].exchange.load(Ordering::Relaxed) & 1 == 1
    }

    /// Whether the application has control in any seat, those that are excused apart.
    pub fn is_anyone_away(&self) -> bool {
        self.seats
            .iter()
            .any(|seat| seat.exchange.load(Ordering::SeqCst) & 1 == 1 && seat.started_ns.load(Ordering::Relaxed) != EXCUSED)
    }

    /// The seat in which the application has had control for longest, and since when.
    pub fn longest(&self) -> Option<(usize, u64)> {
        let is_called = |seat: &Seat| seat.exchange.load(Ordering::SeqCst) & 1 == 1 && !seat.aside.load(Ordering::SeqCst);
        let called = self.seats.iter().enumerate().filter(|(_, seat)| is_called(seat));
        let since = called.map(|(number, seat)| (number, seat.started_ns.load(Ordering::Relaxed)));
        since.filter(|&(_, since_ns)| since_ns != EXCUSED).min_by_key(|&(_, since_ns)| since_ns)
    }

    /// Whether this seat leads, or takes the lead because the leader is in the application.
    ///
    /// For a moment two may think so, where the old leader comes back just now: both may poll, and the old one notices
    /// when it asks again.
    #[inline]
    pub fn takes_lead(&self, seat: usize) -> bool {
        let leader = self.leader.load(Ordering::SeqCst);
        leader == seat || self.takes_lead_from(leader, seat)
    }

    #[cold]
    fn takes_lead_from(&self, leader: usize, seat: usize) -> bool {
        let is_away = self.seats[leader].exchange.load(Ordering::SeqCst) & 1 == 1;
        is_away && self.leader.compare_exchange(leader, seat, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Let a thread that rests lead; false where none does.
    pub fn call_another(&self) -> bool {
        let Some((seat, thread)) = self.resting().pop() else { return false };
        self.leader.store(seat, Ordering::SeqCst);
        self.seats[seat].called.store(true, Ordering::SeqCst);
        thread.unpark();
        true
    }

    /// Rest until called, or until `is_over` when all are woken. Without the interpreter.
    pub fn rest(&self, seat: usize, is_over: impl Fn() -> bool) {
        self.resting().push((seat, std::thread::current()));
        while !self.seats[seat].called.swap(false, Ordering::SeqCst) && !is_over() {
            std::thread::park();
        }
        self.resting().retain(|&(resting, _)| resting != seat);
    }

    /// Wake all that rest, to see that it is over.
    pub fn wake_all(&self) {
        for (_, thread) in self.resting().iter() {
            thread.unpark();
        }
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Thread)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
