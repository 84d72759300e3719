//! An answer of the engine's own: status, fields, body.

use std::io::Write;
use std::sync::Arc;

use longma_proto::h1::Version;
use longma_proto::h1::response::{forbids_length, reason};

use super::files::Found;

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Lines with their CRLF, beside those that every answer has: Server, Date, Content-Length, Connection.
    pub fields: Vec<u8>,
    pub content: Content,
}

/// The body that GET would get; HEAD gets its length.
#[derive(Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// So many bytes of a file.
    File {
        found: Arc<Found>,
        offset: u64,
        length: u64,
    },
}

impl Content {
    /// Bytes of the body.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

impl Answer {
    /// A short text that says what the status means.
    pub fn plain(status: u16) -> Self {
        let fields = b"Content-Type: text/plain; charset=utf-8\r\n".to_vec();
        Self { status, fields, content: Content::Bytes(format!("{status} {}\n", reason(status)).into_bytes()) }
    }

    /// Another method than these was used (RFC 9110 §15.5.6).
    pub fn not_allowed(methods: &[u8]) -> Self {
        let mut answer = Self::plain(405);
        answer.fields.extend_from_slice(b"Allow: ");
        answer.fields.extend_from_slice(methods);
        answer.fields.extend_from_slice(b"\r\n");
        answer
    }

    /// The head, framed for a client of this version.
    pub fn head(&self, version: Version, keep_alive: bool, date: &[u8; 29]) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        // Writing to memory does not fail.
        let _ = write!(out, "HTTP/1.1 {} {}\r\nServer: longma\r\nDate: ", self.status, reason(self.status));
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.fields);
        if !forbids_length(self.status) && self.status != 304 {
            let _ = write!(out, "Content-Length: {}\r\n", self.content.len());
        }
        out.extend_from_slice(match (keep_alive, version) {
            (false, _) => b"Connection: close\r\n\r\n",
            (true, Version::Http10) => b"Connection: keep-alive\r\n\r\n",
            (true, Version::Http11 | Version::Http2) => b"\r\n",
        });
        out
    }
}
