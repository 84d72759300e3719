//! What the clients of a walk may send: requests and what is none, in each protocol.

#[allow(dead_code)]
#[path = "../../../proto/tests/support/packets.rs"]
mod packets;
#[allow(dead_code)]
#[path = "../../../proto/tests/support/wire.rs"]
mod wire;

use longma_proto::fastcgi::encode_request;
use packets::{fastcgi_params, pairs, scgi_packet, uwsgi_packet};
use wire::{Spoken, proxy_headers, samples};

use crate::gateway::Protocol;

pub fn requests(protocol: Protocol) -> Vec<Vec<u8>> {
    let spoken = match protocol {
        Protocol::Http => return http(),
        Protocol::Uwsgi => Spoken::Uwsgi,
        Protocol::FastCgi => Spoken::FastCgi,
        Protocol::Scgi => Spoken::Scgi,
    };
    let mut requests: Vec<Vec<u8>> =
        samples().into_iter().filter(|sample| sample.spoken == spoken).map(|sample| sample.bytes).collect();
    for (told, sent) in [(12, 12), (3000, 3000), (70_000, 70_000), (200_000, 70_000), (12, 11), (12, 13), (0, 3)] {
        requests.push(post("/", told, &vec![b'x'; sent], spoken));
    }
    requests.push(post("/-/health", 0, b"", spoken).repeat(if spoken == Spoken::FastCgi { 1000 } else { 1 }));
    requests.push(post("/-/health", 12, b"twelve bytes", spoken));
    requests
}

/// A request with a body, which is as long as is told or not.
fn post(path: &str, told: usize, body: &[u8], spoken: Spoken) -> Vec<u8> {
    let length = told.to_string();
    let variables = pairs(&[("CONTENT_LENGTH", &length), ("SCGI", "1"), ("REQUEST_METHOD", "POST"), ("PATH_INFO", path)]);
    match spoken {
        Spoken::Uwsgi => [&uwsgi_packet(&variables), body].concat(),
        Spoken::Scgi => [&scgi_packet(&variables), body].concat(),
        Spoken::FastCgi => {
            let mut records = Vec::new();
            encode_request(1, true, &fastcgi_params(&variables), body, &mut records);
            records
        }
    }
}

fn http() -> Vec<Vec<u8>> {
    let post = |fields: &str, body: &[u8]| [format!("POST / HTTP/1.1\r\nHost: t\r\n{fields}\r\n\r\n").as_bytes(), body].concat();
    vec![
        b"GET / HTTP/1.1\r\nHost: t\r\n\r\n".to_vec(),
        b"GET /again HTTP/1.1\r\nHost: t\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        b"\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n".repeat(5),
        post("Content-Length: 12", b"twelve bytes"),
        post("Content-Length: 3000", &[b'x'; 3000]),
        post("Content-Length: 70000", &[b'x'; 70_000]),
        post("Content-Length: 200000", &[b'x'; 70_000]),
        post("Transfer-Encoding: chunked", b"4\r\nfour\r\n5;a=b\r\nbytes\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked", &[b"bb8\r\n", &[b'x'; 3000][..], b"\r\n0\r\n\r\n"].concat()),
        post("Transfer-Encoding: chunked", b"nothing of the kind\r\n"),
        post("Expect: 100-continue\r\nContent-Length: 12", b"twelve bytes"),
        b"nonsense\r\n\r\n".to_vec(),
        b"GET /-/health HTTP/1.1\r\nHost: t\r\n\r\n".to_vec(),
        b"HEAD /-/health?now HTTP/1.1\r\nHost: t\r\n\r\n".repeat(1000),
        b"GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /-/health HTTP/1.1\r\nHost: t\r\n\r\n".repeat(5),
        b"POST /-/health HTTP/1.1\r\nHost: t\r\nContent-Length: 12\r\n\r\ntwelve bytes".to_vec(),
    ]
}

/// What a proxy may say first; as often as not something that it may say.
pub fn headers() -> Vec<Vec<u8>> {
    proxy_headers().into_iter().map(|(_, header, _)| header).chain([Vec::new(), b"PRO".to_vec(), b"\r\n".to_vec()]).collect()
}
