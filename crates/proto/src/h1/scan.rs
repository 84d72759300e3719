//! Classes of bytes, and finding the first byte of a class.
//!
//! The searches look at sixteen bytes at a time, written so that the compiler makes vector code of them on
//! every machine we build for; nothing here needs `unsafe`.

pub(super) const CR: u8 = b'\r';
pub(super) const LF: u8 = b'\n';

/// `tchar` (RFC 9110 §5.6.2).
const TOKEN: u8 = 1;
/// `tchar` less the lower-case letters and `#`: what Gunicorn takes in a method.
const METHOD: u8 = 2;
/// What may stand in a `reg-name` (RFC 3986 §3.2.2), `%` excepted.
const REG_NAME: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || among(b, b"!#$%&'*+-.^_`|~") {
            table[byte] |= TOKEN;
            if !b.is_ascii_lowercase() && b != b'#' {
                table[byte] |= METHOD;
            }
        }
        if b.is_ascii_alphanumeric() || among(b, b"-._~!$&'()*+,;=") {
            table[byte] |= REG_NAME;
        }
        byte += 1;
    }
    table
}

const fn among(byte: u8, set: &[u8]) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

#[inline]
pub(super) fn is_token(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

#[inline]
pub(super) fn is_method(byte: u8) -> bool {
    CLASSES[byte as usize] & METHOD != 0
}

#[inline]
pub(super) fn is_reg_name(byte: u8) -> bool {
    CLASSES[byte as usize] & REG_NAME != 0
}

/// Whether `byte` is a control that no field value may hold (RFC 9110 §5.5): all of them but HTAB.
#[inline]
pub(super) fn is_control(byte: u8) -> bool {
    (byte < 0x20) & (byte != b'\t') | (byte == 0x7f)
}

/// How many letters and hyphens `bytes` starts with: all of it in nearly every field name.
#[inline(always)]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let is_outside = |byte: u8| !(((byte | 0x20).wrapping_sub(b'a') < 26) | (byte == b'-'));
    // Names end within the first block more often than not, so that is not asked first.
    match bytes.first_chunk().map(|block| place_in_block(block, is_outside)) {
        Some(16) => 16 + prefix_len(&bytes[16..], is_outside),
        Some(len) => len,
        None => prefix_len(bytes, is_outside),
    }
}

/// How many bytes at the start of `bytes` are printable ASCII or space: all of it in nearly every field value.
#[inline(always)]
pub(super) fn text_len(bytes: &[u8]) -> usize {
    // One more than such a byte is, as a signed number, what exceeds a space: from 0x7f on it is negative.
    prefix_len(bytes, |byte| byte.wrapping_add(1) as i8 <= b' ' as i8)
}

/// How many bytes at the start of `bytes` a request target may hold: printable ASCII.
#[inline(always)]
pub(super) fn target_len(bytes: &[u8]) -> usize {
    prefix_len(bytes, |byte| byte.wrapping_add(1) as i8 <= b'!' as i8)
}

/// How many bytes at the start of `bytes` a field value may hold.
pub(super) fn value_len(bytes: &[u8]) -> usize {
    prefix_len(bytes, is_control)
}

/// How many bytes there are before the first that is outside a class.
#[inline(always)]
fn prefix_len(bytes: &[u8], is_outside: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        // A loop of fixed count without a way out becomes a few vector instructions.
        if block.iter().fold(false, |any, &byte| any | is_outside(byte)) {
            return at + place_in_block(block, is_outside);
        }
        at += 16;
    }
    at + bytes[at..].iter().position(|&byte| is_outside(byte)).unwrap_or(bytes.len() - at)
}

/// The place of the first byte outside a class, or 16.
#[inline(always)]
fn place_in_block(block: &[u8; 16], is_outside: impl Fn(u8) -> bool) -> usize {
    let mut marks = [0_u8; 16];
    for (mark, &byte) in marks.iter_mut().zip(block) {
        *mark = u8::from(is_outside(byte)).wrapping_neg();
    }
    (u128::from_le_bytes(marks).trailing_zeros() / 8) as usize
}

/// `bytes` without the spaces and tabs around them (OWS, RFC 9110 §5.6.3).
#[inline]
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every search, with what it does in the plainest words.
    type Search = (fn(&[u8]) -> usize, fn(u8) -> bool);

    const SEARCHES: [Search; 4] = [
        (|bytes| plain_len(bytes), |byte| byte.is_ascii_alphabetic() || byte == b'-'),
        (|bytes| text_len(bytes), |byte| (0x20..0x7f).contains(&byte)),
        (|bytes| target_len(bytes), |byte| (0x21..0x7f).contains(&byte)),
        (value_len, |byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f)),
    ];

    #[test]
    fn a_search_stops_at_the_same_byte_wherever_it_stands_and_whatever_follows() {
        for (search, is_inside) in SEARCHES {
            for length in 0..40 {
                assert_eq!(search(&vec![b'a'; length]), length);
                for at in 0..length {
                    for byte in 0..=255 {
                        let mut bytes = vec![b'a'; length];
                        bytes[at] = byte;
                        let expected = if is_inside(byte) { length } else { at };
                        assert_eq!(search(&bytes), expected, "{byte:#04x} at {at} of {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_search_stops_at_the_first_of_two() {
        for (search, is_inside) in SEARCHES {
            for pair in 0..=u16::MAX {
                let [first, second] = pair.to_be_bytes();
                for (at, length) in [(2, 24), (7, 24), (14, 30), (17, 20)] {
                    let mut bytes = vec![b'a'; length];
                    (bytes[at], bytes[at + 1]) = (first, second);
                    let expected = bytes.iter().position(|&byte| !is_inside(byte)).unwrap_or(length);
                    assert_eq!(search(&bytes), expected, "{first:#04x} {second:#04x} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn the_classes_are_those_of_the_standards() {
        for byte in 0..=255_u8 {
            let is_tchar = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token(byte), is_tchar);
            assert_eq!(is_method(byte), is_tchar && !byte.is_ascii_lowercase() && byte != b'#');
            let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            assert_eq!(is_reg_name(byte), is_unreserved || b"!$&'()*+,;=".contains(&byte));
        }
    }

    #[test]
    fn white_space_is_trimmed_from_both_ends_only() {
        assert_eq!(trim(b" \t a \t b\t "), b"a \t b");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(trim(b"\x0ba"), b"\x0ba");
    }
}
