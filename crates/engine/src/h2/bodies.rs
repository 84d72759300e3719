//! Request bodies that come in DATA frames.

use super::stream::Piece;
use crate::body::BodyReader;
use crate::connection::{ConnId, State};
use crate::desk::Desk;
use crate::host::Host;
use crate::reactor::Reactor;
use crate::request::Mode;
use crate::timers::Class;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<H: Host> Reactor<H> {
    /// Take the body of a stream's request in. True: it is whole. `None`: it is no stream.
    pub(crate) fn begin_stream_body(&mut self, id: ConnId) -> Option<bool> {
        let connection = self.table.get(id)?;
        let stream = connection.transport.as_stream_mut()?;
        if !stream.has_body() {
            return Some(true);
        }
        let input = connection.input.as_ref()?;
        let length = input.parser.facts().content_length;
        let wants_continue = input.parser.facts().expect_continue;
        let bounds = self.body_bounds();
        if length.is_some_and(|length| bounds.total != 0 && length > bounds.total) {
            self.refuse_large_body(id);
            return Some(false);
        }
        let reader = BodyReader::stream(length, bounds, self.now_ms);
        self.body_memory += reader.reserved;
        let connection = self.table.get(id)?;
        connection.body = Some(Box::new(reader));
        connection.state = State::Body;
        if wants_continue {
            self.send(id, CONTINUE, false);
        }
        self.timers.set(id.slot, Class::Body, self.now_ms);
        Some(self.take_pieces(id))
    }

    /// Read what there is of a stream's body.
    pub(super) fn read_stream_body(&mut self, id: ConnId) {
        if self.take_pieces(id) {
            self.whole(id, &mut Desk::without_buffer(), Mode::Aside);
        }
    }

    /// True: the body is whole.
    fn take_pieces(&mut self, id: ConnId) -> bool {
        let mut has_come = false;
        loop {
            let Some(connection) = self.table.get(id).filter(|connection| connection.state == State::Body) else { return false };
            let Some(stream) = connection.transport.as_stream_mut() else { return false };
            match stream.next_piece() {
                Piece::Data(data) => {
                    has_come = true;
                    // Its end is told by the stream's, so that it is not whole before.
                    self.feed(id, &data);
                }
                Piece::End => {
                    let trailers = stream.take_trailers();
                    if let Some(body) = &mut connection.body {
                        body.set_trailers(trailers);
                    }
                    return true;
                }
                Piece::Lost => {
                    self.abort(id);
                    return false;
                }
                Piece::Nothing => {
                    if has_come {
                        // The room that was made for more is worth telling of.
                        self.stir(id);
                        self.check_body_rate(id);
                    }
                    return false;
                }
            }
        }
    }
}
