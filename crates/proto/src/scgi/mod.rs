//! SCGI, by which nginx hands requests over (`scgi_pass`): the variables of the request as a netstring, then its body.
//! The answer is that of CGI, and ends with the connection.
//!
//! Source: "SCGI: A Simple Common Gateway Interface alternative" (Neil Schemenauer, 2008).

use memchr::memchr;

use crate::gateway::{GatewayError, Variable};
use crate::h1::Span;

/// The most digits of a netstring's length that are looked at: what they can say is far above every limit.
const MAX_DIGITS: usize = 9;

/// The length of the packet that `bytes` starts with: that of the whole netstring. None: more is needed to tell, or to
/// have all of it.
///
/// # Errors
/// It is no netstring, or one of more than `limit` bytes. That shows with the bytes that tell its length.
pub fn packet_len(bytes: &[u8], limit: usize) -> Result<Option<usize>, GatewayError> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > MAX_DIGITS || bytes.get(digits).is_some_and(|&byte| byte != b':' || digits == 0) {
        return Err(GatewayError::NoNetstring);
    }
    // A length is written without zeros in front of it, and the empty netstring holds no request.
    if bytes.first() == Some(&b'0') {
        return Err(GatewayError::NoNetstring);
    }
    let length = bytes[..digits].iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    if length > limit {
        return Err(GatewayError::PacketTooLarge { limit });
    }
    let comma = digits + 1 + length;
    match bytes.get(comma) {
        Some(b',') => Ok(Some(comma + 1)),
        Some(_) => Err(GatewayError::NoNetstring),
        None => Ok(None),
    }
}

/// The variables of a whole packet, measured from its first byte.
///
/// # Errors
/// They are not pairs that end in NUL each, CONTENT_LENGTH is not the first, or SCGI is not 1 ("Request Format").
pub fn variables(packet: &[u8]) -> Result<Vec<Variable>, GatewayError> {
    let colon = memchr(b':', packet).ok_or(GatewayError::NoNetstring)?;
    let end = packet.len() - 1;
    let mut at = colon + 1;
    let mut found: Vec<Variable> = Vec::new();
    while at < end {
        let name = string(&packet[..end], &mut at)?;
        let value = string(&packet[..end], &mut at)?;
        found.push(Variable { name, value });
    }
    let is_first = found.first().is_some_and(|variable| variable.name.of(packet) == b"CONTENT_LENGTH");
    let is_scgi = |variable: &Variable| variable.name.of(packet) == b"SCGI" && variable.value.of(packet) == b"1";
    if is_first && found.iter().any(is_scgi) { Ok(found) } else { Err(GatewayError::NoScgi) }
}

/// The string at `at`, which a NUL ends, and what comes behind that at `at`.
fn string(strings: &[u8], at: &mut usize) -> Result<Span, GatewayError> {
    let start = *at;
    let length = memchr(0, &strings[start..]).ok_or(GatewayError::SizesContradict)?;
    *at = start + length + 1;
    Ok(Span::new(start, start + length))
}
