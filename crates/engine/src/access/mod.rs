//! The access log: a line for every request, composed under the lock into memory, written out by [`crate::outlets`].
//!
//! Format and atoms are Gunicorn's (`access_log_format`), or each line is a JSON object. What comes from a client is
//! escaped: a line is a line. What is known only when an answer is over is a hole in the line until then.

mod compose;
pub(crate) mod format;
pub(crate) mod record;

use crate::gathered::{Gathered, Measure};
use crate::outlets::Outlets;
use crate::sys::clock;
use compose::Shape;
use format::{Atom, Piece};
pub use record::{Outcome, Record};

/// Written out at the latest when this much has gathered,
const FULL_BYTES: usize = 32 * 1024;
/// or when the first of it has waited so long: what leaves together costs one system call.
const MAX_WAIT_MS: u64 = 10;
/// How soon what a reader is too slow for is tried again.
const RETRY_MS: u64 = 50;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style<'a> {
    /// As `access_log_format` says.
    Plain(&'a str),
    Json,
}

/// A line with holes in it, for an answer that is not over.
#[derive(Debug)]
pub struct Draft {
    text: Vec<u8>,
    holes: Vec<(usize, Atom, Shape)>,
    /// What is known of its outcome.
    pub outcome: Outcome,
    pub since_ms: u64,
    /// What has been written on the connection when the answer's head is.
    pub body_at: u64,
}

/// The log and what has gathered for it.
pub struct AccessLog {
    pieces: Vec<Piece>,
    measures: bool,
    gathered: Gathered,
    /// When the first of it came.
    since_ms: u64,
    /// Whether its outlets have more than they could write.
    pub(crate) is_behind: bool,
    time: Vec<u8>,
    time_of: i64,
    timed: bool,
    outlets: Option<Outlets>,
}

impl AccessLog {
    /// Log to `outlets`. A line is composed only where one of them wants lines.
    pub fn new(outlets: Outlets, style: Style<'_>) -> Self {
        let pid = std::process::id();
        let pieces = match style {
            _ if !outlets.want_lines() => Vec::new(),
            Style::Plain(format) => format::parse(format, pid),
            Style::Json => format::json(pid),
        };
        let is_timed = |piece: &Piece| match piece {
            Piece::Atom(atom) | Piece::Padded(atom, _) | Piece::Value(atom) => atom.needs_duration(),
            Piece::Text(_) => false,
        };
        Self {
            timed: pieces.iter().any(is_timed) || outlets.want_measures(),
            pieces,
            measures: outlets.want_measures(),
            gathered: Gathered::default(),
            since_ms: 0,
            is_behind: false,
            time: Vec::new(),
            time_of: i64::MIN,
            outlets: Some(outlets),
        }
    }

    /// Where it is written to, for whoever writes.
    pub(crate) fn take_outlets(&mut self) -> Option<Outlets> {
        self.outlets.take()
    }

    /// Whether lines tell how long a request took, so that somebody must measure it.
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Whether lines tell variables of the environ.
    pub fn wants_environ(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Atom(Atom::Environ(_)) | Piece::Padded(Atom::Environ(_), _)))
    }

    /// Add the line of a request that is over. `wall_seconds`, `now_ms`: now.
    pub(crate) fn record(&mut self, record: &mut Record<'_>, wall_seconds: i64, now_ms: u64) {
        let start = self.begin(wall_seconds, now_ms);
        let Self { pieces, gathered, time, .. } = self;
        let out = &mut gathered.lines;
        for piece in pieces.iter() {
            let (atom, shape) = match piece {
                Piece::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    continue;
                }
                Piece::Atom(atom) => (atom, Shape::Text),
                Piece::Padded(atom, padding) => (atom, Shape::Padded(*padding)),
                Piece::Value(atom) => (atom, Shape::Json),
            };
            if atom.is_late() {
                compose::late(atom, &record.outcome, time, shape, out);
            } else {
                compose::early(atom, record, shape, out);
            }
        }
        self.end(start, &record.outcome);
    }

    /// Compose the line of a request whose answer goes on.
    pub(crate) fn draft(&self, record: &mut Record<'_>, now_ms: u64) -> Draft {
        let (mut text, mut holes) = (Vec::new(), Vec::new());
        for piece in &self.pieces {
            let (atom, shape) = match piece {
                Piece::Text(plain) => {
                    text.extend_from_slice(plain.as_bytes());
                    continue;
                }
                Piece::Atom(atom) => (atom, Shape::Text),
                Piece::Padded(atom, padding) => (atom, Shape::Padded(*padding)),
                Piece::Value(atom) => (atom, Shape::Json),
            };
            if atom.is_late() {
                holes.push((text.len(), atom.clone(), shape));
            } else {
                compose::early(atom, record, shape, &mut text);
            }
        }
        Draft { text, holes, outcome: record.outcome, since_ms: now_ms, body_at: 0 }
    }

    /// Add a draft whose answer is over now.
    pub(crate) fn complete(&mut self, draft: &Draft, wall_seconds: i64, now_ms: u64) {
        let start = self.begin(wall_seconds, now_ms);
        let mut from = 0;
        for (at, atom, shape) in &draft.holes {
            self.gathered.lines.extend_from_slice(&draft.text[from..*at]);
            compose::late(atom, &draft.outcome, &self.time, *shape, &mut self.gathered.lines);
            from = *at;
        }
        self.gathered.lines.extend_from_slice(&draft.text[from..]);
        self.end(start, &draft.outcome);
    }

    /// Begin a line; where it begins.
    fn begin(&mut self, wall_seconds: i64, now_ms: u64) -> usize {
        if wall_seconds != self.time_of {
            self.time_of = wall_seconds;
            self.time.clear();
            compose::write_time(clock::local_time(wall_seconds), &mut self.time);
        }
        if self.gathered.is_empty() {
            self.since_ms = now_ms;
        }
        self.gathered.lines.len()
    }

    fn end(&mut self, start: usize, outcome: &Outcome) {
        if !self.pieces.is_empty() {
            self.gathered.lines.push(b'\n');
        }
        let measure = Measure { status: outcome.status, duration_us: outcome.duration_ns / 1000 };
        self.gathered.end(start, self.measures.then_some(measure));
    }

    /// Milliseconds until something is to be written out.
    pub(crate) fn due_in(&self, now_ms: u64) -> Option<u64> {
        if self.gathered.lines.len() >= FULL_BYTES {
            return Some(0);
        }
        let gathered = (!self.gathered.is_empty()).then(|| (self.since_ms + MAX_WAIT_MS).saturating_sub(now_ms));
        gathered.into_iter().chain(self.is_behind.then_some(RETRY_MS)).min()
    }

    /// Exchange what has gathered for `empty`.
    pub(crate) fn take(&mut self, empty: &mut Gathered) {
        std::mem::swap(&mut self.gathered, empty);
    }
}

#[cfg(test)]
mod tests;
