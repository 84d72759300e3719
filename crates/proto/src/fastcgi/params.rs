//! Name-value pairs (§3.4): two lengths, of one byte or of four, then two strings.

use crate::gateway::{GatewayError, Variable};
use crate::h1::Span;

/// The variables in the content of all records of parameters, measured from its first byte.
///
/// # Errors
/// Their lengths do not add up to that of the content.
pub fn variables(content: &[u8]) -> Result<Vec<Variable>, GatewayError> {
    let mut at = 0;
    let mut found = Vec::new();
    while at < content.len() {
        let name_len = length(content, &mut at)?;
        let value_len = length(content, &mut at)?;
        let name_end = at.checked_add(name_len).ok_or(GatewayError::SizesContradict)?;
        let end = name_end.checked_add(value_len).filter(|&end| end <= content.len()).ok_or(GatewayError::SizesContradict)?;
        found.push(Variable { name: Span::new(at, name_end), value: Span::new(name_end, end) });
        at = end;
    }
    Ok(found)
}

fn length(content: &[u8], at: &mut usize) -> Result<usize, GatewayError> {
    let rest = content.get(*at..).unwrap_or_default();
    let (length, bytes) = match rest {
        [short @ ..0x80, ..] => (usize::from(*short), 1),
        [a, b, c, d, ..] => (u32::from_be_bytes([a & 0x7f, *b, *c, *d]) as usize, 4),
        _ => return Err(GatewayError::SizesContradict),
    };
    *at += bytes;
    Ok(length)
}

/// Append a pair of short strings.
pub(super) fn write_pair(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    debug_assert!(name.len() < 0x80 && value.len() < 0x80, "four bytes tell longer lengths");
    out.extend_from_slice(&[name.len() as u8, value.len() as u8]);
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}
