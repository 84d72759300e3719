//! The request line: method, target, version (RFC 9112 §3).

use super::error::HeadError;
use super::fields::Permits;
use super::scan::{self, CR};
use super::span::Span;
use super::target::{self, TargetForm};

/// The versions served. HTTP/1.2 to 1.9 are answered as 1.1, the highest minor version this server speaks
/// (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    Http10,
    #[default]
    Http11,
    /// RFC 9113: no request line says it, but a head that was made of such a request.
    Http2,
}

/// The parts of the request line, measured from the first byte of the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestLine {
    pub method: Span,
    pub target: Span,
    pub version: Version,
}

/// The request line that `bytes` starts with and its length with CRLF, if it is as nearly all are: a usual method, a
/// path, HTTP/1.1. None: it is unusual, wrong or not yet whole; `parse` tells which.
#[inline(always)]
pub(super) fn read_common(bytes: &[u8], max_bytes: usize) -> Option<(RequestLine, usize)> {
    let mut method_len = 0;
    while scan::is_method(*bytes.get(method_len)?) {
        method_len += 1;
    }
    let (method, rest) = bytes.split_at_checked(method_len)?;
    let rest = rest.strip_prefix(b" ")?;
    let (target, rest) = rest.split_at_checked(scan::target_len(rest))?;
    let after = rest.strip_prefix(b" HTTP/1.1\r\n")?;
    let len = bytes.len() - after.len();
    if !(3..=20).contains(&method_len) || method == b"CONNECT" || target.first() != Some(&b'/') || len - 2 > max_bytes {
        return None;
    }
    let target_at = method_len + 1;
    let target = Span::new(target_at, target_at + target.len());
    Some((RequestLine { method: Span::new(0, method_len), target, version: Version::Http11 }, len))
}

/// Read the request line that fills `bytes[start..end]`, its CRLF left out.
pub(super) fn parse(
    bytes: &mut [u8],
    start: usize,
    end: usize,
    permits: Permits,
) -> Result<(RequestLine, TargetForm), HeadError> {
    let line = &mut bytes[..end];
    let method_end = method_end(line, start, permits)?;
    if permits.casefold_method {
        line[start..method_end].make_ascii_uppercase();
    }
    let line = &*line;
    let target_end = method_end + 1 + scan::target_len(&line[method_end + 1..]);
    if target_end == method_end + 1 {
        return Err(HeadError::RequestLineMalformed);
    }
    match line.get(target_end) {
        Some(b' ') => {}
        Some(&CR) => return Err(HeadError::BareCarriageReturn),
        Some(_) => return Err(HeadError::TargetInvalid),
        None => return Err(HeadError::RequestLineMalformed),
    }
    let version = version(&line[target_end + 1..], permits)?;
    let method = Span::new(start, method_end);
    let target = Span::new(method_end + 1, target_end);
    let form = target::check(method.of(line), target.of(line))?;
    Ok((RequestLine { method, target, version }, form))
}

/// Where the method that starts at `start` ends: at a single space.
fn method_end(line: &[u8], start: usize, permits: Permits) -> Result<usize, HeadError> {
    let mut at = start;
    while line.get(at).is_some_and(|&byte| scan::is_method(byte)) {
        at += 1;
    }
    let conventional = at;
    while line.get(at).is_some_and(|&byte| scan::is_token(byte)) {
        at += 1;
    }
    match line.get(at) {
        Some(b' ') if at > start => {}
        Some(_) => return Err(HeadError::MethodInvalid),
        None => return Err(HeadError::RequestLineMalformed),
    }
    if !permits.unconventional_method && (conventional < at || !(3..=20).contains(&(at - start))) {
        return Err(HeadError::MethodUnconventional);
    }
    Ok(at)
}

/// `HTTP/digit.digit`, in capitals (RFC 9112 §2.3).
fn version(text: &[u8], permits: Permits) -> Result<Version, HeadError> {
    match text {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => match major {
            b'1' => Ok(Version::Http11),
            _ if !permits.unconventional_version => Err(HeadError::VersionUnsupported),
            b'0' => Ok(Version::Http10),
            _ => Ok(Version::Http11),
        },
        _ => Err(HeadError::VersionMalformed),
    }
}
