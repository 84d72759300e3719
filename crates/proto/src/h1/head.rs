//! The request head, read as its bytes arrive.

use memchr::memchr;

use super::error::HeadError;
use super::fields::{self, CommonLine, Facts, Field, HeaderMap, Limits, Line, LineCursor};
use super::framing::{BodyLength, Gathered};
use super::line::{self, RequestLine, Version};
use super::scan::{self, CR, LF};
use super::span::Span;
use super::target::TargetForm;
use crate::gateway::Translated;

/// How far the head has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Partial,
    /// The head is whole; its length counts from the first byte given, a leading CRLF included.
    Complete {
        head_len: usize,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    RequestLine,
    Fields,
    Complete,
    Failed(HeadError),
}

/// A resumable parser of request heads.
///
/// It is given the same bytes again and again as more of them arrive, always from the head's first byte, and looks at
/// each byte a bounded number of times however they are cut. It keeps its memory from one request to the next.
#[derive(Debug, Default)]
pub struct HeadParser {
    state: State,
    line: RequestLine,
    form: TargetForm,
    cursor: LineCursor,
    fields: Vec<Field>,
    fields_at: usize,
    head_len: usize,
    gathered: Gathered,
    /// What a web server has said besides, where the head was made of what it said.
    translated: Option<Box<Translated>>,
}

