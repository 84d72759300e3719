//! Bytes that came in: a thread's desk, where whole requests are read in place, and what a connection keeps
//! of a request that is not whole yet.

use longma_proto::h1::{Facts, Field, HeadParser};

use crate::accepting::Accepting;
use crate::sys::epoll::Events;

/// Bytes of one read.
pub const READ_BYTES: usize = 64 * 1024;
const EVENTS: usize = 256;

/// A request head, whole or not, that outlives the read it came with.
#[derive(Default)]
pub struct Input {
    pub bytes: Vec<u8>,
    pub parser: HeadParser,
}

impl Input {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.parser.reset();
    }
}

/// What one thread works with: its read buffer, its parser, the events it has fetched. The bytes of the
/// request being served stay here until the next one is taken.
pub struct Desk {
    pub(crate) buffer: Box<[u8]>,
    pub(crate) parser: HeadParser,
    pub(crate) held: Option<Box<Input>>,
    pub(crate) events: Events,
    pub(crate) accepting: Option<Accepting>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            parser: HeadParser::new(),
            held: None,
            events: Events::with_room_for(EVENTS),
            accepting: None,
        }
    }
}

impl Desk {
    /// A desk for work that reads nothing from a socket.
    pub(crate) fn without_buffer() -> Self {
        Self { buffer: Box::default(), parser: HeadParser::new(), held: None, events: Events::with_room_for(0), accepting: None }
    }

    /// Whether the last wait has brought more than has been looked at.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.events.has_more() || self.accepting.is_some()
    }

    /// The bytes and the parse of the request taken last.
    #[inline]
    pub fn head(&self) -> (&[u8], &HeadParser) {
        match &self.held {
            Some(input) => (&input.bytes, &input.parser),
            None => (&self.buffer, &self.parser),
        }
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
