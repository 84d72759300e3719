//! The request target in its four forms (RFC 9112 §3.2), and what of it becomes path and query.

use memchr::memchr;

use super::error::HeadError;
use super::host;
use super::span::Span;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://authority/path?query`
    Absolute,
    /// `host:port`, for CONNECT
    Authority,
    /// `*`, for OPTIONS
    Asterisk,
}

impl TargetForm {
    /// Whether the target itself names the authority, so that Host has no say (RFC 9112 §3.2.2, §3.2.3).
    #[inline]
    pub(super) const fn has_authority(self) -> bool {
        matches!(self, Self::Absolute | Self::Authority)
    }
}

/// The parts of a target, measured from its first byte. A part that the form lacks is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub form: TargetForm,
    /// Not decoded. Empty in absolute-form without a path, where it means `/` (or `*` for OPTIONS).
    pub path: Span,
    /// Without its `?` and without a fragment.
    pub query: Span,
    pub authority: Span,
    pub scheme: Span,
}

/// The form of a target without spaces, controls and bytes from 0x80 up; refused when it does not fit the method.
#[inline]
pub(super) fn check(method: &[u8], target: &[u8]) -> Result<TargetForm, HeadError> {
    if method == b"CONNECT" {
        return if host::is_tunnel(target) { Ok(TargetForm::Authority) } else { Err(HeadError::TargetAuthority) };
    }
    match target {
        [b'/', ..] => Ok(TargetForm::Origin),
        b"*" if method == b"OPTIONS" => Ok(TargetForm::Asterisk),
        _ => check_absolute(target),
    }
}

fn check_absolute(target: &[u8]) -> Result<TargetForm, HeadError> {
    let scheme_end = scheme_end(target).ok_or(HeadError::TargetForm)?;
    let authority_at = scheme_end + 3;
    let authority = &target[authority_at..authority_end(target, authority_at)];
    // User information is refused with the rest: in a request it only serves to mislead (RFC 9110 §4.2.4).
    if host::is_authority(authority) { Ok(TargetForm::Absolute) } else { Err(HeadError::TargetAuthority) }
}

/// The length of the scheme of an absolute target, `http` or `https` in any case, with `://` after it.
fn scheme_end(target: &[u8]) -> Option<usize> {
    let colon = memchr(b':', target.get(..6.min(target.len()))?)?;
    let is_known = target[..colon].eq_ignore_ascii_case(b"http") || target[..colon].eq_ignore_ascii_case(b"https");
    (is_known && target[colon..].starts_with(b"://")).then_some(colon)
}

fn authority_end(target: &[u8], from: usize) -> usize {
    target[from..].iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).map_or(target.len(), |n| from + n)
}

/// The parts of a target that the parser has accepted.
///
/// A fragment, which no target should have, is left out of path and query, as Gunicorn does.
pub fn split(target: &[u8]) -> Target {
    match target {
        [b'/', ..] => split_path(target, 0, Target { form: TargetForm::Origin, ..Target::default() }),
        b"*" => {
            let path = Span::new(0, 1);
            Target { form: TargetForm::Asterisk, path, ..Target::default() }
        }
        _ => match scheme_end(target) {
            Some(scheme_end) => {
                let authority_at = scheme_end + 3;
                let path_at = authority_end(target, authority_at);
                let scheme = Span::new(0, scheme_end);
                let authority = Span::new(authority_at, path_at);
                let form = TargetForm::Absolute;
                split_path(target, path_at, Target { form, scheme, authority, ..Target::default() })
            }
            None => {
                let authority = Span::new(0, target.len());
                Target { form: TargetForm::Authority, authority, ..Target::default() }
            }
        },
    }
}

/// `parts` with the path, which starts at `from`, and the query after it.
fn split_path(target: &[u8], from: usize, parts: Target) -> Target {
    let end = memchr(b'#', target).unwrap_or(target.len());
    let (path, query) = match memchr(b'?', &target[from..end]) {
        Some(length) => (Span::new(from, from + length), Span::new(from + length + 1, end)),
        None => (Span::new(from, end), Span::new(end, end)),
    };
    Target { path, query, ..parts }
}

/// Append `path` to `out` with `%XX` decoded. What is no escape stays as it is, as in Gunicorn.
pub fn percent_decode(path: &[u8], out: &mut Vec<u8>) {
    let mut rest = path;
    while let Some(percent) = memchr(b'%', rest) {
        out.extend_from_slice(&rest[..percent]);
        let escape = &rest[percent..];
        match (hex(escape.get(1)), hex(escape.get(2))) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                rest = &escape[3..];
            }
            _ => {
                out.push(b'%');
                rest = &escape[1..];
            }
        }
    }
    out.extend_from_slice(rest);
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    char::from(*digit?).to_digit(16).map(|value| value as u8)
}
