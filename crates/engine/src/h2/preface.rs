//! Peers that speak HTTP/2 where TLS is not spoken. Those that may begin with it (RFC 9113 §3.3) are looked at before they are
//! taken for clients of HTTP/1.1; others ask to change to it (RFC 7540 §3.2).

use std::io::ErrorKind;

use longma_proto::h1::HeadParser;

use super::PREFACE;
use super::upgrade::Upgrade;
use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::input::Input;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

impl<H: Host> Reactor<H> {
    /// Whether this peer may speak HTTP/2 without TLS.
    pub(super) fn may_speak_h2(&self, id: ConnId) -> bool {
        let Some(connection) = self.table.peek(id) else { return false };
        connection.trusted && connection.gateway.is_none() && connection.transport.is_plain()
    }

    /// Whether this peer may begin with HTTP/2.
    #[cold]
    pub(crate) fn may_begin_with_h2(&self, id: ConnId) -> bool {
        self.settings.h2.prior_knowledge && self.may_speak_h2(id)
    }

    /// Read what there is of a preface, and go on with what it turns out to be.
    pub(crate) fn read_preface(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        connection.state = State::Preface;
        let received = connection.transport.receive(&mut desk.buffer);
        let mut input = connection.input.take().unwrap_or_else(|| self.spare_input());
        match received {
            Ok(0) => {
                self.table.get(id)?.input = Some(input);
                self.abort(id);
                return None;
            }
            Ok(count) => {
                self.board.add(Word::BytesIn, count as u64);
                input.bytes.extend_from_slice(&desk.buffer[..count]);
                self.count_input(&mut input);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => {
                self.give_back(input);
                self.close(id);
                return None;
            }
        }
        self.judge_preface(id, input, desk, mode)
    }

    fn judge_preface(&mut self, id: ConnId, input: Box<Input>, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if input.bytes.starts_with(PREFACE) {
            self.begin_h2(id);
            self.take_in(id, &input.bytes);
            self.give_back(input);
            return self.read_h2(id, desk, mode);
        }
        let is_partial = PREFACE.starts_with(&input.bytes);
        self.table.get(id)?.input = Some(input);
        if is_partial {
            if self.timers.class_of(id.slot).is_none() {
                self.timers.set(id.slot, Class::Head, self.now_ms);
            }
            self.watch(id, Watch::Read);
            return None;
        }
        if !self.settings.h2.upgrade {
            // It would go unnoticed otherwise that a proxy has not been told.
            self.refuse(id, 400, "http2_cleartext = prior-knowledge has this peer speak HTTP/2, and it does not");
            return None;
        }
        self.table.get(id)?.state = State::Head;
        if self.timers.class_of(id.slot) != Some(Class::Head) {
            self.timers.set(id.slot, Class::Head, self.now_ms);
        }
        let request = self.parse_held(id, desk, mode);
        if self.table.get(id).is_some_and(|connection| connection.state == State::Head) {
            self.watch(id, Watch::Read);
        }
        request
    }

    /// Change to HTTP/2, if the request whose head this is asks for that and its peer may. `rest`: what came behind it.
    #[cold]
    pub(crate) fn changes_to_h2(&mut self, id: ConnId, bytes: &[u8], head: &HeadParser, rest: &[u8]) -> bool {
        if !self.may_speak_h2(id) {
            return false;
        }
        let Some(upgrade) = Upgrade::of(bytes, head) else { return false };
        // Answers to earlier requests come first.
        self.flush_batch();
        self.flush(id);
        let Some(connection) = self.table.get(id).filter(|connection| !connection.has_output()) else { return false };
        match connection.transport.send_whole(SWITCHING) {
            Ok(sent) if sent == SWITCHING.len() => connection.written += sent as u64,
            // A client that has more to read than it has read may as well go on as before.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            _ => {
                self.abort(id);
                return true;
            }
        }
        self.begin_h2(id);
        if let Some(session) = self.session(id) {
            session.upgrade = Some(Box::new(upgrade));
        }
        self.take_in(id, rest);
        self.drive(id);
        true
    }
}
