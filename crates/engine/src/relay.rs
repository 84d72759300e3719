//! A relay between a connection and the application that has taken it over, where it cannot have the connection itself:
//! because TLS is spoken on it, or because the client has sent more than its request before it had the answer (RFC 6455
//! §4.1 forbids it that), and what has been read cannot be put back into the kernel's hands. The application is owed a
//! socket that can be waited on: so it gets one end of a pair, and a thread carries what comes.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::reactor::LINGER;
use crate::sys::poll::{self, Wanted};
use crate::sys::socket;
use crate::sys::thread::spawn_without_signals;
use crate::transport::Transport;

const STACK_BYTES: usize = 128 * 1024;
const STEP_BYTES: usize = 16 * 1024;

/// The two ends, before the connection is there.
pub struct Ends {
    ours: UnixStream,
    theirs: UnixStream,
}

impl Ends {
    /// # Errors
    /// The system has no descriptors for it.
    pub fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok(Self { ours, theirs })
    }

    /// Carry what comes on the connection, behind what had come before; returns the application's end, which blocks. It
    /// goes on until both sides are done, and hardly longer than the application.
    ///
    /// # Errors
    /// The system has no thread for it; the connection is closed.
    pub fn carry(self, connection: Transport, early: Vec<u8>) -> io::Result<OwnedFd> {
        let relay = Relay {
            connection,
            application: self.ours,
            inward: Lane { bytes: early, ..Lane::default() },
            outward: Lane::default(),
            until: None,
        };
        spawn_without_signals("longma-relay", STACK_BYTES, move || relay.run())?;
        Ok(self.theirs.into())
    }
}

/// What goes in one direction.
#[derive(Default)]
struct Lane {
    /// Bytes that have come and not gone.
    bytes: Vec<u8>,
    /// Nothing more will come.
    has_ended: bool,
    /// Whom it leads to has been told so, or takes nothing more.
    is_closed: bool,
}

impl Lane {
    fn wants_more(&self) -> bool {
        self.bytes.is_empty() && !self.has_ended
    }

    /// Note what a receiver said.
    fn take(&mut self, buffer: &[u8], received: io::Result<usize>) {
        match received {
            Ok(0) => self.has_ended = true,
            Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
            Err(error) => self.has_ended = !would_block(&error),
        }
    }

    /// Send on what there is; where nobody takes it, nothing more is wanted.
    fn send(&mut self, mut send: impl FnMut(&[u8]) -> io::Result<usize>) {
        while !self.bytes.is_empty() {
            match send(&self.bytes) {
                Ok(count) => drop(self.bytes.drain(..count)),
                Err(error) if would_block(&error) => return,
                Err(_) => {
                    self.bytes.clear();
                    (self.has_ended, self.is_closed) = (true, true);
                }
            }
        }
    }

    /// Whether whom it leads to is to be told now that nothing more will come.
    fn closes_now(&mut self) -> bool {
        self.has_ended && self.bytes.is_empty() && !std::mem::replace(&mut self.is_closed, true)
    }
}

struct Relay {
    connection: Transport,
    application: UnixStream,
    inward: Lane,
    outward: Lane,
    /// How long the client has to end its side, once the application is done.
    until: Option<Instant>,
}

impl Relay {
    fn run(mut self) {
        let mut buffer = vec![0; STEP_BYTES];
        while !self.step(&mut buffer) && self.wait().is_ok() {}
        self.connection.shutdown();
    }

    /// Carry what there is; whether that was all.
    fn step(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            if self.inward.wants_more() {
                let received = self.connection.receive(buffer);
                self.inward.take(buffer, received);
            }
            if self.outward.wants_more() {
                let received = socket::receive(self.application.as_fd(), buffer);
                self.outward.take(buffer, received);
            }
            self.inward.send(|bytes| socket::send(self.application.as_fd(), bytes, false));
            self.outward.send(|bytes| self.connection.send(bytes, false));
            if self.inward.closes_now() {
                let _ = self.application.shutdown(Shutdown::Write);
            }
            if self.outward.closes_now() {
                // A failure means that the client has gone, which receiving will tell.
                let _ = self.connection.shutdown_write();
            }
            if self.outward.is_closed && self.until.is_none() {
                self.until = Some(Instant::now() + LINGER);
            }
            let is_late = self.until.is_some_and(|until| Instant::now() >= until);
            if self.inward.is_closed && self.outward.is_closed || is_late {
                return true;
            }
            // What is decrypted already is in no socket that would tell of it.
            if !(self.inward.wants_more() && self.connection.is_brimming()) {
                return false;
            }
        }
    }

    fn wait(&self) -> io::Result<()> {
        let left_ms = self.until.map_or(-1, |until| {
            let left = until.saturating_duration_since(Instant::now());
            i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX)
        });
        let (inward, outward) = (&self.inward, &self.outward);
        let client = Wanted { read: inward.wants_more(), write: !outward.bytes.is_empty() };
        let application = Wanted { read: outward.wants_more(), write: !inward.bytes.is_empty() };
        // What is lent has a socket.
        let Some(fd) = self.connection.fd() else { return Err(ErrorKind::NotConnected.into()) };
        poll::wait(&[(fd, client), (self.application.as_fd(), application)], left_ms)
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
