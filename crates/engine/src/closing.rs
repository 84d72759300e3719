//! The end of an exchange and of a connection.

use longma_proto::h1::response::error_response;

use crate::access::Outcome;
use crate::body::{Body, BodyReader};
use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::{Host, Remains};
use crate::notice::Notice;
use crate::reactor::{PARTING, Reactor};
use crate::request::Mode;
use crate::sys::board::Word;
use crate::timers::Class;

/// How long a client may go on sending after our last word before it is cut off.
const LONGEST_LINGER_MS: u64 = 30_000;

impl<H: Host> Reactor<H> {
    /// The answer is written: wait for the next request, or close.
    #[inline]
    pub(crate) fn written(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        if connection.draft.is_some() {
            self.end_draft(id, None);
            return self.written(id);
        }
        if !connection.keep_alive || self.settings.keepalive.is_zero() {
            return self.end(id);
        }
        connection.state = State::Idle;
        connection.unread = false;
        if connection.next.is_some() {
            return self.read_on(id);
        }
        // An answer that has not said that it is the last one is not.
        self.timers.set(id.slot, if self.draining { Class::Parting } else { Class::Warm }, self.now_ms);
        self.watch(id, Watch::Read);
        if !self.accepting {
            self.retry_accepting();
        }
    }

    /// Close after the last answer. Closing over unread input makes the kernel send a reset, which can destroy
    /// the answer on its way (RFC 9112 §9.6): then say that we are done and read on for a while.
    pub(crate) fn end(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        if connection.is_framed && connection.transport.as_stream().is_some() {
            return self.end_stream(id);
        }
        let all_read = connection.next.is_none() && !connection.unread;
        if all_read && !(connection.talkative && connection.transport.has_unread()) {
            return self.let_go(id);
        }
        self.linger(id);
    }

    /// Say that we are done, and read on until the client is done, too, though not for ever.
    pub(crate) fn linger(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        if connection.transport.shutdown_write().is_err() {
            return self.close(id);
        }
        connection.state = State::Lingering;
        connection.linger_until_ms = self.now_ms + LONGEST_LINGER_MS;
        self.timers.set(id.slot, Class::Linger, self.now_ms);
        self.watch(id, Watch::Read);
        if !self.accepting {
            self.retry_accepting();
        }
    }

