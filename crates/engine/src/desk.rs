//! A thread's desk: where it reads, and what it has fetched and not looked at yet.

use longma_proto::h1::HeadParser;

use crate::input::{Input, READ_BYTES};
use crate::listener::Accepting;
use crate::sys::epoll::Events;

const EVENTS: usize = 256;

/// What one thread works with: its read buffer, its parser, the events it has fetched. The bytes of the
/// request being served stay here until the next one is taken.
pub struct Desk {
    pub(crate) buffer: Box<[u8]>,
    pub(crate) parser: HeadParser,
    pub(crate) held: Option<Box<Input>>,
    pub(crate) events: Events,
    pub(crate) accepting: Option<Accepting>,
    /// How many of the requests that were waiting when the turn began have not had theirs.
    pub(crate) waiting: Option<usize>,
    /// Whose it is.
    pub(crate) seat: usize,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            parser: HeadParser::new(),
            held: None,
            events: Events::with_room_for(EVENTS),
            accepting: None,
            waiting: None,
            seat: 0,
        }
    }
}

impl Desk {
    /// Take its place in this seat.
    pub fn move_to(&mut self, seat: usize) {
        self.seat = seat;
    }

    /// Forget the events of the last wait: whoever leads now is told of them again.
    pub fn leave_events(&mut self) {
        self.events.forget();
        self.accepting = None;
    }

    /// A desk for work that reads nothing from a socket.
    pub(crate) fn without_buffer() -> Self {
        let events = Events::with_room_for(0);
        Self { buffer: Box::default(), parser: HeadParser::new(), held: None, events, accepting: None, waiting: None, seat: 0 }
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
