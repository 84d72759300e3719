//! The end of accepting: what waits is taken in by a worker that finishes, and left to others by one that cannot.

use std::os::fd::AsFd;

use crate::desk::Desk;
use crate::host::Host;
use crate::listener::Intake;
use crate::origin::Origin;
use crate::reactor::Reactor;
use crate::request::Mode;
use crate::sys::board::Word;
use crate::sys::socket;

/// How long accepting pauses where the worker is to finish.
const DRAINING_PAUSE_MS: u64 = 50;
/// How long after the last newcomer a worker that finishes, and is the last to, goes on accepting; how often it looks,
/// and for how long at most.
const NEWCOMERS_MS: u64 = 100;
const NEWCOMERS_LOOK_MS: u64 = 5;
const LAST_NEWCOMERS_MS: u64 = 1000;

impl<H: Host> Reactor<H> {
    /// Take nobody in any more, neither from the listeners nor from siblings: the worker ends before it could answer, and
    /// whoever waits is another's, the next worker's at the latest.
    pub fn leave_newcomers(&mut self) {
        self.intake = Intake::Shut;
        self.board.set(Word::Draining, 1);
        self.pause_accepting();
        self.close_queue();
        self.listeners.clear();
    }

    /// Stop accepting for good: what is queued already is accepted, then the listeners are closed. To be called again
    /// as long as the worker is not drained: where descriptors are short, what is queued waits for some to be free.
    pub fn begin_draining(&mut self, desk: &mut Desk) {
        if self.draining {
            // Once nothing is left to come, nothing is tried again.
            if self.shortage_until_ms.is_none_or(|at| at > self.now_ms) {
                return;
            }
        } else {
            self.draining = true;
            self.newcomers.until_ms = self.now_ms + LAST_NEWCOMERS_MS;
            self.board.set(Word::Draining, 1);
            self.pause_accepting();
        }
        self.shortage_until_ms = match self.take_rest(desk) {
            Ok(()) if self.expects_newcomers() => Some(self.now_ms + NEWCOMERS_LOOK_MS),
            Ok(()) => {
                self.listeners.clear();
                self.close_queue();
                None
            }
            Err(error) => {
                self.pause_for_shortage(&error);
                Some(self.now_ms + DRAINING_PAUSE_MS)
            }
        };
        self.close_all_idle(desk);
    }

    /// Whether somebody may be connecting right now whom closing the listeners would reset: clients come thick and
    /// fast, and no sibling is there to take them.
    fn expects_newcomers(&self) -> bool {
        !self.listeners.is_empty()
            && self.now_ms < (self.newcomers.last_ms + NEWCOMERS_MS).min(self.newcomers.until_ms)
            && !self.board.has_accepting_sibling(self.now_ms)
    }

    /// Take all that wait at the listeners and in the queue, where they are ours to take.
    ///
    /// # Errors
    /// The system is short of something: more of them are there.
    fn take_rest(&mut self, desk: &mut Desk) -> std::io::Result<()> {
        if self.intake == Intake::Shut {
            return Ok(());
        }
        (0..self.listeners.len()).try_for_each(|index| self.accept_rest(index, desk))?;
        self.leave_queue(desk)
    }

    /// Take all that wait at a listener.
    ///
    /// # Errors
    /// The system is short of something: more of them are there.
    fn accept_rest(&mut self, index: usize, desk: &mut Desk) -> std::io::Result<()> {
        loop {
            match socket::accept(self.listeners[index].fd.as_fd()) {
                Ok((fd, peer)) => {
                    self.newcomers.last_ms = self.now_ms;
                    self.board.add(Word::Accepted, 1);
                    let Some(connection) = self.connection(fd, Origin::new(peer, index as u16)) else { continue };
                    let id = self.insert(connection);
                    self.read_first(id, desk, Mode::Aside);
                }
                Err(error) if socket::is_shortage(&error) => return Err(error),
                Err(error) if socket::is_about_one(&error) => {}
                Err(_) => return Ok(()),
            }
        }
    }

    /// Whether all that had been accepted, or waited to be, has been answered.
    pub fn is_drained(&self) -> bool {
        self.draining && self.shortage_until_ms.is_none() && self.connections() == 0
    }

    /// Whether the worker has been told to finish.
    pub fn is_draining(&self) -> bool {
        self.draining
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use super::*;
    use crate::listener::Listener;
    use crate::settings::Settings;
    use crate::sys::board::{Board, WorkerState};
    use crate::sys::clock;
    use crate::sys::epoll::Epoll;
    use crate::sys::pass;
    use crate::testing::Plain;

    #[test]
    fn the_last_worker_to_finish_lets_in_who_comes_close_behind_another() {
        for has_sibling in [false, true] {
            let mut boards = Board::in_process(2);
            let (sibling, own) = (boards.remove(1), boards.remove(0));
            if has_sibling {
                sibling.set_state(WorkerState::Active);
                sibling.set(Word::Heartbeat, clock::monotonic_coarse_ns());
            }
            let mut reactor: Reactor<Plain> =
                Reactor::new(Settings::default(), Arc::new(Epoll::new().unwrap()), Arc::new(own), None);
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let address = listener.local_addr().unwrap();
            reactor.open(vec![Listener::new(listener.into(), false)], None).unwrap();
            let (mut desk, mut clients) = (Desk::default(), Vec::new());
            clients.push(TcpStream::connect(address).unwrap());
            reactor.begin_draining(&mut desk);
            if !has_sibling {
                clients.push(TcpStream::connect(address).unwrap());
                reactor.now_ms += NEWCOMERS_LOOK_MS;
                reactor.begin_draining(&mut desk);
                reactor.now_ms += NEWCOMERS_MS;
                reactor.begin_draining(&mut desk);
            }
            assert_eq!(reactor.connections(), clients.len());
            assert!(TcpStream::connect(address).is_err());
        }
    }

    #[test]
    fn who_leaves_newcomers_to_others_takes_none_when_draining_either() {
        let mut reactor: Reactor<Plain> =
            Reactor::new(Settings::default(), Arc::new(Epoll::new().unwrap()), Arc::new(Board::in_process(1).remove(0)), None);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, others) = (listener.local_addr().unwrap(), listener.try_clone().unwrap());
        reactor.open(vec![Listener::new(listener.into(), false)], Some(pass::queue().unwrap())).unwrap();
        reactor.leave_newcomers();
        let _client = TcpStream::connect(address).unwrap();
        let mut desk = Desk::default();
        reactor.hold_off(false);
        reactor.now_ms += 60_000;
        reactor.renew_listening();
        reactor.begin_draining(&mut desk);
        assert!(reactor.is_drained());
        others.accept().unwrap();
    }
}
