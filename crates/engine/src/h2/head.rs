//! From the fields of an HTTP/2 request to its head as HTTP/1.1 has it, which is read like any other: so it is held to the same
//! rules and limits. What `h2` lets through holds no controls, and no field that concerns a connection (RFC 9113 §8.2.2).

use std::ops::Range;

use http::header::{COOKIE, HOST};
use http::request::Parts;
use http::uri::Scheme;

/// What is told as the version, once the head has been read.
pub const VERSION: &[u8] = b"HTTP/2.0";

/// What a head says of its scheme, where it does.
pub fn says_https(parts: &Parts) -> Option<bool> {
    parts.uri.scheme().map(|scheme| *scheme == Scheme::HTTPS)
}

/// Write the head of a request, and say where in it the version is told. Where two hosts are named both are written, and the
/// head will be refused (RFC 9113 §8.3.1).
pub fn write(parts: &Parts, out: &mut Vec<u8>) -> Range<usize> {
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let path = parts.uri.path_and_query().map(|path| path.as_str().as_bytes());
    for part in [parts.method.as_str().as_bytes(), b" ", path.or(authority).unwrap_or(b"*"), b" "] {
        out.extend_from_slice(part);
    }
    let version = out.len()..out.len() + VERSION.len();
    out.extend_from_slice(b"HTTP/1.1\r\n");
    if let Some(authority) = authority {
        field(b"host", authority, out);
    }
    for (name, value) in &parts.headers {
        let is_known = *name == HOST && authority.is_some_and(|authority| value.as_bytes().eq_ignore_ascii_case(authority));
        if !is_known && *name != COOKIE {
            field(name.as_str().as_bytes(), value.as_bytes(), out);
        }
    }
    // A client may send them in crumbs, so that its table remembers each (RFC 9113 §8.2.3).
    let mut cookies = parts.headers.get_all(COOKIE).iter().map(http::HeaderValue::as_bytes);
    if let Some(first) = cookies.next() {
        out.extend_from_slice(b"cookie: ");
        out.extend_from_slice(first);
        for crumb in cookies {
            out.extend_from_slice(b"; ");
            out.extend_from_slice(crumb);
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    version
}

fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn written(request: http::request::Builder) -> String {
        let mut out = Vec::new();
        let version = write(&request.body(()).unwrap().into_parts().0, &mut out);
        assert_eq!(&out[version], b"HTTP/1.1");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_is_written_as_the_older_protocol_has_it() {
        let request = Request::post("https://a.test/b?c=d").header("cookie", "a=1").header("x", "y").header("cookie", "b=2");
        let expected = "POST /b?c=d HTTP/1.1\r\nhost: a.test\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n";
        assert_eq!(written(request), expected);
        let connect = Request::builder().method("CONNECT").uri("a.test:443");
        assert_eq!(written(connect), "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n");
        let bare = Request::builder().method("OPTIONS").uri("*").header("host", "a");
        assert_eq!(written(bare), "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n");
    }

    #[test]
    fn a_host_that_is_said_twice_is_written_twice_unless_it_is_the_same() {
        let request = |host: &str| Request::get("http://a.test/").header("host", host.to_owned());
        assert_eq!(written(request("A.test")), "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n");
        assert_eq!(written(request("b.test")), "GET / HTTP/1.1\r\nhost: a.test\r\nhost: b.test\r\n\r\n");
    }
}
