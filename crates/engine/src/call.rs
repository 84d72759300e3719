//! The request that the application has, as its engine sees it.

use crate::connection::{ConnId, Loss};

/// As much of a request line as others may be told.
const MAX_CALL_BYTES: usize = 1016;

/// The request that the application has.
#[derive(Debug, Default)]
pub struct Call {
    pub id: Option<ConnId>,
    /// Method and target.
    pub line: Vec<u8>,
    pub since_ms: u64,
    /// It has taken its connection over, and so may last.
    pub is_excused: bool,
    /// What had been written on its connection before.
    pub written: u64,
    /// Its connection, where that has ended meanwhile: why, and what of the answer had been written.
    pub lost: Option<(ConnId, Loss, u64)>,
}

impl Call {
    /// The application gets a request: `line` is its method and target, `written` what has been written before.
    #[inline]
    pub fn begin(&mut self, id: ConnId, line: &[u8], now_ms: u64, written: u64) {
        self.id = Some(id);
        self.line.clear();
        self.line.extend_from_slice(&line[..line.len().min(MAX_CALL_BYTES)]);
        self.since_ms = now_ms;
        self.is_excused = false;
        self.written = written;
    }
}

/// The calls of all that call the application, by seat.
#[derive(Debug, Default)]
pub struct Calls {
    seats: Vec<Call>,
    capacity: usize,
    /// The seat in which one has begun last.
    last: usize,
}

impl Calls {
    /// Those of as many as there is room for at the same time.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// How many calls there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The call that begins in this seat.
    #[inline]
    pub fn at(&mut self, seat: usize) -> &mut Call {
        if self.seats.len() <= seat {
            self.make_room(seat);
        }
        self.last = seat;
        &mut self.seats[seat]
    }

    #[cold]
    fn make_room(&mut self, seat: usize) {
        self.seats.resize_with(seat + 1, Call::default);
    }

    /// The call of this seat is over. Where there is one seat the next call says so.
    pub fn end(&mut self, seat: usize) {
        if let Some(call) = self.seats.get_mut(seat) {
            call.id = None;
        }
    }

    /// The call about this connection's request; the last one that was, where it is over.
    #[inline]
    pub fn about(&mut self, id: ConnId) -> Option<&mut Call> {
        let is_it = |call: &Call| call.id == Some(id);
        // There may be thousands, and most end before the next one begins.
        let at = if self.seats.get(self.last).is_some_and(is_it) { self.last } else { self.seats.iter().position(is_it)? };
        self.seats.get_mut(at)
    }

    /// The call of this seat, where it has one.
    pub fn of(&self, seat: usize) -> Option<&Call> {
        self.seats.get(seat).filter(|call| call.id.is_some())
    }

    /// The seat of the call that has lasted longest, of those that count.
    pub fn longest(&self, counts: impl Fn(&Call) -> bool) -> Option<usize> {
        let calls = self.seats.iter().enumerate().filter(|(_, call)| call.id.is_some() && counts(call));
        calls.min_by_key(|(_, call)| call.since_ms).map(|(seat, _)| seat)
    }
}
