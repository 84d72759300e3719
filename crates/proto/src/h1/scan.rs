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
    let Some(block) = bytes.first_chunk::<16>() else { return prefix_len(bytes, is_outside) };
    let mut marks = [0_u8; 16];
    for (mark, &byte) in marks.iter_mut().zip(block) {
        *mark = u8::from(is_outside(byte)).wrapping_neg();
    }
    match (u128::from_le_bytes(marks).trailing_zeros() / 8) as usize {
        16 => 16 + prefix_len(&bytes[16..], is_outside),
        len => len,
    }
}

/// How many bytes at the start of `bytes` are printable ASCII or space: all of it in nearly every field value.
#[inline(always)]
pub(super) fn text_len(bytes: &[u8]) -> usize {
    printable_len::<b' '>(bytes)
}

/// How many bytes at the start of `bytes` a request target may hold: printable ASCII.
#[inline(always)]
pub(super) fn target_len(bytes: &[u8]) -> usize {
    printable_len::<b'!'>(bytes)
}

/// How many bytes at the start of `bytes` a field value may hold.
pub(super) fn value_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = block_at::<16>(bytes, at) {
        if block.iter().fold(false, |any, &byte| any | is_control(byte)) {
            break;
        }
        at += 16;
    }
    at + prefix_len(&bytes[at..], is_control)
}

/// How many bytes at the start of `bytes` are from `LOW` to `~`.
///
/// Whole blocks are looked at in a loop of fixed count without a way out, so that it becomes a few vector
/// instructions; the place within the last block is then found by words.
#[inline(always)]
fn printable_len<const LOW: u8>(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = block_at::<16>(bytes, at) {
        // One more than such a byte is, as a signed number, what exceeds LOW: from 0x7f on it is negative.
        if !block.iter().fold(true, |all, byte| all & (byte.wrapping_add(1) as i8 > LOW as i8)) {
            let [low, high] = [0, 8].map(|half| unprintable_marks::<LOW>(word_at(block, half)));
            let (base, marks) = if low != 0 { (at, low) } else { (at + 8, high) };
            return base + (marks.trailing_zeros() / 8) as usize;
        }
        at += 16;
    }
    if let Some(word) = block_at::<8>(bytes, at) {
        let marks = unprintable_marks::<LOW>(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + prefix_len(&bytes[at..], |byte| byte.wrapping_sub(LOW) > b'~' - LOW)
}

/// As the searches above, byte by byte.
#[inline(always)]
fn prefix_len(bytes: &[u8], is_outside: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| is_outside(byte)).unwrap_or(bytes.len())
}

#[inline(always)]
fn block_at<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..).and_then(<[u8]>::first_chunk)
}

/// The eight bytes of `block` from `at` on, little end first.
#[inline(always)]
fn word_at(block: &[u8; 16], at: usize) -> u64 {
    (u128::from_le_bytes(*block) >> (8 * at)) as u64
}

/// The byte in every place of a word.
const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// A subtraction borrows from the place above only below `LOW`, an addition carries into it only from 0xff, and both
/// are marked themselves: so all is exact up to the first mark.
#[inline(always)]
fn unprintable_marks<const LOW: u8>(word: u64) -> u64 {
    let below = word.wrapping_sub(every(LOW));
    let above = word.wrapping_add(every(1));
    (below | above | word) & every(0x80)
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
