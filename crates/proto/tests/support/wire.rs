//! What web servers and proxies send, and what those do who play one: samples for the tests of the parsers, for the random
//! walks and for the fuzzer's first inputs.

use longma_proto::fastcgi::encode_request;

use super::packets::{Pairs, fastcgi_params, pairs, scgi_packet, uwsgi_packet};

/// What a sample speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    Uwsgi,
    Scgi,
    FastCgi,
}

/// A request that is handed over, or none.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub spoken: Spoken,
    pub bytes: Vec<u8>,
    /// Whether it is a whole request that can be served.
    pub is_request: bool,
}

const GET: &[(&str, &str)] =
    &[("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/a%20b?c=d"), ("PATH_INFO", "/a b"), ("SERVER_PROTOCOL", "HTTP/1.1")];

/// What variables are for, they themselves, and whether it is a request with them.
type Beside = (&'static str, &'static [(&'static str, &'static str)], bool);

/// Variables besides those of a plain request.
const BESIDES: [Beside; 30] = [
    ("plain", &[], true),
    ("as-nginx-says", &[("QUERY_STRING", "c=d"), ("CONTENT_TYPE", ""), ("DOCUMENT_URI", "/a b"), ("HTTP_HOST", "a")], true),
    ("client", &[("REMOTE_ADDR", "2001:db8::1"), ("REMOTE_PORT", "65535"), ("SERVER_PORT", "80")], true),
    ("client-on-unix", &[("REMOTE_ADDR", "unix:"), ("REMOTE_PORT", "")], true),
    ("https", &[("HTTPS", "on"), ("REQUEST_SCHEME", "http")], true),
    ("mounted", &[("SCRIPT_NAME", "/a b"), ("PATH_INFO", "/a b/c"), ("REQUEST_URI", "/a%20b/c")], true),
    ("mounted-twice", &[("SCRIPT_NAME", "/x"), ("SCRIPT_NAME", "")], true),
    ("no-path", &[("PATH_INFO", ""), ("REQUEST_URI", "")], true),
    ("old", &[("SERVER_PROTOCOL", "HTTP/1.0"), ("HTTP_CONNECTION", "close")], true),
    ("proxied", &[("HTTP_X_FORWARDED_FOR", "192.0.2.1, 10.0.0.1"), ("HTTP_FORWARDED", "for=\"[::1]:8\"")], true),
    ("fields-twice", &[("HTTP_COOKIE", "a=1"), ("HTTP_COOKIE", "b=2"), ("HTTP_X", " a\tb ")], true),
    ("dropped", &[("HTTP_PROXY", "http://x"), ("HTTP_TRANSFER_ENCODING", "chunked"), ("HTTP_CONTENT_TYPE", "x")], true),
    ("controls-in-a-path", &[("PATH_INFO", "/\r\n\u{7f}"), ("REQUEST_URI", "/%0D%0A%7F")], true),
    ("target-of-a-proxy", &[("REQUEST_URI", "http://a/b?c")], true),
    ("not-ascii", &[("PATH_INFO", "/\u{fc}"), ("REQUEST_URI", "/\u{fc}?\u{fc}"), ("X", "\u{fc}")], true),
    ("long", &[("HTTP_LONG", LONG), (LONG_NAME, "x"), ("EMPTY", "")], true),
    ("method-twice", &[("REQUEST_METHOD", "POST")], false),
    ("length-of-a-client", &[("CONTENT_LENGTH", "1"), ("HTTP_CONTENT_LENGTH", "2")], false),
    ("length-negative", &[("CONTENT_LENGTH", "-1")], false),
    ("length-too-large", &[("CONTENT_LENGTH", "18446744073709551616")], false),
    ("length-twice", &[("CONTENT_LENGTH", "4"), ("CONTENT_LENGTH", "5")], false),
    ("line-in-a-field", &[("HTTP_A", "a\r\nB: c")], false),
    ("nul-in-a-value", &[("X", "a\0b")], false),
    ("name-of-the-server", &[("wsgi.url_scheme", "https")], false),
    ("name-empty", &[("", "x")], false),
    ("name-with-a-space", &[("A B", "x")], false),
    ("field-without-a-name", &[("HTTP_", "x")], false),
    ("host-twice", &[("HTTP_HOST", "a"), ("HTTP_HOST", "b")], false),
    ("host-odd", &[("HTTP_HOST", "a b")], false),
    ("target-odd", &[("REQUEST_URI", "a b")], false),
];
const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
                    0123456789012345678901234567890123456789";
