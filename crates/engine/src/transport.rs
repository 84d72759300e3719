//! The bytes of a connection: what lies between the protocol and the socket. Plain, or by a TLS session.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::socket;
use crate::tls::session::{Session, Shaken};

/// A connected socket and how bytes go through it.
#[derive(Debug)]
pub struct Transport {
    fd: OwnedFd,
    tls: Option<Box<Session>>,
}

impl Transport {
    pub fn plain(fd: OwnedFd) -> Self {
        Self { fd, tls: None }
    }

    pub fn secure(fd: OwnedFd, session: Box<Session>) -> Self {
        Self { fd, tls: Some(session) }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The session, where there is one.
    #[inline]
    pub fn tls(&self) -> Option<&Session> {
        self.tls.as_deref()
    }

    /// Go on with the handshake, as far as the socket lets it.
    pub fn shake_hands(&mut self, buffer: &mut [u8]) -> Shaken {
        self.tls.as_deref_mut().map_or(Shaken::Done, |tls| tls.shake_hands(self.fd.as_fd(), buffer))
    }

    /// Be plain from now on, for a peer that does not know that TLS is spoken here.
    pub fn give_up_tls(&mut self) {
        self.tls = None;
    }

    /// # Errors
    /// Whatever ends the stream other than properly, a record that cannot be decrypted included.
    #[inline]
    pub fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => socket::receive(self.fd.as_fd(), room),
            Some(tls) => tls.receive(self.fd.as_fd(), room),
        }
    }

    /// `scratch` is for records, where there are any.
    pub fn receive_into(&mut self, room: &mut [MaybeUninit<u8>], scratch: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => socket::receive_into(self.fd.as_fd(), room),
            Some(tls) => tls.receive_into(self.fd.as_fd(), room, scratch),
        }
    }

    /// Receive what is there without taking it, before anything else has been received.
    pub fn look(&self, room: &mut [u8]) -> io::Result<usize> {
        socket::look(self.fd(), room)
    }

    /// Receive what has come on the wire, before anything else has been received.
    pub fn receive_raw(&self, room: &mut [u8]) -> io::Result<usize> {
        socket::receive(self.fd(), room)
    }

    #[inline]
    pub fn send(&mut self, bytes: &[u8], more: bool) -> io::Result<usize> {
        match &mut self.tls {
            None => socket::send(self.fd.as_fd(), bytes, more),
            Some(tls) => tls.send(self.fd.as_fd(), &[IoSlice::new(bytes)], more),
        }
    }

    /// Send all of a few bytes, or nothing: there is no second try.
    ///
    /// # Errors
    /// `WouldBlock`: nothing was sent.
    pub fn send_whole(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => socket::send(self.fd.as_fd(), bytes, false),
            Some(tls) => tls.send_whole(self.fd.as_fd(), bytes),
        }
    }

    pub fn send_vectored(&mut self, blocks: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        match &mut self.tls {
            None => socket::send_vectored(self.fd.as_fd(), blocks, more),
            Some(tls) => tls.send(self.fd.as_fd(), blocks, more),
        }
    }

    pub fn send_file(&mut self, file: BorrowedFd<'_>, offset: u64, count: usize) -> io::Result<usize> {
        match &mut self.tls {
            None => socket::send_file(self.fd.as_fd(), file, offset, count),
            Some(tls) => tls.send_file(self.fd.as_fd(), file, offset, count),
        }
    }

    /// Tell the peer that nothing more will come, and go on reading.
    pub fn shutdown_write(&mut self) -> io::Result<()> {
        self.say_goodbye();
        socket::shutdown_write(self.fd.as_fd())
    }

    /// Tell a TLS peer that what it has is all there was (RFC 8446 §6.1): an end without it looks like a cut.
    #[inline]
    pub fn say_goodbye(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.say_goodbye(self.fd.as_fd());
        }
    }

    /// Whether something to be received is here already, so that the socket need not become readable for it.
    #[inline]
    pub fn is_brimming(&self) -> bool {
        self.tls.as_deref().is_some_and(Session::is_brimming)
    }

    /// End it in both directions, for whoever else has a descriptor of it.
    pub fn shutdown(&self) {
        // A failure means that it has ended already.
        let _ = socket::shutdown(self.fd());
    }

    /// The socket itself.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Whether the peer has sent more than has been received.
    pub fn has_unread(&self) -> bool {
        self.is_brimming() || socket::unread(self.fd()).is_ok_and(|count| count > 0)
    }

    /// Whether the peer has said that nothing more will come, and nothing is left to be read.
    pub fn is_at_end(&self) -> bool {
        socket::peek(self.fd()).is_ok_and(|count| count == 0)
    }

    /// Bytes the peer has not acknowledged yet.
    pub fn unacknowledged(&self) -> io::Result<u64> {
        socket::unacknowledged(self.fd())
    }

    /// Close at once, throwing away what the peer has not taken.
    pub fn reset(self) {
        // A failure leaves an ordinary close, which is all that is left to do.
        let _ = socket::reset_on_close(self.fd());
    }
}
