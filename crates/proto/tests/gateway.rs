//! Requests that web servers hand over: what is read of them, what becomes of them, and what is refused.

use longma_proto::fastcgi::{self, Ending, encode_request};
use longma_proto::gateway::GatewayError;
use longma_proto::h1::{HeadError, HeadParser, Limits, Version};
use longma_proto::{scgi, uwsgi};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::packets::{Heard, Pairs, all_read, fastcgi_params, head, hear, pairs, pointed_at, scgi_packet, uwsgi_packet};

const GET: &[(&str, &str)] = &[("REQUEST_METHOD", "GET"), ("PATH_INFO", "/"), ("REQUEST_URI", "/")];

fn with(more: &[(&str, &str)]) -> Pairs {
    pairs(&[GET, more].concat())
}

fn refusal(variables: &Pairs) -> Option<GatewayError> {
    head(variables, &Limits::default()).err()
}

#[test]
fn a_request_becomes_a_head_as_http_has_it() {
    let variables = pairs(&[
        ("QUERY_STRING", "c=%20"),
        ("REQUEST_METHOD", "POST"),
        ("CONTENT_TYPE", "text/plain"),
        ("CONTENT_LENGTH", "3"),
        ("REQUEST_URI", "/a%20b?c=%20"),
        ("PATH_INFO", "/a b"),
        ("SERVER_PROTOCOL", "HTTP/2.0"),
        ("HTTPS", "on"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "1234"),
        ("HTTP_HOST", "example.org"),
        ("HTTP_X_ONE", " two "),
        ("HTTP_PROXY", "http://evil.invalid"),
        ("HTTP_TRANSFER_ENCODING", "chunked"),
        ("HTTP_CONTENT_LENGTH", "3"),
    ]);
    let (bytes, parser, translated) = head(&variables, &Limits::default()).unwrap();
    let text = "POST /a%20b?c=%20 HTTP/1.1\r\nHost: example.org\r\nX-One: two\r\nContent-Type: text/plain\r\n\
                Content-Length: 3\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&bytes[..parser.head_len()]), text);
    let facts = parser.facts();
    assert_eq!(
        (facts.content_length, facts.https, parser.keep_alive(), parser.expects_continue()),
        (Some(3), true, false, false)
    );
    assert_eq!((translated.script, translated.path), (None, b"/a b".to_vec()));
    assert_eq!(translated.client, Some("192.0.2.7:1234".parse().unwrap()));
    let names: Vec<Vec<u8>> =
        pointed_at(&bytes[parser.head_len()..], &translated.variables).into_iter().map(|(name, _)| name).collect();
    let expected = "QUERY_STRING CONTENT_TYPE CONTENT_LENGTH REQUEST_URI SERVER_PROTOCOL HTTPS REMOTE_ADDR REMOTE_PORT \
                    HTTP_HOST HTTP_X_ONE";
    assert_eq!(names, expected.split(' ').map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>());
    // A parser of heads reads the same.
    let mut again = HeadParser::new();
    let mut text = bytes.clone();
    again.advance(&mut text, &Limits::default()).unwrap();
    assert_eq!((again.line(), again.fields(), again.head_len()), (parser.line(), parser.fields(), parser.head_len()));
}

#[test]
fn a_request_line_is_made_where_none_is_told() {
    for (variables, expected) in [
        (&[("PATH_INFO", "/a b/ü"), ("QUERY_STRING", "c d")][..], "/a%20b/%C3%BC?c%20d"),
        (&[("SCRIPT_NAME", "/app"), ("PATH_INFO", "/100%?"), ("REQUEST_URI", "")], "/app/100%25%3F"),
        (&[("PATH_INFO", "")], "/"),
        (&[("PATH_INFO", "/"), ("REQUEST_URI", "/ü?q")], "/%C3%BC?q"),
    ] {
        let variables = [&[("REQUEST_METHOD", "GET"), ("SERVER_PROTOCOL", "HTTP/1.0")], variables].concat();
        let (bytes, parser, _) = head(&pairs(&variables), &Limits::default()).unwrap();
        let line = parser.line();
        assert_eq!(String::from_utf8_lossy(line.target.of(&bytes)), expected);
        assert_eq!(line.version, Version::Http10);
    }
}

