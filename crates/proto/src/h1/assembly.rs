//! A head put together here, from what has been said in another way than HTTP's. What it says is held to the rules for
//! heads that were read, but for those that concern the connection, which is another one.

use super::HeadParser;
use super::error::HeadError;
use super::fields::{Field, Limits};
use super::framing::Gathered;
use super::line::{self, RequestLine, Version};
use super::span::Span;
use super::target::TargetForm;
use super::trust::Trust;
use crate::gateway::{GatewayError, Translated};

/// A head in the making.
pub struct Assembly<'a> {
    out: &'a mut Vec<u8>,
    limits: &'a Limits,
    line: RequestLine,
    form: TargetForm,
    fields_at: usize,
    fields: Vec<Field>,
    gathered: Gathered,
}

impl<'a> Assembly<'a> {
    /// A head that is to be written into `out`, which is empty.
    pub fn new(out: &'a mut Vec<u8>, limits: &'a Limits) -> Self {
        let (line, form) = (RequestLine::default(), TargetForm::default());
        Self { out, limits, line, form, fields_at: 0, fields: Vec::new(), gathered: Gathered::default() }
    }

    /// Write the request line.
    ///
    /// # Errors
    /// It is too long, or none that would be read.
    pub fn line(&mut self, method: &[u8], target: &[u8], version: Version) -> Result<(), HeadError> {
        let version: &[u8] = if version == Version::Http10 { b"HTTP/1.0" } else { b"HTTP/1.1" };
        for part in [method, b" ", target, b" ", version] {
            self.out.extend_from_slice(part);
        }
        let (end, limit) = (self.out.len(), self.limits.line_bytes());
        if end > limit {
            return Err(HeadError::RequestLineTooLong { limit });
        }
        (self.line, self.form) = line::parse(self.out, 0, end, self.limits.permits)?;
        self.out.extend_from_slice(b"\r\n");
        self.fields_at = self.out.len();
        Ok(())
    }

    /// Write a field, whose name is a token and whose value has no controls.
    ///
    /// # Errors
    /// It is too long, one too many, or not what a field of its name must be.
    pub fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        let (value, limits) = (value.trim_ascii(), self.limits);
        let name_at = self.out.len() - self.fields_at;
        let value_at = name_at + name.len() + 2;
        let end = value_at + value.len() + 2;
        if end - name_at > limits.field_bytes() {
            return Err(HeadError::FieldTooLarge { limit: limits.field_bytes() });
        }
        if self.fields.len() == limits.max_fields() {
            return Err(HeadError::TooManyFields { limit: limits.max_fields() });
        }
        if end > limits.block_bytes() {
            return Err(HeadError::FieldsTooLarge { limit: limits.block_bytes() });
        }
        for part in [name, b": ", value, b"\r\n"] {
            self.out.extend_from_slice(part);
        }
        // The others frame, or would close, the client's connection to the web server.
        if matches!(name, b"Host" | b"Content-Length" | b"Content-Type") {
            self.gathered.notice(name, value, &Trust::default())?;
        }
        let name = Span::new(name_at, name_at + name.len());
        self.fields.push(Field { name, value: Span::new(value_at, end - 2) });
        Ok(())
    }

    /// End the head, and make it the one that `parser` has read.
    ///
    /// # Errors
    /// Its parts do not go together.
    pub fn finish(
        mut self,
        parser: &mut HeadParser,
        https: bool,
        keep_alive: bool,
        translated: Translated,
    ) -> Result<(), GatewayError> {
        // Whoever hands requests over may have had HTTP/1.0, where no host needs to be named.
        self.gathered.settle(Version::Http10, self.form)?;
        let facts = &mut self.gathered.facts;
        (facts.https, facts.keep_alive, facts.close) = (https, keep_alive, !keep_alive);
        self.out.extend_from_slice(b"\r\n");
        let head_len = self.out.len();
        parser.assemble(self.line, self.form, self.fields_at, head_len, self.fields, self.gathered, translated);
        Ok(())
    }
}
