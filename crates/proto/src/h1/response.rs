//! Responses: what an application may say, how the body is framed, and our own error answers.

use core::fmt;

use super::framing::decimal;
use super::line::Version;
use super::scan;

/// What becomes of a field that the application has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldClass {
    /// Written as it is.
    Pass,
    /// Left out: it is hop-by-hop (RFC 9110 §7.6.1; PEP 3333, "Other HTTP Features") or ours to say.
    Drop,
    ContentLength,
}

/// The class of a field by its name, in any case. The names dropped are those Gunicorn drops.
#[inline]
pub fn classify(name: &[u8]) -> FieldClass {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    let is_dropped = match name.len() {
        2 => is(b"te"),
        4 => is(b"date"),
        6 => is(b"server"),
        7 => is(b"upgrade"),
        8 => is(b"trailers"),
        10 => is(b"connection") || is(b"keep-alive"),
        14 if is(b"content-length") => return FieldClass::ContentLength,
        17 => is(b"transfer-encoding"),
        18 => is(b"proxy-authenticate"),
        19 => is(b"proxy-authorization"),
        _ => false,
    };
    if is_dropped { FieldClass::Drop } else { FieldClass::Pass }
}

/// Why a response cannot be written as the application would have it. The application is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    StatusInvalid,
    FieldNameInvalid,
    FieldValueInvalid,
    ContentLengthInvalid,
}

impl ResponseError {
    pub const fn status(self) -> u16 {
        500
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatusInvalid => "the status is not three digits, a space and a reason without control characters",
            Self::FieldNameInvalid => "a field name is not a token",
            Self::FieldValueInvalid => "a field value holds a control character",
            Self::ContentLengthInvalid => "the Content-Length is not a number",
        })
    }
}

impl core::error::Error for ResponseError {}

/// The code of a status such as `200 OK`, `200 ` or `200` (RFC 9112 §4; PEP 3333, "The start_response() Callable").
///
/// # Errors
/// It is not three digits from 100 up, or a control character follows them.
#[inline]
pub fn check_status(status: &[u8]) -> Result<u16, ResponseError> {
    let (digits, reason) = status.split_at_checked(3).ok_or(ResponseError::StatusInvalid)?;
    let is_separated = reason.first().is_none_or(|&byte| byte == b' ');
    let code = decimal(digits).filter(|&code| code >= 100 && is_separated);
    let code = code.ok_or(ResponseError::StatusInvalid)? as u16;
    if scan::value_len(status) < status.len() { Err(ResponseError::StatusInvalid) } else { Ok(code) }
}

/// Whether `name` is a token (RFC 9110 §5.1).
///
/// # Errors
/// It is not.
#[inline]
pub fn check_name(name: &[u8]) -> Result<(), ResponseError> {
    let is_valid = !name.is_empty() && name.iter().all(|&byte| scan::is_token(byte));
    if is_valid { Ok(()) } else { Err(ResponseError::FieldNameInvalid) }
}

/// Whether `value` is free of controls other than HTAB (RFC 9110 §5.5): no CR, LF or NUL gets past.
///
/// # Errors
/// It is not.
#[inline]
pub fn check_value(value: &[u8]) -> Result<(), ResponseError> {
    if scan::value_len(value) < value.len() { Err(ResponseError::FieldValueInvalid) } else { Ok(()) }
}

/// The number a Content-Length says, whitespace around it forgiven.
///
/// # Errors
/// It is not `1*DIGIT` or exceeds 64 bits.
#[inline]
pub fn parse_length(value: &[u8]) -> Result<u64, ResponseError> {
    decimal(scan::trim(value)).ok_or(ResponseError::ContentLengthInvalid)
}

/// How the end of a response body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body may follow the head, whatever the fields say.
    None,
    Length(u64),
    Chunked,
    /// The body ends with the connection.
    Close,
}

/// All that the framing of a response depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramingFacts {
    pub version: Version,
    pub head_request: bool,
    pub connect_request: bool,
    pub status: u16,
    pub content_length: Option<u64>,
    /// Whether the connection may go on, as far as request and server are concerned.
    pub keep_alive: bool,
    /// The protocol tells the end of an answer, which is written as for HTTP/1.0.
    pub gateway: bool,
}

