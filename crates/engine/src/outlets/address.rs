//! Where a log collector listens, and sockets to it that never make us wait.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use crate::sys::output;

/// What a Unix socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnixKind {
    Datagram,
    Stream,
    /// A datagram socket, if it is one.
    Either,
}

/// Where a collector listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf, UnixKind),
    Udp(String, u16),
    Tcp(String, u16),
}

/// A socket to a collector.
#[derive(Debug)]
pub enum Line {
    Datagram(OwnedFd),
    /// A stream, and whether it is known to be connected.
    Stream(OwnedFd, bool),
}

impl Address {
    /// `unix://PATH`, with `#dgram` or `#stream`, `udp://HOST:PORT`, `tcp://HOST:PORT`. `None`: it is none of these.
    pub fn parse(text: &str, port: u16) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        match scheme {
            "unix" => {
                let (path, kind) = match rest.rsplit_once('#') {
                    Some((path, "dgram")) => (path, UnixKind::Datagram),
                    Some((path, "stream")) => (path, UnixKind::Stream),
                    _ => (rest, UnixKind::Either),
                };
                (!path.is_empty()).then(|| Self::Unix(path.into(), kind))
            }
            "udp" => host_and_port(rest, port).map(|(host, port)| Self::Udp(host, port)),
            "tcp" => host_and_port(rest, port).map(|(host, port)| Self::Tcp(host, port)),
            _ => None,
        }
    }

    /// Look the name up, which may take its time. Empty: it needs no look-up.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Unix(..) => Ok(Vec::new()),
            Self::Udp(host, port) | Self::Tcp(host, port) => Ok(in_order((host.as_str(), *port).to_socket_addrs()?)),
        }
    }

    /// Begin to connect.
    pub fn connect(&self, resolved: &[SocketAddr]) -> io::Result<Line> {
        match self {
            Self::Unix(path, UnixKind::Stream) => Ok(Line::Stream(output::dial_unix(path)?, false)),
            Self::Unix(path, kind) => {
                let socket = UnixDatagram::unbound()?;
                match socket.connect(path) {
                    // EPROTOTYPE: it is a stream.
                    Err(error) if *kind == UnixKind::Either && error.raw_os_error() == Some(libc::EPROTOTYPE) => {
                        Ok(Line::Stream(output::dial_unix(path)?, false))
                    }
                    done => done.map(|()| Line::Datagram(socket.into())),
                }
            }
            Self::Udp(..) => {
                let address = first(resolved)?;
                let any = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
                let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
                socket.connect(address)?;
                Ok(Line::Datagram(socket.into()))
            }
            Self::Tcp(..) => Ok(Line::Stream(output::dial_tcp(&first(resolved)?)?, false)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path, _) => write!(out, "unix://{}", path.display()),
            Self::Udp(host, port) => write!(out, "udp://{host}:{port}"),
            Self::Tcp(host, port) => write!(out, "tcp://{host}:{port}"),
        }
    }
}

/// What listens on localhost listens on 127.0.0.1, and not always on ::1.
fn in_order(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (mut all, rest): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv4);
    all.extend(rest);
    all
}

fn first(resolved: &[SocketAddr]) -> io::Result<SocketAddr> {
    resolved.first().copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name is not known"))
}

/// `HOST`, `HOST:PORT`, `[V6]:PORT`; no host is this one.
pub fn host_and_port(text: &str, port: u16) -> Option<(String, u16)> {
    let (host, number) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, number)) => (host, Some(number)),
            None => (text, None),
        },
    };
    let port = number.filter(|number| !number.is_empty()).map_or(Ok(port), str::parse).ok()?;
    Some((if host.is_empty() { "localhost".to_owned() } else { host.to_owned() }, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_protocol_comes_first() {
        let [v6, v4, other] = ["[::1]:514", "127.0.0.1:514", "[::2]:514"].map(|text| text.parse().unwrap());
        assert_eq!(in_order([v6, v4, other].into_iter()), [v4, v6, other]);
    }

    #[test]
    fn an_address_is_taken_apart() {
        let of = |text| Address::parse(text, 514);
        assert_eq!(of("unix:///dev/log#dgram"), Some(Address::Unix("/dev/log".into(), UnixKind::Datagram)));
        assert_eq!(of("unix:///dev/log#stream"), Some(Address::Unix("/dev/log".into(), UnixKind::Stream)));
        assert_eq!(of("unix:///dev/log"), Some(Address::Unix("/dev/log".into(), UnixKind::Either)));
        assert_eq!(of("udp://localhost:5140"), Some(Address::Udp("localhost".into(), 5140)));
        assert_eq!(of("tcp://[::1]:99"), Some(Address::Tcp("::1".into(), 99)));
        assert_eq!(of("tcp://"), Some(Address::Tcp("localhost".into(), 514)));
        for wrong in ["localhost:514", "http://a", "udp://a:port", "unix://"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
