//! A request and its answer, as the log sees them.

use std::borrow::Cow;
use std::net::SocketAddr;

use longma_proto::h1::{Field, HeadParser};

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `None`: it was not answered at all.
    pub status: Option<[u8; 3]>,
    /// Bytes of the answer's body.
    pub sent: u64,
    pub duration_ns: u64,
}

impl Outcome {
    /// The digits of a status.
    pub fn digits(status: u16) -> [u8; 3] {
        let digit = |place: u16| b'0' + (status / place % 10) as u8;
        [digit(100), digit(10), digit(1)]
    }

    /// The status with these digits.
    pub fn number(digits: [u8; 3]) -> u16 {
        digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
    }
}

/// A request and its answer, as the log sees them.
pub struct Record<'a> {
    pub peer: Option<SocketAddr>,
    /// What has come of the request's head.
    pub bytes: &'a [u8],
    /// As far as it was understood.
    pub head: &'a HeadParser,
    /// The answer's head, as sent.
    pub response_head: &'a [u8],
    /// Looks a variable of the environ up.
    pub environ: &'a mut dyn FnMut(&str, &mut Vec<u8>) -> bool,
    pub outcome: Outcome,
}

impl<'a> Record<'a> {
    /// Whether the request line was understood.
    pub(super) fn has_line(&self) -> bool {
        !self.head.line().method.is_empty()
    }

    /// The value of a field; the last one, where it came more than once.
    pub(super) fn field(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields(name).last()
    }

    /// All values of a field as one (RFC 9110 §5.3).
    pub(super) fn joined_field(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let mut values = self.fields(name);
        let first = Cow::Borrowed(values.next()?);
        Some(values.fold(first, |joined, value| Cow::Owned([&joined, value].join(&b','))))
    }

    /// The value of a field that came once.
    pub(super) fn only_field(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut values = self.fields(name);
        values.next().filter(|_| values.next().is_none())
    }

    fn fields(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let block = self.bytes.get(self.head.fields_at()..).unwrap_or_default();
        let wanted = move |field: &&Field| field.name.of(block).eq_ignore_ascii_case(name);
        self.head.fields().iter().filter(wanted).map(|field| field.value.of(block))
    }

    pub(super) fn response_field(&self, name: &[u8]) -> Option<&'a [u8]> {
        let lines = self.response_head.split(|&byte| byte == b'\n').skip(1);
        let values = lines.filter_map(|line| {
            let (key, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
        });
        values.last()
    }
}

/// The first line of what has come, no more of it than is worth keeping.
pub fn first_line(bytes: &[u8]) -> &[u8] {
    const MAX_BYTES: usize = 1024;
    let bytes = bytes.trim_ascii_start();
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    &line[..line.len().min(MAX_BYTES)]
}