const LONG_NAME: &str = "N0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456\
                         0123456789012345678901234567890123456789";

/// Packets that are none, whatever variables they might hold.
const NO_PACKETS: [(&str, Spoken, &[u8]); 21] = [
    ("http", Spoken::Uwsgi, b"GET / HTTP/1.1\r\n\r\n"),
    ("other-modifier", Spoken::Uwsgi, b"\x05\0\0\0"),
    ("other-second-modifier", Spoken::Uwsgi, b"\0\0\0\x1e"),
    ("empty", Spoken::Uwsgi, b"\0\0\0\0"),
    ("string-too-long", Spoken::Uwsgi, b"\0\x04\0\0\xff\xff\xff\xff"),
    ("value-missing", Spoken::Uwsgi, b"\0\x03\0\0\x01\0a"),
    ("half-a-size", Spoken::Uwsgi, b"\0\x01\0\0a"),
    ("http", Spoken::Scgi, b"GET / HTTP/1.1\r\n\r\n"),
    ("length-with-a-zero", Spoken::Scgi, b"07:"),
    ("length-without-end", Spoken::Scgi, b"1234567890"),
    ("empty", Spoken::Scgi, b"0:,"),
    ("no-comma", Spoken::Scgi, b"3:abc;"),
    ("no-nul", Spoken::Scgi, b"3:a\0b,"),
    ("no-version", Spoken::Scgi, b"17:CONTENT_LENGTH\x000\0,"),
    ("length-not-first", Spoken::Scgi, b"24:SCGI\x001\0CONTENT_LENGTH\x000\0,"),
    ("http", Spoken::FastCgi, b"GET / HTTP/1.1\r\n\r\n"),
    ("number-0", Spoken::FastCgi, b"\x01\x01\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0"),
    ("role", Spoken::FastCgi, b"\x01\x01\0\x01\0\x08\0\0\0\x02\0\0\0\0\0\0"),
    ("beginning-too-short", Spoken::FastCgi, b"\x01\x01\0\x01\0\x07\0\0"),
    ("answer", Spoken::FastCgi, b"\x01\x06\0\x01\0\x01\0\0a"),
    ("end", Spoken::FastCgi, b"\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0"),
];

/// All samples.
pub fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name: &str, spoken, bytes, is_request| {
        samples.push(Sample { name: format!("{spoken:?}-{name}").to_lowercase(), spoken, bytes, is_request });
    };
    for (name, besides, is_request) in BESIDES {
        let replaced = |name: &str| besides.iter().any(|(other, _)| *other == name) && is_request;
        let told: Vec<_> = GET.iter().filter(|(name, _)| !replaced(name)).chain(besides).copied().collect();
        let told = pairs(&told);
        add(name, Spoken::Uwsgi, uwsgi_packet(&told), is_request);
        add(name, Spoken::Scgi, scgi(&told, b""), is_request);
        add(name, Spoken::FastCgi, fastcgi(&told, b""), is_request);
    }
    let told = pairs(&[GET, &[("CONTENT_LENGTH", "4"), ("CONTENT_TYPE", "text/plain")]].concat());
    add("body", Spoken::Uwsgi, [uwsgi_packet(&told), b"body".to_vec()].concat(), true);
    add("body", Spoken::Scgi, scgi(&told, b"body"), true);
    add("body", Spoken::FastCgi, fastcgi(&told, b"body"), true);
    for (name, spoken, bytes) in NO_PACKETS {
        add(name, spoken, bytes.to_vec(), false);
    }
    for (name, bytes, is_request) in in_records() {
        add(name, Spoken::FastCgi, bytes, is_request);
    }
    samples
}

