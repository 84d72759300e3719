//! The conditions under which a client wants what it asks for (RFC 9110 §13).

use super::etag::{self, Comparison};
use super::ranges::{self, Selection};
use crate::h1::date::parse_date;

/// What a request says about the thing it asks for, by field; `None`: it has no such field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<Vec<u8>>,
    if_none_match: Option<Vec<u8>>,
    if_modified_since: Option<Vec<u8>>,
    if_unmodified_since: Option<Vec<u8>>,
    if_range: Option<Vec<u8>>,
    range: Option<Vec<u8>>,
    accept_encoding: Option<Vec<u8>>,
}

/// By what a client recognises the state of a thing.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// As in the field ETag.
    pub etag: &'a [u8],
    /// Seconds since the epoch, as in Last-Modified.
    pub modified: i64,
}

/// What becomes of a GET or HEAD request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered as if there were no condition.
    Met,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client wants.
    Failed,
}

impl Conditions {
    /// Those of a request. Only GET and HEAD have any that can be met by a file, and only GET can ask for a part of it
    /// (RFC 9110 §13.2.1, §14.2).
    pub fn of<'a>(method: &[u8], fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut conditions = Self::default();
        if !matches!(method, b"GET" | b"HEAD") {
            return conditions;
        }
        for (name, value) in fields {
            conditions.notice(name, value);
        }
        if method == b"HEAD" {
            conditions.range = None;
        }
        conditions
    }

    /// Take down a field, if it is one of these. One that came several times counts as one with all the values.
    pub fn notice(&mut self, name: &[u8], value: &[u8]) {
        let Some(place) = self.place_of(name) else { return };
        match place {
            Some(before) => {
                before.extend_from_slice(b", ");
                before.extend_from_slice(value);
            }
            None => *place = Some(value.to_vec()),
        }
    }

    fn place_of(&mut self, name: &[u8]) -> Option<&mut Option<Vec<u8>>> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            5 if is(b"range") => Some(&mut self.range),
            8 if is(b"if-match") => Some(&mut self.if_match),
            8 if is(b"if-range") => Some(&mut self.if_range),
            13 if is(b"if-none-match") => Some(&mut self.if_none_match),
            15 if is(b"accept-encoding") => Some(&mut self.accept_encoding),
            17 if is(b"if-modified-since") => Some(&mut self.if_modified_since),
            19 if is(b"if-unmodified-since") => Some(&mut self.if_unmodified_since),
            _ => None,
        }
    }

    /// The Accept-Encoding, empty where there is none.
    pub fn accept_encoding(&self) -> &[u8] {
        self.accept_encoding.as_deref().unwrap_or_default()
    }

    /// What the conditions say of a thing with these validators, in the order of RFC 9110 §13.2.2. `now`: seconds since the
    /// epoch. A date that is none is no condition.
    pub fn judge(&self, validators: Validators<'_>, now: i64) -> Verdict {
        let Validators { etag, modified } = validators;
        if let Some(list) = &self.if_match {
            if !etag::lists(list, etag, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(date) = self.if_unmodified_since.as_deref().and_then(|date| parse_date(date, now))
            && modified > date
        {
            return Verdict::Failed;
        }
        if let Some(list) = &self.if_none_match {
            return if etag::lists(list, etag, Comparison::Weak) { Verdict::NotModified } else { Verdict::Met };
        }
        match self.if_modified_since.as_deref().and_then(|date| parse_date(date, now)) {
            Some(date) if modified <= date => Verdict::NotModified,
            _ => Verdict::Met,
        }
    }

    /// What of its `length` bytes is wanted. A part only of the state that the client has the rest of (RFC 9110 §13.1.5).
    pub fn select(&self, length: u64, validators: Validators<'_>, now: i64) -> Selection {
        let Some(range) = &self.range else { return Selection::Whole };
        if self.if_range.as_deref().is_some_and(|wanted| !is_state(wanted, validators, now)) {
            return Selection::Whole;
        }
        ranges::select(range, length)
    }
}

/// Whether an If-Range names exactly this state. A date does so only where the tag is strong too: where it is weak, the
/// thing may have changed twice within the second.
fn is_state(wanted: &[u8], validators: Validators<'_>, now: i64) -> bool {
    let wanted = wanted.trim_ascii();
    if wanted.starts_with(b"\"") || wanted.starts_with(b"W/") {
        return etag::strongly(wanted, validators.etag);
    }
    !etag::is_weak(validators.etag) && parse_date(wanted, now) == Some(validators.modified)
}