/// The framing of a response, and whether the connection goes on after it (RFC 9112 §6, §9.3).
#[inline]
pub fn frame(facts: FramingFacts) -> (Framing, bool) {
    let keep_alive = facts.keep_alive;
    match facts.status {
        // After 101 the bytes belong to another protocol, after 2xx to CONNECT to a tunnel: no framing of ours.
        101 => (Framing::None, false),
        200..=299 if facts.connect_request => (Framing::Close, false),
        100..=199 | 204 | 304 => (Framing::None, keep_alive),
        _ if facts.head_request => (Framing::None, keep_alive),
        _ => match (facts.content_length, facts.version) {
            (Some(length), _) => (Framing::Length(length), keep_alive),
            (None, Version::Http11) => (Framing::Chunked, keep_alive),
            (None, Version::Http10 | Version::Http2) => (Framing::Close, facts.gateway && keep_alive),
        },
    }
}

/// Whether a response with this status may not have a Content-Length, even of 0 (RFC 9110 §8.6).
#[inline]
pub const fn forbids_length(status: u16) -> bool {
    matches!(status, 100..=199 | 204)
}

/// Append the line that precedes a chunk of `len` bytes, such as `1f4\r\n`.
#[inline]
pub fn chunk_head(len: usize, out: &mut Vec<u8>) {
    const DIGITS: usize = usize::BITS as usize / 4;
    let mut text = [0_u8; DIGITS + 2];
    let mut at = DIGITS;
    let mut rest = len;
    loop {
        at -= 1;
        text[at] = b"0123456789abcdef"[rest & 0xf];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    text[DIGITS] = b'\r';
    text[DIGITS + 1] = b'\n';
    out.extend_from_slice(&text[at..]);
}

/// A whole answer to a request that is refused or failed: short, plain, and the last on its connection.
pub fn error_response(status: u16, detail: &str, date: &[u8; 29], head_request: bool) -> Vec<u8> {
    let reason = reason(status);
    let separator = if detail.is_empty() { "" } else { ": " };
    let body = format!("{status} {reason}{separator}{detail}\n");
    let mut answer = format!("HTTP/1.1 {status} {reason}\r\nServer: longma\r\nDate: ").into_bytes();
    answer.extend_from_slice(date);
    // RFC 9110 §10.2.3: it is worth trying again soon.
    let retry = if status == 503 { "Retry-After: 1\r\n" } else { "" };
    let fields = format!("Connection: close\r\n{retry}Content-Type: text/plain; charset=utf-8\r\nContent-Length: ");
    answer.extend_from_slice(format!("\r\n{fields}{}\r\n\r\n", body.len()).as_bytes());
    if !head_request {
        answer.extend_from_slice(body.as_bytes());
    }
    answer
}

/// The reason phrase of a status (RFC 9110 §15 and the registry), or `Unknown`.
pub fn reason(status: u16) -> &'static str {
    REASONS.binary_search_by_key(&status, |row| row.0).map_or("Unknown", |at| REASONS[at].1)
}

/// In the order of the statuses.
const REASONS: [(u16, &str); 62] = [
    (100, "Continue"),
    (101, "Switching Protocols"),
    (102, "Processing"),
    (103, "Early Hints"),
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (203, "Non-Authoritative Information"),
    (204, "No Content"),
    (205, "Reset Content"),
    (206, "Partial Content"),
    (207, "Multi-Status"),
    (208, "Already Reported"),
    (226, "IM Used"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (303, "See Other"),
    (304, "Not Modified"),
    (305, "Use Proxy"),
    (307, "Temporary Redirect"),
    (308, "Permanent Redirect"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (402, "Payment Required"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (407, "Proxy Authentication Required"),
    (408, "Request Timeout"),
    (409, "Conflict"),
    (410, "Gone"),
    (411, "Length Required"),
    (412, "Precondition Failed"),
    (413, "Content Too Large"),
    (414, "URI Too Long"),
    (415, "Unsupported Media Type"),
    (416, "Range Not Satisfiable"),
    (417, "Expectation Failed"),
    (418, "I'm a Teapot"),
    (421, "Misdirected Request"),
    (422, "Unprocessable Content"),
    (423, "Locked"),
    (424, "Failed Dependency"),
    (425, "Too Early"),
    (426, "Upgrade Required"),
    (428, "Precondition Required"),
    (429, "Too Many Requests"),
    (431, "Request Header Fields Too Large"),
    (451, "Unavailable For Legal Reasons"),
    (500, "Internal Server Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Gateway Timeout"),
    (505, "HTTP Version Not Supported"),
    (506, "Variant Also Negotiates"),
    (507, "Insufficient Storage"),
    (508, "Loop Detected"),
    (510, "Not Extended"),
    (511, "Network Authentication Required"),
];