/// Records that only FastCGI has, between those of a request and in their place.
fn in_records() -> Vec<(&'static str, Vec<u8>, bool)> {
    let request = fastcgi(&pairs(GET), b"body");
    let (begin, rest) = request.split_at(16);
    let between = |records: &[u8]| [begin, records, rest].concat();
    let other =
        b"\x01\x01\0\x08\0\x08\0\0\0\x01\0\0\0\0\0\0\x01\x04\0\x08\0\x03\x02\0abc--\x01\x05\0\x08\0\0\0\0\x01\x02\0\x08\0\0\0\0";
    let question = b"\x01\x09\0\0\0\x11\x07\0\x0f\0FCGI_MPXS_CONNS-------";
    vec![
        ("another-beside", between(other), true),
        ("question", [&question[..], &request].concat(), true),
        ("question-malformed", between(b"\x01\x09\0\0\0\x02\0\0\x0f\0"), false),
        ("unknown-kind", between(b"\x01\x20\0\0\0\x03\x01\0abc-"), true),
        ("data", between(b"\x01\x08\0\x01\0\x03\0\0abc"), true),
        ("aborted", between(b"\x01\x02\0\x01\0\0\0\0"), false),
        ("begun-twice", [begin, &request].concat(), false),
        ("body-before-variables", between(b"\x01\x05\0\x01\0\x01\0\0a"), false),
        ("asides-without-end", [begin, &b"\x01\x20\0\0\0\0\0\0".repeat(65)].concat(), false),
        (
            "sizes",
            [begin, b"\x01\x04\0\x01\0\x04\0\0\xff\xff\xff\xff\x01\x04\0\x01\0\0\0\0\x01\x05\0\x01\0\0\0\0"].concat(),
            false,
        ),
        ("padded", [begin, &padded(rest)].concat(), true),
    ]
}

/// The records with padding behind each.
fn padded(mut records: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((header, rest)) = records.split_first_chunk::<8>() {
        let (content, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[4], header[5]])));
        out.extend_from_slice(&[&header[..6], &[40, 0], content, &[0x55; 40]].concat());
        records = rest;
    }
    out
}

fn scgi(told: &Pairs, body: &[u8]) -> Vec<u8> {
    let length = told.iter().find(|(name, _)| name == b"CONTENT_LENGTH").map_or_else(Vec::new, |(_, value)| value.clone());
    let length = if length.is_empty() { body.len().to_string().into_bytes() } else { length };
    let mut first: Pairs = vec![(b"CONTENT_LENGTH".to_vec(), length), (b"SCGI".to_vec(), b"1".to_vec())];
    first.extend(told.iter().cloned());
    [scgi_packet(&first), body.to_vec()].concat()
}

fn fastcgi(told: &Pairs, body: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    encode_request(1, true, &fastcgi_params(told), body, &mut records);
    records
}

const V4: &[u8] = b"\xc0\0\x02\x01\xc0\0\x02\x02\xdc\x04\x01\xbb";

