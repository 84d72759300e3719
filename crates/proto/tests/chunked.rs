//! The chunked decoder as its caller uses it: events, what is consumed, refusals that stand.

use longma_proto::h1::{BodyError, ChunkEvent, ChunkedDecoder, HeadError, HeaderMap, Limits, Step, trailers};

fn decoder() -> ChunkedDecoder {
    ChunkedDecoder::new(&Limits::default())
}

fn data(range: std::ops::Range<usize>) -> Result<Step, BodyError> {
    Ok(Step { consumed: range.end, event: ChunkEvent::Data(range) })
}

fn need_more(consumed: usize) -> Result<Step, BodyError> {
    Ok(Step { consumed, event: ChunkEvent::NeedMore })
}

#[test]
fn a_step_goes_as_far_as_the_next_event() {
    let mut decoder = decoder();
    assert_eq!(decoder.step(b""), need_more(0));
    assert_eq!(decoder.step(b"5\r"), need_more(2));
    assert_eq!(decoder.step(b"\nhel"), data(1..4));
    assert_eq!(decoder.step(b""), need_more(0));
    assert_eq!(decoder.step(b"lo\r\n3\r\nabc"), data(0..2));
    assert_eq!(decoder.step(b"\r\n3\r\nabc\r\n"), data(5..8));
    assert_eq!(decoder.step(b"\r\n0\r\nX: y\r\n"), need_more(11));
    assert_eq!(decoder.step(b"\r\nGET"), Ok(Step { consumed: 2, event: ChunkEvent::End }));
    assert_eq!(decoder.step(b"GET"), Ok(Step { consumed: 0, event: ChunkEvent::End }), "what follows is not its own");
}

#[test]
fn the_largest_size_is_waited_for_and_a_larger_one_refused() {
    let mut decoder = decoder();
    assert_eq!(decoder.step(b"ffffffffffffffff\r\nab"), data(18..20));
    assert_eq!(decoder.step(b"cd"), data(0..2));
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    assert_eq!(decoder.step(b"10000000000000000\r\n"), Err(BodyError::ChunkSizeTooLarge));
}

#[test]
fn trailers_are_kept_where_they_are_asked_for() {
    let section = b"0\r\nOne: 1\r\nempty:\r\nOne:  a:b \r\nun_der: x\r\n\r\nGET";
    let mut keeping = decoder().keeping_trailers(true);
    for byte in &section[..section.len() - 3] {
        keeping.step(&[*byte]).unwrap();
    }
    let kept = keeping.take_trailers();
    let pairs: Vec<_> = trailers(&kept).collect();
    assert_eq!(pairs, [(&b"One"[..], &b"1"[..]), (b"empty", b""), (b"One", b"a:b")]);
    let mut dropping = decoder();
    dropping.step(section).unwrap();
    assert!(dropping.take_trailers().is_empty());
    let dangerous = Limits { header_map: HeaderMap::Dangerous, ..Limits::default() };
    let mut keeping = ChunkedDecoder::new(&dangerous).keeping_trailers(true);
    keeping.step(section).unwrap();
    assert_eq!(trailers(&keeping.take_trailers()).last(), Some((&b"un_der"[..], &b"x"[..])));
}

#[test]
fn a_refusal_stands() {
    let mut decoder = decoder();
    assert_eq!(decoder.step(b"x"), Err(BodyError::ChunkSizeInvalid));
    assert_eq!(decoder.step(b"0\r\n\r\n"), Err(BodyError::ChunkSizeInvalid));
    assert_eq!(decoder.step(b""), Err(BodyError::ChunkSizeInvalid));
}

/// What becomes of chunks of one byte whose size lines have these lengths, CRLF included.
fn after_lines(lengths: &[usize]) -> Result<(), BodyError> {
    let chunk = |length: &usize| format!("1;a={}\r\nx\r\n", "b".repeat(length - 6));
    let bytes: String = lengths.iter().map(chunk).collect();
    let (mut decoder, mut rest) = (decoder(), bytes.as_bytes());
    loop {
        match decoder.step(rest)? {
            Step { event: ChunkEvent::NeedMore, .. } => return Ok(()),
            step => rest = &rest[step.consumed..],
        }
    }
}

#[test]
fn extensions_may_outgrow_their_data_only_so_far() {
    // Of each line all but 18 bytes count, and each byte of data pays for one of them: these come to 16 KiB.
    let most = 18 + 4096;
    assert_eq!(after_lines(&[most, most, most, most + 3]), Ok(()));
    let refused = Err(BodyError::ChunkExtensionsTooLarge { limit: 16 * 1024 });
    assert_eq!(after_lines(&[most, most, most, most + 4]), refused);
    assert_eq!(after_lines(&[18; 5000]), Ok(()), "short ones do not count");
    assert_eq!(after_lines(&[19; 50_000]), Ok(()), "each is paid for");
    assert_eq!(after_lines(&[20; 50_000]), refused);
}

#[test]
fn every_refusal_has_a_status_and_a_short_phrase() {
    let refusals = [
        (BodyError::ChunkSizeInvalid, 400),
        (BodyError::ChunkSizeTooLarge, 413),
        (BodyError::ChunkExtensionInvalid, 400),
        (BodyError::ChunkLineTooLong { limit: 7 }, 413),
        (BodyError::ChunkExtensionsTooLarge { limit: 7 }, 413),
        (BodyError::ChunkLineEnd, 400),
        (BodyError::ChunkDataEnd, 400),
        (BodyError::TrailerInvalid(HeadError::FoldedLine), 400),
        (BodyError::TrailerInvalid(HeadError::FieldTooLarge { limit: 7 }), 431),
        (BodyError::TrailerForbidden, 400),
        (BodyError::TooManyTrailers { limit: 7 }, 431),
    ];
    for (refusal, status) in refusals {
        let words = refusal.to_string();
        assert_eq!(refusal.status(), status, "{words}");
        assert!(words.len() < 80 && !words.ends_with('.') && words.is_ascii(), "{words}");
    }
}
