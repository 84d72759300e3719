//! Handing connections to siblings. All workers share one queue (a SOCK_SEQPACKET pair made before the fork):
//! whoever is busy puts in, whoever is idle takes out, so nobody has to choose and nothing is lost when a worker dies.
//! Those of a reload have another one if what they listen on, or what is spoken there, has changed.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::listener::HANDOVER_GENERATION;
use crate::origin::Origin;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::sys::epoll::Interest;
use crate::sys::pass;
use crate::sys::socket;
use crate::timers::Class;

/// The most input that goes along with a connection.
const MAX_INPUT_BYTES: usize = 32 * 1024;
/// How long a sibling has to wake up for what was passed on to it.
const PASSING_MS: u64 = 10;

impl<H: Host> Reactor<H> {
    /// Hand waiting requests to idle siblings, one each.
    pub(crate) fn hand_over_ready(&mut self) {
        if self.handover.is_none() || self.ready.is_empty() {
            return;
        }
        let mut idle = self.board.idle_siblings(self.now_ms);
        let mut kept = Vec::new();
        while idle > 0 {
            let Some(id) = self.ready.pop_front() else { break };
            if self.hand_over(id) {
                idle -= 1;
            } else {
                kept.push(id);
            }
        }
        for id in kept.into_iter().rev() {
            self.ready.push_front(id);
        }
        self.board.set(Word::Queued, self.ready.len() as u64);
    }

    /// Leave to siblings whatever the application has not been called for: this worker ends at once. Where there are none
    /// the next worker finds it in the queue.
    pub fn leave_rest(&mut self) {
        self.leave_newcomers();
        for id in std::mem::take(&mut self.ready) {
            self.hand_over(id);
        }
        for id in self.table.ids() {
            self.hand_over(id);
        }
    }

    /// Hand over a connection whose request waits, or that waits for one, with all that has been read of it.
    fn hand_over(&mut self, id: ConnId) -> bool {
        let Some(connection) = self.table.get(id) else { return false };
        // A TLS session is this process's own, as is what a stream is one of; what the application has had is shut down
        // when we part from it.
        if connection.has_output() || !connection.transport.is_plain() || connection.is_shared {
            return false;
        }
        let bytes = match connection.state {
            State::Idle => Some(Vec::new()),
            State::Queued => connection.request_as_received(),
            _ => None,
        };
        let Some(mut bytes) = bytes else { return false };
        if let Some(next) = &connection.next {
            bytes.extend_from_slice(&next.bytes);
        }
        if bytes.len() > MAX_INPUT_BYTES {
            return false;
        }
        // Our copy of the descriptor is not the last one, so closing it would leave it registered.
        self.watch(id, Watch::Nothing);
        let Some(connection) = self.table.peek(id) else { return false };
        let Some(fd) = connection.transport.fd() else { return false };
        if !self.pass_on(fd, &Origin::of(connection), &bytes) {
            return false;
        }
        self.queue.passed_on_ms = self.now_ms;
        self.forget(id);
        true
    }

    /// Put a connection into the queue. False: it is full.
    pub(crate) fn pass_on(&self, fd: BorrowedFd<'_>, origin: &Origin, input: &[u8]) -> bool {
        let Some((_, queue)) = &self.handover else { return false };
        let header = origin.encode();
        let passed = pass::send_descriptor(queue.as_fd(), &[IoSlice::new(&header), IoSlice::new(input)], fd).is_ok();
        if passed {
            self.board.add(Word::HandedOut, 1);
        }
        passed
    }

    /// Hear of what siblings put into the queue.
    pub(crate) fn open_queue(&mut self) -> io::Result<()> {
        if let Some((receiver, _)) = self.handover.as_ref().filter(|_| !self.queue.open) {
            let id = ConnId { slot: 0, generation: HANDOVER_GENERATION };
            self.epoll.add(receiver.as_fd(), id.token(), Interest::SharedRead)?;
        }
        self.queue.open = true;
        Ok(())
    }

    pub(crate) fn close_queue(&mut self) {
        if let Some((receiver, _)) = &self.handover {
            // A queue that is not registered is what we want.
            let _ = self.epoll.remove(receiver.as_fd());
        }
        self.queue.open = false;
    }

    /// Take a connection out of the queue, unless it is better left to others.
    pub(crate) fn receive_from_sibling(&mut self, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if !self.queue.open {
            return None;
        }
        // What was passed on just now is for the sibling that is waking up for it.
        let is_ours = self.now_ms < self.queue.passed_on_ms + PASSING_MS;
        match mode {
            // Whoever drives aside has no time for more. But what is still there when it looks again may have been
            // announced to this worker alone, and is passed on from here as soon as anybody is idle.
            Mode::Aside if is_ours || !std::mem::replace(&mut self.queue.seen, true) => return None,
            Mode::Direct if is_ours && self.is_ahead() => return None,
            _ => self.queue.seen = false,
        }
        match self.take_handed_over(desk) {
            Ok(Some((id, input))) => self.welcome_handed_over(id, input, desk, mode),
            Ok(None) => None,
            Err(error) => {
                self.pause_for_shortage(&error);
                None
            }
        }
    }

    /// Take what is in the queue, and leave what comes later to the siblings.
    ///
    /// # Errors
    /// The system is short of something: there may be more.
    pub(crate) fn leave_queue(&mut self, desk: &mut Desk) -> io::Result<()> {
        while let Some((id, input)) = self.take_handed_over(desk)? {
            self.welcome_handed_over(id, input, desk, Mode::Aside);
        }
        Ok(())
    }

