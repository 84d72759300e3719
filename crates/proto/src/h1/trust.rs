//! What a peer is believed beyond its request, where it is a proxy of the operator's own: the scheme that its client
//! used, and names that would else be dropped. Who is one is not decided here.

use super::marks::{self, mark};
use crate::forwarded::forwarded;

/// A field that tells the scheme, and the value by which it says `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeField {
    pub name: Box<[u8]>,
    pub https: Box<[u8]>,
}

/// Names with `_` that are kept whatever becomes of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kept {
    #[default]
    None,
    Listed(&'static [Box<[u8]>]),
    All,
}

/// What is believed; nothing by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    schemes: &'static [SchemeField],
    /// The marks of their names, and of those that matter whoever sends them.
    marks: u64,
    kept: Kept,
    forwarded: bool,
}

impl Default for Trust {
    fn default() -> Self {
        Self { schemes: &[], marks: marks::FRAMING, kept: Kept::None, forwarded: false }
    }
}

impl Trust {
    /// Believe these fields about the scheme, and keep these names with `_`; `*` stands for all.
    ///
    /// What is given lasts as long as the process, like the settings it comes from.
    pub fn new(schemes: Vec<SchemeField>, names: Vec<Box<[u8]>>) -> Self {
        let marks = schemes.iter().fold(marks::FRAMING, |marks, field| marks | mark(&field.name));
        let kept = if names.iter().any(|name| **name == *b"*") { Kept::All } else { Kept::Listed(names.leak()) };
        Self { schemes: schemes.leak(), marks, kept, forwarded: false }
    }

    /// Refuse a malformed `Forwarded` field, since somebody goes by it.
    #[must_use]
    pub fn judging_forwarded(self) -> Self {
        Self { marks: self.marks | mark(b"forwarded"), forwarded: true, ..self }
    }

    /// Whether a field is a `Forwarded` one that is malformed.
    pub(super) fn finds_malformed(&self, name: &[u8], value: &[u8]) -> bool {
        self.forwarded && name.eq_ignore_ascii_case(b"forwarded") && forwarded(value).is_err()
    }

    /// Whether a field of this name may tell the scheme, or frame the request.
    #[inline(always)]
    pub(super) fn is_marked(&self, name: &[u8]) -> bool {
        self.marks & mark(name) != 0
    }

    /// Whether the field says `https`; None: it does not tell the scheme.
    pub(super) fn tells_https(&self, name: &[u8], value: &[u8]) -> Option<bool> {
        let field = self.schemes.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(*field.https == *value)
    }

    /// Whether a name with `_` is kept.
    #[cold]
    pub(super) fn keeps(&self, name: &[u8]) -> bool {
        match self.kept {
            Kept::None => false,
            Kept::Listed(names) => names.iter().any(|listed| listed.eq_ignore_ascii_case(name)),
            Kept::All => true,
        }
    }
}
