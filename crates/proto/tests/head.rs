//! The head parser as its caller uses it: resumed, asked for the line alone, given what is known, reset.

use crate::support::cases;
use longma_proto::h1::{BodyLength, HeadError, HeadParser, HostSeen, Limits, Progress, TargetForm, Version, target};

const HEAD: &[u8] = b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n";

fn complete(bytes: &[u8]) -> HeadParser {
    let mut parser = HeadParser::new();
    let progress = parser.advance(&mut bytes.to_vec(), &Limits::default());
    assert!(matches!(progress, Ok(Progress::Complete { .. })), "{progress:?}");
    parser
}

#[test]
fn a_head_tells_its_parts_and_facts() {
    let parser = complete(HEAD);
    let (line, facts) = (parser.line(), parser.facts());
    assert_eq!((line.method.of(HEAD), line.target.of(HEAD)), (&b"POST"[..], &b"/a?b"[..]));
    assert_eq!((parser.fields_at(), parser.head_len()), (20, HEAD.len()));
    let block = &HEAD[parser.fields_at()..];
    let values: Vec<&[u8]> = parser.fields().iter().map(|field| field.value.of(block)).collect();
    assert_eq!(values, [&b"x"[..], b"3", b"upgrade", b"y"]);
    assert_eq!((facts.content_length, facts.chunked, facts.host), (Some(3), false, HostSeen::One));
    assert_eq!((parser.body(), parser.keep_alive(), parser.upgrade()), (BodyLength::Known(3), true, true));
    assert!(line.method.len() == 4 && !line.method.is_empty());
}

#[test]
fn the_line_can_be_had_before_the_fields() {
    let mut parser = HeadParser::new();
    for length in 0..20 {
        assert_eq!(parser.request_line(&mut HEAD[..length].to_vec(), &Limits::default()), Ok(None));
    }
    assert_eq!(parser.request_line(&mut HEAD.to_vec(), &Limits::default()), Ok(Some(20)));
    assert_eq!(parser.request_line(&mut HEAD.to_vec(), &Limits::default()), Ok(Some(20)), "asked again it says the same");
    assert!(parser.fields().is_empty());
    assert_eq!(parser.advance(&mut HEAD.to_vec(), &Limits::default()), Ok(Progress::Complete { head_len: HEAD.len() }));
    assert_eq!(parser.advance(&mut HEAD.to_vec(), &Limits::default()), Ok(Progress::Complete { head_len: HEAD.len() }));
}

#[test]
fn a_refusal_stands_until_reset() {
    let mut parser = HeadParser::new();
    let bad = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    assert_eq!(parser.advance(&mut bad.to_vec(), &Limits::default()), Err(HeadError::HostTwice));
    assert_eq!(parser.advance(&mut HEAD.to_vec(), &Limits::default()), Err(HeadError::HostTwice));
    assert_eq!(parser.request_line(&mut HEAD.to_vec(), &Limits::default()), Err(HeadError::HostTwice));
    assert_eq!(parser.line().method.of(bad), b"GET", "what was read of the line can be logged");
    parser.reset();
    assert!(parser.line().method.is_empty() && parser.fields().is_empty());
    assert_eq!(parser.advance(&mut HEAD.to_vec(), &Limits::default()), Ok(Progress::Complete { head_len: HEAD.len() }));
}

/// For every head of the corpus: taking over what an equal block gave is as good as reading it.
#[test]
fn what_is_assumed_is_what_would_be_read() {
    let mut heads = 0;
    for case in cases() {
        let mut read = HeadParser::new();
        let Ok(Progress::Complete { head_len }) = read.advance(&mut case.input.to_vec(), &case.limits) else { continue };
        let mut assumed = HeadParser::new();
        assert_eq!(assumed.request_line(&mut case.input.to_vec(), &case.limits), Ok(Some(read.fields_at())));
        assert_eq!(assumed.assume(read.fields(), read.facts(), head_len), Ok(()), "{}", case.title);
        assert_eq!(assumed.advance(&mut case.input.to_vec(), &case.limits), Ok(Progress::Complete { head_len }));
        assert_eq!((assumed.fields(), assumed.facts(), assumed.line()), (read.fields(), read.facts(), read.line()));
        assert_eq!((assumed.body(), assumed.keep_alive()), (read.body(), read.keep_alive()), "{}", case.title);
        assert_eq!((assumed.upgrade(), assumed.expects_continue()), (read.upgrade(), read.expects_continue()));
        heads += 1;
    }
    assert!(heads > 200, "{heads} heads");
}

