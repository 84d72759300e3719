//! A stream that has just been opened: its request goes the way of all others.

use http::Method;
use longma_proto::h1::Progress;

use super::head::{self, VERSION};
use super::session::Arrival;
use super::stream::Stream;
use crate::connection::{ConnId, Connection, State};
use crate::desk::Desk;
use crate::host::Host;
use crate::reactor::Reactor;
use crate::request::Mode;
use crate::transport::Transport;

impl<H: Host> Reactor<H> {
    /// Take a request in. It waits for the application, even where that has time: there may be others behind it.
    pub(super) fn open_stream(&mut self, parent: ConnId, (request, respond): Arrival) {
        let (parts, receive) = request.into_parts();
        let Some(connection) = self.table.get(parent) else { return };
        let Some(session) = &connection.h2 else { return };
        let wire = session.wire.clone();
        let stream = Stream::new(parent, wire, respond, receive, parts.method == Method::HEAD);
        let opened = Connection {
            proxied: connection.proxied.clone(),
            trusted: connection.trusted,
            is_framed: true,
            state: State::Head,
            ..Connection::new(Transport::stream(Box::new(stream)), connection.peer, connection.listener)
        };
        connection.served = connection.served.wrapping_add(1);
        let is_trusted = connection.trusted;
        let id = self.table.insert(opened);
        self.streams += 1;
        if let Some(session) = self.session(parent) {
            session.streams.push(id);
        }

        let mut input = self.spare_input();
        let version = head::write(&parts, &mut input.bytes);
        let read = input.parser.advance(&mut input.bytes, &self.limits[usize::from(is_trusted)]);
        input.bytes[version].copy_from_slice(VERSION);
        // Whoever is trusted may speak for a client of its own.
        input.parser.came_by_http2(is_trusted && head::says_https(&parts) == Some(true));
        self.count_input(&mut input);
        if let Some(connection) = self.table.get(id) {
            connection.input = Some(input);
        }
        match read {
            Ok(Progress::Complete { .. }) => {
                if !(self.own.is_some() && self.answer_held(id)) {
                    self.head_whole_held(id, &mut Desk::without_buffer(), Mode::Aside);
                }
            }
            Ok(Progress::Partial) => self.refuse(id, 400, "the request head has no end"),
            Err(error) => self.refuse_head(id, error),
        }
    }

    /// The connection that a stream belongs to.
    pub(crate) fn parent(&self, id: ConnId) -> Option<ConnId> {
        self.table.peek(id)?.transport.as_stream()?.parent
    }
}
