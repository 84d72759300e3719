//! Version 2, binary: a signature, a command, a family, a length, addresses, additions (section 2.2).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Client, Header, MAX_HEADER_BYTES, Progress, ProxyError, Transport};

/// No text, and no HTTP request, begins with it.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, command, family and length.
const FIXED_BYTES: usize = 16;
const LOCAL: u8 = 0;
const PROXY: u8 = 1;
const IPV4_BYTES: usize = 12;
const IPV6_BYTES: usize = 36;
const UNIX_BYTES: usize = 216;
const TYPE_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// Read what begins with the signature.
pub(super) fn read(bytes: &[u8]) -> Result<Progress, ProxyError> {
    // What is wrong already is said at once, rather than when the rest has come.
    if let Some(&version_command) = bytes.get(12) {
        match (version_command >> 4, version_command & 0xF) {
            (2, LOCAL | PROXY) => {}
            (2, _) => return Err(ProxyError::Command),
            _ => return Err(ProxyError::Version),
        }
    }
    let Some(&fixed) = bytes.first_chunk::<FIXED_BYTES>() else { return Ok(Progress::Partial) };
    let len = FIXED_BYTES + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if len > MAX_HEADER_BYTES {
        return Err(ProxyError::TooLong { limit: MAX_HEADER_BYTES });
    }
    let Some(block) = bytes.get(FIXED_BYTES..len) else { return Ok(Progress::Partial) };
    let header = match fixed[12] & 0xF {
        // Whatever follows is to be ignored.
        LOCAL => Header { client: Client::Local, tls: false },
        _ => header(fixed[13], block)?,
    };
    Ok(Progress::Complete { header, len })
}

fn header(family: u8, block: &[u8]) -> Result<Header, ProxyError> {
    let transport = match family & 0xF {
        0 => None,
        1 => Some(Transport::Stream),
        2 => Some(Transport::Datagram),
        _ => return Err(ProxyError::Family),
    };
    let (client, additions) = match (family >> 4, transport) {
        (0, None) => (Client::Unknown, block),
        (1, Some(transport)) => {
            let (parts, rest) = block.split_first_chunk::<IPV4_BYTES>().ok_or(ProxyError::TooShort)?;
            let ip = |at: usize| IpAddr::V4(Ipv4Addr::new(parts[at], parts[at + 1], parts[at + 2], parts[at + 3]));
            (internet(transport, [ip(0), ip(4)], &parts[8..]), rest)
        }
        (2, Some(transport)) => {
            let (parts, rest) = block.split_first_chunk::<IPV6_BYTES>().ok_or(ProxyError::TooShort)?;
            let ip = |at: usize| IpAddr::V6(Ipv6Addr::from(core::array::from_fn::<u8, 16, _>(|index| parts[at + index])));
            (internet(transport, [ip(0), ip(16)], &parts[32..]), rest)
        }
        (3, Some(_)) => (Client::Unix, block.get(UNIX_BYTES..).ok_or(ProxyError::TooShort)?),
        _ => return Err(ProxyError::Family),
    };
    Ok(Header { client, tls: tells_tls(additions)? })
}

fn internet(transport: Transport, [source, destination]: [IpAddr; 2], ports: &[u8]) -> Client {
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    let (source, destination) = (SocketAddr::new(source, port(0)), SocketAddr::new(destination, port(2)));
    Client::Internet { transport, source, destination }
}

/// Whether one of the additions (TLVs: a type, a length of two bytes, a value) says that the client speaks TLS.
fn tells_tls(mut additions: &[u8]) -> Result<bool, ProxyError> {
    let mut tls = false;
    while let [kind, high, low, rest @ ..] = additions {
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))).ok_or(ProxyError::Addition)?;
        if *kind == TYPE_SSL {
            tls |= value.first().ok_or(ProxyError::Addition)? & CLIENT_SSL != 0;
        }
        additions = rest;
    }
    if additions.is_empty() { Ok(tls) } else { Err(ProxyError::Addition) }
}
