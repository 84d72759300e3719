//! Where a connection comes from, and how a sibling is told that gets it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use longma_proto::proxy::{Client, Header, Transport};

use crate::connection::Connection;
use crate::host::Host;
use crate::proxied::Proxied;
use crate::sys::socket::Peer;

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub peer: Peer,
    pub listener: u16,
    pub proxied: Option<Arc<Proxied>>,
}

/// Bytes of an address in a message: family, port, octets.
const PEER_BYTES: usize = 19;

impl Origin {
    pub fn new(peer: Peer, listener: u16) -> Self {
        Self { peer, listener, proxied: None }
    }

    pub fn of<H: Host>(connection: &Connection<H>) -> Self {
        Self { peer: connection.peer, listener: connection.listener, proxied: connection.proxied.clone() }
    }

    /// The beginning of a message.
    pub fn encode(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(128);
        message.extend_from_slice(&self.listener.to_ne_bytes());
        put_peer(self.peer, &mut message);
        message.push(self.proxied.is_some().into());
        if let Some(proxied) = &self.proxied {
            put_proxied(proxied, &mut message);
        }
        message
    }

    /// What a message begins with, and how many bytes that has.
    pub fn decode(message: &[u8]) -> Option<(Self, usize)> {
        let mut rest = message;
        let listener = u16::from_ne_bytes(*take(&mut rest)?);
        let peer = take_peer(&mut rest)?;
        let proxied = match take::<1>(&mut rest)? {
            [0] => None,
            _ => Some(Arc::new(take_proxied(&mut rest)?)),
        };
        Some((Self { peer, listener, proxied }, message.len() - rest.len()))
    }
}

fn put_peer(peer: Peer, message: &mut Vec<u8>) {
    let mut bytes = [0; PEER_BYTES];
    if let Some(peer) = peer {
        bytes[1..3].copy_from_slice(&peer.port().to_ne_bytes());
        match peer.ip() {
            IpAddr::V4(ip) => {
                bytes[0] = 4;
                bytes[3..7].copy_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes[0] = 6;
                bytes[3..].copy_from_slice(&ip.octets());
            }
        }
    }
    message.extend_from_slice(&bytes);
}

fn take_peer(rest: &mut &[u8]) -> Option<Peer> {
    let &[family, low, high, ref octets @ ..] = take::<PEER_BYTES>(rest)?;
    let ip = match family {
        4 => IpAddr::V4(Ipv4Addr::from(*octets.first_chunk::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(*octets)),
        _ => return Some(None),
    };
    Some(Some(SocketAddr::new(ip, u16::from_ne_bytes([low, high]))))
}

fn put_proxied(proxied: &Proxied, message: &mut Vec<u8>) {
    let Proxied { proxy, header: Header { client, tls } } = *proxied;
    let (kind, source, destination) = match client {
        Client::Local => (0, None, None),
        Client::Unknown => (1, None, None),
        Client::Unix => (2, None, None),
        Client::Internet { transport: Transport::Stream, source, destination } => (3, Some(source), Some(destination)),
        Client::Internet { transport: Transport::Datagram, source, destination } => (4, Some(source), Some(destination)),
    };
    message.extend_from_slice(&[kind, tls.into()]);
    for peer in [proxy, source, destination] {
        put_peer(peer, message);
    }
}

fn take_proxied(rest: &mut &[u8]) -> Option<Proxied> {
    let &[kind, tls] = take::<2>(rest)?;
    let (proxy, source, destination) = (take_peer(rest)?, take_peer(rest)?, take_peer(rest)?);
    let internet = |transport| Some(Client::Internet { transport, source: source?, destination: destination? });
    let client = match kind {
        0 => Client::Local,
        1 => Client::Unknown,
        2 => Client::Unix,
        3 => internet(Transport::Stream)?,
        _ => internet(Transport::Datagram)?,
    };
    Some(Proxied { proxy, header: Header { client, tls: tls != 0 } })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_survives_the_journey() {
        let v4: SocketAddr = "192.0.2.7:80".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::1]:65535".parse().unwrap();
        let internet = |transport, source| Client::Internet { transport, source, destination: v4 };
        let clients =
            [Client::Local, Client::Unknown, Client::Unix, internet(Transport::Stream, v4), internet(Transport::Datagram, v6)];
        for peer in [None, Some(v4), Some(v6)] {
            let plain = Origin::new(peer, 3);
            let mut origins = vec![plain.clone()];
            for (client, tls) in clients.into_iter().zip([true, false, true, false, true]) {
                let proxied = Some(Arc::new(Proxied { proxy: peer, header: Header { client, tls } }));
                origins.push(Origin { proxied, ..plain.clone() });
            }
            for origin in origins {
                let mut message = origin.encode();
                let length = message.len();
                assert!((0..length).all(|end| Origin::decode(&message[..end]).is_none()));
                message.extend_from_slice(b"GET");
                assert_eq!(Origin::decode(&message), Some((origin, length)));
            }
        }
    }
}
