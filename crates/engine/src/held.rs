//! Answers that are held back for a moment.

use crate::connection::ConnId;

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub id: ConnId,
    pub start: usize,
    pub end: usize,
    /// Whether the connection goes on, once the exchange is over.
    pub finished: Option<bool>,
}

/// Answers that wait for company.
#[derive(Default)]
pub struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// When the first of them was made.
    pub(crate) since_ns: u64,
    pub(crate) entries: Vec<Entry>,
}
