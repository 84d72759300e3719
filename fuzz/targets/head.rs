//! Any bytes as a request head: however they are cut the outcome is one, what it points at lies within them and is
//! clean, and what is accepted here is accepted, and understood alike, by another parser.

#![no_main]

#[path = "../support/input.rs"]
mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use longma_proto::h1::{BodyLength, Facts, Field, HeadError, HeadParser, Limits, Progress, RequestLine, target};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else { return };
    let mut parser = HeadParser::new();
    let mut wire = input.wire.to_vec();
    let progress = parser.advance(&mut wire, &input.limits);
    let whole = outcome(&parser, progress);
    assert_eq!(whole, in_pieces(&input.pieces(), input.wire, &input.limits), "cut by chance");
    assert_eq!(whole, in_pieces(&input.wire.chunks(1).collect::<Vec<_>>(), input.wire, &input.limits), "byte by byte");
    if let Ok(Progress::Complete { head_len }) = progress {
        check_head(&parser, &wire[..head_len]);
        check_assumed(&parser, &mut wire, &input.limits);
        if !input.limits.permits.spaces_before_colon {
            compare(&parser, &wire[..head_len]);
        }
    }
});

/// All that a caller can learn, except of a head that is refused half-way.
type Outcome = (Result<Progress, HeadError>, Option<(RequestLine, Vec<Field>, Facts, BodyLength, bool)>);

fn outcome(parser: &HeadParser, progress: Result<Progress, HeadError>) -> Outcome {
    let head = matches!(progress, Ok(Progress::Complete { .. }))
        .then(|| (parser.line(), parser.fields().to_vec(), parser.facts(), parser.body(), parser.keep_alive()));
    (progress, head)
}

/// The first outcome other than Partial, as the pieces arrive one after the other.
fn in_pieces(pieces: &[&[u8]], wire: &[u8], limits: &Limits) -> Outcome {
    let mut parser = HeadParser::new();
    let mut arrived = 0;
    let mut wire = wire.to_vec();
    let mut progress = parser.advance(&mut wire[..0], limits);
    for piece in pieces {
        if progress != Ok(Progress::Partial) {
            break;
        }
        arrived += piece.len();
        progress = parser.advance(&mut wire[..arrived], limits);
    }
    outcome(&parser, progress)
}

fn check_head(parser: &HeadParser, head: &[u8]) {
    let (line, block) = (parser.line(), &head[parser.fields_at()..]);
    let target = line.target.of(head);
    assert!(!line.method.is_empty() && target.iter().all(|byte| (0x21..0x7f).contains(byte)));
    let parts = target::split(target);
    assert_eq!(parts.form, parser.target_form());
    for part in [parts.path, parts.query, parts.authority, parts.scheme] {
        assert!(part.of(target).len() <= target.len());
    }
    let mut last = 0;
    for field in parser.fields() {
        assert!(last <= field.name.start && field.name.end < block.len() as u32, "fields follow each other");
        assert!(field.name.end <= field.value.start && field.name.start < field.name.end);
        last = field.value.end;
        let (name, value) = (field.name.of(block), field.value.of(block));
        assert!(name.iter().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte)));
        assert!(value.iter().all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f)));
        assert!(!value.starts_with(b" ") && !value.ends_with(b" ") && !value.starts_with(b"\t") && !value.ends_with(b"\t"));
    }
    assert!(head.ends_with(b"\r\n\r\n") || parser.fields().is_empty() && head.ends_with(b"\r\n"));
}

/// An equal block assumed is as good as read.
fn check_assumed(parser: &HeadParser, wire: &mut [u8], limits: &Limits) {
    let mut assumed = HeadParser::new();
    assert_eq!(assumed.request_line(wire, limits), Ok(Some(parser.fields_at())));
    assert_eq!(assumed.assume(parser.fields(), parser.facts(), parser.head_len()), Ok(()));
    let progress = assumed.advance(wire, limits);
    assert_eq!(outcome(&assumed, progress), outcome(parser, Ok(Progress::Complete { head_len: parser.head_len() })));
}

/// httparse knows only the versions 1.0 and 1.1, and no policy on names with `_`; else it is the more lenient one.
fn compare(parser: &HeadParser, head: &[u8]) {
    let line = parser.line();
    let version = &head[line.target.end as usize + 1..][..8];
    if version != b"HTTP/1.0" && version != b"HTTP/1.1" {
        return;
    }
    let mut fields = vec![httparse::EMPTY_HEADER; 200];
    let mut request = httparse::Request::new(&mut fields);
    assert_eq!(request.parse(head), Ok(httparse::Status::Complete(head.len())));
    assert_eq!(request.method.map(str::as_bytes), Some(line.method.of(head)));
    assert_eq!(request.path.map(str::as_bytes), Some(line.target.of(head)));
    let block = &head[parser.fields_at()..];
    let ours = parser.fields().iter().map(|field| (field.name.of(block), field.value.of(block)));
    let theirs = request.headers.iter().map(|field| (field.name.as_bytes(), field.value));
    let is_kept = |name: &[u8]| !name.contains(&b'_') || parser.fields().iter().any(|field| field.name.of(block) == name);
    assert!(ours.eq(theirs.filter(|(name, _)| is_kept(name))), "the same fields are read");
}
