//! One turn of the reactor: what the events of a wait and the deadlines that have passed lead to.

use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::listener::Accepting;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

/// How much of the host's may lie about before a turn ends, so that the host can let go of it.
const MAX_REMAINS: usize = 64;

impl<H: Host> Reactor<H> {
    /// Take the next request that the application should see: first those that have been waiting, then what the
    /// events of the last wait bring. `None` ends the turn: there are other things to do, and new events to fetch.
    /// What has come to wait meanwhile has its turn next, lest a client that asks for much keeps the others out.
    #[inline]
    pub fn next_request(&mut self, desk: &mut Desk) -> Option<Request<H>> {
        let request = if self.graveyard.len() < MAX_REMAINS { self.find_request(desk) } else { None };
        if request.is_none() {
            desk.waiting = None;
        }
        request
    }

    #[inline(always)]
    fn find_request(&mut self, desk: &mut Desk) -> Option<Request<H>> {
        loop {
            let waiting = desk.waiting.get_or_insert(self.ready.len());
            if *waiting > 0
                && let Some(id) = self.ready.pop_front()
            {
                *waiting -= 1;
                self.board.set(Word::Queued, self.ready.len() as u64);
                if let Some(request) = self.take_queued(id, desk) {
                    return Some(request);
                }
                continue;
            }
            if let Some(accepting) = desk.accepting.take() {
                if let Some(request) = self.go_on_accepting(accepting, desk, Mode::Direct) {
                    return Some(request);
                }
                continue;
            }
            let token = self.next_token(desk)?;
            if let Some(request) = self.on_event(token, desk, Mode::Direct) {
                return Some(request);
            }
            if self.tls.is_some() {
                self.look_again(ConnId::from_token(token));
            }
        }
    }

    /// Handle all events of the last wait without calling anything: whole requests are queued.
    pub fn handle_events_aside(&mut self, desk: &mut Desk) {
        loop {
            if let Some(accepting) = desk.accepting.take() {
                self.go_on_accepting(accepting, desk, Mode::Aside);
                continue;
            }
            let Some(token) = self.next_token(desk) else { return };
            self.on_event(token, desk, Mode::Aside);
            if self.tls.is_some() {
                self.look_again(ConnId::from_token(token));
            }
        }
    }

    /// What to look at next: connections that have more in them come before those that the system tells of.
    #[inline]
    fn next_token(&mut self, desk: &mut Desk) -> Option<u64> {
        match self.brimming.pop_front() {
            Some(id) => Some(id.token()),
            None => desk.events.take(),
        }
    }

    #[inline]
    fn on_event(&mut self, token: u64, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let id = ConnId::from_token(token);
        if let Some(source) = Accepting::from_id(id) {
            return self.go_on_accepting(source, desk, mode);
        }
        match self.table.get(id)?.state {
            State::Idle | State::Head => self.read_head(id, desk, mode),
            _ => self.on_other_event(id, desk, mode),
        }
    }

    #[inline(never)]
    fn on_other_event(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        match connection.state {
            State::Idle | State::Head => None,
            State::Body => self.read_body(id, desk, mode),
            State::Proxy => self.read_proxy_header(id, desk, mode),
            State::Handshake => self.shake_hands(id, desk, mode),
            State::Preface => self.read_preface(id, desk, mode),
            State::Streams => self.read_h2(id, desk, mode),
            State::Writing => {
                self.go_on_writing(id);
                None
            }
            State::Lingering => {
                self.linger_on(id, desk);
                None
            }
            State::Delivering => {
                self.deliver_on(id, desk);
                None
            }
            // Where the client is gone, writing fails, which is how the application learns it.
            State::Serving if connection.watch == Watch::Write => {
                self.flush(id);
                None
            }
            // Level-triggered: what we do not want to hear now must be unregistered, or it is reported for ever.
            State::Queued | State::Serving => {
                connection.unread = true;
                self.watch(id, Watch::Nothing);
                None
            }
        }
    }

    /// What a TLS session has decrypted and nobody has received is reported by no wait: remember to look.
    #[cold]
    fn look_again(&mut self, id: ConnId) {
        let Some(connection) = self.table.peek(id) else { return };
        if connection.transport.is_brimming() && matches!(connection.watch, Watch::Read | Watch::Both) {
            self.brimming.push_back(id);
        }
    }

    /// Let the deadlines that have passed take effect.
    #[inline]
    pub fn expire(&mut self, desk: &mut Desk) {
        if self.timers.is_due(self.now_ms) || self.own.is_some() || self.must_tend_listening() {
            self.tend(desk);
        }
    }

    #[cold]
    fn tend(&mut self, desk: &mut Desk) {
        while let Some((slot, class)) = self.timers.expired(self.now_ms) {
            let Some(id) = self.table.id_of(slot) else { continue };
            match class {
                Class::Head => self.head_too_slow(id),
                Class::Body => self.body_too_slow(id),
                Class::Warm => self.cool_down(id, desk),
                Class::Idle | Class::Parting => self.close_idle(id, desk),
                Class::Write => self.check_write_progress(id),
                Class::Linger => self.let_go(id),
                Class::Queue => self.waited_too_long(id),
            }
        }
        if self.own.is_some() || self.instead.is_some() {
            self.tend_own();
        }
        self.renew_listening();
        self.retry_accepting();
    }
}
