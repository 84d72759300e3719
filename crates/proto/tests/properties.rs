//! What holds for any input: how it is cut never matters, what is encoded is decoded, what is well-formed is taken.

use std::sync::OnceLock;

use longma_proto::h1::response::chunk_head;
use longma_proto::h1::{ChunkEvent, ChunkedDecoder, HeadParser, Limits, Progress, target};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support;
use crate::support::connection::Connection;
use crate::support::corpus::Case;

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let mut cases = support::cases();
        cases.retain(|case| case.input.len() <= 2000);
        cases
    })
}

/// A change to some bytes, as a mistake or a malicious hand makes it.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Repeat(Index, Index),
    Splice(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![select(b"\r\n \t:;,0a\"\\/_\0\x7f\x80".to_vec()), any::<u8>()];
    prop_oneof![
        (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(case, at)| Change::Splice(case, at)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match change {
        Change::Insert(at, byte) => bytes.insert(place(at, bytes), *byte),
        Change::Splice(case, at) => {
            let other = &case.get(cases()).input;
            bytes.truncate(place(at, bytes));
            bytes.extend_from_slice(&other[at.index(other.len())..]);
        }
        _ if bytes.is_empty() => {}
        Change::Replace(at, byte) => *at.get_mut(bytes) = *byte,
        Change::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        Change::Repeat(from, to) => {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.extend(piece);
        }
    }
}

/// A corpus case's limits and its input, changed or not.
fn inputs() -> impl Strategy<Value = (Limits, Vec<u8>)> {
    (any::<Index>(), vec(change(), 0..4)).prop_map(|(case, changes)| {
        let case = case.get(cases());
        let mut bytes = case.input.clone();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        (case.limits, bytes)
    })
}

/// `bytes` cut at these places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9!#$%&'*+.^`|~-]{1,40}"
}

fn field_value() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![4 => 0x20_u8..0x7f, 1 => 0x80_u8..=0xff, 1 => Just(b'\t')];
    vec(text, 0..60).prop_map(|value| value.trim_ascii().to_vec())
}

/// Names that mean something to the parser are left to the corpus.
fn is_plain(name: &str) -> bool {
    let known = ["host", "expect", "upgrade", "connection", "content-type", "content-length", "transfer-encoding"];
    !known.contains(&name.to_ascii_lowercase().as_str())
}

/// The content of a chunked body decoded piece by piece, and how many bytes were left over.
fn decode(bytes: &[u8], cuts: &[Index]) -> (Vec<u8>, usize) {
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    let (mut content, mut left) = (Vec::new(), bytes.len());
    for mut piece in pieces(bytes, cuts) {
        loop {
            let step = decoder.step(piece).expect("it is well-formed");
            left -= step.consumed;
            match step.event {
                ChunkEvent::Data(range) => content.extend_from_slice(&piece[range]),
                ChunkEvent::NeedMore => break,
                ChunkEvent::End => return (content, left),
            }
            piece = &piece[step.consumed..];
        }
    }
    panic!("the body has an end")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_the_input_is_cut_does_not_matter((limits, bytes) in inputs(), cuts in vec(any::<Index>(), 0..6)) {
        let whole = Connection::after(&bytes, limits);
        let mut cut = Connection::new(limits);
        pieces(&bytes, &cuts).iter().for_each(|piece| cut.feed(piece));
        prop_assert_eq!(whole.standing(), cut.standing());
        prop_assert_eq!(whole.complete_requests(), cut.complete_requests());
        let mut single = Connection::new(limits);
        bytes.chunks(1).for_each(|byte| single.feed(byte));
        prop_assert_eq!(whole.standing(), single.standing());
        prop_assert_eq!(whole.complete_requests(), single.complete_requests());
    }

    #[test]
    fn a_well_formed_head_is_taken_as_it_is(
        method in "[A-Z]{3,12}",
        path in "/[!-~]{0,40}",
        fields in vec((token(), field_value(), "[ \t]{0,3}", "[ \t]{0,3}"), 0..20),
    ) {
        prop_assume!(method != "CONNECT" && fields.iter().all(|(name, ..)| is_plain(name)));
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        for (name, value, before, after) in &fields {
            bytes.extend([name.as_bytes(), b":", before.as_bytes(), value, after.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        let mut parser = HeadParser::new();
        prop_assert_eq!(parser.advance(&mut bytes.clone(), &Limits::default()), Ok(Progress::Complete { head_len: bytes.len() }));
        prop_assert_eq!(parser.line().target.of(&bytes), path.as_bytes());
        let block = &bytes[parser.fields_at()..];
        let read: Vec<_> = parser.fields()[1..].iter().map(|field| (field.name.of(block), field.value.of(block))).collect();
        let sent: Vec<_> = fields.iter().map(|(name, value, ..)| (name.as_bytes(), value.as_slice())).collect();
        prop_assert_eq!(read, sent);
    }

    #[test]
    fn what_is_chunked_is_decoded(
        chunks in vec((vec(any::<u8>(), 1..200), "(;[a-z]{1,8}(=[a-z0-9]{1,8}|=\"[ -!#-\\[\\]-~]{0,8}\")?){0,2}"), 0..12),
        trailers in vec("X-[a-z]{1,8}: [ -~]{0,20}\r\n", 0..4),
        rest in vec(any::<u8>(), 0..20),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let (mut bytes, mut content) = (Vec::new(), Vec::new());
        for (data, extension) in &chunks {
            chunk_head(data.len(), &mut bytes);
            bytes.truncate(bytes.len() - 2);
            bytes.extend([extension.as_bytes(), b"\r\n", data, b"\r\n"].concat());
            content.extend_from_slice(data);
        }
        bytes.extend(["0\r\n", &trailers.concat(), "\r\n"].concat().into_bytes());
        bytes.extend_from_slice(&rest);
        prop_assert_eq!(decode(&bytes, &cuts), (content, rest.len()));
    }

    #[test]
    fn what_is_escaped_is_decoded(path in vec(any::<u8>(), 0..60), plain in vec(any::<bool>(), 60)) {
        let mut escaped = String::new();
        for (byte, stay) in path.iter().zip(plain) {
            if stay && byte.is_ascii_alphanumeric() {
                escaped.push(char::from(*byte));
            } else {
                escaped.push_str(&format!("%{byte:02x}"));
            }
        }
        let mut decoded = b">".to_vec();
        target::percent_decode(escaped.as_bytes(), &mut decoded);
        prop_assert_eq!(&decoded[1..], path);
    }

    #[test]
    fn splitting_a_target_keeps_its_bytes(path in "/[!-\"$->@-~]{0,20}", query in "[!-\"$-~]{0,20}") {
        let text = format!("{path}?{query}");
        let parts = target::split(text.as_bytes());
        prop_assert_eq!(parts.path.of(text.as_bytes()), path.as_bytes());
        prop_assert_eq!(parts.query.of(text.as_bytes()), query.as_bytes());
    }

    #[test]
    fn no_input_is_too_strange(bytes in vec(any::<u8>(), 0..400)) {
        let connection = Connection::after(&bytes, Limits::default());
        prop_assert!(connection.complete_requests().len() <= bytes.len() / 18);
    }
}