#[test]
fn what_is_assumed_is_judged_with_the_new_request_line() {
    let outcome = |first: &str, second: &str, fields: &str| {
        let known = complete(format!("{first}\r\n{fields}\r\n").as_bytes());
        let second = format!("{second}\r\n{fields}\r\n");
        let mut read = HeadParser::new();
        let by_reading = read.advance(&mut second.as_bytes().to_vec(), &Limits::default()).map(|_| ());
        let mut assumed = HeadParser::new();
        assumed.request_line(&mut second.as_bytes().to_vec(), &Limits::default()).expect("the line is fine");
        let by_assuming = assumed.assume(known.fields(), known.facts(), second.len());
        assert_eq!(by_assuming, by_reading, "{second}");
        by_assuming.map(|()| (assumed.keep_alive(), assumed.expects_continue(), assumed.upgrade()))
    };
    let (one_one, one_nought) = ("POST / HTTP/1.1", "POST / HTTP/1.0");
    assert_eq!(outcome(one_nought, one_one, "X: y\r\n"), Err(HeadError::HostMissing));
    assert_eq!(outcome(one_nought, one_one, "Host: a\r\nExpect: x\r\n"), Err(HeadError::ExpectationUnknown));
    assert_eq!(outcome(one_one, one_nought, "Host: a\r\nTransfer-Encoding: chunked\r\n"), Err(HeadError::CodingInVersion10));
    assert_eq!(outcome(one_one, "GET http://b/ HTTP/1.1", "Host:\r\n"), Err(HeadError::HostEmpty));
    let fields = "Host: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\nConnection: upgrade\r\nUpgrade: y\r\n";
    assert_eq!(outcome(one_one, one_nought, fields), Ok((false, false, false)));
    assert_eq!(outcome(one_nought, one_one, fields), Ok((true, true, true)));
    assert_eq!(outcome(one_one, "CONNECT a:1 HTTP/1.1", fields), Ok((false, true, true)));
}

#[test]
fn every_refusal_has_a_status_and_a_short_phrase() {
    let refusals = [
        (HeadError::BareLineFeed, 400),
        (HeadError::RequestLineTooLong { limit: 7 }, 414),
        (HeadError::ExpectationUnknown, 417),
        (HeadError::FieldTooLarge { limit: 7 }, 431),
        (HeadError::TooManyFields { limit: 7 }, 431),
        (HeadError::FieldsTooLarge { limit: 7 }, 431),
        (HeadError::CodingUnknown, 501),
        (HeadError::VersionUnsupported, 505),
    ];
    for (refusal, status) in refusals {
        let words = refusal.to_string();
        assert_eq!(refusal.status(), status, "{words}");
        assert!(words.len() < 80 && !words.ends_with('.') && words.is_ascii(), "{words}");
    }
    assert!(HeadError::TooManyFields { limit: 7 }.to_string().contains('7'));
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let rows: [(&str, HeadError); 30] = [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", HeadError::BareLineFeed),
        ("\rGET", HeadError::BareCarriageReturn),
        ("GET /\r HTTP/1.1\r\n", HeadError::BareCarriageReturn),
        ("GET /\r\n", HeadError::RequestLineMalformed),
        ("GET\r\n", HeadError::RequestLineMalformed),
        ("G(T / HTTP/1.1\r\n", HeadError::MethodInvalid),
        ("get / HTTP/1.1\r\n", HeadError::MethodUnconventional),
        ("GET /\x7f HTTP/1.1\r\n", HeadError::TargetInvalid),
        ("GET a HTTP/1.1\r\n", HeadError::TargetForm),
        ("GET http://u@a/ HTTP/1.1\r\n", HeadError::TargetAuthority),
        ("CONNECT a HTTP/1.1\r\n", HeadError::TargetAuthority),
        ("GET / HTTP/1.x\r\n", HeadError::VersionMalformed),
        ("GET / HTTP/2.0\r\n", HeadError::VersionUnsupported),
        ("GET / HTTP/1.1\r\nX(: y\r\n", HeadError::FieldNameInvalid),
        ("GET / HTTP/1.1\r\n: y\r\n", HeadError::FieldNameInvalid),
        ("GET / HTTP/1.1\r\nX: \0\r\n", HeadError::FieldValueInvalid),
        ("GET / HTTP/1.1\r\nX : y\r\n", HeadError::SpaceBeforeColon),
        ("GET / HTTP/1.1\r\nX: y\r\n z\r\n", HeadError::FoldedLine),
        ("GET / HTTP/1.1\r\nX: y\rz", HeadError::BareCarriageReturn),
        ("GET / HTTP/1.1\r\nX: y\n", HeadError::BareLineFeed),
        ("GET / HTTP/1.1\r\nX\n", HeadError::BareLineFeed),
        ("GET / HTTP/1.1\r\n\r\n", HeadError::HostMissing),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HeadError::HostInvalid),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", HeadError::ContentLengthInvalid),
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", HeadError::ContentLengthTwice),
        ("GET / HTTP/1.1\r\nContent-Type: x\r\nContent-Type: x\r\n\r\n", HeadError::ContentTypeTwice),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HeadError::LengthWithCoding),
        ("GET / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n", HeadError::CodingMalformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", HeadError::ChunkedNotLast),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", HeadError::ChunkedTwice),
    ];
    for (head, refusal) in rows {
        assert_eq!(HeadParser::new().advance(&mut head.as_bytes().to_vec(), &Limits::default()), Err(refusal), "{head:?}");
    }
}

