//! What comes before a connection's first request: what a proxy says of its client.
//!
//! The header is peeked at and taken exactly, so that whatever comes next, TLS included, finds the rest in the socket.

use std::io::ErrorKind;
use std::sync::Arc;

use longma_proto::proxy::{self, Header, MAX_HEADER_BYTES, Progress};

use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::proxied::Proxied;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

impl<H: Host> Reactor<H> {
    /// Read for the first time from a new connection.
    #[inline]
    pub(crate) fn read_first(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if self.settings.proxy_protocol.is_none() {
            return self.begin(id, desk, mode);
        }
        self.table.get(id)?.state = State::Proxy;
        self.read_proxy_header(id, desk, mode)
    }

    /// Go on with what follows a PROXY header, or comes first where there is none.
    #[inline]
    fn begin(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if self.tls.is_some() && self.table.get(id)?.transport.tls().is_some() {
            self.table.get(id)?.state = State::Handshake;
            return self.shake_hands(id, desk, mode);
        }
        if self.settings.h2.prior_knowledge && self.may_begin_with_h2(id) {
            return self.read_preface(id, desk, mode);
        }
        self.read_head(id, desk, mode)
    }

    /// Read what there is of a PROXY header, and go on with what is behind it.
    #[cold]
    pub(crate) fn read_proxy_header(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let versions = self.settings.proxy_protocol.as_ref()?.versions;
        let connection = self.table.get(id)?;
        let room = desk.buffer.get_mut(..MAX_HEADER_BYTES)?;
        let held = connection.input.as_ref().map_or(&[][..], |input| &input.bytes);
        let before = held.len();
        room[..before].copy_from_slice(held);
        let end = match connection.transport.look(&mut room[before..]) {
            Ok(count) if count > 0 => before + count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                self.await_proxy_header(id);
                return None;
            }
            _ => {
                // Nothing of a request has come that would be lost.
                self.close(id);
                return None;
            }
        };
        match proxy::read(&room[..end], versions) {
            Ok(Progress::Partial) => {
                self.take_of_header(id, desk, before, end);
                self.await_proxy_header(id);
                None
            }
            Ok(Progress::Absent) => {
                let connection = self.table.get(id)?;
                if before == 0 {
                    connection.state = State::Idle;
                    return self.begin(id, desk, mode);
                }
                if connection.transport.tls().is_some() {
                    self.refuse_plain(id);
                    return None;
                }
                // The bytes held look like the beginning of a header, and are that of a request.
                connection.state = State::Head;
                if self.timers.class_of(id.slot) != Some(Class::Head) {
                    self.timers.set(id.slot, Class::Head, self.now_ms);
                }
                self.read_head(id, desk, mode)
            }
            Ok(Progress::Complete { header, len }) => {
                self.take_of_header(id, desk, before, len);
                if self.take_proxy_header(id, header) { self.begin(id, desk, mode) } else { None }
            }
            Err(error) => {
                self.take_of_header(id, desk, before, end);
                self.refuse(id, 400, &error.to_string());
                None
            }
        }
    }

    fn await_proxy_header(&mut self, id: ConnId) {
        if self.timers.class_of(id.slot).is_none() {
            // The deadline of the first head: there is but one for both.
            self.timers.set(id.slot, Class::Head, self.now_ms);
        }
        self.watch(id, Watch::Read);
    }

    /// Take the bytes up to `end` that have been peeked at, on the desk, to those that are held.
    fn take_of_header(&mut self, id: ConnId, desk: &mut Desk, before: usize, end: usize) {
        let Some(connection) = self.table.get(id) else { return };
        // They are there, since nobody else takes any: as many come as were seen.
        let taken = connection.transport.receive_raw(&mut desk.buffer[before..end]).unwrap_or(0);
        let mut input = connection.input.take().unwrap_or_else(|| self.spare_input());
        input.bytes.extend_from_slice(&desk.buffer[before..before + taken]);
        self.count_input(&mut input);
        self.board.add(Word::BytesIn, taken as u64);
        if let Some(connection) = self.table.get(id) {
            connection.input = Some(input);
        }
    }

    /// Believe a header from whoever may send one. False: it has been refused.
    fn take_proxy_header(&mut self, id: ConnId, header: Header) -> bool {
        let (Some(protocol), Some(connection)) = (&self.settings.proxy_protocol, self.table.get(id)) else { return false };
        let proxy = connection.peer;
        if !protocol.allowed.trusts(proxy) {
            self.refuse(id, 403, "proxy_allow_ips does not list this peer, which sends a PROXY header");
            return false;
        }
        let proxied = Proxied { proxy, header };
        connection.peer = proxied.peer();
        connection.proxied = Some(Arc::new(proxied));
        connection.trusted = connection.is_trusted(&self.settings.trusted_peers);
        let is_allowed = connection.is_spoken_by(&self.settings.gateway_peers);
        if let Some(gateway) = &mut connection.gateway {
            gateway.is_allowed = is_allowed;
        }
        connection.state = State::Idle;
        if let Some(input) = connection.input.take() {
            self.give_back(input);
        }
        true
    }
}
