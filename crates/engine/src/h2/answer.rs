//! The head of an answer, as it was written for HTTP/1.1, taken apart for HTTP/2.

use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use memchr::memmem;

const STATUS_LINE: usize = b"HTTP/1.1 200".len();

/// A head.
pub struct Head {
    pub response: Response<()>,
    /// Bytes that it took.
    pub len: usize,
    /// The length that it says its body has.
    pub length: Option<u64>,
}

/// Whether a field concerns the connection, and so is said in another way (RFC 9113 §8.2.2).
fn is_of_connection(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade")
}

/// The head that `bytes` begin with. `None`: they do not, which can only be a mistake of ours.
pub fn read(bytes: &[u8]) -> Option<Head> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let (line, fields) = match memmem::find(&bytes[..end], b"\r\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..end]),
        None => (&bytes[..end], &[][..]),
    };
    let status = StatusCode::from_bytes(line.get(STATUS_LINE - 3..STATUS_LINE)?).ok()?;
    let mut headers = HeaderMap::with_capacity(8);
    let mut length = None;
    let mut rest = fields;
    while !rest.is_empty() {
        let at = memmem::find(rest, b"\r\n").unwrap_or(rest.len());
        let (line, next) = rest.split_at(at);
        rest = next.get(2..).unwrap_or_default();
        let colon = memchr::memchr(b':', line)?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        if is_of_connection(name.as_str()) {
            continue;
        }
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        if name == CONTENT_LENGTH {
            length = value.to_str().ok()?.parse().ok();
        }
        headers.append(name, value);
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Some(Head { response, len: end + 4, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_the_connection_is_left_out() {
        let bytes =
            b"HTTP/1.1 404 Not Found\r\nServer: x\r\nConnection: close\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\n\
            Upgrade: h\r\nSet-Cookie: a\r\nSet-Cookie:  b \r\nContent-Length: 4\r\n\r\nbody";
        let Head { response, len, length } = read(bytes).unwrap();
        assert_eq!((response.status().as_u16(), &bytes[len..], length), (404, &b"body"[..], Some(4)));
        let fields: Vec<_> = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected = [("server", &b"x"[..]), ("set-cookie", b"a"), ("set-cookie", b"b"), ("content-length", b"4")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_head_may_have_no_fields() {
        assert_eq!(read(b"HTTP/1.1 103 Early Hints\r\n\r\n").unwrap().len, 28);
        assert!(read(b"HTTP/1.1 200 OK\r\n").is_none());
        assert!(read(b"").is_none());
    }
}
