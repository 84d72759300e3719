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

/// The first control at or after `from`, or the length of `bytes`.
#[inline]
pub(super) fn find_control(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, is_control)
}

/// The first byte at or after `from` that no request target may hold, or the length of `bytes`.
#[inline]
pub(super) fn find_target_end(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |byte| byte.wrapping_sub(0x21) > 0x7e - 0x21)
}

/// The first byte at or after `from` that is no letter, digit or hyphen, or the length of `bytes`.
#[inline]
pub(super) fn find_plain_end(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        !(letter | digit | (byte == b'-'))
    })
}

const BLOCK: usize = 16;

#[inline(always)]
fn find(bytes: &[u8], from: usize, stops: impl Fn(u8) -> bool + Copy) -> usize {
    let mut at = from;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let marks = marks(block, stops);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += BLOCK;
    }
    find_in_tail(bytes, at, stops)
}

/// As `find`, for the last bytes, fewer than a block: they are read as part of the last whole block.
#[inline(always)]
fn find_in_tail(bytes: &[u8], at: usize, stops: impl Fn(u8) -> bool + Copy) -> usize {
    let len = bytes.len();
    if at >= len {
        return len;
    }
    if let Some(block) = bytes.last_chunk::<BLOCK>() {
        let known = at + BLOCK - len;
        let marks = marks(block, stops) >> (8 * known);
        return if marks == 0 {
            len
        } else {
            at + (marks.trailing_zeros() / 8) as usize
        };
    }
    bytes[at..]
        .iter()
        .position(|&byte| stops(byte))
        .map_or(len, |offset| at + offset)
}

/// 0xff in the place of every byte that stops the search.
#[inline(always)]
fn marks(block: &[u8; BLOCK], stops: impl Fn(u8) -> bool) -> u128 {
    let mut marks = [0_u8; BLOCK];
    for (mark, &byte) in marks.iter_mut().zip(block) {
        *mark = u8::from(stops(byte)).wrapping_neg();
    }
    u128::from_le_bytes(marks)
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
