//! Passing a descriptor to another process with a message (SCM_RIGHTS).

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{check, check_size};

/// Room for one descriptor in a control message, aligned as cmsghdr asks.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    bytes: [u8; 64],
}

/// Make a queue for descriptors and their messages: the receiving and the sending end. Neither blocks.
pub fn queue() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [libc::c_int; 2] = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: `ends` is writable for two descriptors during the call.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    // SAFETY: both were just made and have no other owner.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Send `blocks` as one message that carries `fd` along.
///
/// # Errors
/// `WouldBlock` when the queue is full; the descriptor then stays where it is.
pub fn send_descriptor(queue: BorrowedFd<'_>, blocks: &[IoSlice<'_>], fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut control = Control { bytes: [0; 64] };
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = blocks.as_ptr().cast_mut().cast();
    message.msg_iovlen = blocks.len() as _;
    message.msg_control = (&raw mut control).cast();
    // SAFETY: CMSG_SPACE only computes; one int fits the 64 bytes.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<libc::c_int>() as u32) } as _;
    // SAFETY: the control buffer is large and aligned enough for one header and one int.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<libc::c_int>() as u32) as _;
        libc::CMSG_DATA(header).cast::<libc::c_int>().write_unaligned(fd.as_raw_fd());
    }
    // SAFETY: the message and all it names live through the call.
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    check_size(unsafe { libc::sendmsg(queue.as_raw_fd(), &raw const message, flags) })?;
    Ok(())
}

/// Receive one message and the descriptor it carries.
///
/// # Errors
/// `WouldBlock` when none is waiting; EMFILE when a message's descriptor is lost, since this process may have no more;
/// `InvalidData` when a message carries none.
pub fn receive_descriptor(queue: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<(usize, OwnedFd)> {
    let mut control = Control { bytes: [0; 64] };
    let mut block = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut block;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>() as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the message and all it names live through the call.
    let count = check_size(unsafe { libc::recvmsg(queue.as_raw_fd(), &raw mut message, flags) })?;
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    // SAFETY: the kernel has filled the control buffer as `msg_controllen` says; the header is checked before
    // its data is read, and the descriptor it names belongs to nobody else.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_level != libc::SOL_SOCKET || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let fd = libc::CMSG_DATA(header).cast::<libc::c_int>().read_unaligned();
        Ok((count, OwnedFd::from_raw_fd(fd)))
    }
}
