//! The grammar of an authority without user information: `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2).

use core::net::Ipv6Addr;

use super::scan::is_reg_name;

/// Whether `value` is a host, not empty, with an optional port. The port may be empty, as the grammar has it.
pub(super) fn is_authority(value: &[u8]) -> bool {
    let name_len = value.iter().position(|&byte| !is_reg_name(byte)).unwrap_or(value.len());
    match &value[name_len..] {
        [] => name_len > 0,
        [b':', port @ ..] => name_len > 0 && port.iter().all(u8::is_ascii_digit),
        _ => is_unusual_authority(value),
    }
}

/// As `is_authority`, with the address literals and escapes that hardly any host has.
#[cold]
fn is_unusual_authority(value: &[u8]) -> bool {
    match split(value) {
        Some((host, port)) => !host.is_empty() && port.iter().all(u8::is_ascii_digit),
        None => false,
    }
}

/// Whether `value` is a host, a colon and a port that can be connected to (RFC 9110 §9.3.6).
pub(super) fn is_tunnel(value: &[u8]) -> bool {
    let Some((host, port)) = split(value) else {
        return false;
    };
    let number = core::str::from_utf8(port).ok().and_then(|digits| digits.parse::<u16>().ok());
    !host.is_empty() && port.iter().all(u8::is_ascii_digit) && number.is_some_and(|port| port != 0)
}

/// Host (valid, perhaps empty) and what follows its colon (unchecked), or None when the host is invalid.
fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, rest) = match value {
        [b'[', literal @ ..] => {
            let close = literal.iter().position(|&byte| byte == b']')?;
            is_ip_literal(&literal[..close]).then(|| value.split_at(close + 2))?
        }
        _ => value.split_at(reg_name_end(value)),
    };
    match rest {
        [] => Some((host, b"")),
        [b':', port @ ..] => Some((host, port)),
        _ => None,
    }
}

/// The length of the `reg-name` (IPv4 addresses among them) at the start of `value`.
fn reg_name_end(value: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        if is_reg_name(byte) {
            at += 1;
        } else if byte == b'%' && is_escape(&value[at..]) {
            at += 3;
        } else {
            break;
        }
    }
    at
}

fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// What stands between the brackets: `IPv6address / IPvFuture`.
fn is_ip_literal(literal: &[u8]) -> bool {
    if let [b'v' | b'V', future @ ..] = literal {
        let Some(dot) = future.iter().position(|&byte| byte == b'.') else {
            return false;
        };
        let (version, address) = (&future[..dot], &future[dot + 1..]);
        let is_hex = !version.is_empty() && version.iter().all(u8::is_ascii_hexdigit);
        return is_hex && !address.is_empty() && address.iter().all(|&byte| byte == b':' || is_reg_name(byte));
    }
    core::str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}
