//! Connections that the application takes over, to speak another protocol on them (RFC 9110 §7.8). The engine lets go of
//! such a connection, counts it as long as the call lasts, and sees to its end.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::connection::{ConnId, Connection, State, Watch};
use crate::host::Host;
use crate::reactor::Reactor;
use crate::relay;
use crate::sys::board::Word;
use crate::sys::socket;
use crate::transport::Transport;

/// Why a connection cannot be lent.
#[derive(Debug)]
pub enum Kept {
    ClientGone,
    /// What is sent on the connection from here on would be in the middle of the answer.
    AnswerBegun,
    /// Others of the client's requests come by the same connection.
    Shared,
    /// The system is short of something.
    System(std::io::Error),
}

impl fmt::Display for Kept {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientGone => write!(out, "the client has closed the connection"),
            Self::AnswerBegun => write!(out, "the answer has begun, so the connection cannot be taken over"),
            Self::Shared => write!(out, "the request came by HTTP/2, so the connection cannot be taken over"),
            Self::System(error) => write!(out, "the connection cannot be taken over: {error}"),
        }
    }
}

impl<H: Host> Reactor<H> {
    /// Give the connection whose request the application has to the application: a blocking socket. From then on nothing
    /// that is sent in its name goes out; call [`Self::take_back`] when the call is over.
    ///
    /// Where TLS is spoken, or part of what the client has sent behind its request has been read already, it is one end of
    /// a relay.
    ///
    /// # Errors
    /// The connection stays as it is.
    pub fn lend(&mut self, id: ConnId) -> Result<OwnedFd, Kept> {
        // Answers to earlier requests on it may be held back.
        self.flush_batch();
        self.flush(id);
        let begun_at = self.calls.about(id).map(|call| call.written);
        let Some(connection) = self.table.get(id).filter(|connection| connection.broken.is_none()) else {
            return Err(Kept::ClientGone);
        };
        let has_begun = connection.has_output() || begun_at != Some(connection.written);
        if has_begun || connection.state != State::Serving {
            return Err(Kept::AnswerBegun);
        }
        if connection.transport.fd().is_none() {
            return Err(Kept::Shared);
        }
        let is_whole = Self::is_whole(connection);
        let early = connection.next.as_ref().map(|next| next.bytes.clone()).unwrap_or_default();
        let ends = if is_whole { None } else { Some(relay::Ends::new().map_err(Kept::System)?) };
        self.lent += 1;
        self.watch(id, Watch::Nothing);
        let Some(transport) = self.forget(id) else {
            self.lent -= 1;
            return Err(Kept::ClientGone);
        };
        self.count_connections();
        if let Some(call) = self.calls.about(id) {
            call.is_excused = true;
        }
        let lent = match ends {
            Some(ends) => ends.carry(transport, early),
            None => transport.into_fd().ok_or(Kept::Shared).map(Self::blocking)?,
        };
        if lent.is_err() {
            self.lent -= 1;
            self.count_connections();
        }
        lent.map_err(Kept::System)
    }

    fn blocking(fd: OwnedFd) -> std::io::Result<OwnedFd> {
        socket::set_nonblocking(fd.as_fd(), false)?;
        Ok(fd)
    }

    /// Whether all that the client has sent behind its request is to be had from the descriptor, as it is meant.
    fn is_whole(connection: &Connection<H>) -> bool {
        connection.next.is_none() && connection.transport.tls().is_none()
    }

    /// The descriptor of the connection whose request the application has, to be looked at, and whether all that the
    /// client has sent behind its request is to be had from it. `None`: it is gone.
    pub fn descriptor(&self, id: ConnId) -> Option<(RawFd, bool)> {
        let connection = self.table.peek(id).filter(|connection| connection.state == State::Serving)?;
        Some((connection.transport.fd()?.as_raw_fd(), Self::is_whole(connection)))
    }

