//! Descriptors that take bytes without ever making us wait: logs go through here.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{check, check_size};

/// What a pipe takes as a whole or not at all.
pub const PIPE_BYTES: usize = libc::PIPE_BUF;

/// Open a file to add to. A FIFO nobody reads is an error (ENXIO) and no reason to wait.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// The same pipe or terminal once more, with a description of our own: others write to theirs as they always did, and
/// ours does not wait.
pub fn reopen_nonblocking(fd: BorrowedFd<'_>) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    OpenOptions::new().append(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Whether a write of as much as a pipe takes as a whole would not wait, right now.
pub fn is_writable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut wanted = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: `wanted` is one entry, writable during the call.
    Ok(check(unsafe { libc::poll(&raw mut wanted, 1, 0) })? > 0)
}

/// Begin to connect a stream, which goes on by itself: the socket is writable when that is done, or has failed.
pub fn dial_tcp(address: &SocketAddr) -> io::Result<OwnedFd> {
    match address {
        SocketAddr::V4(v4) => {
            let socket = stream_socket(libc::AF_INET)?;
            // SAFETY: all-zero bytes are a valid sockaddr_in.
            let mut raw: libc::sockaddr_in = unsafe { std::mem::zeroed() };
            raw.sin_family = libc::AF_INET as libc::sa_family_t;
            raw.sin_port = v4.port().to_be();
            raw.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            connect(socket, &raw)
        }
        SocketAddr::V6(v6) => {
            let socket = stream_socket(libc::AF_INET6)?;
            // SAFETY: all-zero bytes are a valid sockaddr_in6.
            let mut raw: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
            raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            raw.sin6_port = v6.port().to_be();
            raw.sin6_addr.s6_addr = v6.ip().octets();
            raw.sin6_scope_id = v6.scope_id();
            connect(socket, &raw)
        }
    }
}

/// Begin to connect a stream to a path.
pub fn dial_unix(path: &Path) -> io::Result<OwnedFd> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all-zero bytes are a valid sockaddr_un.
    let mut raw: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let bytes = name.as_bytes_with_nul();
    if bytes.len() > raw.sun_path.len() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    for (place, &byte) in raw.sun_path.iter_mut().zip(bytes) {
        *place = byte as libc::c_char;
    }
    connect(stream_socket(libc::AF_UNIX)?, &raw)
}

fn stream_socket(family: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is a descriptor nobody else owns yet.
    let fd = check(unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: `fd` was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn connect<T>(socket: OwnedFd, address: &T) -> io::Result<OwnedFd> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `address` is one of the system's address structures, readable for its length during the call.
    match check(unsafe { libc::connect(socket.as_raw_fd(), std::ptr::from_ref(address).cast(), length) }) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

/// What has gone wrong with a socket since it was last asked.
pub fn error_of(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut number: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `number` is writable for `length` bytes during the call.
    check(unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, (&raw mut number).cast(), &raw mut length)
    })?;
    if number == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(number)) }
}

/// The most messages of one `send_datagrams`.
pub const MAX_DATAGRAMS: usize = 64;

/// Send each of the messages as a datagram on a connected socket; returns how many have gone.
pub fn send_datagrams(fd: BorrowedFd<'_>, messages: &[&[u8]]) -> io::Result<usize> {
    let messages = &messages[..messages.len().min(MAX_DATAGRAMS)];
    let mut blocks = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MAX_DATAGRAMS];
    // SAFETY: all-zero bytes are a valid mmsghdr.
    let mut headers: [libc::mmsghdr; MAX_DATAGRAMS] = unsafe { std::mem::zeroed() };
    for ((message, block), header) in messages.iter().zip(&mut blocks).zip(&mut headers) {
        *block = libc::iovec { iov_base: message.as_ptr().cast_mut().cast(), iov_len: message.len() };
        header.msg_hdr.msg_iov = block;
        header.msg_hdr.msg_iovlen = 1;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the headers, the blocks and the messages they name live through the call, which writes only to the headers.
    let count = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), messages.len() as libc::c_uint, flags as _) };
    check_size(count as libc::ssize_t)
}
