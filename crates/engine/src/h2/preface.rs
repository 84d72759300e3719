//! Peers that begin with HTTP/2 where TLS is not spoken (RFC 9113 §3.3): those that may are looked at before they are taken for
//! clients of HTTP/1.1.

use std::io::ErrorKind;

use super::session::PREFACE;
use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

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
}
