//! Field lines: `name ":" OWS value OWS` (RFC 9112 §5), the limits on them, and the facts a server must know of them.

use super::error::HeadError;
use super::scan::{self, CR, LF};
use super::span::Span;
use super::trust::Trust;

/// A field, measured from the first byte of the *field block* (the byte after the request line), so that the
/// same block on a later request has the same fields. The value is without the whitespace around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub name: Span,
    pub value: Span,
}

/// What becomes of a field whose name holds `_`. In CGI's names `-` and `_` are the same, so such a field can
/// pass itself off as one that a proxy in front has checked (Gunicorn's `header_map`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderMap {
    #[default]
    Drop,
    Refuse,
    Dangerous,
}

/// Bounds on a head, as Gunicorn's settings of these names have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line without CRLF; 0 and anything above 1 MiB mean 1 MiB.
    pub request_line: usize,
    /// Fields kept; 0 and anything above 32768 mean 32768.
    pub fields: usize,
    /// Bytes of one field line with its CRLF; 0 means 8190, anything above 1 MiB means 1 MiB.
    pub field_size: usize,
    pub header_map: HeaderMap,
    pub permits: Permits,
    pub trust: Trust,
}

/// What is let through although it should not be sent: Gunicorn's settings of these names. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// Values that go on in a further line, which starts with a space (RFC 9112 §5.2). Not in trailers.
    pub obsolete_folding: bool,
    /// Spaces between a name and its colon (RFC 9112 §5.1), which are forgotten.
    pub spaces_before_colon: bool,
    /// Any token as a method, not only 3 to 20 characters, none of them lower case or `#`.
    pub unconventional_method: bool,
    /// Any version of two digits: those before 1.0 are served as 1.0, those from 2.0 on as 1.1.
    pub unconventional_version: bool,
    /// Make methods upper case.
    pub casefold_method: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 4094,
            fields: 100,
            field_size: 8190,
            header_map: HeaderMap::Drop,
            permits: Permits::default(),
            trust: Trust::default(),
        }
    }
}

const MAX_LINE_BYTES: usize = 1 << 20;
const MAX_FIELDS: usize = 32768;
/// Keeps spans within 32 bits, and a head within memory, whatever the settings say.
const MAX_BLOCK_BYTES: usize = 64 << 20;
const DEFAULT_FIELD_BYTES: usize = 8190;

impl Limits {
    #[inline]
    pub(super) const fn line_bytes(&self) -> usize {
        if self.request_line == 0 || self.request_line > MAX_LINE_BYTES { MAX_LINE_BYTES } else { self.request_line }
    }

    #[inline]
    pub(super) const fn max_fields(&self) -> usize {
        if self.fields == 0 || self.fields > MAX_FIELDS { MAX_FIELDS } else { self.fields }
    }

    #[inline]
    pub(super) const fn field_bytes(&self) -> usize {
        match self.field_size {
            0 => DEFAULT_FIELD_BYTES,
            1 => 2,
            MAX_LINE_BYTES.. => MAX_LINE_BYTES,
            bytes => bytes,
        }
    }

    /// Bytes of the variables that a head is made of: as much as the head may have, and other variables as well.
    pub const fn packet_bytes(&self) -> usize {
        const OTHER_BYTES: usize = 64 << 10;
        self.line_bytes() + self.block_bytes() + OTHER_BYTES
    }

    /// Bytes of all field lines together, those of dropped fields included.
    #[inline]
    pub(super) const fn block_bytes(&self) -> usize {
        let bytes = self.max_fields() * (self.field_bytes() + 2) + 4;
        if bytes > MAX_BLOCK_BYTES { MAX_BLOCK_BYTES } else { bytes }
    }
}

/// The Host field, of which there may be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostSeen {
    #[default]
    None,
    /// There, without a value: for a target that has no authority (RFC 9112 §3.2).
    Empty,
    One,
}

