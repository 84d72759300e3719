//! Request bodies on their way in, and what happens to those that are refused.

use std::io::ErrorKind;

use longma_proto::gateway::GatewayError;
use longma_proto::h1::{BodyLength, ChunkedDecoder};

use crate::body::{BodyFailure, BodyReader, Bounds};
use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::notice::Notice;
use crate::reactor::{BODY_MEMORY_BYTES, Reactor};
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// How long a body may be slower than the least rate.
const RATE_GRACE_MS: u64 = 5000;

impl<H: Host> Reactor<H> {
    /// The connection's held head is whole; `first` came behind it. True: the body is whole too.
    pub(crate) fn begin_body(&mut self, id: ConnId, first: &[u8], mode: Mode) -> bool {
        if let Some(whole) = self.begin_records(id, first).or_else(|| self.begin_stream_body(id)) {
            return whole;
        }
        let Some(connection) = self.table.get(id) else { return false };
        let Some(input) = &connection.input else { return false };
        let (length, wants_continue) = (input.parser.body(), input.parser.expects_continue());
        if length == BodyLength::Known(0) {
            self.keep_rest(id, first);
            return true;
        }
        let reader = match self.body_reader(length, mode) {
            Ok(reader) => reader,
            Err(failure) => {
                self.refuse_body(id, failure);
                return false;
            }
        };
        self.body_memory += reader.reserved;
        let Some(connection) = self.table.get(id) else { return false };
        connection.body = Some(Box::new(reader));
        connection.state = State::Body;
        if wants_continue && first.is_empty() {
            match connection.transport.send_whole(CONTINUE) {
                Ok(sent) if sent == CONTINUE.len() => connection.written += sent as u64,
                // It has yet to read earlier answers, and will not wait for this one for ever (RFC 9110 §10.1.1).
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => {
                    self.abort(id);
                    return false;
                }
            }
        }
        self.feed(id, first)
    }

    fn body_reader(&self, length: BodyLength, mode: Mode) -> Result<BodyReader<H>, BodyFailure> {
        let bounds = self.body_bounds();
        match length {
            BodyLength::Known(length) if bounds.total != 0 && length > bounds.total => Err(BodyFailure::TooLarge),
            BodyLength::Known(length) => {
                BodyReader::known(length, bounds, mode == Mode::Direct, self.now_ms).map_err(BodyFailure::Storage)
            }
            BodyLength::Chunked => {
                let decoder = ChunkedDecoder::new(&self.settings.limits).keeping_trailers(self.is_observed());
                Ok(BodyReader::chunked(decoder, bounds, self.now_ms))
            }
        }
    }

    /// What the next body may use.
    pub(crate) fn body_bounds(&self) -> Bounds {
        let memory = if self.body_memory > BODY_MEMORY_BYTES { 0 } else { self.settings.body_buffer_size };
        Bounds { memory, total: self.settings.limit_request_body }
    }

    /// Give the body what came. True: it is whole.
    pub(crate) fn feed(&mut self, id: ConnId, bytes: &[u8]) -> bool {
        let Some(body) = self.table.get(id).and_then(|connection| connection.body.as_mut()) else { return false };
        let fed = body.feed(bytes);
        if let Some(replies) = body.take_replies() {
            self.reply(id, &replies);
        }
        match fed {
            Ok((used, true)) => {
                self.keep_rest(id, &bytes[used..]);
                true
            }
            Ok((_, false)) => {
                self.timers.set(id.slot, Class::Body, self.now_ms);
                self.watch(id, Watch::Read);
                false
            }
            Err(failure) => {
                self.refuse_body(id, failure);
                false
            }
        }
    }

    /// Read what there is of a body.
    pub(crate) fn read_body(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        let body = connection.body.as_mut()?;
        let (received, straight) = match body.receive(&mut connection.transport, &mut desk.buffer) {
            Some(result) => (result, true),
            None => (connection.transport.receive(&mut desk.buffer).map(|count| (count, false)), false),
        };
        match received {
            Ok((0, _)) => self.abort(id),
            Ok((count, whole)) => {
                self.board.add(Word::BytesIn, count as u64);
                let whole = if straight { whole } else { self.feed(id, &desk.buffer[..count]) };
                if whole {
                    return self.whole(id, desk, mode);
                }
                if straight {
                    self.timers.set(id.slot, Class::Body, self.now_ms);
                }
                self.check_body_rate(id);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.abort(id),
        }
        None
    }

    pub(crate) fn check_body_rate(&mut self, id: ConnId) {
        let (rate, now) = (self.settings.min_transfer_rate, self.now_ms);
        let Some(body) = self.table.get(id).and_then(|connection| connection.body.as_ref()) else { return };
        let elapsed = now.saturating_sub(body.since_ms);
        if rate != 0 && elapsed > RATE_GRACE_MS && body.received() * 1000 < rate * elapsed {
            self.refuse(id, 408, "the body came slower than min_transfer_rate");
        }
    }

    pub(crate) fn body_too_slow(&mut self, id: ConnId) {
        self.refuse(id, 408, "the body stood still for body_timeout");
    }

    pub(crate) fn refuse_large_body(&mut self, id: ConnId) {
        self.refuse(id, 413, "the body is larger than limit_request_body");
    }

    fn refuse_body(&mut self, id: ConnId, failure: BodyFailure) {
        match failure {
            BodyFailure::Malformed(error) => self.refuse(id, error.status(), &error.to_string()),
            BodyFailure::TooLarge => self.refuse_large_body(id),
            BodyFailure::HandedOver(GatewayError::Aborted) => {
                self.end_unanswered(id);
                self.abort(id);
            }
            BodyFailure::HandedOver(error) => self.refuse(id, error.status(), &error.to_string()),
            BodyFailure::Storage(error) => {
                self.tell(Notice::Storage { why: error.to_string() });
                self.refuse(id, 500, "the body could not be stored");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::testing::Pair;

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn a_body_slower_than_the_least_rate_is_refused_after_a_while() {
        let mut pair = Pair::new(Settings::default());
        assert!(pair.say(HEAD).is_none());
        for _ in 0..5 {
            pair.pass(1000);
            assert!(pair.say(b"1\r\na\r\n").is_none());
            assert!(pair.reactor.notices.is_empty());
        }
        pair.pass(1000);
        assert!(pair.say(b"1\r\na\r\n").is_none());
        assert!(pair.heard().starts_with("HTTP/1.1 408 "));
    }

    #[test]
    fn a_slow_body_that_is_also_malformed_is_refused_once() {
        let mut pair = Pair::new(Settings::default());
        assert!(pair.say(HEAD).is_none());
        pair.pass(6000);
        assert!(pair.say(b"no size\r\n").is_none());
        assert_eq!(pair.reactor.notices.len(), 1);
        assert_eq!(pair.reactor.board.get(Word::Refused), 1);
        assert_eq!(pair.reactor.connections(), 1, "it lingers");
        assert_eq!(pair.heard().matches("HTTP/1.1").count(), 1);
    }

    #[test]
    fn a_refused_body_takes_no_memory_while_the_connection_lingers() {
        let mut pair = Pair::new(Settings::default());
        assert!(pair.say(HEAD).is_none());
        assert!(pair.reactor.body_memory > 0);
        assert!(pair.say(b"no size\r\n").is_none());
        assert_eq!((pair.reactor.body_memory, pair.reactor.connections()), (0, 1));
    }
}
