//! Frames as no honest client would send them.

use proptest::prelude::*;

use super::*;
use crate::h2::PREFACE;
use crate::notice::Notice;

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// What the server says to these bytes behind a preface, and the server.
fn told(bytes: &[u8]) -> (Server, Vec<u8>) {
    let (mut server, mut socket) = Server::new(Settings::default());
    socket.set_nonblocking(false).unwrap();
    socket.write_all(&[PREFACE, SETTINGS].concat()).unwrap();
    for chunk in bytes.chunks(60_000) {
        socket.write_all(chunk).unwrap();
        while let Some(request) = server.next() {
            server.answer(request.id, &[OK, b"\r\n"].concat());
        }
    }
    socket.set_nonblocking(true).unwrap();
    let (mut heard, mut room) = (Vec::new(), vec![0; 1 << 20]);
    while let Ok(count) = socket.read(&mut room)
        && count > 0
    {
        heard.extend_from_slice(&room[..count]);
    }
    (server, heard)
}

/// The reason of the GOAWAY frame that `heard` ends with.
fn goodbye(heard: &[u8]) -> Option<u32> {
    let frame = heard.get(heard.len().checked_sub(17)?..).filter(|frame| frame[..4] == [0, 0, 8, 7])?;
    Some(u32::from_be_bytes(frame[13..].try_into().unwrap()))
}

#[test]
fn floods_are_told_to_calm_down() {
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[7; 8]].concat();
    for (frame, most) in [(&ping[..], 999), (SETTINGS, 999)] {
        let (server, _) = told(&frame.repeat(most));
        assert!(server.reactor.notices.is_empty());
        let (server, heard) = told(&frame.repeat(most + 1));
        assert!(matches!(server.reactor.notices[..], [Notice::Flood { .. }]));
        assert_eq!(goodbye(&heard), Some(u32::from(Reason::ENHANCE_YOUR_CALM)));
    }
}

#[test]
fn streams_that_are_reset_as_soon_as_they_are_opened_are_bounded() {
    let mut bytes = Vec::new();
    for number in (1..=601_u32).step_by(2) {
        let id = number.to_be_bytes();
        // GET / by http, of the host `a`.
        let block = [0x82, 0x84, 0x86, 0x41, 0x01, b'a'];
        bytes.extend([&[0, 0, block.len() as u8, 1, 5][..], &id, &block, &[0, 0, 4, 3, 0], &id, &[0, 0, 0, 8]].concat());
    }
    let (mut server, heard) = told(&bytes);
    assert_eq!(goodbye(&heard), Some(u32::from(Reason::ENHANCE_YOUR_CALM)));
    assert!(server.is_clean());
}

#[test]
fn what_is_malformed_is_refused() {
    let refused = |fields: &[u8]| {
        let head = [&[0, 0, fields.len() as u8, 1, 5, 0, 0, 0, 1][..], fields].concat();
        let (mut server, heard) = told(&head);
        assert!(server.is_clean());
        // For PROTOCOL_ERROR: RST_STREAM or, where the block makes no sense at all, GOAWAY.
        let is_reset = heard.windows(13).any(|frame| frame == [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
        is_reset || goodbye(&heard) == Some(u32::from(Reason::PROTOCOL_ERROR))
    };
    let literal = |name: &str, value: &str| {
        let part = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
        [&[0][..], &part(name), &part(value)].concat()
    };
    let good = [0x82, 0x84, 0x86, 0x41, 0x01, b'a'];
    assert!(!refused(&good));
    for (name, value) in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("te", "gzip"),
        ("X-Upper", "a"),
        ("x-line", "a\r\nb: c"),
        ("x-nul", "\0"),
        ("x y", "a"),
        ("", "a"),
        (":path", "/again"),
        (":unknown", "a"),
        ("content-length", "a"),
        ("content-length", "5"),
    ] {
        assert!(refused(&[&good[..], &literal(name, value)].concat()), "{name}: {value}");
    }
    assert!(!refused(&[&good[..], &literal("te", "trailers")].concat()));
    // Neither method, path nor scheme may be missing.
    for without in 0..3 {
        let mut block = good.to_vec();
        block.remove(without);
        assert!(refused(&block));
    }
}

#[test]
fn what_breaks_a_connection_is_told_and_ends_it() {
    let (server, heard) = told(&[0, 0, 1, 0, 0, 0, 0, 0, 0, b'x']);
    assert!(matches!(&server.reactor.notices[..], [Notice::Http2 { .. }]));
    assert_eq!(goodbye(&heard), Some(u32::from(Reason::PROTOCOL_ERROR)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Frames of all kinds, in any order and with any content, harm nobody and leave nothing behind.
    #[test]
    fn nothing_that_comes_does_harm(frames in prop::collection::vec((0_u8..11, any::<u8>(), 0_u32..8, prop::collection::vec(any::<u8>(), 0..40)), 0..40)) {
        let good = [0x82, 0x84, 0x86, 0x41, 0x01, b'a'];
        let mut bytes = Vec::new();
        for (kind, flags, stream, payload) in frames {
            let payload = if kind == 1 && flags & 0x40 == 0 { good.to_vec() } else { payload };
            let flags = if kind == 1 { flags & 5 } else { flags };
            bytes.extend_from_slice(&[0, 0, payload.len() as u8, kind, flags]);
            bytes.extend_from_slice(&stream.to_be_bytes());
            bytes.extend_from_slice(&payload);
        }
        let (mut server, _) = told(&bytes);
        prop_assert!(server.reactor.connections() <= 1);
        for _ in 0..100 {
            server.pass(10_000);
        }
        prop_assert_eq!((server.reactor.connections(), server.is_clean()), (0, true));
    }
}