/// What must be known of the fields to frame the request and to go on with the connection.
///
/// These are facts of the field block alone, so they hold for every request with the same block. What also depends
/// on the version is told by [`HeadParser`](super::HeadParser)'s methods: HTTP/1.0 knows no expectations and no upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub content_length: Option<u64>,
    /// Transfer-Encoding is `chunked` and nothing else.
    pub chunked: bool,
    /// Connection lists `close`.
    pub close: bool,
    /// Connection lists `keep-alive`.
    pub keep_alive: bool,
    /// Connection lists `upgrade` and there is an Upgrade field.
    pub upgrade: bool,
    /// Expect lists `100-continue`.
    pub expect_continue: bool,
    /// Expect lists something else, or nothing.
    pub expect_other: bool,
    pub host: HostSeen,
    /// A peer that is believed says that its client used https.
    pub https: bool,
    /// The value of SCRIPT_NAME, in the field block, where such a peer has sent it: where the application is mounted.
    pub script: Option<Span>,
}

/// How far the field line at `line_at` has been read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineCursor {
    /// Where the line starts.
    pub line_at: usize,
    /// No byte before this needs to be looked at again.
    pub scanned: usize,
    /// Where the colon is; 0, where no colon can be, while it has not been found.
    pub colon: usize,
    /// The name holds `_`.
    pub underscore: bool,
    /// Where the name ends, once that has been found, if there are spaces behind it.
    name_end: usize,
    /// The value goes on in further lines.
    folded: bool,
}

impl LineCursor {
    #[inline]
    pub(super) const fn at(line_at: usize) -> Self {
        Self { line_at, scanned: line_at, colon: 0, underscore: false, name_end: 0, folded: false }
    }

    /// Whether nothing of the line has been read.
    #[inline]
    pub(super) const fn is_fresh(&self) -> bool {
        self.scanned == self.line_at
    }
}

/// What a look at the bytes from the start of a line has shown.
pub(super) enum Line {
    Partial,
    /// The empty line that ends the block; `next` is the byte after it.
    End {
        next: usize,
    },
    /// A field. `value` is trimmed; all are measured from the start of the bytes given.
    Field {
        name: Span,
        value: Span,
        next: usize,
    },
}

/// A field line as nearly all are: a plain name, `: `, printable text, CRLF.
pub(super) struct CommonLine<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// What comes after the line.
    pub rest: &'a [u8],
}

impl<'a> CommonLine<'a> {
    /// Bytes between name and value.
    pub const GAP: usize = 2;

    /// The line that `bytes` starts with, or None when it is unusual, wrong or not yet whole: `read_line` tells which.
    #[inline(always)]
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (name, rest) = bytes.split_at_checked(scan::plain_len(bytes))?;
        let rest = rest.strip_prefix(b": ")?;
        let (value, rest) = rest.split_at_checked(scan::text_len(rest))?;
        let rest = rest.strip_prefix(b"\r\n")?;
        let is_common = !name.is_empty() && *value.first()? != b' ' && *value.last()? != b' ';
        is_common.then_some(Self { name, value, rest })
    }
}

/// Read on in one field line, which a permitted folding makes several.
///
/// An error is found at the same byte however the bytes come in pieces: whatever stands first on the wire decides.
pub(super) fn read_line(bytes: &mut [u8], cursor: &mut LineCursor, limits: &Limits) -> Result<Line, HeadError> {
    let (line_at, max_bytes) = (cursor.line_at, limits.field_bytes());
    if cursor.colon == 0 {
        if bytes.get(line_at) == Some(&CR) {
            return read_end(bytes, line_at);
        }
        let stop = name_end(bytes, cursor, limits.permits);
        if stop - line_at + 2 > max_bytes {
            return Err(HeadError::FieldTooLarge { limit: max_bytes });
        }
        match bytes.get(stop) {
            Some(b':') if stop > line_at => cursor.colon = stop,
            Some(&other) => return Err(name_error(other, stop == line_at)),
            None => return Ok(Line::Partial),
        }
        cursor.scanned = stop + 1;
    }
    let stop = loop {
        let stop = cursor.scanned + scan::value_len(&bytes[cursor.scanned..]);
        if stop - line_at + 2 > max_bytes {
            return Err(HeadError::FieldTooLarge { limit: max_bytes });
        }
        if !bytes[stop..].starts_with(b"\r\n") {
            cursor.scanned = stop;
            return unfinished(&bytes[stop..]);
        }
        if !limits.permits.obsolete_folding {
            break stop;
        }
        match bytes.get(stop + 2) {
            Some(b' ' | b'\t') => (cursor.scanned, cursor.folded) = (stop + 2, true),
            Some(_) => break stop,
            None => {
                // Whether the value goes on shows with the next byte.
                cursor.scanned = stop;
                return Ok(Line::Partial);
            }
        }
    };
    if cursor.folded {
        unfold(&mut bytes[cursor.colon + 1..stop]);
    }
    let name = Span::new(line_at, if cursor.name_end == 0 { cursor.colon } else { cursor.name_end });
    let value = trimmed(bytes, cursor.colon + 1, stop);
    Ok(Line::Field { name, value, next: stop + 2 })
}

