//! What the fuzzer's bytes mean: three that choose limits and cuts, then those of the wire.

use std::sync::LazyLock;

use longma_proto::h1::{HeaderMap, Limits, Permits, SchemeField, Trust};

/// A proxy that may tell the scheme by a short field, and send a short name. Made once, since it stays.
static PROXY: LazyLock<Trust> = LazyLock::new(|| {
    let scheme = SchemeField { name: (*b"x-ssl").into(), https: (*b"on").into() };
    Trust::new(vec![scheme], vec![(*b"script_name").into(), (*b"a_b").into()])
});

/// Bytes before those of the wire.
pub const PREFIX_BYTES: usize = 3;

pub struct Input<'a> {
    pub limits: Limits,
    pub wire: &'a [u8],
    cuts: u16,
}

impl<'a> Input<'a> {
    /// The input, or None when there are too few bytes to choose by.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        let (prefix, wire) = data.split_first_chunk::<PREFIX_BYTES>()?;
        let [choices, low, high] = *prefix;
        Some(Self { limits: limits(choices), wire, cuts: u16::from_le_bytes([low, high]) })
    }

    /// The wire's bytes in pieces of chance length, the same for the same input.
    pub fn pieces(&self) -> Vec<&'a [u8]> {
        let mut state = u32::from(self.cuts) << 1 | 1;
        let mut rest = self.wire;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let most = if state & 0x10 == 0 { 4 } else { 64 };
            let (piece, after) = rest.split_at((state as usize >> 8) % most.min(rest.len()) + 1);
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}

fn limits(choices: u8) -> Limits {
    let defaults = Limits::default();
    let (header_map, trust) = match choices & 3 {
        0 => (HeaderMap::Drop, Trust::default()),
        1 => (HeaderMap::Refuse, Trust::default()),
        2 => (HeaderMap::Dangerous, Trust::default()),
        _ => (HeaderMap::Drop, *PROXY),
    };
    let permits = Permits {
        unconventional_method: choices & 4 != 0,
        obsolete_folding: choices & 16 != 0,
        spaces_before_colon: choices & 32 != 0,
        unconventional_version: choices & 64 != 0,
        casefold_method: choices & 128 != 0,
    };
    if choices & 8 == 0 {
        return Limits { header_map, permits, trust, ..defaults };
    }
    Limits { request_line: 40, fields: 4, field_size: 30, header_map, permits, trust }
}