/// Headers of the PROXY protocol, and whether each is one.
pub fn proxy_headers() -> Vec<(&'static str, Vec<u8>, bool)> {
    let binary = |command: u8, family: u8, block: &[u8]| {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, block].concat()
    };
    let v6 = [&[0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[1], &[0; 15], &[1], &[0, 1, 0, 80]].concat();
    let tls = [V4, b"\x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.3\x04\0\x03pad"].concat();
    vec![
        ("v1-tcp4", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_vec(), true),
        ("v1-tcp6", b"PROXY TCP6 2001:db8::1 ::1 1 80\r\n".to_vec(), true),
        ("v1-unknown", b"PROXY UNKNOWN\r\n".to_vec(), true),
        ("v1-unknown-more", b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".to_vec(), true),
        ("v1-longest", [&b"PROXY UNKNOWN "[..], &[b'x'; 91], b"\r\n"].concat(), true),
        ("v1-too-long", [&b"PROXY UNKNOWN "[..], &[b'x'; 92], b"\r\n"].concat(), false),
        ("v1-bare-lf", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n".to_vec(), false),
        ("v1-word-missing", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n".to_vec(), false),
        ("v1-word-too-many", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n".to_vec(), false),
        ("v1-families-mixed", b"PROXY TCP4 192.0.2.1 ::1 1 2\r\n".to_vec(), false),
        ("v1-port-too-large", b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 1\r\n".to_vec(), false),
        ("v1-port-with-a-sign", b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 1\r\n".to_vec(), false),
        ("v1-family-odd", b"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), false),
        ("v1-not-text", b"PROXY TCP4 \xff \xff 1 2\r\n".to_vec(), false),
        ("v2-tcp4", binary(0x21, 0x11, V4), true),
        ("v2-udp4", binary(0x21, 0x12, V4), true),
        ("v2-tcp6", binary(0x21, 0x21, &v6), true),
        ("v2-unix", binary(0x21, 0x31, &[b'a'; 216]), true),
        ("v2-local", binary(0x20, 0x00, b""), true),
        ("v2-local-more", binary(0x20, 0xff, &[0xff; 5]), true),
        ("v2-unspecified", binary(0x21, 0x00, b"\x04\0\x01a"), true),
        ("v2-tls", binary(0x21, 0x11, &tls), true),
        ("v2-version-3", binary(0x31, 0x11, V4), false),
        ("v2-command-odd", binary(0x22, 0x11, V4), false),
        ("v2-family-odd", binary(0x21, 0x41, V4), false),
        ("v2-too-short", binary(0x21, 0x21, V4), false),
        ("v2-too-long", [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..], V4].concat(), false),
        ("v2-addition-cut", binary(0x21, 0x11, &[V4, b"\x04\0\x02x"].concat()), false),
        ("v2-tls-cut", binary(0x21, 0x11, &[V4, b"\x20\0\0"].concat()), false),
    ]
}

/// Values of the fields that say for whom a proxy asks, and whether each is well-formed as `Forwarded`.
pub const FORWARDED: [(&str, &str, bool); 16] = [
    ("list", "192.0.2.1, [2001:db8::1]:80, unknown", false),
    ("elements", "for=192.0.2.60;proto=http;by=203.0.113.43, for=_hidden", true),
    ("quoted", "for=\"[2001:db8::1]:_port\";host=\"a\\\"b,c;for=1.2.3.4\"", true),
    ("ports", "for=192.0.2.43:47011,FOR=\"[::ffff:1.2.3.4]:65535\", for=\"1.2.3.4:0\"", true),
    ("empty", "", true),
    ("empty-elements", ", for=192.0.2.1 ,, ;for=192.0.2.2; ,", true),
    ("no-client", "proto=https", true),
    ("odd-nodes", "for=unknown, for=\"\", for=\"_\", for=\"fe80::1%1\"", true),
    ("ports-odd", "192.0.2.1:, 192.0.2.1:65536, [::1, [::1]1, ::1:80:80", false),
    ("quote-open", "for=\"192.0.2.1", false),
    ("quote-open-over-elements", "for=192.0.2.1;x=\", for=192.0.2.2;y=\"z\"", false),
    ("quote-and-more", "for=\"192.0.2.1\"x", false),
    ("twice", "for=192.0.2.1;FOR=\"\"", false),
    ("no-value", "for=, for", false),
    ("escape-at-the-end", "for=\"\\", false),
    ("spaces", "for =192.0.2.1 for=192.0.2.2", false),
];
