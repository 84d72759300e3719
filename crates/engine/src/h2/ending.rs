//! The end of a stream, and of a connection that speaks HTTP/2.

use h2::Reason;

use super::stream::End;
use crate::connection::{ConnId, Connection, Loss, State};
use crate::host::Host;
use crate::notice::Notice;
use crate::reactor::Reactor;
use crate::timers::Class;
use crate::transport::Transport;

/// How long a client that floods is read on, so that it can learn why it is turned away.
const FLOODING_LINGER_MS: u64 = 1_000;

impl<H: Host> Reactor<H> {
    /// The answer is written: end the stream.
    pub(crate) fn end_stream(&mut self, id: ConnId) {
        if let Some(stream) = self.table.get(id).and_then(|connection| connection.transport.as_stream_mut())
            && stream.finish() == End::Short
        {
            // What there is of the answer would be lost with the reset.
            if let Some(parent) = self.parent(id) {
                self.drive(parent);
            }
            if let Some(stream) = self.table.get(id).and_then(|connection| connection.transport.as_stream_mut()) {
                stream.reset(Reason::INTERNAL_ERROR);
            }
        }
        self.close(id);
    }

    /// The client has given a request up, or its connection has come to an end.
    pub(super) fn lose_stream(&mut self, id: ConnId, loss: Loss) {
        match self.table.get(id).map(|connection| connection.state) {
            Some(State::Serving) => self.mark_broken(id, loss),
            Some(State::Head | State::Body | State::Queued) => self.abort(id),
            Some(_) => {
                self.mark_broken(id, loss);
                self.abandon(id);
            }
            None => {}
        }
    }

    /// A stream has been taken out of the table.
    pub(crate) fn drop_stream(&mut self, id: ConnId, transport: Transport) {
        let Some(parent) = transport.as_stream().and_then(|stream| stream.parent) else { return };
        // What has not been answered to its end is reset by this.
        drop(transport);
        if let Some(session) = self.session(parent) {
            session.streams.retain(|&stream| stream != id);
            self.drive_soon(parent);
        }
    }

    /// A connection has been taken out of the table: what becomes of its streams.
    pub(crate) fn lose_streams(&mut self, connection: &mut Connection<H>) {
        let Some(session) = connection.h2.take() else { return };
        let loss = connection.broken.unwrap_or(Loss::Client);
        for &id in &session.streams {
            self.lose_stream(id, loss);
        }
    }

    /// Have no new requests come on a connection, and end it once those that have come are answered.
    pub(crate) fn wind_up_h2(&mut self, id: ConnId) {
        let Some(session) = self.session(id) else { return };
        let is_first = !session.is_leaving;
        session.wind_up();
        if session.streams.is_empty() && self.timers.class_of(id.slot) != Some(Class::Parting) {
            self.timers.set(id.slot, Class::Parting, self.now_ms);
        }
        if is_first {
            self.drive(id);
        }
    }

    /// End a connection without requests, which says so to the client.
    pub(crate) fn leave_h2(&mut self, id: ConnId) {
        if let Some(session) = self.session(id) {
            session.give_up(Reason::NO_ERROR);
            self.drive(id);
        }
        // One that has not even begun.
        if self.session(id).is_some() {
            self.close(id);
        }
    }

    /// Nothing more will come of a connection, or go out on it.
    pub(super) fn end_h2(&mut self, id: ConnId, why: Option<String>) {
        let peer = self.peer(id);
        let Some(connection) = self.table.get(id) else { return };
        let Some(session) = &connection.h2 else { return };
        let (has_ended, is_stuck) = (session.wire.has_ended(), session.wire.is_stuck());
        let is_given_up = session.is_given_up;
        if let Some(why) = why.filter(|_| !is_given_up) {
            self.tell(Notice::Http2 { peer, why });
        }
        if is_stuck {
            return self.abandon(id);
        }
        if let Some(mut session) = self.table.get(id).and_then(|connection| connection.h2.take()) {
            for stream in std::mem::take(&mut session.streams) {
                self.lose_stream(stream, Loss::Client);
            }
        }
        if has_ended {
            return self.let_go(id);
        }
        self.linger(id);
        if is_given_up && let Some(connection) = self.table.get(id) {
            connection.linger_until_ms = self.now_ms + FLOODING_LINGER_MS;
        }
    }
}