    /// Read and forget as long as something comes: a client that uploads reads its answer when it is done.
    pub(crate) fn linger_on(&mut self, id: ConnId, desk: &mut Desk) {
        let Some(connection) = self.table.get(id) else { return };
        let received = connection.transport.receive(&mut desk.buffer);
        let enough = self.now_ms >= connection.linger_until_ms;
        match received {
            Ok(count) if count > 0 && !enough => self.timers.set(id.slot, Class::Linger, self.now_ms),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted) => {}
            Err(_) => self.close(id),
            Ok(_) => self.let_go(id),
        }
    }

    /// Answer a request that never reaches the application, and close.
    pub(crate) fn refuse(&mut self, id: ConnId, status: u16, why: &str) {
        self.board.add(Word::Refused, 1);
        self.board.count_answer(Outcome::digits(status)[0]);
        let answer = error_response(status, why, self.date(), false);
        // What is our own fault has been told as such.
        if status != 500 {
            let input = self.table.peek(id).and_then(|connection| connection.input.as_ref());
            let peer = input.map_or_else(|| self.peer(id), |input| self.client(id, &input.bytes, &input.parser));
            self.tell(Notice::Refused { peer, status, why: why.to_owned() });
        }
        let Some(input) = self.table.get(id).map(|connection| connection.input.take()) else { return };
        if let Some(input) = input {
            let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| answer.len() - at - 4);
            self.log_unserved(id, &input, Some(status), body as u64);
            self.give_back(input);
        }
        let Some(connection) = self.table.get(id) else { return };
        connection.keep_alive = false;
        connection.unread = true;
        connection.state = State::Serving;
        if let Some(reader) = connection.body.take() {
            self.bury_body(*reader);
        }
        self.timers.clear(id.slot);
        self.send_rest(id, &answer, false);
        if let Some(connection) = self.table.get(id) {
            connection.state = State::Writing;
            self.go_on_writing(id);
        }
    }

    /// An idle connection is kept, but nothing is remembered of it any more.
    pub(crate) fn cool_down(&mut self, id: ConnId, desk: &mut Desk) {
        let Some(connection) = self.table.get(id) else { return };
        let memo = std::mem::take(&mut connection.memo);
        if connection.cache.take().is_some() {
            self.caches -= 1;
        }
        self.graveyard.push(Remains::Memo(memo));
        if self.settings.keepalive <= crate::reactor::WARM {
            return self.close_idle(id, desk);
        }
        self.timers.set(id.slot, Class::Idle, self.now_ms);
    }

    /// Close a connection that waits for its next request, unless that has just come.
    pub(crate) fn close_idle(&mut self, id: ConnId, desk: &mut Desk) {
        if !self.still_waits(id, desk) {
            return;
        }
        match self.table.get(id).map(|connection| connection.state) {
            Some(State::Streams) => self.leave_h2(id),
            _ => self.let_go(id),
        }
    }

    /// Whether nothing has come meanwhile from a client that nothing had come from.
    pub(crate) fn still_waits(&mut self, id: ConnId, desk: &mut Desk) -> bool {
        match self.table.get(id).map(|connection| connection.state) {
            Some(State::Proxy) => self.read_proxy_header(id, desk, Mode::Aside),
            Some(State::Idle) => self.read_head(id, desk, Mode::Aside),
            Some(State::Preface) => self.read_preface(id, desk, Mode::Aside),
            Some(State::Streams) => self.read_h2(id, desk, Mode::Aside),
            _ => None,
        };
        self.table.get(id).is_some_and(|connection| connection.state.is_waiting() || connection.is_without_streams())
    }

    /// Close the connections without a request. Those that are new, or had an answer just now, may have one on its way,
    /// and get a moment for it: a close that crosses it leaves the client without an answer.
    pub(crate) fn close_all_idle(&mut self, desk: &mut Desk) {
        for id in self.table.ids() {
            match self.table.get(id).map(|connection| connection.state) {
                Some(State::Delivering) => self.close(id),
                Some(State::Streams) => self.wind_up_h2(id),
                Some(state) if state.is_waiting() => self.close_waiting(id, desk),
                _ => {}
            }
        }
    }

    fn close_waiting(&mut self, id: ConnId, desk: &mut Desk) {
        let is_recent = self.timers.waited(id.slot, self.now_ms) < PARTING.as_millis() as u64;
        match self.timers.class_of(id.slot) {
            Some(Class::Parting) => {}
            Some(Class::Head | Class::Warm) if is_recent => self.timers.set(id.slot, Class::Parting, self.now_ms),
            _ => self.close_idle(id, desk),
        }
    }

    /// Close now. What the host owns of it goes to the graveyard.
    pub(crate) fn close(&mut self, id: ConnId) {
        // Explicitly: where the application has forked, the child holds a copy of the descriptor, which closing
        // ours would leave registered and reported for ever.
        self.watch(id, Watch::Nothing);
        if let Some(connection) = self.table.get(id) {
            connection.transport.say_goodbye();
        }
        if let Some(transport) = self.forget(id) {
            self.drop_stream(id, transport);
        }
    }

    /// Close so that the kernel keeps nothing of an answer that the client does not take.
    pub(crate) fn abandon(&mut self, id: ConnId) {
        self.watch(id, Watch::Nothing);
        match self.forget(id) {
            Some(transport) if transport.fd().is_none() => self.drop_stream(id, transport),
            Some(transport) => transport.reset(),
            None => {}
        }
    }

    /// Take the connection out of the table.
    pub(crate) fn forget(&mut self, id: ConnId) -> Option<crate::transport::Transport> {
        let mut connection = self.table.remove(id)?;
        self.settle_log(id, connection.state, connection.draft.take(), connection.broken, connection.written);
        self.timers.clear(id.slot);
        if connection.is_shared {
            connection.transport.shutdown();
        }
        if connection.transport.as_stream().is_some() {
            self.streams -= 1;
        }
        self.count_connections();
        if connection.h2.is_some() {
            self.lose_streams(&mut connection);
        }
        if let Some(output) = connection.output {
            self.bury_output(*output);
        }
        if let Some(reader) = connection.body {
            self.bury_body(*reader);
        }
        if connection.cache.is_some() {
            self.caches -= 1;
        }
        self.graveyard.push(Remains::Memo(connection.memo));
        for input in [connection.input, connection.next].into_iter().flatten() {
            self.give_back(input);
        }
        if !self.accepting {
            self.retry_accepting();
        }
        Some(connection.transport)
    }
    /// Give up a body that nobody will read.
    fn bury_body(&mut self, reader: BodyReader<H>) {
        self.body_memory -= reader.reserved;
        if let Body::Buffer(buffer) = reader.into_body() {
            self.graveyard.push(Remains::Buffer(buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::Pair;

    #[test]
    fn a_client_lingers_as_long_as_it_sends_but_not_for_ever() {
        let mut pair = Pair::new(Settings::default());
        assert!(pair.say(b"nonsense\r\n\r\n").is_none());
        for _ in 0..29 {
            pair.pass(1000);
            assert!(pair.say(b"more").is_none());
            assert_eq!(pair.reactor.connections(), 1);
        }
        pair.pass(1000);
        assert!(pair.say(b"more").is_none());
        assert_eq!(pair.reactor.connections(), 0);
    }

    #[test]
    fn whoever_connects_as_the_worker_finishes_has_a_moment_for_its_request() {
        let mut pair = Pair::new(Settings::default());
        pair.reactor.begin_draining(&mut pair.desk);
        assert!(!pair.reactor.is_drained());
        pair.pass(499);
        assert!(pair.say(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").is_some());
    }

    #[test]
    fn whoever_asks_again_and_again_has_an_answer_that_says_it_is_the_last() {
        for (waited, expected) in [(499, true), (500, false)] {
            let mut pair = Pair::new(Settings::default());
            let request = pair.say(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
            pair.reactor.send(request.id, b"HTTP/1.1 204 No Content\r\n\r\n", false);
            pair.reactor.finish(request.id, true);
            pair.pass(waited);
            pair.reactor.begin_draining(&mut pair.desk);
            assert_eq!(pair.reactor.is_drained(), !expected);
            let again = pair.try_say(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n");
            assert_eq!(again.is_some(), expected);
        }
    }

    #[test]
    fn whoever_says_nothing_does_not_keep_a_worker_from_finishing() {
        for waited in [0, 499, 500] {
            let mut pair = Pair::new(Settings::default());
            pair.pass(waited);
            pair.reactor.begin_draining(&mut pair.desk);
            assert_eq!(pair.reactor.is_drained(), waited == 500);
            pair.pass(500);
            assert!(pair.reactor.is_drained());
        }
    }

    #[test]
    fn a_client_that_is_silent_lingers_for_a_moment() {
        let mut pair = Pair::new(Settings::default());
        assert!(pair.say(b"nonsense\r\n\r\n").is_none());
        pair.pass(1999);
        assert_eq!(pair.reactor.connections(), 1);
        pair.pass(1);
        assert_eq!(pair.reactor.connections(), 0);
    }
}
