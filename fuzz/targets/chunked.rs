//! Any bytes as a chunked body: however they are cut the outcome is one, data lies within the input, and what is
//! accepted is what a decoder without any strictness makes of it.

#![no_main]

#[path = "../support/input.rs"]
mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use longma_proto::h1::{BodyError, ChunkEvent, ChunkedDecoder, Limits};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else { return };
    let whole = decode(&[input.wire], &input.limits);
    assert_eq!(whole, decode(&input.pieces(), &input.limits), "cut by chance");
    assert_eq!(whole, decode(&input.wire.chunks(1).collect::<Vec<_>>(), &input.limits), "byte by byte");
    if let (content, Ok(Some(length))) = whole {
        assert_eq!(plainly(&input.wire[..length]), Some(content), "the plain decoder reads the same");
    }
});

/// The content, and the length of the whole body, None while it has no end, or why it is refused.
type Outcome = (Vec<u8>, Result<Option<usize>, BodyError>);

fn decode(pieces: &[&[u8]], limits: &Limits) -> Outcome {
    let mut decoder = ChunkedDecoder::new(limits);
    let (mut content, mut length) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let step = match decoder.step(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.step(b"0\r\n\r\n"), Err(error), "a refusal stands");
                    return (content, Err(error));
                }
            };
            assert!(step.consumed <= rest.len());
            length += step.consumed;
            match step.event {
                ChunkEvent::Data(range) => {
                    assert!(range.start < range.end && range.end == step.consumed);
                    content.extend_from_slice(&rest[range]);
                }
                ChunkEvent::NeedMore => {
                    assert_eq!(step.consumed, rest.len());
                    break;
                }
                ChunkEvent::End => return (content, Ok(Some(length))),
            }
            rest = &rest[step.consumed..];
        }
    }
    (content, Ok(None))
}

/// The content of a body of this very length: sizes are read up to the first byte that is no digit, whatever stands
/// in their lines and in trailers is skipped.
fn plainly(body: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut rest = body;
    loop {
        let line_len = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = rest[..line_len].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let text = std::str::from_utf8(&rest[..digits]).ok()?;
        let size = usize::from_str_radix(text, 16).ok()?;
        rest = &rest[line_len + 2..];
        if size == 0 {
            return (rest == b"\r\n" || rest.ends_with(b"\r\n\r\n")).then_some(content);
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
