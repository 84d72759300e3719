//! Frames that cost a server more than they cost the client that sends them, counted: a stream that is opened and reset at once
//! (CVE-2023-44487), and what has to be answered or changes nothing (CVE-2019-9512, -9515, -9518). The bounds are Gunicorn's.

//!
//! And what else is to be known of frames before `h2` has made something of them.

use h2::Reason;

/// For how long frames are counted together.
const WINDOW_MS: u64 = 10_000;
/// The most RST_STREAM frames in that time, and the most PING, SETTINGS and empty DATA frames.
const MAX_RESETS: u32 = 200;
const MAX_CONTROLS: u32 = 1000;

const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Reads frames' headers as they come by.
#[derive(Default)]
pub struct Floods {
    header: [u8; HEADER_BYTES],
    filled: usize,
    /// Bytes of a payload that are still to come.
    skip: usize,
    /// The kind of the last frame, where there has been one, and whether its block of fields goes on in another.
    kind: Option<u8>,
    goes_on: bool,
    is_misled: bool,
    since_ms: u64,
    resets: u32,
    controls: u32,
}

impl Floods {
    /// Bytes that come before the first frame.
    pub fn after(bytes: usize) -> Self {
        Self { skip: bytes, ..Self::default() }
    }

    /// Whether fields have begun to come, and not all of them have.
    pub fn is_amid_fields(&self) -> bool {
        self.goes_on || self.skip > 0 && matches!(self.kind, Some(HEADERS | CONTINUATION))
    }

    /// Look at what has come; why that is the end of the connection, where it is.
    pub fn look(&mut self, mut bytes: &[u8], now_ms: u64) -> Option<Reason> {
        if now_ms >= self.since_ms + WINDOW_MS {
            (self.since_ms, self.resets, self.controls) = (now_ms, 0, 0);
        }
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let count = bytes.len().min(HEADER_BYTES - self.filled);
            self.header[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
            self.filled += count;
            bytes = &bytes[count..];
            if self.filled == HEADER_BYTES {
                self.filled = 0;
                self.count();
            }
        }
        if self.is_misled {
            return Some(Reason::PROTOCOL_ERROR);
        }
        (self.resets > MAX_RESETS || self.controls > MAX_CONTROLS).then_some(Reason::ENHANCE_YOUR_CALM)
    }

    fn count(&mut self) {
        let [a, b, c, kind, flags, ..] = self.header;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        // The client's preface ends with its settings (RFC 9113 §3.4).
        self.is_misled |= self.kind.is_none() && (kind, flags & ACK) != (SETTINGS, 0);
        self.kind = Some(kind);
        self.goes_on = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS == 0;
        match kind {
            RST_STREAM => self.resets += 1,
            // What is acknowledged was asked for.
            PING | SETTINGS if flags & ACK == 0 => self.controls += 1,
            DATA if self.skip == 0 && flags & END_STREAM == 0 => self.controls += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING_FRAME: [u8; 17] = [0, 0, 8, PING, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const RESET_FRAME: [u8; 13] = [0, 0, 4, RST_STREAM, 0, 0, 0, 0, 1, 0, 0, 0, 8];
    const EMPTY_DATA: [u8; 9] = [0, 0, 0, DATA, 0, 0, 0, 0, 1];
    const LAST_DATA: [u8; 9] = [0, 0, 0, DATA, END_STREAM, 0, 0, 0, 1];

    const FIRST: [u8; 9] = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];

    fn is_too_much(frame: &[u8], count: usize, step: usize) -> bool {
        let mut floods = Floods::after(3);
        let bytes = [&b"PRI"[..], &FIRST, &frame.repeat(count)].concat();
        bytes.chunks(step).any(|chunk| floods.look(chunk, 5) == Some(Reason::ENHANCE_YOUR_CALM))
    }

    #[test]
    fn too_many_are_too_many_however_they_are_cut() {
        for step in [1, 2, 9, 10, 100_000] {
            for (frame, most) in [(&PING_FRAME[..], 999), (&RESET_FRAME, 200), (&EMPTY_DATA, 999)] {
                assert!(!is_too_much(frame, most, step));
                assert!(is_too_much(frame, most + 1, step));
            }
            assert!(!is_too_much(&LAST_DATA, 5000, step));
        }
    }

    #[test]
    fn what_is_counted_is_forgotten_after_a_while() {
        let mut floods = Floods::default();
        assert_eq!(floods.look(&FIRST, 1), None);
        for round in 0..10 {
            assert_eq!(floods.look(&RESET_FRAME.repeat(200), round * WINDOW_MS + 1), None);
        }
        assert!(floods.look(&RESET_FRAME.repeat(201), 10 * WINDOW_MS + 1).is_some());
    }

    #[test]
    fn settings_come_first() {
        for (frame, expected) in [(&FIRST[..], None), (&PING_FRAME, Some(Reason::PROTOCOL_ERROR))] {
            assert_eq!(Floods::default().look(frame, 1), expected);
        }
        assert!(Floods::default().look(&[0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0], 1).is_some());
    }

    #[test]
    fn fields_are_known_to_be_on_their_way() {
        let mut floods = Floods::default();
        floods.look(&FIRST, 1);
        for (bytes, expected) in [
            (&[0, 0, 2, HEADERS, 0, 0, 0, 0, 1, 7][..], true),
            (&[7], true),
            (&[0, 0, 1, CONTINUATION, 0, 0, 0, 0, 1, 7], true),
            (&[0, 0, 1, CONTINUATION, END_HEADERS, 0, 0, 0, 1], true),
            (&[7], false),
            (&LAST_DATA, false),
        ] {
            assert_eq!(floods.look(bytes, 1), None);
            assert_eq!(floods.is_amid_fields(), expected);
        }
    }
}