/// Make one line of a value that goes over several: each CRLF with the whitespace around it becomes a space (RFC 9112
/// §5.2). What is left over is filled with spaces.
#[cold]
fn unfold(value: &mut [u8]) {
    let (mut read, mut end) = (0, 0);
    while read < value.len() {
        let byte = value[read];
        if byte != CR {
            value[end] = byte;
            (read, end) = (read + 1, end + 1);
            continue;
        }
        while end > 0 && matches!(value[end - 1], b' ' | b'\t') {
            end -= 1;
        }
        while read < value.len() && matches!(value[read], CR | LF | b' ' | b'\t') {
            read += 1;
        }
        value[end] = b' ';
        end += 1;
    }
    value[end..].fill(b' ');
}

/// What to make of a value that ends before `rest`, which does not start with CRLF.
#[cold]
fn unfinished(rest: &[u8]) -> Result<Line, HeadError> {
    match rest {
        [] | [CR] => Ok(Line::Partial),
        [CR, ..] => Err(HeadError::BareCarriageReturn),
        [LF, ..] => Err(HeadError::BareLineFeed),
        _ => Err(HeadError::FieldValueInvalid),
    }
}

/// The first byte at or after the cursor that belongs to no token, or to no space behind one where that is permitted.
fn name_end(bytes: &[u8], cursor: &mut LineCursor, permits: Permits) -> usize {
    let mut stop = cursor.scanned;
    while cursor.name_end == 0
        && let Some(&byte) = bytes.get(stop)
        && scan::is_token(byte)
    {
        cursor.underscore |= byte == b'_';
        stop += 1;
    }
    let is_space = |at: usize| matches!(bytes.get(at), Some(b' ' | b'\t'));
    if permits.spaces_before_colon && stop > cursor.line_at && is_space(stop) {
        if cursor.name_end == 0 {
            cursor.name_end = stop;
        }
        while is_space(stop) {
            stop += 1;
        }
    }
    cursor.scanned = stop;
    stop
}

fn read_end(bytes: &[u8], at: usize) -> Result<Line, HeadError> {
    match bytes.get(at + 1) {
        None => Ok(Line::Partial),
        Some(&LF) => Ok(Line::End { next: at + 2 }),
        Some(_) => Err(HeadError::BareCarriageReturn),
    }
}

#[cold]
fn name_error(stopped_by: u8, at_start: bool) -> HeadError {
    match stopped_by {
        b' ' | b'\t' if at_start => HeadError::FoldedLine,
        b' ' | b'\t' => HeadError::SpaceBeforeColon,
        LF => HeadError::BareLineFeed,
        _ => HeadError::FieldNameInvalid,
    }
}

/// `bytes[start..end]` without the whitespace around it. Linear, since a value may be all whitespace.
#[inline]
fn trimmed(bytes: &[u8], mut start: usize, mut end: usize) -> Span {
    while start < end && matches!(bytes[start], b' ' | b'\t') {
        start += 1;
    }
    while start < end && matches!(bytes[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    Span::new(start, end)
}
