//! Sockets: accept, receive, send, never blocking and never raising SIGPIPE.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{check, check_size};

/// Who is at the other end: nobody can tell on a Unix socket.
pub type Peer = Option<SocketAddr>;

/// Take one connection from the queue.
///
/// # Errors
/// `WouldBlock` when the queue is empty; EMFILE, ENFILE, ENOBUFS, ENOMEM when the system is short of something.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Peer)> {
    // SAFETY: all-zero bytes are a valid sockaddr_storage.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `address` is writable for `length` bytes during the call.
    let fd = check(unsafe { libc::accept4(listener.as_raw_fd(), (&raw mut address).cast(), &raw mut length, flags) })?;
    // SAFETY: `fd` was just made and has no other owner.
    Ok((unsafe { OwnedFd::from_raw_fd(fd) }, peer_of(&address)))
}

fn peer_of(address: &libc::sockaddr_storage) -> Peer {
    match i32::from(address.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds a sockaddr_in.
            let v4: &libc::sockaddr_in = unsafe { &*(&raw const *address).cast() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage holds a sockaddr_in6.
            let v6: &libc::sockaddr_in6 = unsafe { &*(&raw const *address).cast() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddr::new(IpAddr::V6(ip), u16::from_be(v6.sin6_port)))
        }
        _ => None,
    }
}

/// Receive what is there, into memory that need not be initialised. 0 is the peer's end of stream.
#[inline]
pub fn receive_into(fd: BorrowedFd<'_>, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    // SAFETY: `room` is writable for its length during the call.
    check_size(unsafe { libc::recv(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), libc::MSG_DONTWAIT) })
}

/// Receive what is there. 0 is the peer's end of stream.
#[inline]
pub fn receive(fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `room` is writable for its length during the call.
    check_size(unsafe { libc::recv(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), libc::MSG_DONTWAIT) })
}

/// How much of the next byte is there, which stays there. 0 is the peer's end of stream.
pub fn peek(fd: BorrowedFd<'_>) -> io::Result<usize> {
    look(fd, &mut [0; 1])
}

/// Receive what is there, which stays there. 0 is the peer's end of stream.
pub fn look(fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK;
    // SAFETY: `room` is writable for its length during the call.
    check_size(unsafe { libc::recv(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), flags) })
}

const fn send_flags(more: bool) -> libc::c_int {
    let base = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    if more { base | libc::MSG_MORE } else { base }
}

/// Send as much as the socket takes. `more`: something follows at once (more bytes, or the close, whose FIN
/// then leaves with the data).
#[inline]
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8], more: bool) -> io::Result<usize> {
    // SAFETY: `bytes` is readable for its length during the call.
    check_size(unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), send_flags(more)) })
}

/// Send several blocks in one call, as much as the socket takes.
pub fn send_vectored(fd: BorrowedFd<'_>, blocks: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // IoSlice is ABI-compatible with iovec, and sendmsg does not write through it.
    message.msg_iov = blocks.as_ptr().cast_mut().cast();
    message.msg_iovlen = blocks.len() as _;
    // SAFETY: `message` and the blocks it names live through the call.
    check_size(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, send_flags(more)) })
}

/// Send `count` bytes of a file from `offset`, without moving the file's own position. 0: the file ended early.
pub fn send_file(fd: BorrowedFd<'_>, file: BorrowedFd<'_>, offset: u64, count: usize) -> io::Result<usize> {
    let mut position = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: `position` is writable during the call; both descriptors are borrowed for it.
    check_size(unsafe { libc::sendfile(fd.as_raw_fd(), file.as_raw_fd(), &raw mut position, count) })
}

/// Read from a file at `offset`, without moving its own position. 0: the file ends there.
pub fn read_at(file: BorrowedFd<'_>, room: &mut [u8], offset: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: `room` is writable for its length during the call.
    check_size(unsafe { libc::pread(file.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), offset) })
}

/// Tell the peer that nothing more will come, and go on reading.
pub fn shutdown_write(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_WR) })?;
    Ok(())
}

/// End the connection in both directions, whoever else has a descriptor of it.
pub fn shutdown(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_RDWR) })?;
    Ok(())
}

/// Have calls without MSG_DONTWAIT wait, or not.
pub fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut value = libc::c_int::from(nonblocking);
    // SAFETY: FIONBIO reads one int from `value`.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut value) })?;
    Ok(())
}

/// Bytes that have come and have not been received.
pub fn unread(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int to `count`.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Bytes handed to the kernel that the peer has not acknowledged.
pub fn unacknowledged(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let mut count: libc::c_int = 0;
    // SAFETY: TIOCOUTQ writes one int to `count`.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) })?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Have the kernel keep about so many bytes for a peer that does not read.
#[cfg(test)]
pub fn set_send_buffer(fd: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `bytes` is readable for `length` bytes during the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, (&raw const bytes).cast(), length) })?;
    Ok(())
}

/// Make the coming close a reset, so that the kernel keeps nothing for a peer that does not read.
pub fn reset_on_close(fd: BorrowedFd<'_>) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let length = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: `linger` is readable for `length` bytes during the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), length) })?;
    Ok(())
}

/// Whether an error of `accept` is about a connection that has already gone away (accept(2), "Error handling"), so that
/// the next one can be taken.
pub fn is_about_one(error: &io::Error) -> bool {
    const GONE: [i32; 9] = [
        libc::ECONNABORTED,
        libc::EINTR,
        libc::EPROTO,
        libc::EPERM,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ETIMEDOUT,
    ];
    error.raw_os_error().is_some_and(|number| GONE.contains(&number))
}

/// Whether the error says that the system, not the peer, is short of something: accepting pauses.
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
