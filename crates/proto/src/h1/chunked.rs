//! The chunked transfer coding, decoded as its bytes arrive (RFC 9112 §7.1).

use core::ops::Range;

use memchr::memchr;

use super::error::{BodyError, HeadError};
use super::fields::{self, HeaderMap, Limits, Line, LineCursor, Permits};
use super::scan::{self, CR, LF};
use super::span::Span;

/// What `step` has made of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are dealt with.
    pub consumed: usize,
    pub event: ChunkEvent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkEvent {
    /// The whole input is consumed, the body goes on.
    NeedMore,
    /// Bytes of the body, as a range of the input; `consumed` is its end.
    Data(Range<usize>),
    /// The body is over, its trailers with it; what is not consumed belongs to the next request.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits of a chunk size; whether there has been one.
    Size {
        digits: bool,
    },
    Extension(Extension),
    /// The size line has had its CR.
    SizeLineFeed,
    Data {
        left: u64,
    },
    DataReturn,
    DataLineFeed,
    Trailers,
    Done,
    Failed(BodyError),
}

/// Within `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    BeforeSemicolon,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    Escaped,
    AfterQuoted,
}

/// Bytes of a size line that no one needs to account for: 16 digits and CRLF.
const PLAIN_LINE_BYTES: usize = 18;
/// How far chunk extensions may outgrow the data they come with (RFC 9112 §7.1.1 asks for a bound on the total).
const EXTENSION_BYTES: usize = 16 * 1024;

/// Names that a trailer section may not hold: framing, routing and authentication are settled by then (RFC 9110 §6.5.1).
const FORBIDDEN_TRAILERS: [&[u8]; 6] = [b"authorization", b"content-length", b"host", b"te", b"trailer", b"transfer-encoding"];

/// A resumable decoder. Trailers are read as strictly as fields, within the same limits, and dropped, unless it is told to
/// keep them.
#[derive(Debug)]
pub struct ChunkedDecoder {
    limits: Limits,
    state: State,
    size: u64,
    /// Bytes of the size line so far.
    line_bytes: usize,
    /// By how much extensions have outgrown data.
    extension_bytes: usize,
    /// The trailer line that is being read, as far as it has come.
    trailer: Vec<u8>,
    trailer_cursor: LineCursor,
    trailers: usize,
    /// Those to be kept, as [`trailers`] reads them.
    kept: Option<Vec<u8>>,
}

