//! The bytes of a connection: what lies between the protocol and the socket. Plain today; TLS takes its place here.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::socket;

/// A connected socket and how bytes go through it.
#[derive(Debug)]
pub struct Transport {
    fd: OwnedFd,
}

impl Transport {
    pub fn plain(fd: OwnedFd) -> Self {
        Self { fd }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    #[inline]
    pub fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        socket::receive(self.fd(), room)
    }

    pub fn receive_into(&self, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        socket::receive_into(self.fd(), room)
    }

    pub fn receive_append(&self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        socket::receive_append(self.fd(), buffer, limit)
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
    pub fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        socket::send(self.fd(), bytes, more)
    }

    pub fn send_vectored(&self, blocks: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        socket::send_vectored(self.fd(), blocks, more)
    }

    pub fn send_file(&self, file: BorrowedFd<'_>, offset: u64, count: usize) -> io::Result<usize> {
        socket::send_file(self.fd(), file, offset, count)
    }

    pub fn shutdown_write(&self) -> io::Result<()> {
        socket::shutdown_write(self.fd())
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
        socket::unread(self.fd()).is_ok_and(|count| count > 0)
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
