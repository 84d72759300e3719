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
