//! From a record to the bytes of a line.

use std::net::IpAddr;

use longma_proto::h1::{Version, target};

use super::format::{Atom, Padding};
use super::record::{Outcome, Record, first_line};
use crate::base64;
use crate::escape::{self, put};
use crate::sys::clock::{self, CivilTime};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Escaped; `-` where unknown.
    Text,
    /// The same, filled up.
    Padded(Padding),
    /// JSON; `null` where unknown.
    Json,
}

impl Shape {
    fn text(self, value: Option<&[u8]>, out: &mut Vec<u8>) {
        match (self, value) {
            (Self::Json, Some(value)) => escape::json(value, out),
            (_, Some(value)) => escape::line(value, out),
            (_, None) => self.unknown(out),
        }
    }

    fn unknown(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self == Self::Json { b"null" } else { b"-" });
    }
}

/// What is known of a request when it has come.
pub fn early(atom: &Atom, record: &mut Record<'_>, shape: Shape, out: &mut Vec<u8>) {
    let start = out.len();
    early_value(atom, record, shape, out);
    if let Shape::Padded(padding) = shape {
        padding.apply(start, out);
    }
}

fn early_value(atom: &Atom, record: &mut Record<'_>, shape: Shape, out: &mut Vec<u8>) {
    let line = record.head.line();
    let known = record.has_line();
    match atom {
        Atom::Peer => match record.peer {
            Some(peer) if shape == Shape::Json => {
                out.push(b'"');
                put_address(peer.ip(), out);
                out.push(b'"');
            }
            Some(peer) => put_address(peer.ip(), out),
            None => shape.unknown(out),
        },
        Atom::User => {
            shape.text(record.field(b"authorization").and_then(user_of).filter(|user| !user.is_empty()).as_deref(), out)
        }
        Atom::RequestLine if known => put_line(record, out),
        Atom::RequestLine => shape.text(Some(first_line(record.bytes)).filter(|line| !line.is_empty()), out),
        Atom::Unparsed if known => {}
        Atom::Unparsed => {
            out.extend_from_slice(b",\"request\":");
            escape::json(first_line(record.bytes), out);
        }
        Atom::Method | Atom::Protocol | Atom::RawPath | Atom::Path | Atom::Query if !known => shape.unknown(out),
        Atom::Method => shape.text(Some(line.method.of(record.bytes)), out),
        Atom::Protocol => shape.text(Some(protocol(line.version)), out),
        Atom::RawPath => {
            let whole = line.target.of(record.bytes);
            shape.text(Some(target::split(whole).path.of(whole)), out);
        }
        Atom::Path => {
            let whole = line.target.of(record.bytes);
            let mut decoded = Vec::new();
            target::percent_decode(target::split(whole).path.of(whole), &mut decoded);
            shape.text(Some(&decoded), out);
        }
        Atom::Query => {
            let whole = line.target.of(record.bytes);
            shape.text(Some(target::split(whole).query.of(whole)), out);
        }
        Atom::RequestField(name) => shape.text(record.field(name.as_bytes()), out),
        Atom::JoinedField(name) => shape.text(record.joined_field(name.as_bytes()).as_deref(), out),
        Atom::ResponseField(name) => shape.text(record.response_field(name.as_bytes()), out),
        Atom::Environ(name) => {
            let mut value = Vec::new();
            let found = (record.environ)(name, &mut value);
            shape.text(found.then_some(&value[..]), out);
        }
        Atom::Trace => {
            if let Some((trace, span)) = record.only_field(b"traceparent").and_then(trace_of) {
                put(out, format_args!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\""));
            }
        }
        _ => shape.unknown(out),
    }
}

fn put_line(record: &Record<'_>, out: &mut Vec<u8>) {
    let line = record.head.line();
    escape::line(line.method.of(record.bytes), out);
    out.push(b' ');
    escape::line(line.target.of(record.bytes), out);
    out.push(b' ');
    out.extend_from_slice(protocol(line.version));
}