impl ChunkedDecoder {
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: Limits { permits: Permits { obsolete_folding: false, ..limits.permits }, ..*limits },
            state: State::Size { digits: false },
            size: 0,
            line_bytes: 0,
            extension_bytes: 0,
            trailer: Vec::new(),
            trailer_cursor: LineCursor::at(0),
            trailers: 0,
            kept: None,
        }
    }

    /// Keep the trailers, save those that `header_map` drops.
    #[must_use]
    pub fn keeping_trailers(mut self, wanted: bool) -> Self {
        self.kept = wanted.then(Vec::new);
        self
    }

    /// What has been kept, for [`trailers`] to read.
    pub fn take_trailers(&mut self) -> Vec<u8> {
        self.kept.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Bytes of the current chunk that are still to come, as its size line has announced them.
    pub fn chunk_left(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// Decode the start of `input`, the bytes after those consumed before, as far as the next event.
    ///
    /// # Errors
    /// The body is refused, for ever; where it ends is unknown, so the connection has to be closed.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, BodyError> {
        self.advance(input).inspect_err(|&error| self.state = State::Failed(error))
    }

    fn advance(&mut self, input: &[u8]) -> Result<Step, BodyError> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data { left } if at < input.len() => {
                    return Ok(self.data(left, at, input.len()));
                }
                State::Trailers if at < input.len() => at = self.trailers(input, at)?,
                State::Done => {
                    return Ok(Step { consumed: at, event: ChunkEvent::End });
                }
                State::Failed(error) => return Err(error),
                _ => {
                    let Some(&byte) = input.get(at) else {
                        return Ok(Step { consumed: at, event: ChunkEvent::NeedMore });
                    };
                    self.state = self.after(byte)?;
                    at += 1;
                }
            }
        }
    }

    fn data(&mut self, left: u64, at: usize, end: usize) -> Step {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(end - at);
        let left = left - length as u64;
        self.extension_bytes = self.extension_bytes.saturating_sub(length);
        self.state = if left == 0 { State::DataReturn } else { State::Data { left } };
        Step { consumed: at + length, event: ChunkEvent::Data(at..at + length) }
    }

    /// The state after `byte`, which stands outside data and trailers.
    #[inline]
    fn after(&mut self, byte: u8) -> Result<State, BodyError> {
        match (self.state, byte) {
            (State::DataReturn, CR) => return Ok(State::DataLineFeed),
            (State::DataLineFeed, LF) => return Ok(State::Size { digits: false }),
            (State::DataReturn | State::DataLineFeed, _) => return Err(BodyError::ChunkDataEnd),
            _ => {}
        }
        self.line_bytes += 1;
        let limit = self.limits.field_bytes();
        if self.line_bytes > limit {
            return Err(BodyError::ChunkLineTooLong { limit });
        }
        match self.state {
            State::Size { digits } => self.after_size(byte, digits),
            State::Extension(extension) => after_extension(extension, byte),
            _ if byte == LF => self.after_line(),
            _ => Err(BodyError::ChunkLineEnd),
        }
    }

    #[inline]
    fn after_size(&mut self, byte: u8, digits: bool) -> Result<State, BodyError> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            if self.size >> 60 != 0 {
                return Err(BodyError::ChunkSizeTooLarge);
            }
            self.size = self.size << 4 | u64::from(digit);
            return Ok(State::Size { digits: true });
        }
        match byte {
            _ if !digits => Err(BodyError::ChunkSizeInvalid),
            CR => Ok(State::SizeLineFeed),
            b';' => Ok(State::Extension(Extension::BeforeName)),
            b' ' | b'\t' => Ok(State::Extension(Extension::BeforeSemicolon)),
            LF => Err(BodyError::ChunkLineEnd),
            _ => Err(BodyError::ChunkSizeInvalid),
        }
    }

    /// The size line is whole.
    fn after_line(&mut self) -> Result<State, BodyError> {
        self.extension_bytes += self.line_bytes.saturating_sub(PLAIN_LINE_BYTES);
        if self.extension_bytes > EXTENSION_BYTES {
            return Err(BodyError::ChunkExtensionsTooLarge { limit: EXTENSION_BYTES });
        }
        self.line_bytes = 0;
        let left = core::mem::take(&mut self.size);
        Ok(if left == 0 { State::Trailers } else { State::Data { left } })
    }

    /// Deal with at most one line of the trailer section; where to go on.
    fn trailers(&mut self, input: &[u8], at: usize) -> Result<usize, BodyError> {
        let rest = &input[at..];
        let length = memchr(LF, rest).map_or(rest.len(), |offset| offset + 1);
        self.trailer.extend_from_slice(&rest[..length]);
        let line = fields::read_line(&mut self.trailer, &mut self.trailer_cursor, &self.limits);
        match line.map_err(BodyError::TrailerInvalid)? {
            Line::Partial => {}
            Line::End { .. } => self.state = State::Done,
            Line::Field { name, value, .. } => {
                self.check_trailer(name)?;
                self.keep_trailer(name, value);
                self.trailer.clear();
                self.trailer_cursor = LineCursor::at(0);
            }
        }
        Ok(at + length)
    }

    /// Refuse a trailer that has no place in a trailer section, or none left.
    fn check_trailer(&mut self, name: Span) -> Result<(), BodyError> {
        let name = name.of(&self.trailer);
        if self.trailer_cursor.underscore && self.limits.header_map == HeaderMap::Refuse {
            return Err(BodyError::TrailerInvalid(HeadError::FieldNameUnderscore));
        }
        if FORBIDDEN_TRAILERS.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
            return Err(BodyError::TrailerForbidden);
        }
        self.trailers += 1;
        if self.trailers > self.limits.max_fields() {
            return Err(BodyError::TooManyTrailers { limit: self.limits.max_fields() });
        }
        Ok(())
    }

    fn keep_trailer(&mut self, name: Span, value: Span) {
        let Some(kept) = &mut self.kept else { return };
        if self.trailer_cursor.underscore && self.limits.header_map == HeaderMap::Drop {
            return;
        }
        for part in [name.of(&self.trailer), b":", value.of(&self.trailer), b"\n"] {
            kept.extend_from_slice(part);
        }
    }
}

/// The names and values of what [`ChunkedDecoder::take_trailers`] has returned.
pub fn trailers(kept: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    // No name holds a colon, no value a line feed (RFC 9110 §5.1, §5.5).
    kept.split_inclusive(|&byte| byte == LF).filter_map(|line| {
        let colon = memchr(b':', line)?;
        Some((&line[..colon], &line[colon + 1..line.len() - 1]))
    })
}

fn after_extension(extension: Extension, byte: u8) -> Result<State, BodyError> {
    use Extension::{AfterName, AfterQuoted, BeforeName, BeforeSemicolon, BeforeValue, Escaped, Name, Quoted, Value};
    let is_text = byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
    let next = match (extension, byte) {
        (Name | Value | AfterQuoted, CR) => return Ok(State::SizeLineFeed),
        (Quoted, b'"') => AfterQuoted,
        (Quoted, b'\\') => Escaped,
        (Quoted | Escaped, _) if is_text => Quoted,
        (BeforeSemicolon | Name | AfterName | Value | AfterQuoted, b';') => BeforeName,
        (Name | AfterName, b'=') => BeforeValue,
        (BeforeValue, b'"') => Quoted,
        (BeforeSemicolon | BeforeName | AfterName | BeforeValue, b' ' | b'\t') => extension,
        (Name, b' ' | b'\t') => AfterName,
        (Value | AfterQuoted, b' ' | b'\t') => BeforeSemicolon,
        (BeforeName | Name, _) if scan::is_token(byte) => Name,
        (BeforeValue | Value, _) if scan::is_token(byte) => Value,
        (_, LF) => return Err(BodyError::ChunkLineEnd),
        _ => return Err(BodyError::ChunkExtensionInvalid),
    };
    Ok(State::Extension(next))
}
