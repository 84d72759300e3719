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
        self.written = written;
    }
}

/// The calls of all threads, by seat.
#[derive(Debug)]
pub struct Calls(Vec<Call>);

impl Calls {
    pub fn new(seats: usize) -> Self {
        Self((0..seats.max(1)).map(|_| Call::default()).collect())
    }

    /// How many calls there is room for.
    pub fn seats(&self) -> usize {
        self.0.len()
    }

    /// The call that begins in this seat.
    #[inline]
    pub fn at(&mut self, seat: usize) -> &mut Call {
        &mut self.0[seat]
    }

    /// The call of this seat is over. Where there is one seat the next call says so.
    pub fn end(&mut self, seat: usize) {
        self.0[seat].id = None;
    }

    /// The call about this connection's request; the last one that was, where it is over.
    #[inline]
    pub fn about(&mut self, id: ConnId) -> Option<&mut Call> {
        self.0.iter_mut().find(|call| call.id == Some(id))
    }

    /// The request line of the call that has lasted longest.
    pub fn longest(&self) -> &[u8] {
        let began = self.0.iter().filter(|call| call.id.is_some());
        began.min_by_key(|call| call.since_ms).map_or(&[], |call| &call.line)
    }
}
