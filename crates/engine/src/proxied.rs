//! What a proxy says of its client before that client's first byte (the PROXY protocol), kept as long as the connection.

use longma_proto::proxy::{Client, Header, Versions};

use crate::sys::socket::Peer;
use crate::trusted::TrustedPeers;

/// Which headers are read, and who may send them.
#[derive(Clone, Debug)]
pub struct ProxyProtocol {
    pub versions: Versions,
    pub allowed: TrustedPeers,
}

/// What a proxy has said of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// Who is at the other end of the socket.
    pub proxy: Peer,
    pub header: Header,
}

impl Proxied {
    /// On whose behalf the connection is: the proxy itself where it names nobody (section 2: "the real connection
    /// endpoints" are used).
    pub fn peer(&self) -> Peer {
        match self.header.client {
            Client::Internet { source, .. } => Some(source),
            Client::Unix => None,
            Client::Local | Client::Unknown => self.proxy,
        }
    }

    /// Whether `trusted` holds whoever speaks. The proxy passes on what others say, so its client is the one to believe or
    /// not; one that it does not name is a stranger. HAProxy says `LOCAL` of those on a Unix socket of its own, too.
    pub fn is_trusted(&self, trusted: &TrustedPeers) -> bool {
        match self.header.client {
            Client::Internet { source, .. } => trusted.trusts(Some(source)),
            Client::Local | Client::Unix | Client::Unknown => false,
        }
    }
}
