//! The bytes of a connection: what lies between the protocol and the socket. Plain, or by a TLS session; or, where several
//! requests share a socket, the stream of one of them.

use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::h2::stream::Stream;
use crate::sys::socket;
use crate::tls::session::{Session, Shaken};

/// A connected socket and how bytes go through it, or a stream of HTTP/2.
pub struct Transport(Kind);

enum Kind {
    Plain(OwnedFd),
    Secure(OwnedFd, Box<Session>),
    Stream(Box<Stream>),
}

impl Transport {
    pub fn plain(fd: OwnedFd) -> Self {
        Self(Kind::Plain(fd))
    }

    pub fn secure(fd: OwnedFd, session: Box<Session>) -> Self {
        Self(Kind::Secure(fd, session))
    }

    pub fn stream(stream: Box<Stream>) -> Self {
        Self(Kind::Stream(stream))
    }

    /// The socket; a stream has none of its own.
    #[inline]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Plain(fd) | Kind::Secure(fd, _) => Some(fd.as_fd()),
            Kind::Stream(_) => None,
        }
    }

    /// The session, where there is one.
    #[inline]
    pub fn tls(&self) -> Option<&Session> {
        if let Kind::Secure(_, tls) = &self.0 { Some(tls) } else { None }
    }

    /// The stream, where it is one.
    #[inline]
    pub fn as_stream(&self) -> Option<&Stream> {
        if let Kind::Stream(stream) = &self.0 { Some(stream) } else { None }
    }

    pub fn as_stream_mut(&mut self) -> Option<&mut Stream> {
        if let Kind::Stream(stream) = &mut self.0 { Some(stream) } else { None }
    }

    /// Whether nothing lies between the protocol and the socket.
    pub fn is_plain(&self) -> bool {
        matches!(self.0, Kind::Plain(_))
    }

    /// Go on with the handshake, as far as the socket lets it.
    pub fn shake_hands(&mut self, buffer: &mut [u8]) -> Shaken {
        if let Kind::Secure(fd, tls) = &mut self.0 { tls.shake_hands(fd.as_fd(), buffer) } else { Shaken::Done }
    }

    /// Be plain from now on, for a peer that does not know that TLS is spoken here.
    pub fn give_up_tls(&mut self) {
        if matches!(self.0, Kind::Secure(..))
            && let Kind::Secure(fd, _) = std::mem::replace(&mut self.0, Kind::Stream(Box::default()))
        {
            self.0 = Kind::Plain(fd);
        }
    }

    /// # Errors
    /// Whatever ends the stream other than properly, a record that cannot be decrypted included.
    #[inline]
    pub fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(fd) => socket::receive(fd.as_fd(), room),
            Kind::Secure(fd, tls) => tls.receive(fd.as_fd(), room),
            Kind::Stream(_) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// `scratch` is for records, where there are any.
    pub fn receive_into(&mut self, room: &mut [MaybeUninit<u8>], scratch: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(fd) => socket::receive_into(fd.as_fd(), room),
            Kind::Secure(fd, tls) => tls.receive_into(fd.as_fd(), room, scratch),
            Kind::Stream(_) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// What has come on the wire, which stays there.
    pub fn look(&self, room: &mut [u8]) -> io::Result<usize> {
        self.fd().map_or_else(no_socket, |fd| socket::look(fd, room))
    }

    /// Receive what has come on the wire, before anything else has been received.
    pub fn receive_raw(&self, room: &mut [u8]) -> io::Result<usize> {
        self.fd().map_or_else(no_socket, |fd| socket::receive(fd, room))
    }

    #[inline]
    pub fn send(&mut self, bytes: &[u8], more: bool) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(fd) => socket::send(fd.as_fd(), bytes, more),
            Kind::Secure(fd, tls) => tls.send(fd.as_fd(), &[IoSlice::new(bytes)], more),
            Kind::Stream(stream) => stream.send(&[IoSlice::new(bytes)]),
        }
    }

    /// Send all of a few bytes, or nothing: there is no second try.
    ///
    /// # Errors
    /// `WouldBlock`: nothing was sent.
    pub fn send_whole(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(fd) => socket::send(fd.as_fd(), bytes, false),
            Kind::Secure(fd, tls) => tls.send_whole(fd.as_fd(), bytes),
            Kind::Stream(_) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    pub fn send_vectored(&mut self, blocks: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(fd) => socket::send_vectored(fd.as_fd(), blocks, more),
            Kind::Secure(fd, tls) => tls.send(fd.as_fd(), blocks, more),
            Kind::Stream(stream) => stream.send(blocks),
        }
    }

    pub fn send_file(&mut self, file: BorrowedFd<'_>, offset: u64, count: usize) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(fd) => socket::send_file(fd.as_fd(), file, offset, count),
            Kind::Secure(fd, tls) => tls.send_file(fd.as_fd(), file, offset, count),
            Kind::Stream(stream) => stream.send_file(file, offset, count),
        }
    }

    /// Tell the peer that nothing more will come, and go on reading.
    pub fn shutdown_write(&mut self) -> io::Result<()> {
        self.say_goodbye();
        self.fd().map_or(Ok(()), socket::shutdown_write)
    }

    /// Tell a TLS peer that what it has is all there was (RFC 8446 §6.1): an end without it looks like a cut.
    #[inline]
    pub fn say_goodbye(&mut self) {
        if let Kind::Secure(fd, tls) = &mut self.0 {
            tls.say_goodbye(fd.as_fd());
        }
    }

    /// Whether something to be received is here already, so that the socket need not become readable for it.
    #[inline]
    pub fn is_brimming(&self) -> bool {
        self.tls().is_some_and(Session::is_brimming)
    }

    /// End it in both directions, for whoever else has a descriptor of it.
    pub fn shutdown(&self) {
        if let Some(fd) = self.fd() {
            // A failure means that it has ended already.
            let _ = socket::shutdown(fd);
        }
    }

    /// The socket itself.
    pub fn into_fd(self) -> Option<OwnedFd> {
        match self.0 {
            Kind::Plain(fd) | Kind::Secure(fd, _) => Some(fd),
            Kind::Stream(_) => None,
        }
    }

    /// Whether the peer has sent more than has been received.
    pub fn has_unread(&self) -> bool {
        self.is_brimming() || self.fd().is_some_and(|fd| socket::unread(fd).is_ok_and(|count| count > 0))
    }

    /// Whether the peer has said that nothing more will come, and nothing is left to be read.
    pub fn is_at_end(&self) -> bool {
        self.fd().is_some_and(|fd| socket::peek(fd).is_ok_and(|count| count == 0))
    }

    /// Bytes the peer has not acknowledged yet; of a stream, those that wait for room on its connection are not counted.
    pub fn unacknowledged(&self) -> io::Result<u64> {
        self.fd().map_or(Ok(0), socket::unacknowledged)
    }

    /// Close at once, throwing away what the peer has not taken.
    pub fn reset(self) {
        if let Some(fd) = self.fd() {
            // A failure leaves an ordinary close, which is all that is left to do.
            let _ = socket::reset_on_close(fd);
        }
    }
}

fn no_socket<T>() -> io::Result<T> {
    Err(ErrorKind::WouldBlock.into())
}
