//! A connection that speaks HTTP/2 at work: what comes on its socket goes in, requests come out of it, and what is to be sent.

use std::io::ErrorKind;

use h2::Reason;

use super::session::{Arrival, Session, Step};
use crate::connection::{ConnId, Loss, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::notice::Notice;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

/// How much is sent on a connection before the others get their turn.
const TURN_BYTES: u64 = 4 << 20;

impl<H: Host> Reactor<H> {
    /// Have HTTP/2 spoken on a connection from now on.
    pub(crate) fn begin_h2(&mut self, id: ConnId) {
        let session = Box::new(Session::new(&self.settings.h2));
        let Some(connection) = self.table.get(id) else { return };
        connection.h2 = Some(session);
        connection.state = State::Streams;
        if self.timers.class_of(id.slot).is_none() {
            // The deadline of the first head.
            self.timers.set(id.slot, Class::Head, self.now_ms);
        }
    }

    pub(super) fn session(&mut self, id: ConnId) -> Option<&mut Session> {
        self.table.get(id)?.h2.as_deref_mut()
    }

    /// Read what there is, and do what follows of it.
    pub(crate) fn read_h2(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        let session = connection.h2.as_mut()?;
        session.is_stirred = true;
        if session.wire.has_room() {
            match connection.transport.receive(&mut desk.buffer) {
                Ok(0) => session.wire.lanes().has_ended = true,
                Ok(count) => {
                    self.board.add(Word::BytesIn, count as u64);
                    self.take_in(id, &desk.buffer[..count]);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => {
                    self.abandon(id);
                    return None;
                }
            }
        }
        let others_wait = !self.ready.is_empty();
        self.drive(id);
        if mode == Mode::Aside || others_wait {
            return None;
        }
        // The first of them need not wait for a turn of its own.
        let first = self.ready.pop_front()?;
        self.board.set(Word::Queued, self.ready.len() as u64);
        self.take_queued(first, desk)
    }

    /// Give a session what has come on its connection.
    pub(super) fn take_in(&mut self, id: ConnId, bytes: &[u8]) {
        let now_ms = self.now_ms;
        let Some(session) = self.session(id) else { return };
        let Some(bytes) = session.with_upgrade(bytes) else { return };
        let doom = session.floods.look(&bytes, now_ms);
        session.wire.lanes().incoming.put(&bytes);
        let Some(reason) = doom.filter(|_| !session.is_given_up) else { return };
        session.is_given_up = true;
        session.give_up(reason);
        let peer = self.peer(id);
        self.tell(match reason {
            Reason::ENHANCE_YOUR_CALM => Notice::Flood { peer },
            _ => Notice::Http2 { peer, why: "its first frame is not SETTINGS".to_owned() },
        });
    }

    /// The connection of a stream has something to send, or will have soon.
    #[inline]
    pub(crate) fn stir(&mut self, id: ConnId) {
        if let Some(parent) = self.parent(id) {
            self.drive_soon(parent);
        }
    }

    /// As `drive`; where several answers leave together, once for all of them.
    pub(crate) fn drive_soon(&mut self, parent: ConnId) {
        match &mut self.stirred {
            Some(stirred) if stirred.contains(&parent) => {}
            Some(stirred) => stirred.push(parent),
            None => self.drive(parent),
        }
    }

    /// Go on with a connection as far as what has come, what is to be sent and the socket allow.
    pub(crate) fn drive(&mut self, id: ConnId) {
        let Some(session) = self.session(id) else { return };
        if std::mem::replace(&mut session.is_driven, true) {
            // Whoever drives it, further up, is told.
            session.again = true;
            return;
        }
        let step = self.go_on(id);
        let Some(session) = self.session(id) else { return };
        session.is_driven = false;
        match step {
            Step::Open => self.settle_h2(id),
            Step::Over(why) => self.end_h2(id, why),
        }
    }

    fn go_on(&mut self, id: ConnId) -> Step {
        let mut arrivals: Vec<Arrival> = Vec::new();
        let enough = self.table.peek(id).map_or(0, |connection| connection.written) + TURN_BYTES;
        loop {
            let Some(session) = self.session(id) else { return Step::Over(None) };
            (session.again, session.is_paused) = (false, false);
            let step = session.advance(&mut arrivals);
            let is_stirred = std::mem::take(&mut session.is_stirred);
            for arrival in arrivals.drain(..) {
                self.open_stream(id, arrival);
            }
            if is_stirred {
                self.tend_streams(id);
            }
            if !self.put_out(id) {
                return Step::Over(None);
            }
            let Some(connection) = self.table.get(id) else { return Step::Over(None) };
            let Some(session) = connection.h2.as_deref_mut() else { return Step::Over(None) };
            session.is_paused = session.again && connection.written > enough;
            if !session.again || session.is_paused || step != Step::Open {
                return step;
            }
        }
    }

    /// Look what has come for each stream, and whether there is room for what it has to send.
    fn tend_streams(&mut self, parent: ConnId) {
        let Some(session) = self.session(parent) else { return };
        session.has_more = false;
        for id in session.streams.clone() {
            let Some(connection) = self.table.get(id) else { continue };
            let Some(stream) = connection.transport.as_stream_mut() else { continue };
            if stream.is_lost() {
                self.lose_stream(id, Loss::Client);
                continue;
            }
            match connection.state {
                State::Body => self.read_stream_body(id),
                State::Serving if connection.watch == Watch::Write => self.flush(id),
                State::Writing => self.go_on_writing(id),
                _ => {}
            }
        }
    }

    /// Send what is to go out. False: the client has gone.
    fn put_out(&mut self, id: ConnId) -> bool {
        let Some(connection) = self.table.get(id) else { return false };
        let Some(session) = connection.h2.as_deref_mut() else { return false };
        let before = connection.written;
        let mut lanes = session.wire.lanes();
        while !lanes.outgoing.is_empty() {
            match connection.transport.send(lanes.outgoing.front(), false) {
                Ok(count) => {
                    connection.written += count as u64;
                    lanes.outgoing.take(count);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => break,
                Err(_) => return false,
            }
        }
        drop(lanes);
        if connection.written > before && session.has_more && !session.wire.is_clogged() {
            // There is room again.
            (session.is_stirred, session.again) = (true, true);
        }
        true
    }

    /// Nothing is left to do now: wait for what there is to wait for.
    fn settle_h2(&mut self, id: ConnId) {
        let (draining, keepalive) = (self.draining, self.settings.keepalive);
        let class = self.timers.class_of(id.slot);
        let Some(connection) = self.table.get(id) else { return };
        let (served, Some(session)) = (connection.served, connection.h2.as_deref_mut()) else { return };
        let (is_stuck, is_open) = (session.is_paused || session.wire.is_stuck(), session.wire.has_room());
        let (is_idle, has_begun) = (session.streams.is_empty(), session.has_begun());
        let is_amid_fields = session.floods.is_amid_fields();
        if is_stuck {
            self.wait_for_room(id, is_open);
        } else {
            self.watch(id, Watch::Read);
            match class {
                _ if is_amid_fields => {
                    if class != Some(Class::Head) {
                        self.timers.set(id.slot, Class::Head, self.now_ms);
                    }
                }
                _ if !is_idle => self.timers.clear(id.slot),
                Some(Class::Parting) => {}
                _ if draining && has_begun => return self.wind_up_h2(id),
                _ if served > 0 && keepalive.is_zero() => return self.leave_h2(id),
                Some(Class::Head) if served == 0 => {}
                Some(Class::Warm | Class::Idle) => {}
                _ => self.timers.set(id.slot, if served == 0 { Class::Head } else { Class::Warm }, self.now_ms),
            }
        }
        if is_idle && !self.accepting {
            self.retry_accepting();
        }
    }

    /// The socket is full.
    fn wait_for_room(&mut self, id: ConnId, reads: bool) {
        if self.timers.class_of(id.slot) != Some(Class::Write) {
            if let Some(connection) = self.table.get(id) {
                let left = connection.transport.unacknowledged().unwrap_or(0);
                connection.acknowledged = connection.written as i64 - left as i64;
            }
            self.timers.set(id.slot, Class::Write, self.now_ms);
        }
        self.watch(id, if reads { Watch::Both } else { Watch::Write });
        if reads && self.table.peek(id).is_some_and(|connection| connection.transport.is_brimming()) {
            self.brimming.push_back(id);
        }
    }
}
