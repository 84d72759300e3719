//! The PROXY protocol, versions 1 and 2 ("The PROXY protocol", W. Tarreau, HAProxy's `proxy-protocol.txt`): what a proxy
//! says of its client before that client's first byte.
//!
//! Whether the sender may say so is not decided here.

mod error;
mod v1;
mod v2;

use core::net::SocketAddr;

pub use error::ProxyError;

/// Bytes of the longest header that is read; version 2 could make longer ones, of which all but 232 would be additions
/// (TLVs) that nobody here looks at.
pub const MAX_HEADER_BYTES: usize = 4096;

/// The versions that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    V1,
    V2,
    Both,
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A header so far as it goes, or nothing yet: more bytes will tell.
    Partial,
    /// No header: the client's own first bytes.
    Absent,
    /// A header, and how many bytes it has.
    Complete { header: Header, len: usize },
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub client: Client,
    /// The client speaks TLS to the proxy, as the proxy says (PP2_TYPE_SSL, section 2.2.6).
    pub tls: bool,
}

/// On whose behalf the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The proxy's own, such as a check of health (LOCAL).
    Local,
    /// Somebody the proxy has no address for (UNKNOWN, AF_UNSPEC).
    Unknown,
    /// Somebody on a Unix socket of the proxy's.
    Unix,
    /// Somebody elsewhere, who had connected to `destination`.
    Internet { transport: Transport, source: SocketAddr, destination: SocketAddr },
}

/// What the client speaks to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Stream,
    Datagram,
}

impl Client {
    /// The protocol and the family in the words of version 1, `LOCAL` where there is none.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Unknown => "UNKNOWN",
            Self::Unix => "UNIX",
            Self::Internet { transport: Transport::Stream, source: SocketAddr::V4(_), .. } => "TCP4",
            Self::Internet { transport: Transport::Stream, source: SocketAddr::V6(_), .. } => "TCP6",
            Self::Internet { transport: Transport::Datagram, source: SocketAddr::V4(_), .. } => "UDP4",
            Self::Internet { transport: Transport::Datagram, source: SocketAddr::V6(_), .. } => "UDP6",
        }
    }
}

/// What the first bytes of a connection are. All that have come are given each time, at least until [`MAX_HEADER_BYTES`].
///
/// # Errors
/// They begin as a header does and are none. More bytes would not change that.
pub fn read(bytes: &[u8], versions: Versions) -> Result<Progress, ProxyError> {
    if versions != Versions::V2 {
        match begins(bytes, v1::SIGNATURE) {
            Some(true) => return v1::read(bytes),
            Some(false) => {}
            None => return Ok(Progress::Partial),
        }
    }
    if versions != Versions::V1 {
        match begins(bytes, &v2::SIGNATURE) {
            Some(true) => return v2::read(bytes),
            Some(false) => {}
            None => return Ok(Progress::Partial),
        }
    }
    Ok(Progress::Absent)
}

/// Whether the bytes begin with the signature; None: there are too few to tell.
fn begins(bytes: &[u8], signature: &[u8]) -> Option<bool> {
    if bytes.len() < signature.len() {
        return if signature.starts_with(bytes) { None } else { Some(false) };
    }
    Some(bytes.starts_with(signature))
}
