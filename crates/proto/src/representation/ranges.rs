//! The part that a client wants (RFC 9110 §14). One part, or everything: of several parts at once the server is free to
//! send all, which spares it bodies in many pieces.

/// What of a thing is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    Whole,
    /// So many bytes from `first` on; at least one.
    Part {
        first: u64,
        length: u64,
    },
    /// Nothing of what is wanted is there.
    Unsatisfiable,
}

/// What a Range field selects of `length` bytes. One that is malformed, in another unit, or for several parts selects all
/// (RFC 9110 §14.2).
pub(super) fn select(range: &[u8], length: u64) -> Selection {
    parse(range, length).unwrap_or(Selection::Whole)
}

fn parse(range: &[u8], length: u64) -> Option<Selection> {
    let equals = range.iter().position(|&byte| byte == b'=')?;
    let (unit, set) = (range[..equals].trim_ascii(), &range[equals + 1..]);
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut parts = set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|part| !part.is_empty());
    let part = parts.next()?;
    if parts.next().is_some() {
        return None;
    }
    let hyphen = part.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&part[..hyphen], &part[hyphen + 1..]);
    if first.is_empty() {
        let count = number(last)?.min(length);
        return Some(if count == 0 {
            Selection::Unsatisfiable
        } else {
            Selection::Part { first: length - count, length: count }
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    if first >= length {
        return Some(Selection::Unsatisfiable);
    }
    Some(Selection::Part { first, length: last.min(length - 1) - first + 1 })
}

/// Digits; a number that is too large is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}
