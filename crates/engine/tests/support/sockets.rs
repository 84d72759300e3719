//! Listeners for a test alone: TCP on a port of the system's choice, or a Unix socket without a name on disk.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where a listener is reached.
#[derive(Clone, Debug)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(UnixAddr),
}

pub fn tcp() -> (OwnedFd, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), Address::Tcp(address))
}

/// A Unix socket: its buffers hold some 200 KB and never grow, and what is sent is there at once.
pub fn unix() -> (OwnedFd, Address) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("longma-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let address = UnixAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    listener.set_nonblocking(true).unwrap();
    (listener.into(), Address::Unix(address))
}
