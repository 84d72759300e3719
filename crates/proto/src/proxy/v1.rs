//! Version 1, a line of text: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` (section 2.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Client, Header, Progress, ProxyError, Transport};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";
/// Bytes of the longest line that the specification allows, its CRLF included.
const MAX_LINE_BYTES: usize = 107;

/// Read a line that begins with the signature.
pub(super) fn read(bytes: &[u8]) -> Result<Progress, ProxyError> {
    let head = &bytes[..bytes.len().min(MAX_LINE_BYTES)];
    let Some(end) = head.iter().position(|&byte| matches!(byte, b'\r' | b'\n')) else {
        return match head.len() {
            MAX_LINE_BYTES => Err(ProxyError::LineTooLong { limit: MAX_LINE_BYTES }),
            _ => Ok(Progress::Partial),
        };
    };
    match &head[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if head.len() < MAX_LINE_BYTES => return Ok(Progress::Partial),
        [b'\r'] => return Err(ProxyError::LineTooLong { limit: MAX_LINE_BYTES }),
        _ => return Err(ProxyError::LineMalformed),
    }
    let client = client(&head[SIGNATURE.len()..end])?;
    Ok(Progress::Complete { header: Header { client, tls: false }, len: end + 2 })
}

fn client(words: &[u8]) -> Result<Client, ProxyError> {
    if words == b"UNKNOWN" || words.starts_with(b"UNKNOWN ") {
        // Whatever follows is to be ignored.
        return Ok(Client::Unknown);
    }
    let text = core::str::from_utf8(words).map_err(|_| ProxyError::LineMalformed)?;
    let mut words = text.split(' ');
    let family = words.next().unwrap_or_default();
    if !matches!(family, "TCP4" | "TCP6") {
        return Err(ProxyError::Family);
    }
    let mut next = || words.next().ok_or(ProxyError::LineMalformed);
    let [source, destination, source_port, destination_port] = [next()?, next()?, next()?, next()?];
    if words.next().is_some() {
        return Err(ProxyError::LineMalformed);
    }
    let address = |text: &str| match family {
        "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::V4),
        _ => text.parse::<Ipv6Addr>().map(IpAddr::V6),
    };
    let socket = |ip: &str, number: &str| {
        let ip = address(ip).map_err(|_| ProxyError::Address)?;
        port(number).map(|port| SocketAddr::new(ip, port)).ok_or(ProxyError::Port)
    };
    let (source, destination) = (socket(source, source_port)?, socket(destination, destination_port)?);
    Ok(Client::Internet { transport: Transport::Stream, source, destination })
}

/// A port in digits, without a zero in front of others and without a sign, which the number's own parser takes.
fn port(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_plain)
}
