//! The uwsgi protocol, by which nginx hands requests over (`uwsgi_pass`): a header of four bytes, the variables of the
//! request, then its body. The answer is that of HTTP, and ends with the connection.
//!
//! Source: the specification in uWSGI's documentation, "The uwsgi (lowercase!) Protocol". Sizes are little-endian.

use crate::gateway::{GatewayError, Variable};
use crate::h1::Span;

const HEADER_BYTES: usize = 4;
/// The modifiers of a request for a WSGI application. Others are for other languages, caches, signals and the like.
const WSGI: [u8; 2] = [0, 0];

/// The length of the packet that `bytes` starts with, its header included. None: more is needed to tell, or to have all
/// of it.
///
/// # Errors
/// It is no packet that carries a request for a WSGI application. That shows with the first bytes.
pub fn packet_len(bytes: &[u8]) -> Result<Option<usize>, GatewayError> {
    if bytes.first().is_some_and(|&modifier| modifier != WSGI[0]) {
        return Err(GatewayError::ModifierUnknown);
    }
    let Some(&[_, low, high, second]) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    if second != WSGI[1] {
        return Err(GatewayError::ModifierUnknown);
    }
    let len = HEADER_BYTES + usize::from(u16::from_le_bytes([low, high]));
    Ok((len <= bytes.len()).then_some(len))
}

/// The variables of a whole packet, measured from its first byte.
///
/// # Errors
/// Their sizes do not add up to that of the packet.
pub fn variables(packet: &[u8]) -> Result<Vec<Variable>, GatewayError> {
    let mut at = HEADER_BYTES;
    let mut found = Vec::new();
    while at < packet.len() {
        let name = string(packet, &mut at)?;
        let value = string(packet, &mut at)?;
        found.push(Variable { name, value });
    }
    Ok(found)
}

/// The string at `at`, and what comes behind it at `at`.
fn string(packet: &[u8], at: &mut usize) -> Result<Span, GatewayError> {
    let size = packet.get(*at..).and_then(<[u8]>::first_chunk).ok_or(GatewayError::SizesContradict)?;
    let start = *at + size.len();
    let end = start + usize::from(u16::from_le_bytes(*size));
    if end > packet.len() {
        return Err(GatewayError::SizesContradict);
    }
    *at = end;
    Ok(Span::new(start, end))
}
