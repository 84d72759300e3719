//! Python, as the engine's host.

use std::net::SocketAddr;

use longma_engine::host::Host;

use crate::line::LineFacts;
use crate::object::{Block, BytesBuffer, Ref};

/// What is remembered of a connection from request to request.
#[derive(Default)]
pub struct Memo {
    /// REMOTE_ADDR and REMOTE_PORT of whom they were made for last.
    pub peer: Option<(SocketAddr, Ref, Ref)>,
    /// The environ made of the remembered header block, and what the request line it was made for said.
    pub environ: Option<(Ref, LineFacts)>,
    pub line: Vec<u8>,
    /// What the environ tells of the TLS session, names and values, once they are made.
    pub tls: Option<Vec<(Ref, Ref)>>,
}

/// Python, as the engine's host.
pub struct Python;

impl Host for Python {
    type Block = Block;
    type Memo = Memo;
    type Buffer = BytesBuffer;

    fn buffer(length: usize) -> Option<BytesBuffer> {
        // SAFETY: attached, as the engine promises of this call.
        unsafe { BytesBuffer::new(length) }
    }
}
