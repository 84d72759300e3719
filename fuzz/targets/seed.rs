//! Writes the corpus of cases, and the samples of packets and of what proxies say, as the fuzzer's first inputs:
//! `seed FOLDER` makes a folder below FOLDER for each target.

#![allow(dead_code)]

#[path = "../../crates/proto/tests/support/corpus.rs"]
mod corpus;
#[path = "../support/input.rs"]
mod input;
#[path = "../../crates/proto/tests/support/packets.rs"]
mod packets;
#[path = "../../crates/proto/tests/support/wire.rs"]
mod wire;

use std::path::Path;
use std::{env, fs, io, process};

use longma_proto::h1::{HeaderMap, Limits, Trust};

/// Longer cases are of limits; the fuzzer has small limits of its own.
const MAX_SEED_BYTES: usize = 2000;

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
    for (name, header, _) in wire::proxy_headers() {
        fs::write(folder.join("proxy").join(name), header)?;
    }
    for (name, value, _) in wire::FORWARDED {
        fs::write(folder.join("forwarded").join(name), value)?;
    }
    for sample in wire::samples() {
        // A prefix of nothing chooses the limits of a server that is told none, a second one small ones.
        for (end, choices) in [("", 0), ("-small", 8)] {
            let seed = [&[choices, 0, 0][..], &sample.bytes].concat();
            fs::write(folder.join("gateway").join(sample.name.clone() + end), seed)?;
        }
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