/// What is known when its answer is over.
pub fn late(atom: &Atom, outcome: &Outcome, time: &[u8], shape: Shape, out: &mut Vec<u8>) {
    let start = out.len();
    late_value(atom, outcome, time, shape, out);
    if let Shape::Padded(padding) = shape {
        padding.apply(start, out);
    }
}

fn late_value(atom: &Atom, outcome: &Outcome, time: &[u8], shape: Shape, out: &mut Vec<u8>) {
    let micros = outcome.duration_ns / 1000;
    match atom {
        Atom::Time => out.extend_from_slice(time),
        Atom::IsoTime => write_iso_time(clock::wall_ms(), out),
        Atom::Status => match &outcome.status {
            Some(status) => out.extend_from_slice(status),
            None => shape.unknown(out),
        },
        Atom::Bytes => put_number(outcome.sent, out),
        Atom::Seconds => put_number(micros / 1_000_000, out),
        Atom::Milliseconds => put_number(micros / 1000, out),
        Atom::Microseconds => put_number(micros, out),
        Atom::DecimalSeconds => put(out, format_args!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)),
        _ => shape.unknown(out),
    }
}

fn put_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                put_number(octet.into(), out);
            }
        }
        IpAddr::V6(v6) => put(out, format_args!("{v6}")),
    }
}

/// Formatting machinery costs more than the digits.
fn put_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
        Version::Http2 => b"HTTP/2.0",
    }
}

/// The user of Basic credentials (RFC 7617 §2).
fn user_of(credentials: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = credentials.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let encoded = encoded.trim_ascii();
    let end = encoded.iter().position(|&byte| byte == b'=').unwrap_or(encoded.len());
    let mut decoded = base64::unpadded(&encoded[..end], base64::STANDARD)?;
    let end = decoded.iter().position(|&byte| byte == b':')?;
    decoded.truncate(end);
    Some(decoded)
}

/// The trace and the span that the client's own call belongs to (W3C Trace Context, "traceparent Header Field Values").
fn trace_of(value: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(value).ok()?;
    let is_id = |id: &str, length: usize| id.len() == length && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let has_more = parts.next().is_some();
    let is_valid = is_id(version, 2)
        && version != "ff"
        && is_id(trace, 32)
        && is_id(span, 16)
        && is_id(flags, 2)
        && !(version == "00" && has_more)
        && trace.bytes().any(|byte| byte != b'0')
        && span.bytes().any(|byte| byte != b'0');
    is_valid.then_some((trace, span))
}

/// `[23/Nov/2026:09:57:13 +0000]`.
pub fn write_time(time: CivilTime, out: &mut Vec<u8>) {
    let CivilTime { year, month, day, hour, minute, second, offset_minutes } = time;
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let offset = offset_minutes.abs();
    let month = MONTHS[usize::from(month) % 12];
    let (zone_hour, zone_minute) = (offset / 60, offset % 60);
    put(out, format_args!("[{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} {sign}{zone_hour:02}{zone_minute:02}]"));
}

fn write_iso_time(wall_ms: i64, out: &mut Vec<u8>) {
    let CivilTime { year, month, day, hour, minute, second, .. } = clock::utc(wall_ms.div_euclid(1000));
    let (month, milliseconds) = (month + 1, wall_ms.rem_euclid(1000));
    put(out, format_args!("\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z\""));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_traceparent_names_a_trace() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let of = |text: &str| trace_of(text.as_bytes()).map(|(trace, span)| (trace.to_owned(), span.to_owned()));
        let known = Some((trace.to_owned(), span.to_owned()));
        assert_eq!(of(&format!("00-{trace}-{span}-01")), known);
        assert_eq!(of(&format!("01-{trace}-{span}-01-later")), known);
        for wrong in [
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-1"),
            String::new(),
        ] {
            assert_eq!(of(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_written_with_its_milliseconds() {
        let mut out = Vec::new();
        write_iso_time(1_795_000_000_007, &mut out);
        assert_eq!(out, b"\"2026-11-18T11:06:40.007Z\"");
    }
}
