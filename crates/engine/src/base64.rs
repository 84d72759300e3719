//! Base64 (RFC 4648), as far as all of its readers agree on it: what padding there must be is theirs to say.

/// The last two digits of the alphabet, in which its two kinds differ (RFC 4648 §4, §5).
pub const STANDARD: [u8; 2] = *b"+/";
pub const URL: [u8; 2] = *b"-_";

/// What a digit stands for; `None` where it is none.
pub fn value(digit: u8, last: [u8; 2]) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        _ if digit == last[0] => 62,
        _ if digit == last[1] => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The bytes that digits without padding stand for. Bits that make no whole byte are passed over.
pub fn unpadded(digits: &[u8], last: [u8; 2]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for &digit in digits {
        bits = (bits << 6 | value(digit, last)?) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}