#[test]
fn the_scheme_is_the_web_servers_to_tell() {
    for (told, expected) in [
        (&[][..], false),
        (&[("HTTPS", "on")], true),
        (&[("HTTPS", "ON")], true),
        (&[("HTTPS", "1")], true),
        (&[("HTTPS", "off")], false),
        (&[("HTTPS", "off"), ("REQUEST_SCHEME", "https")], false),
        (&[("HTTPS", ""), ("REQUEST_SCHEME", "https")], true),
        (&[("REQUEST_SCHEME", "http")], false),
        (&[("HTTP_X_FORWARDED_PROTO", "https"), ("HTTP_FORWARDED", "proto=https")], false),
    ] {
        let (_, parser, _) = head(&with(told), &Limits::default()).unwrap();
        assert_eq!(parser.facts().https, expected, "{told:?}");
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let hidden = [
        ("wsgi.url_scheme", "https"),
        ("wsgi.input", "x"),
        ("gunicorn.socket", "x"),
        ("longma.x", "x"),
        ("", "x"),
        ("A B", "x"),
        ("A\0B", "x"),
        ("HTTP_", "x"),
        ("\u{e9}", "x"),
    ];
    for pair in hidden {
        assert_eq!(refusal(&with(&[pair])), Some(GatewayError::NameInvalid), "{pair:?}");
    }
    for pair in [("HTTP_A", "a\nb"), ("HTTP_A", "a\r\nB: c"), ("X", "a\0b"), ("HTTP_A", "\0"), ("CONTENT_TYPE", "a\nb")] {
        assert_eq!(refusal(&with(&[pair])), Some(GatewayError::ValueInvalid), "{pair:?}");
    }
    for (more, expected) in [
        (&[("REQUEST_METHOD", "POST")][..], GatewayError::SaidTwice),
        (&[("CONTENT_LENGTH", "1"), ("CONTENT_LENGTH", "2")], GatewayError::SaidTwice),
        (&[("CONTENT_LENGTH", "1"), ("HTTP_CONTENT_LENGTH", "2")], GatewayError::LengthsDisagree),
        (&[("CONTENT_LENGTH", "-1")], GatewayError::Head(HeadError::ContentLengthInvalid)),
        (&[("CONTENT_LENGTH", "99999999999999999999")], GatewayError::Head(HeadError::ContentLengthInvalid)),
        (&[("HTTP_HOST", "a b")], GatewayError::Head(HeadError::HostInvalid)),
        (&[("HTTP_HOST", "a"), ("HTTP_HOST", "b")], GatewayError::Head(HeadError::HostTwice)),
        (&[("REQUEST_URI", "a")], GatewayError::Head(HeadError::TargetForm)),
    ] {
        assert_eq!(refusal(&with(more)), Some(expected), "{more:?}");
    }
    assert_eq!(refusal(&with(&[("CONTENT_LENGTH", ""), ("HTTP_CONTENT_LENGTH", "2")])), None);
    assert_eq!(refusal(&pairs(&[("PATH_INFO", "/")])), Some(GatewayError::MethodMissing));
    assert_eq!(refusal(&pairs(&[("REQUEST_METHOD", "GET")])), Some(GatewayError::PathMissing));
    let lower = pairs(&[("REQUEST_METHOD", "get it"), ("PATH_INFO", "/")]);
    assert_eq!(refusal(&lower), Some(GatewayError::Head(HeadError::MethodUnconventional)));
}

#[test]
fn what_is_said_twice_counts_as_it_was_said_last() {
    let (bytes, parser, translated) = head(
        &with(&[("SCRIPT_NAME", "/a"), ("SCRIPT_NAME", ""), ("CONTENT_LENGTH", "1"), ("CONTENT_LENGTH", "1")]),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!((translated.script, parser.facts().content_length), (Some(Vec::new()), Some(1)));
    assert_eq!(bytes.windows(15).filter(|window| window == b"Content-Length:").count(), 1);
}

#[test]
fn the_limits_of_heads_are_those_of_what_becomes_of_one() {
    let limits = Limits { request_line: 40, fields: 2, field_size: 30, ..Limits::default() };
    let long = "/".repeat(40);
    for (variables, expected) in [
        (with(&[("HTTP_A", "1"), ("HTTP_B", "2")]), None),
        (with(&[("HTTP_A", "1"), ("HTTP_B", "2"), ("HTTP_C", "3")]), Some(HeadError::TooManyFields { limit: 2 })),
        (with(&[("HTTP_A", &"a".repeat(25))]), None),
        (with(&[("HTTP_A", &"a".repeat(26))]), Some(HeadError::FieldTooLarge { limit: 30 })),
        (with(&[("DOCUMENT_ROOT", &long)]), None),
        (with(&[("REQUEST_URI", &long)]), Some(HeadError::RequestLineTooLong { limit: 40 })),
    ] {
        assert_eq!(head(&variables, &limits).err(), expected.map(GatewayError::Head));
    }
}

#[test]
fn packets_of_other_kinds_are_refused_at_their_first_bytes() {
    for wrong in [&b"GET / HTTP/1.1\r\n"[..], b"\x05", b"\x01\x00\x00\x00", b"\0\0\0\x1e", b"\x16\x03\x01"] {
        assert_eq!(uwsgi::packet_len(wrong), Err(GatewayError::ModifierUnknown), "{wrong:?}");
    }
    for wrong in [&b"GET / HTTP/1.1\r\n"[..], b":", b"07:", b"0:,", b"1234567890", b"3:abc;", b"-1:", b"\x01"] {
        assert_eq!(scgi::packet_len(wrong, 99), Err(GatewayError::NoNetstring), "{wrong:?}");
    }
    assert_eq!(scgi::packet_len(b"100:", 99), Err(GatewayError::PacketTooLarge { limit: 99 }));
    for wrong in [&b"GET / HTTP/1.1\r\n"[..], b"\x02", b"\0"] {
        assert_eq!(hear(&[wrong]).refused, Some(GatewayError::RecordVersion));
    }
    for wrong in
        [&b"\x01\x01\0\0\0\x08\0\0"[..], b"\x01\x01\0\x01\0\x07\0\0", b"\x01\x03\0\x01\0\0\0\0", b"\x01\x06\0\x01\0\0\0\0"]
    {
        assert_eq!(hear(&[wrong]).refused, Some(GatewayError::RecordMisplaced), "{wrong:?}");
    }
}

#[test]
fn sizes_that_do_not_add_up_are_refused() {
    for wrong in [&b"\0\x01\0\0a"[..], b"\0\x02\0\0\x01\0", b"\0\x03\0\0\x01\0a", b"\0\x05\0\0\x01\0a\xff\xff"] {
        assert_eq!(uwsgi::packet_len(wrong), Ok(Some(wrong.len())));
        assert_eq!(uwsgi::variables(wrong), Err(GatewayError::SizesContradict), "{wrong:?}");
    }
    for wrong in [&b"1:a,"[..], b"3:a\0b,"] {
        assert_eq!(scgi::packet_len(wrong, 99), Ok(Some(wrong.len())));
        assert_eq!(scgi::variables(wrong), Err(GatewayError::SizesContradict), "{wrong:?}");
    }
    for wrong in [&b"4:a\0b\0,"[..], b"17:CONTENT_LENGTH\x000\0,", b"24:SCGI\x001\0CONTENT_LENGTH\x000\0,"] {
        assert_eq!(scgi::variables(wrong), Err(GatewayError::NoScgi), "{wrong:?}");
    }
    for wrong in [&b"\x01"[..], b"\x01\x01a", b"\x80\0\0", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\x01\x80\0\0"] {
        assert_eq!(fastcgi::variables(wrong), Err(GatewayError::SizesContradict), "{wrong:?}");
    }
}

#[test]
fn records_beside_the_request_are_answered() {
    let mut records = b"\x01\x09\0\0\0\x11\x07\0\x0f\0FCGI_MPXS_CONNS-------".to_vec();
    records.extend_from_slice(b"\x01\x20\0\0\0\0\0\0");
    let mut request = Vec::new();
    encode_request(7, true, b"params", b"body", &mut request);
    let (begin, rest) = request.split_at(16);
    records.extend_from_slice(begin);
    // Another request, and an end to it, while this one is under way.
    records.extend_from_slice(b"\x01\x01\0\x08\0\x08\0\0\0\x01\0\0\0\0\0\0");
    records.extend_from_slice(b"\x01\x04\0\x08\0\x03\0\0abc\x01\x02\0\x08\0\0\0\0");
    records.extend_from_slice(rest);
    let heard = hear(&[&records]);
    let mut replies = b"\x01\x0a\0\0\0\x12\0\0\x0f\x01FCGI_MPXS_CONNS0".to_vec();
    replies.extend_from_slice(b"\x01\x0b\0\0\0\x08\0\0\x20\0\0\0\0\0\0\0");
    fastcgi::write_end(8, Ending::CannotMultiplex, &mut replies);
    let expected = Heard {
        params: b"params".to_vec(),
        body: b"body".to_vec(),
        replies,
        has_head: true,
        ended: Some(records.len()),
        ..Heard::default()
    };
    assert_eq!(heard, expected);
    assert_eq!(hear(&[&b"\x01\x20\0\0\0\0\0\0".repeat(65)]).refused, Some(GatewayError::TooManyAsides));
}

#[test]
fn an_authorizer_is_not_played_and_an_abort_is_heard() {
    let heard = hear(&[b"\x01\x01\0\x01\0\x08\0\0\0\x02\0\0\0\0\0\0"]);
    let mut replies = Vec::new();
    fastcgi::write_end(1, Ending::UnknownRole, &mut replies);
    assert_eq!((heard.refused, heard.replies), (Some(GatewayError::RoleUnknown), replies));
    assert!(hear(&[b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0\x01\x02\0\x01\0\0\0\0"]).aborted);
}

#[test]
fn a_long_answer_is_many_records_and_an_empty_one_is_none() {
    let mut out = Vec::new();
    fastcgi::write_stdout(0x102, b"", &mut out);
    assert_eq!(out, b"");
    fastcgi::write_stdout(0x102, &vec![b'x'; 70_000], &mut out);
    assert_eq!(&out[..8], b"\x01\x06\x01\x02\xff\xf8\0\0");
    assert_eq!(&out[8 + 65528..][..8], &[1, 6, 1, 2, (4472 >> 8) as u8, (4472 & 0xff) as u8, 0, 0]);
    assert_eq!(out.len(), 70_016);
}

fn variables() -> impl Strategy<Value = Pairs> {
    vec((vec(1..=255u8, 0..300), vec(1..=255u8, 0..300)), 0..6)
}

/// The same bytes in pieces.
fn cut<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(size.clamp(1, rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_is_read(variables in variables(), tail in vec(any::<u8>(), 0..20)) {
        let packet = uwsgi_packet(&variables);
        let sent = [&packet[..], &tail].concat();
        for end in 0..packet.len() {
            prop_assert_eq!(uwsgi::packet_len(&sent[..end]), Ok(None));
        }
        prop_assert_eq!(uwsgi::packet_len(&sent), Ok(Some(packet.len())));
        prop_assert_eq!(pointed_at(&packet, &uwsgi::variables(&packet).unwrap()), variables.clone());
        let mut scgi_variables = pairs(&[("CONTENT_LENGTH", ""), ("SCGI", "1")]);
        scgi_variables.extend(variables.clone());
        let packet = scgi_packet(&scgi_variables);
        let sent = [&packet[..], &tail].concat();
        for end in 0..packet.len() {
            prop_assert_eq!(scgi::packet_len(&sent[..end], 1 << 20), Ok(None));
        }
        prop_assert_eq!(scgi::packet_len(&sent, 1 << 20), Ok(Some(packet.len())));
        prop_assert_eq!(pointed_at(&packet, &scgi::variables(&packet).unwrap()), scgi_variables);
        let content = fastcgi_params(&variables);
        prop_assert_eq!(pointed_at(&content, &fastcgi::variables(&content).unwrap()), variables);
    }

    #[test]
    fn how_records_are_cut_does_not_matter(
        params in vec(any::<u8>(), 0..300),
        body in vec(any::<u8>(), 0..300),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
        sizes in vec(1usize..40, 1..8),
        id in 1..=u16::MAX,
    ) {
        let mut sent = Vec::new();
        encode_request(id, true, &params, &body, &mut sent);
        let whole = Heard { params, body, has_head: true, ended: Some(sent.len()), ..Heard::default() };
        prop_assert_eq!(hear(&cut(&sent, &sizes)), whole);
        for (place, byte) in changes {
            *place.get_mut(&mut sent) = byte;
        }
        sent.extend_from_slice(b"\x01\x04");
        let whole = hear(&[&sent]);
        prop_assert_eq!(&hear(&cut(&sent, &sizes)), &whole);
        prop_assert_eq!(&hear(&cut(&sent, &[1])), &whole);
    }

    #[test]
    fn no_bytes_do_harm(bytes in vec(any::<u8>(), 0..400), first in prop_oneof![Just(0u8), Just(1), Just(b'9')]) {
        let bytes = [&[first], &bytes[..]].concat();
        hear(&[&bytes]);
        for variables in all_read(&bytes).into_iter().flatten() {
            if let Ok((head, parser, _)) = head(&variables, &Limits::default()) {
                prop_assert!(head[..parser.head_len()].ends_with(b"\r\n\r\n"));
            }
        }
    }

    #[test]
    fn any_request_that_is_taken_is_a_head_that_can_be_read(
        more in vec(("[A-Z_.]{1,8}", "[ -~\u{e9}\n]{0,9}"), 0..6),
        path in "[/a-z %?#]{0,9}",
        uri in "(/[!-~]{0,9})?",
        method in "[A-Z]{2,4}",
    ) {
        let mut variables = pairs(&[("REQUEST_METHOD", &method), ("PATH_INFO", &path), ("REQUEST_URI", &uri)]);
        variables.extend(more.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
        if let Ok((mut bytes, parser, _)) = head(&variables, &Limits::default()) {
            let text = bytes[..parser.head_len()].to_vec();
            prop_assert_eq!(text.windows(4).position(|window| window == b"\r\n\r\n"), Some(text.len() - 4));
            let mut again = HeadParser::new();
            match again.advance(&mut bytes, &Limits::default()) {
                Ok(_) => prop_assert_eq!((again.line(), again.fields()), (parser.line(), parser.fields())),
                Err(error) => prop_assert_eq!(error, HeadError::HostMissing),
            }
        }
    }
}
