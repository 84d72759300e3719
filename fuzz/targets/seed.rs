//! Writes the corpus of cases as the fuzzer's first inputs: `seed FOLDER` makes FOLDER/{head,chunked,connection,proxy,gateway}.

#![allow(dead_code)]

#[path = "../../crates/proto/tests/support/corpus.rs"]
mod corpus;
#[path = "../support/input.rs"]
mod input;
#[path = "../../crates/proto/tests/support/packets.rs"]
mod packets;

use std::path::Path;
use std::{env, fs, io, process};

use longma_proto::fastcgi::encode_request;
use longma_proto::h1::{HeaderMap, Limits, Trust};

/// Longer cases are of limits; the fuzzer has small limits of its own.
const MAX_SEED_BYTES: usize = 2000;

/// Headers of the PROXY protocol.
const PROXY_HEADERS: [(&str, &[u8]); 4] = [
    ("tcp4", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"),
    ("tcp6", b"PROXY TCP6 2001:db8::1 ::1 1 80\r\n"),
    ("unknown", b"PROXY UNKNOWN\r\n"),
    ("binary", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\x01\x02\x03\x04\x05\x06\x07\x08\0\x50\x01\xBB\x20\0\x05\x01\0\0\0\0"),
];

/// What proxies say of those for whom they ask.
const FORWARDED: [(&str, &str); 3] = [
    ("list", "192.0.2.1, [2001:db8::1]:80, unknown"),
    ("elements", "for=192.0.2.60;proto=http;by=203.0.113.43, for=_hidden"),
    ("quoted", "for=\"[2001:db8::1]:_port\";host=\"a\\\"b\""),
];

fn main() -> io::Result<()> {
    let Some(folder) = env::args().nth(1) else {
        eprintln!("usage: seed FOLDER");
        process::exit(2);
    };
    let folder = Path::new(&folder);
    for target in ["head", "chunked", "connection", "proxy", "forwarded", "gateway"] {
        fs::create_dir_all(folder.join(target))?;
    }
    let mut cases = corpus::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/corpus"));
    cases.retain(|case| case.input.len() <= MAX_SEED_BYTES);
    for case in &cases {
        let seed = [&prefix(&case.limits)[..], &case.input].concat();
        fs::write(folder.join("head").join(&case.name), &seed)?;
        fs::write(folder.join("connection").join(&case.name), &seed)?;
        if let Some(body) = chunked_body(&case.input) {
            fs::write(folder.join("chunked").join(&case.name), [&prefix(&case.limits)[..], body].concat())?;
        }
    }
    for (name, header) in PROXY_HEADERS {
        fs::write(folder.join("proxy").join(name), header)?;
    }
    for (name, value) in FORWARDED {
        fs::write(folder.join("forwarded").join(name), value)?;
    }
    let told = packets::pairs(&[("CONTENT_LENGTH", "4"), ("SCGI", "1"), ("REQUEST_METHOD", "POST"), ("PATH_INFO", "/a b")]);
    let mut records = Vec::new();
    encode_request(1, true, &packets::fastcgi_params(&told), b"body", &mut records);
    let seeds = [("uwsgi", packets::uwsgi_packet(&told)), ("scgi", packets::scgi_packet(&told)), ("fastcgi", records)];
    for (name, packet) in seeds {
        fs::write(folder.join("gateway").join(name), [&[0; input::PREFIX_BYTES][..], &packet].concat())?;
    }
    println!("{} cases as seeds", cases.len());
    Ok(())
}

/// The choices that come nearest to a case's limits.
fn prefix(limits: &Limits) -> [u8; input::PREFIX_BYTES] {
    let header_map = match limits.header_map {
        HeaderMap::Drop if limits.trust == Trust::default() => 0,
        HeaderMap::Drop => 3,
        HeaderMap::Refuse => 1,
        HeaderMap::Dangerous => 2,
    };
    let is_small = limits.field_size < 100 || limits.request_line < 100 || limits.fields < 10;
    let permits = [
        (limits.permits.unconventional_method, 4),
        (is_small, 8),
        (limits.permits.obsolete_folding, 16),
        (limits.permits.spaces_before_colon, 32),
        (limits.permits.unconventional_version, 64),
        (limits.permits.casefold_method, 128),
    ];
    [permits.iter().fold(header_map, |all, &(is_set, bit)| if is_set { all | bit } else { all }), 0, 0]
}

/// What follows the head of a request that says it is chunked.
fn chunked_body(wire: &[u8]) -> Option<&[u8]> {
    const FIELD: &[u8] = b"Transfer-Encoding: chunked\r\n";
    let head_len = wire.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    wire[..head_len].windows(FIELD.len()).any(|line| line == FIELD).then(|| &wire[head_len..])
}