impl HeadParser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Make ready for the next head, keeping what has been allocated.
    #[inline]
    pub fn reset(&mut self) {
        self.fields.clear();
        self.state = State::RequestLine;
        self.line = RequestLine::default();
        self.form = TargetForm::default();
        self.cursor = LineCursor::at(0);
        self.gathered = Gathered::default();
        self.fields_at = 0;
        self.head_len = 0;
        self.translated = None;
    }

    /// Read on. `bytes` starts at the head's first byte and has only grown since the last call. What `Permits` lets
    /// through is made regular in place.
    ///
    /// # Errors
    /// The head is refused, and so will be whatever follows it until `reset`.
    #[inline]
    pub fn advance(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Progress, HeadError> {
        if self.request_line(bytes, limits)?.is_none() {
            return Ok(Progress::Partial);
        }
        if self.state == State::Complete {
            return Ok(Progress::Complete { head_len: self.head_len });
        }
        self.read_fields(bytes, limits).map_err(|error| self.fail(error))
    }

    /// Read on, no further than the request line; the offset of the field block once the line is there.
    ///
    /// # Errors
    /// As `advance`.
    #[inline]
    pub fn request_line(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Option<usize>, HeadError> {
        match self.state {
            State::RequestLine => self.read_request_line(bytes, limits).map_err(|error| self.fail(error)),
            State::Fields | State::Complete => Ok(Some(self.fields_at)),
            State::Failed(error) => Err(error),
        }
    }

    /// Take the fields and facts of an earlier request whose field block had the same bytes as this one's.
    ///
    /// The request line has been read; `head_len` is that of this request. What depends on the request line as well
    /// is checked again.
    ///
    /// # Errors
    /// As `advance`.
    pub fn assume(&mut self, fields: &[Field], facts: Facts, head_len: usize) -> Result<(), HeadError> {
        debug_assert!(self.state == State::Fields, "the request line comes first");
        self.fields.clear();
        self.fields.extend_from_slice(fields);
        self.gathered = Gathered::of(facts);
        match self.complete(head_len) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The request line, measured from the head's first byte; its spans are empty until it is there.
    #[inline]
    pub fn line(&self) -> RequestLine {
        self.line
    }

    #[inline]
    pub fn target_form(&self) -> TargetForm {
        self.form
    }

    /// The fields kept, in their order, measured from the first byte of the field block.
    #[inline]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Where the field block starts, counted from the head's first byte.
    #[inline]
    pub fn fields_at(&self) -> usize {
        self.fields_at
    }

    #[inline]
    pub fn facts(&self) -> Facts {
        self.gathered.facts
    }

    #[inline]
    pub fn head_len(&self) -> usize {
        self.head_len
    }

    /// The head that was read has been made of a request that came by HTTP/2; `https`: for a client that speaks TLS.
    pub fn came_by_http2(&mut self, https: bool) {
        self.line.version = Version::Http2;
        self.gathered.facts.https |= https;
    }

    /// Know this head instead of reading one.
    #[expect(clippy::too_many_arguments, reason = "all that a parser knows")]
    pub(super) fn assemble(
        &mut self,
        line: RequestLine,
        form: TargetForm,
        fields_at: usize,
        head_len: usize,
        fields: Vec<Field>,
        gathered: Gathered,
        translated: Translated,
    ) {
        let (state, cursor, translated) = (State::Complete, LineCursor::at(0), Some(Box::new(translated)));
        *self = Self { state, line, form, cursor, fields, fields_at, head_len, gathered, translated };
    }

    /// What is known of a request that did not come as HTTP, beyond its head.
    #[inline]
    pub fn translated(&self) -> Option<&Translated> {
        self.translated.as_deref()
    }

    /// Where the body ends (RFC 9112 §6.3), once the head is complete.
    #[inline]
    pub fn body(&self) -> BodyLength {
        if self.gathered.facts.chunked {
            return BodyLength::Chunked;
        }
        BodyLength::Known(self.gathered.facts.content_length.unwrap_or(0))
    }

    /// Whether the client would have the connection go on after the answer (RFC 9112 §9.3).
    #[inline]
    pub fn keep_alive(&self) -> bool {
        let facts = &self.gathered.facts;
        !facts.close && self.form != TargetForm::Authority && (self.line.version != Version::Http10 || facts.keep_alive)
    }

    /// Whether the client waits for 100 (Continue) before it sends a body (RFC 9110 §10.1.1).
    #[inline]
    pub fn expects_continue(&self) -> bool {
        let facts = &self.gathered.facts;
        facts.expect_continue && self.line.version == Version::Http11 && self.body() != BodyLength::Known(0)
    }

    /// Whether the client offers to change the protocol (RFC 9110 §7.8).
    #[inline]
    pub fn upgrade(&self) -> bool {
        self.gathered.facts.upgrade && self.line.version == Version::Http11
    }

    #[cold]
    fn fail(&mut self, error: HeadError) -> HeadError {
        self.state = State::Failed(error);
        error
    }

    #[inline]
    fn read_request_line(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Option<usize>, HeadError> {
        // Tried once only, so that a line that comes byte by byte is not looked at from its start for each of them.
        let common = if self.cursor.scanned == 0 { line::read_common(bytes, limits.line_bytes()) } else { None };
        match common {
            Some((line, len)) => Ok(Some(self.begin_fields(line, TargetForm::Origin, len))),
            None => self.read_any_request_line(bytes, limits),
        }
    }

    fn read_any_request_line(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Option<usize>, HeadError> {
        let Some(start) = skip_empty_line(bytes)? else {
            return Ok(None);
        };
        // The first byte is judged at once: a client that speaks TLS here should not wait for its deadline.
        match bytes.get(start) {
            None => return Ok(None),
            Some(&LF) => return Err(HeadError::BareLineFeed),
            Some(&byte) if !scan::is_token(byte) => return Err(HeadError::MethodInvalid),
            Some(_) => {}
        }
        let limit = limits.line_bytes();
        let from = self.cursor.scanned.max(start);
        let line_feed = memchr(LF, &bytes[from..]).map_or(bytes.len(), |offset| from + offset);
        if line_feed - start > limit + 1 {
            return Err(HeadError::RequestLineTooLong { limit });
        }
        if line_feed == bytes.len() {
            self.cursor.scanned = line_feed;
            return Ok(None);
        }
        if bytes[line_feed - 1] != CR {
            return Err(HeadError::BareLineFeed);
        }
        let (line, form) = line::parse(bytes, start, line_feed - 1, limits.permits)?;
        Ok(Some(self.begin_fields(line, form, line_feed + 1)))
    }

    #[inline(always)]
    fn begin_fields(&mut self, line: RequestLine, form: TargetForm, fields_at: usize) -> usize {
        self.line = line;
        self.form = form;
        self.fields_at = fields_at;
        self.cursor = LineCursor::at(0);
        self.state = State::Fields;
        fields_at
    }

    fn read_fields(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Progress, HeadError> {
        let block = &mut bytes[self.fields_at..];
        loop {
            // Whether a line is whole shows in the next one where values may be folded.
            if self.cursor.is_fresh() && !limits.permits.obsolete_folding {
                self.read_common_fields(block, limits)?;
            }
            let cursor = &mut self.cursor;
            let max_fields = limits.max_fields();
            if self.fields.len() == max_fields && block.get(cursor.line_at).is_some_and(|&byte| byte != CR) {
                return Err(HeadError::TooManyFields { limit: max_fields });
            }
            let (name, value, next) = match fields::read_line(block, cursor, limits)? {
                Line::Field { name, value, next } => (name, value, next),
                Line::Partial => return Ok(Progress::Partial),
                Line::End { next } => return self.complete(self.fields_at + next),
            };
            if next > limits.block_bytes() {
                return Err(HeadError::FieldsTooLarge { limit: limits.block_bytes() });
            }
            let underscore = cursor.underscore;
            *cursor = LineCursor::at(next);
            if underscore && !self.keeps(block, name, value, limits)? {
                continue;
            }
            self.gathered.notice(name.of(block), value.of(block), &limits.trust)?;
            self.fields.push(Field { name, value });
        }
    }

    /// Whether a field is kept although its name holds `_`.
    #[cold]
    fn keeps(&mut self, block: &[u8], name: Span, value: Span, limits: &Limits) -> Result<bool, HeadError> {
        if limits.trust.keeps(name.of(block)) {
            if name.of(block).eq_ignore_ascii_case(b"script_name") {
                self.gathered.facts.script = Some(value);
            }
            return Ok(true);
        }
        match limits.header_map {
            HeaderMap::Drop => {
                // It may tell the scheme all the same.
                self.gathered.notice(name.of(block), value.of(block), &limits.trust)?;
                Ok(false)
            }
            HeaderMap::Refuse => Err(HeadError::FieldNameUnderscore),
            HeaderMap::Dangerous => Ok(true),
        }
    }

    /// Read whole lines as long as they are like most lines and no limit is near.
    fn read_common_fields(&mut self, block: &[u8], limits: &Limits) -> Result<(), HeadError> {
        let (max_fields, max_line) = (limits.max_fields(), limits.field_bytes());
        let block = &block[..block.len().min(limits.block_bytes())];
        let mut rest = &block[self.cursor.line_at..];
        let mut line_at = self.cursor.line_at;
        while let Some(line) = CommonLine::read(rest) {
            let len = rest.len() - line.rest.len();
            if self.fields.len() >= max_fields || len > max_line {
                break;
            }
            self.gathered.notice(line.name, line.value, &limits.trust)?;
            let name = Span::new(line_at, line_at + line.name.len());
            let value_at = line_at + line.name.len() + CommonLine::GAP;
            let value = Span::new(value_at, value_at + line.value.len());
            self.fields.push(Field { name, value });
            line_at += len;
            rest = line.rest;
        }
        self.cursor = LineCursor::at(line_at);
        Ok(())
    }

    /// The head ends at `head_len`, if its parts go together.
    fn complete(&mut self, head_len: usize) -> Result<Progress, HeadError> {
        self.gathered.settle(self.line.version, self.form)?;
        self.head_len = head_len;
        self.state = State::Complete;
        Ok(Progress::Complete { head_len })
    }
}

/// Where the request line starts: one empty line before it is forgiven (RFC 9112 §2.2). None: not known yet.
#[inline]
fn skip_empty_line(bytes: &[u8]) -> Result<Option<usize>, HeadError> {
    match bytes {
        [CR, LF, ..] => Ok(Some(2)),
        [CR] => Ok(None),
        [CR, ..] => Err(HeadError::BareCarriageReturn),
        _ => Ok(Some(0)),
    }
}
