//! What the tests beside the code need: a host without secrets, and a reactor whose clock they set.

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::connection::Connection;
use crate::desk::Desk;
use crate::host::{BodyBuffer, Host};
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::settings::Settings;
use crate::sys::board::Board;
use crate::sys::epoll::Epoll;
use crate::sys::memory::Filling;
use crate::transport::Transport;

pub(crate) struct Plain;

pub(crate) struct PlainBuffer(Filling);

impl BodyBuffer for PlainBuffer {
    fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        self.0.spare()
    }

    fn advance(&mut self, count: usize) {
        self.0.advance(count);
    }
}

impl Host for Plain {
    type Block = Vec<u8>;
    type Memo = ();
    type Buffer = PlainBuffer;

    fn buffer(length: usize) -> Option<PlainBuffer> {
        Some(PlainBuffer(Filling::new(length)))
    }
}

/// A reactor with one connection, and the client's end of it. Time stands still unless a test moves it.
pub(crate) struct Pair {
    pub reactor: Reactor<Plain>,
    pub desk: Desk,
    pub client: UnixStream,
}

impl Pair {
    pub fn new(settings: Settings) -> Self {
        let board = Arc::new(Board::in_process(1).remove(0));
        let mut reactor = Reactor::new(settings, Arc::new(Epoll::new().unwrap()), board, None);
        let (client, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        client.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let id = reactor.insert(Connection::new(Transport::plain(ours.into()), None, 0));
        let mut desk = Desk::default();
        assert!(reactor.read_head(id, &mut desk, Mode::Direct).is_none());
        Self { reactor, desk, client }
    }

    /// The client says this, and it is looked at.
    pub fn say(&mut self, bytes: &[u8]) -> Option<Request<Plain>> {
        self.client.write_all(bytes).unwrap();
        self.listen()
    }

    /// The client says this, if it still can.
    pub fn try_say(&mut self, bytes: &[u8]) -> Option<Request<Plain>> {
        self.client.write_all(bytes).ok()?;
        self.listen()
    }

    /// The client says this, and somebody looks at it who calls nothing.
    pub fn say_aside(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).unwrap();
        self.reactor.epoll.wait(&mut self.desk.events, 0).unwrap();
        self.reactor.handle_events_aside(&mut self.desk);
    }

    /// The client says nothing, and it is looked at.
    pub fn say_nothing(&mut self) -> Option<Request<Plain>> {
        self.listen()
    }

    fn listen(&mut self) -> Option<Request<Plain>> {
        self.reactor.epoll.wait(&mut self.desk.events, 0).unwrap();
        self.reactor.next_request(&mut self.desk)
    }

    /// Time goes on.
    pub fn pass(&mut self, milliseconds: u64) {
        self.reactor.now_ms += milliseconds;
        self.reactor.expire(&mut self.desk);
    }

    /// What the client is told up to the end of the connection.
    pub fn heard(mut self) -> String {
        drop(self.reactor);
        let mut text = String::new();
        self.client.read_to_string(&mut text).unwrap();
        text
    }
}