#[test]
fn limits_beyond_reason_are_held_within_it() {
    let lines: String = "X: y\r\n".repeat(40_000);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let unlimited = Limits { request_line: 0, fields: 0, field_size: 0, ..Limits::default() };
    assert_eq!(
        HeadParser::new().advance(&mut head.as_bytes().to_vec(), &unlimited),
        Err(HeadError::TooManyFields { limit: 32_768 })
    );
    let target = format!("GET /{} HTTP/1.1\r\n", "a".repeat(2 << 20));
    let refused = HeadParser::new().advance(&mut target.as_bytes().to_vec(), &unlimited);
    assert_eq!(refused, Err(HeadError::RequestLineTooLong { limit: 1 << 20 }));
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(9000));
    assert_eq!(
        HeadParser::new().advance(&mut long.as_bytes().to_vec(), &unlimited),
        Err(HeadError::FieldTooLarge { limit: 8190 })
    );
    let huge = Limits { fields: usize::MAX, field_size: usize::MAX, request_line: usize::MAX, ..Limits::default() };
    assert!(matches!(HeadParser::new().advance(&mut long.as_bytes().to_vec(), &huge), Ok(Progress::Complete { .. })));
    let tiny = Limits { field_size: 1, ..Limits::default() };
    let refused = HeadParser::new().advance(&mut b"GET / HTTP/1.0\r\nX".to_vec(), &tiny);
    assert_eq!(refused, Err(HeadError::FieldTooLarge { limit: 2 }));
    assert!(matches!(HeadParser::new().advance(&mut b"GET / HTTP/1.0\r\n\r\n".to_vec(), &tiny), Ok(Progress::Complete { .. })));
}

#[test]
fn dropped_fields_do_not_count_but_their_bytes_do() {
    let head = |lines: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "X_1: 1\r\n".repeat(lines));
    // Room for two lines of 20 bytes, two more for each, and four: 48.
    let limits = Limits { fields: 2, field_size: 20, ..Limits::default() };
    let advance = |head: String| HeadParser::new().advance(&mut head.as_bytes().to_vec(), &limits);
    assert_eq!(advance(head(6)), Ok(Progress::Complete { head_len: head(6).len() }));
    assert_eq!(advance(head(7)), Err(HeadError::FieldsTooLarge { limit: 48 }));
}

#[test]
fn a_target_is_split_by_its_form() {
    let parts = |text: &str| {
        let parts = target::split(text.as_bytes());
        let word = |span: longma_proto::h1::Span| String::from_utf8_lossy(span.of(text.as_bytes())).into_owned();
        (parts.form, word(parts.scheme), word(parts.authority), word(parts.path), word(parts.query))
    };
    let row = |form, scheme: &str, authority: &str, path: &str, query: &str| {
        (form, scheme.to_string(), authority.to_string(), path.to_string(), query.to_string())
    };
    assert_eq!(parts("/a?b#c"), row(TargetForm::Origin, "", "", "/a", "b"));
    assert_eq!(parts("http://h:1/a?b"), row(TargetForm::Absolute, "http", "h:1", "/a", "b"));
    assert_eq!(parts("HTTPS://h?b"), row(TargetForm::Absolute, "HTTPS", "h", "", "b"));
    assert_eq!(parts("h:443"), row(TargetForm::Authority, "", "h:443", "", ""));
    assert_eq!(parts("*"), row(TargetForm::Asterisk, "", "", "*", ""));
    assert_eq!(complete(b"OPTIONS * HTTP/1.0\r\n\r\n").line().version, Version::Http10);
}