    /// The next connection in the queue, and where on the desk what has been read of it lies.
    ///
    /// # Errors
    /// The system is short of something, and what is in the queue stays there.
    fn take_handed_over(&mut self, desk: &mut Desk) -> io::Result<Option<(ConnId, Range<usize>)>> {
        // First, since it may read, and what is received is to stay on the desk.
        self.make_room(desk);
        let Some((receiver, _)) = self.handover.as_ref() else { return Ok(None) };
        let spare = self.queue.spare.take().map_or_else(|| receiver.try_clone(), Ok);
        // Its place is for the one that comes.
        let received = spare.and_then(|spare| {
            drop(spare);
            pass::receive_descriptor(receiver.as_fd(), &mut desk.buffer)
        });
        self.queue.spare = receiver.try_clone().ok();
        let (count, fd) = match received {
            Ok(received) => received,
            Err(error) if socket::is_shortage(&error) => return Err(error),
            Err(_) => return Ok(None),
        };
        let Some((origin, at)) = desk.buffer.get(..count).and_then(Origin::decode) else { return Ok(None) };
        self.board.add(Word::HandedIn, 1);
        let Some(connection) = self.connection(fd, origin) else { return Ok(None) };
        Ok(Some((self.admit(connection), at..count)))
    }

    fn welcome_handed_over(&mut self, id: ConnId, read: Range<usize>, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if read.is_empty() {
            return self.read_first(id, desk, mode);
        }
        let mut input = self.spare_input();
        input.bytes.extend_from_slice(&desk.buffer[read]);
        let connection = self.table.get(id)?;
        connection.input = Some(input);
        connection.state = State::Head;
        self.timers.set(id.slot, Class::Head, self.now_ms);
        let request = self.parse_held(id, desk, mode);
        if request.is_none() && self.table.get(id).is_some_and(|connection| connection.state == State::Head) {
            self.watch(id, Watch::Read);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use super::*;
    use crate::settings::Settings;
    use crate::sys::board::{Board, WorkerState};
    use crate::sys::epoll::Epoll;
    use crate::testing::Plain;

    /// A worker ahead of an idle sibling, whose board is returned, that has just passed a connection on.
    fn ahead() -> (Reactor<Plain>, Board, Vec<UnixStream>) {
        let mut boards = Board::in_process(2);
        let (sibling, own) = (boards.remove(1), boards.remove(0));
        sibling.set_state(WorkerState::Idle);
        sibling.set(Word::Heartbeat, crate::sys::clock::monotonic_coarse_ns());
        let mut reactor = Reactor::new(Settings::default(), Arc::new(Epoll::new().unwrap()), Arc::new(own), None);
        reactor.open(Vec::new(), Some(pass::queue().unwrap())).unwrap();
        sibling.set(Word::Queue, reactor.board.get(Word::Queue));
        let mut clients = Vec::new();
        for _ in 0..4 {
            let (client, ours) = UnixStream::pair().unwrap();
            assert!(reactor.welcome(ours.into(), None, 0, &mut Desk::default(), Mode::Direct).is_none());
            clients.push(client);
        }
        assert_eq!((reactor.connections(), reactor.board.get(Word::HandedOut)), (3, 1));
        (reactor, sibling, clients)
    }

    #[test]
    fn what_is_passed_on_is_left_to_the_sibling_for_a_moment() {
        let (mut reactor, _sibling, _clients) = ahead();
        let mut desk = Desk::default();
        assert!(reactor.receive_from_sibling(&mut desk, Mode::Direct).is_none());
        assert_eq!(reactor.connections(), 3);
        reactor.now_ms += PASSING_MS;
        assert!(reactor.receive_from_sibling(&mut desk, Mode::Direct).is_none());
        assert_eq!(reactor.connections(), 4);
    }

    #[test]
    fn what_is_passed_on_is_taken_back_from_a_sibling_that_has_become_busy() {
        let (mut reactor, sibling, _clients) = ahead();
        sibling.set_state(WorkerState::Active);
        assert!(reactor.receive_from_sibling(&mut Desk::default(), Mode::Direct).is_none());
        assert_eq!(reactor.connections(), 4);
    }

    #[test]
    fn whoever_drives_aside_takes_what_is_still_there_at_the_second_look() {
        let (mut reactor, _sibling, _clients) = ahead();
        let mut desk = Desk::default();
        reactor.now_ms += PASSING_MS;
        for connections in [3, 4] {
            assert!(reactor.receive_from_sibling(&mut desk, Mode::Aside).is_none());
            assert_eq!(reactor.connections(), connections);
        }
    }

    #[test]
    fn whoever_ends_leaves_its_connections_in_the_queue_but_for_those_the_application_has() {
        let (mut reactor, _sibling, mut clients) = ahead();
        let mut desk = Desk::default();
        for client in &mut clients[..2] {
            client.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
        }
        reactor.epoll.wait(&mut desk.events, 0).unwrap();
        reactor.handle_events_aside(&mut desk);
        assert_eq!(reactor.ready.len(), 2);
        let kept = reactor.ready[1];
        reactor.table.get(kept).unwrap().is_shared = true;
        reactor.leave_rest();
        assert_eq!(reactor.table.ids(), [kept]);
        assert_eq!(reactor.board.get(Word::HandedOut), 3);
    }
}
