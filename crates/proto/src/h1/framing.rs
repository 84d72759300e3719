//! What the fields say about the body and the connection (RFC 9112 §6, §9.3; RFC 9110 §10.1.1).

use super::error::HeadError;
use super::fields::{Facts, HostSeen};
use super::host;
use super::line::Version;
use super::scan::trim;
use super::target::TargetForm;
use super::trust::Trust;

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// After this many bytes; 0 when there is no body.
    Known(u64),
    /// Where the chunked coding says.
    Chunked,
}

/// The transfer codings listed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Codings {
    #[default]
    None,
    Chunked,
    /// Others, chunked not among them.
    Others,
    /// Others, then chunked.
    OthersChunked,
    /// Something after chunked.
    AfterChunked,
}

/// What is gathered from the fields as they are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathered {
    pub facts: Facts,
    pub codings: Codings,
    content_type: bool,
    upgrade_field: bool,
    scheme_told: bool,
}

impl Gathered {
    pub(super) fn of(facts: Facts) -> Self {
        let codings = if facts.chunked { Codings::Chunked } else { Codings::None };
        Self { facts, codings, content_type: false, upgrade_field: facts.upgrade, scheme_told: false }
    }

    /// Take notice of one field, if it is one of those that matter here.
    #[inline(always)]
    pub(super) fn notice(&mut self, name: &[u8], value: &[u8], trust: &Trust) -> Result<(), HeadError> {
        if trust.is_marked(name) { self.notice_marked(name, value, trust) } else { Ok(()) }
    }

    #[inline(never)]
    fn notice_marked(&mut self, name: &[u8], value: &[u8], trust: &Trust) -> Result<(), HeadError> {
        match name.len() {
            4 if is(name, b"host") => return self.host(value),
            6 if is(name, b"expect") => self.expect(value),
            7 if is(name, b"upgrade") => self.upgrade_field = true,
            10 if is(name, b"connection") => self.connection(value),
            12 if is(name, b"content-type") => return self.content_type(),
            14 if is(name, b"content-length") => return self.content_length(value),
            17 if is(name, b"transfer-encoding") => return self.transfer_encoding(value),
            _ => return self.scheme(name, value, trust),
        }
        Ok(())
    }

    /// What a proxy says of the scheme; two that disagree may not come from the same one.
    fn scheme(&mut self, name: &[u8], value: &[u8], trust: &Trust) -> Result<(), HeadError> {
        if trust.finds_malformed(name, value) {
            return Err(HeadError::ForwardedMalformed);
        }
        let Some(https) = trust.tells_https(name, value) else { return Ok(()) };
        let is_second = core::mem::replace(&mut self.scheme_told, true);
        if is_second && https != self.facts.https {
            return Err(HeadError::SchemesDisagree);
        }
        self.facts.https = https;
        Ok(())
    }

    fn content_type(&mut self) -> Result<(), HeadError> {
        let is_second = core::mem::replace(&mut self.content_type, true);
        if is_second { Err(HeadError::ContentTypeTwice) } else { Ok(()) }
    }

    fn host(&mut self, value: &[u8]) -> Result<(), HeadError> {
        if self.facts.host != HostSeen::None {
            return Err(HeadError::HostTwice);
        }
        self.facts.host = if value.is_empty() {
            HostSeen::Empty
        } else if host::is_authority(value) {
            HostSeen::One
        } else {
            return Err(HeadError::HostInvalid);
        };
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) {
        for member in value.split(|&byte| byte == b',') {
            if trim(member).eq_ignore_ascii_case(b"100-continue") {
                self.facts.expect_continue = true;
            } else {
                self.facts.expect_other = true;
            }
        }
    }

    fn connection(&mut self, value: &[u8]) {
        if is(value, b"keep-alive") {
            self.facts.keep_alive = true;
            return;
        }
        for member in value.split(|&byte| byte == b',') {
            let option = trim(member);
            match option.len() {
                5 => self.facts.close |= option.eq_ignore_ascii_case(b"close"),
                7 => self.facts.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                10 => self.facts.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), HeadError> {
        // Equal ones too, although RFC 9112 §6.3 would let us: nobody sends them for a good reason.
        if self.facts.content_length.is_some() {
            return Err(HeadError::ContentLengthTwice);
        }
        self.facts.content_length = Some(decimal(value).ok_or(HeadError::ContentLengthInvalid)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), HeadError> {
        for member in value.split(|&byte| byte == b',') {
            let coding = trim(member);
            self.codings = match (self.codings, coding.eq_ignore_ascii_case(b"chunked")) {
                _ if coding.is_empty() => return Err(HeadError::CodingMalformed),
                (Codings::None, true) => Codings::Chunked,
                (Codings::Others, true) => Codings::OthersChunked,
                (_, true) => return Err(HeadError::ChunkedTwice),
                (Codings::None | Codings::Others, false) => Codings::Others,
                (_, false) => Codings::AfterChunked,
            };
        }
        Ok(())
    }

    /// Make the facts final, now that all fields are read, if together with the request line they make a request.
    #[inline]
    pub(super) fn settle(&mut self, version: Version, form: TargetForm) -> Result<(), HeadError> {
        let facts = &mut self.facts;
        match facts.host {
            HostSeen::None if version == Version::Http11 => return Err(HeadError::HostMissing),
            HostSeen::Empty if form.has_authority() => return Err(HeadError::HostEmpty),
            _ => {}
        }
        facts.upgrade &= self.upgrade_field;
        if self.codings != Codings::None {
            self.settle_codings(version)?;
        }
        if self.facts.expect_other && version == Version::Http11 {
            return Err(HeadError::ExpectationUnknown);
        }
        Ok(())
    }

    fn settle_codings(&mut self, version: Version) -> Result<(), HeadError> {
        if version == Version::Http10 {
            return Err(HeadError::CodingInVersion10);
        }
        if self.facts.content_length.is_some() {
            return Err(HeadError::LengthWithCoding);
        }
        match self.codings {
            Codings::None => {}
            Codings::Chunked => self.facts.chunked = true,
            Codings::OthersChunked => return Err(HeadError::CodingUnknown),
            Codings::Others | Codings::AfterChunked => return Err(HeadError::ChunkedNotLast),
        }
        Ok(())
    }
}

/// Whether `text`, which holds no controls, is `known`, letters and hyphens in lower case: the bit 0x20 is all that
/// tells a letter from its other case, and among controls alone is one that it makes a hyphen.
#[inline(always)]
fn is<const N: usize>(text: &[u8], known: &[u8; N]) -> bool {
    <&[u8; N]>::try_from(text).is_ok_and(|text| {
        let differences = text.iter().zip(known).fold(0, |all, (byte, known)| all | ((byte | 0x20) ^ known));
        differences == 0
    })
}

/// `1*DIGIT` as a number, or None when it is something else or does not fit.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}
