//! For whom a proxy asks, as it says in `X-Forwarded-For` or `Forwarded` (RFC 7239).
//!
//! Each proxy adds what it knows of its own client at the end, so the last node is the nearest. Whose word counts is not
//! decided here.

use core::net::{IpAddr, Ipv6Addr};

/// The client of one of the proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Address {
        ip: IpAddr,
        port: Option<u16>,
    },
    /// The proxy does not say: `unknown`, an obfuscated identifier (RFC 7239 §6.2, §6.3), or nothing that can be read.
    Hidden,
}

/// The value of a `Forwarded` field is none (RFC 7239 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The nodes of an `X-Forwarded-For` value, the last one first. Empty members do not count (RFC 9110 §5.6.1.2).
pub fn x_forwarded_for(value: &[u8]) -> impl Iterator<Item = Node> {
    value.rsplit(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).map(node)
}

/// The nodes of a `Forwarded` value in their order, one an element; elements without `for` are hidden ones.
///
/// # Errors
/// It has not the form of RFC 7239 §4. What one reader takes for text in quotes could be elements for another.
pub fn forwarded(value: &[u8]) -> Result<Vec<Node>, Malformed> {
    let mut nodes = Vec::new();
    let mut rest = value;
    loop {
        let element = Element::read(rest)?;
        if !element.is_empty {
            nodes.push(element.node.unwrap_or(Node::Hidden));
        }
        match element.rest {
            [] => return Ok(nodes),
            [_comma, others @ ..] => rest = others,
        }
    }
}

/// An element, up to the comma behind it, which is the first byte of the rest.
struct Element<'a> {
    node: Option<Node>,
    is_empty: bool,
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut element = Self { node: None, is_empty: true, rest: bytes };
        loop {
            element.rest = element.rest.trim_ascii_start();
            if !matches!(element.rest, [] | [b',' | b';', ..]) {
                element.read_pair()?;
            }
            match element.rest {
                [] | [b',', ..] => return Ok(element),
                [b';', others @ ..] => (element.rest, element.is_empty) = (others, false),
                _ => return Err(Malformed),
            }
        }
    }

    fn read_pair(&mut self) -> Result<(), Malformed> {
        let name_len = self.rest.iter().position(|byte| !is_token(*byte)).ok_or(Malformed)?;
        let (name, rest) = self.rest.split_at(name_len);
        let rest = rest.strip_prefix(b"=").filter(|_| !name.is_empty()).ok_or(Malformed)?;
        let mut unquoted = Vec::new();
        let value = match rest {
            [b'"', quoted @ ..] => {
                self.rest = unquote(quoted, &mut unquoted)?;
                &unquoted
            }
            _ => {
                // Addresses of IPv6 and ports should be quoted, and often are not.
                let is_end = |byte: &u8| matches!(byte, b',' | b';' | b'"' | b'\\') || byte.is_ascii_whitespace();
                let (value, rest) = rest.split_at(rest.iter().position(is_end).unwrap_or(rest.len()));
                self.rest = rest;
                value
            }
        };
        self.rest = self.rest.trim_ascii_start();
        self.is_empty = false;
        if value.is_empty() && unquoted.is_empty() && !matches!(rest, [b'"', ..]) {
            return Err(Malformed);
        }
        if name.eq_ignore_ascii_case(b"for") && self.node.replace(node(value)).is_some() {
            // "Each parameter MUST NOT occur more than once per field-value" (RFC 7239 §4).
            return Err(Malformed);
        }
        Ok(())
    }
}

/// Read a quoted string behind its first quote (RFC 9110 §5.6.4); what follows it.
fn unquote<'a>(quoted: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    let mut rest = quoted;
    loop {
        rest = match rest {
            [b'"', others @ ..] => return Ok(others),
            [b'\\', escaped, others @ ..] => {
                text.push(*escaped);
                others
            }
            [b'\\'] | [] => return Err(Malformed),
            [byte, others @ ..] => {
                text.push(*byte);
                others
            }
        };
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `address [":" port]`, an IPv6 address in brackets or, where there is no port, without them.
fn node(text: &[u8]) -> Node {
    read_node(text).unwrap_or(Node::Hidden)
}

fn read_node(text: &[u8]) -> Option<Node> {
    let text = core::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Node::Address { ip: ip.to_canonical(), port: None });
    }
    let (ip, port) = match text.strip_prefix('[') {
        Some(literal) => {
            let (ip, port) = literal.split_once(']')?;
            (ip.parse::<Ipv6Addr>().ok()?.to_canonical(), port)
        }
        None => {
            let colon = text.find(':')?;
            (IpAddr::V4(text[..colon].parse().ok()?), &text[colon..])
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return None,
        // An obfuscated port (RFC 7239 §6.3) hides nothing but itself.
        Some(hidden) if hidden.starts_with('_') => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse::<u16>().ok()?),
        Some(_) => return None,
    };
    Some(Node::Address { ip, port: port.filter(|&port| port != 0) })
}
