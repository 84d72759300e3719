//! Marks of field names, by which the few that matter to the server are told from the many that do not.

/// One bit of 64 for a name, whatever its case: most other names have another. Made of the length and the first byte,
/// twice, which takes the bit that tells capitals beyond the 64.
#[inline(always)]
pub(super) const fn mark(name: &[u8]) -> u64 {
    let initial = if name.is_empty() { 0 } else { name[0] };
    1_u64.wrapping_shl(name.len() as u32 + initial as u32 * 2)
}

/// The marks of all names that frame a request or say what becomes of its connection.
pub(super) const FRAMING: u64 = mark(b"host")
    | mark(b"expect")
    | mark(b"upgrade")
    | mark(b"connection")
    | mark(b"content-type")
    | mark(b"content-length")
    | mark(b"transfer-encoding");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_knows_no_case() {
        for name in ["Host", "CONTENT-LENGTH", "tE", "X-Forwarded-Proto", "Z"] {
            assert_eq!(mark(name.as_bytes()), mark(name.to_lowercase().as_bytes()), "{name}");
            assert_eq!(mark(name.as_bytes()), mark(name.to_uppercase().as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_that_browsers_send_are_told_from_those_that_matter() {
        for name in [
            "User-Agent",
            "Accept",
            "Accept-Encoding",
            "Accept-Language",
            "Cookie",
            "Cache-Control",
            "Referer",
            "Origin",
            "If-None-Match",
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "Sec-Fetch-Site",
            "Sec-Fetch-Mode",
            "Sec-Fetch-Dest",
            "Priority",
        ] {
            assert_eq!(FRAMING & mark(name.as_bytes()), 0, "{name}");
        }
    }
}
