//! The access log: a format compiled once, a line appended to memory per request, written out in large pieces.
//!
//! Format and atoms are Gunicorn's (`access_log_format`). What comes from a client is escaped: a line is a line.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;

use longma_proto::h1::{Field, HeadParser, Version, target};

use crate::access_format::{Atom, Piece, parse};
use crate::sys::clock::{self, LocalTime};

/// Written out at the latest when this much has gathered.
const FULL_BYTES: usize = 32 * 1024;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A request and its answer, as the log sees them.
pub struct Record<'a> {
    pub peer: Option<SocketAddr>,
    pub bytes: &'a [u8],
    pub head: &'a HeadParser,
    pub status: &'a [u8],
    /// The answer's head, as sent.
    pub response_head: &'a [u8],
    /// Bytes of the answer's body.
    pub sent: u64,
    pub duration_ns: u64,
    /// Looks a variable of the environ up.
    pub environ: &'a mut dyn FnMut(&str, &mut Vec<u8>) -> bool,
}

/// The log and what has gathered for it.
pub struct AccessLog {
    file: File,
    pieces: Vec<Piece>,
    pending: Vec<u8>,
    time: Vec<u8>,
    time_of: i64,
    timed: bool,
}

impl AccessLog {
    /// Log to `file` in `format`.
    pub fn new(file: File, format: &str) -> Self {
        let pieces = parse(format);
        let timed = pieces.iter().any(|piece| matches!(piece, Piece::Atom(atom) if atom.needs_duration()));
        Self { file, pieces, pending: Vec::with_capacity(FULL_BYTES + 4096), time: Vec::new(), time_of: i64::MIN, timed }
    }

    /// Whether lines tell how long a request took, so that somebody must measure it.
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Whether lines tell variables of the environ.
    pub fn wants_environ(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Atom(Atom::Environ(_))))
    }

    /// Add a line. `wall_seconds`: now.
    pub fn record(&mut self, record: &mut Record<'_>, wall_seconds: i64) {
        if wall_seconds != self.time_of {
            self.time_of = wall_seconds;
            self.time.clear();
            write_time(clock::local_time(wall_seconds), &mut self.time);
        }
        let Self { pieces, pending, time, .. } = self;
        for piece in pieces.iter() {
            match piece {
                Piece::Text(text) => pending.extend_from_slice(text.as_bytes()),
                Piece::Atom(Atom::Time) => pending.extend_from_slice(time),
                Piece::Atom(atom) => write_atom(atom, record, pending),
            }
        }
        pending.push(b'\n');
        if pending.len() >= FULL_BYTES {
            self.flush();
        }
    }

    /// Write out what has gathered.
    pub fn flush(&mut self) {
        if !self.pending.is_empty() {
            // A log that can't be written must not stop the service; the disk's state is told elsewhere.
            let _ = self.file.write_all(&self.pending);
            self.pending.clear();
        }
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }
}

fn write_atom(atom: &Atom, record: &mut Record<'_>, out: &mut Vec<u8>) {
    let line = record.head.line();
    match atom {
        Atom::Time => {}
        Atom::Peer => match record.peer {
            Some(peer) => put(out, format_args!("{}", peer.ip())),
            None => out.push(b'-'),
        },
        Atom::Dash => out.push(b'-'),
        Atom::User => match field(record, b"authorization").and_then(user_of) {
            Some(user) => escape(&user, out),
            None => out.push(b'-'),
        },
        Atom::RequestLine => {
            escape(line.method.of(record.bytes), out);
            out.push(b' ');
            escape(line.target.of(record.bytes), out);
            out.push(b' ');
            out.extend_from_slice(protocol(line.version));
        }
        Atom::Method => escape(line.method.of(record.bytes), out),
        Atom::Protocol => out.extend_from_slice(protocol(line.version)),
        Atom::Path => {
            let whole = line.target.of(record.bytes);
            let mut decoded = Vec::new();
            target::percent_decode(target::split(whole).path.of(whole), &mut decoded);
            escape(&decoded, out);
        }
        Atom::Query => {
            let whole = line.target.of(record.bytes);
            escape(target::split(whole).query.of(whole), out);
        }
        Atom::Status => out.extend_from_slice(record.status),
        Atom::Bytes => put(out, format_args!("{}", record.sent)),
        Atom::RequestField(name) => optional(field(record, name.as_bytes()), out),
        Atom::ResponseField(name) => optional(response_field(record.response_head, name.as_bytes()), out),
        Atom::Environ(name) => {
            let mut value = Vec::new();
            let found = (record.environ)(name, &mut value);
            optional(found.then_some(&value[..]), out);
        }
        Atom::Seconds => put(out, format_args!("{}", record.duration_ns / 1_000_000_000)),
        Atom::Milliseconds => put(out, format_args!("{}", record.duration_ns / 1_000_000)),
        Atom::Microseconds => put(out, format_args!("{}", record.duration_ns / 1_000)),
        Atom::DecimalSeconds => {
            let micros = record.duration_ns / 1_000;
            put(out, format_args!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
        }
        Atom::Process => put(out, format_args!("<{}>", std::process::id())),
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
    }
}

fn optional(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value {
        Some(value) => escape(value, out),
        None => out.push(b'-'),
    }
}

fn field<'a>(record: &Record<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let block = record.bytes.get(record.head.fields_at()..)?;
    let wanted = |field: &&Field| field.name.of(block).eq_ignore_ascii_case(name);
    record.head.fields().iter().find(wanted).map(|field| field.value.of(block))
}

fn response_field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
    })
}

/// The user of Basic credentials (RFC 7617 §2).
fn user_of(credentials: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = credentials.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut decoded = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for &byte in encoded.trim_ascii() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push((bits >> held) as u8);
        }
    }
    let end = decoded.iter().position(|&byte| byte == b':')?;
    decoded.truncate(end);
    Some(decoded)
}

/// Copy what is printable ASCII; everything else, and the quote and the backslash, becomes an escape.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: u8| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b'\\';
    if text.iter().all(|&byte| plain(byte)) {
        return out.extend_from_slice(text);
    }
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ if plain(byte) => out.push(byte),
            _ => put(out, format_args!("\\x{byte:02x}")),
        }
    }
}

fn write_time(time: LocalTime, out: &mut Vec<u8>) {
    let LocalTime { year, month, day, hour, minute, second, offset_minutes } = time;
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let offset = offset_minutes.abs();
    let month = MONTHS[usize::from(month) % 12];
    let (zone_hour, zone_minute) = (offset / 60, offset % 60);
    put(out, format_args!("[{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} {sign}{zone_hour:02}{zone_minute:02}]"));
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
