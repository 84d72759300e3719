//! What a connection keeps of the bytes that came in: a request that is not whole yet, a header block that may
//! come again.

use longma_proto::h1::{Facts, Field, HeadParser};

/// Bytes of one read.
pub const READ_BYTES: usize = 64 * 1024;

/// A request head, whole or not, that outlives the read it came with.
#[derive(Default)]
pub struct Input {
    /// The head; behind it, once a chunked body is whole, the trailers that were kept (`longma_proto::h1::trailers`).
    pub bytes: Vec<u8>,
    /// How much of it counts against the worker's bound.
    pub(crate) counted: usize,
    pub parser: HeadParser,
}

impl Input {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.parser.reset();
    }
}

/// The header block of a connection's last request and what it meant: the same bytes mean the same again.
pub struct HeadCache {
    pub block: Vec<u8>,
    pub fields: Vec<Field>,
    pub facts: Facts,
}

impl HeadCache {
    /// The longest block worth remembering.
    pub const MAX_BYTES: usize = 4096;
}