    /// The call that had a connection lent is over. `fd`: the connection, where the application has not closed it. The
    /// client learns from an ordinary end that nothing more will come; whoever still reads from it learns it, too.
    pub fn take_back(&mut self, fd: Option<OwnedFd>) {
        self.board.add(Word::Requests, 1);
        self.lent -= 1;
        if let Some(fd) = fd
            && socket::set_nonblocking(fd.as_fd(), true).is_ok()
        {
            let mut connection = Connection::new(Transport::plain(fd), None, 0);
            connection.is_shared = true;
            connection.state = State::Serving;
            let id = self.insert(connection);
            self.linger(id);
        }
        self.count_connections();
        if !self.accepting {
            self.retry_accepting();
        }
    }

    /// There is no answer, and the connection ends: the application has dealt with it in a way of its own.
    pub fn part(&mut self, id: ConnId) {
        self.board.add(Word::Requests, 1);
        self.linger(id);
    }

    pub(crate) fn count_connections(&mut self) {
        self.board.set(Word::Connections, self.connections() as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::settings::Settings;
    use crate::testing::Pair;

    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";

    fn read(socket: &mut UnixStream, count: usize) -> Vec<u8> {
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let mut bytes = vec![0; count];
        socket.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_lent_is_counted_and_comes_to_an_orderly_end() {
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(UPGRADE).unwrap();
        let lent = pair.reactor.lend(request.id).unwrap();
        assert_eq!(pair.reactor.connections(), 1);
        pair.reactor.begin_draining(&mut pair.desk);
        pair.reactor.send(request.id, b"HTTP/1.1 200 OK\r\n\r\n", true);
        pair.reactor.finish(request.id, true);
        let mut socket = UnixStream::from(lent);
        pair.client.write_all(b"ping").unwrap();
        assert_eq!(read(&mut socket, 4), b"ping");
        socket.write_all(b"pong").unwrap();
        pair.pass(60_000);
        assert!(!pair.reactor.is_drained());
        pair.reactor.take_back(Some(socket.into()));
        assert_eq!(pair.reactor.connections(), 1);
        pair.pass(2000);
        assert!(pair.reactor.is_drained());
        assert_eq!(pair.heard(), "pong");
    }

    #[test]
    fn what_the_application_has_closed_is_over() {
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(UPGRADE).unwrap();
        drop(pair.reactor.lend(request.id).unwrap());
        assert_eq!(pair.client.read(&mut [0]).unwrap(), 0);
        assert_eq!(pair.reactor.connections(), 1);
        pair.reactor.take_back(None);
        assert_eq!(pair.reactor.connections(), 0);
    }

    #[test]
    fn what_came_behind_the_request_is_not_lost() {
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(&[UPGRADE, b"early"].concat()).unwrap();
        assert!(matches!(pair.reactor.descriptor(request.id), Some((_, false))));
        let lent = pair.reactor.lend(request.id).unwrap();
        let mut socket = UnixStream::from(lent);
        pair.client.write_all(b" and late").unwrap();
        assert_eq!(read(&mut socket, 14), b"early and late");
        socket.write_all(b"answer").unwrap();
        drop(socket);
        pair.reactor.take_back(None);
        assert_eq!(pair.heard(), "answer");
    }

    #[test]
    fn a_connection_is_lent_once_and_not_in_the_middle_of_an_answer() {
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(UPGRADE).unwrap();
        pair.reactor.send(request.id, b"HTTP/1.1 200 OK\r\n", false);
        assert!(matches!(pair.reactor.lend(request.id), Err(Kept::AnswerBegun)));
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(UPGRADE).unwrap();
        let _lent = pair.reactor.lend(request.id).unwrap();
        assert!(matches!(pair.reactor.lend(request.id), Err(Kept::ClientGone)));
    }

    #[test]
    fn whoever_reads_on_behind_the_end_learns_of_it() {
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(UPGRADE).unwrap();
        let socket = UnixStream::from(pair.reactor.lend(request.id).unwrap());
        let mut other = socket.try_clone().unwrap();
        pair.reactor.take_back(Some(socket.into()));
        pair.pass(2000);
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn an_answer_can_be_none_at_all() {
        let mut pair = Pair::new(Settings::default());
        let request = pair.say(UPGRADE).unwrap();
        assert!(matches!(pair.reactor.descriptor(request.id), Some((_, true))));
        pair.reactor.part(request.id);
        assert_eq!(pair.client.read(&mut [0]).unwrap(), 0);
    }
}
