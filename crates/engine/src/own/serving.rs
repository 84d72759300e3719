//! An answer with a file in it: whole, a part, or that the client has it already.

use std::io::Write;
use std::sync::Arc;

use longma_proto::h1::date::imf_fixdate;
use longma_proto::representation::{Conditions, Selection, Verdict, codings};

use super::Moment;
use super::answer::{Answer, Content};
use super::files::{Found, Variants};
use longma_proto::representation::Coding;

/// Which of the variants a client gets, and in what coding.
pub(super) fn choose<'a>(variants: &'a Variants, conditions: &Conditions) -> (&'a Arc<Found>, Option<Coding>) {
    for coding in codings::preferred(conditions.accept_encoding()) {
        if let Some(place) = Coding::ALL.iter().position(|&known| known == coding)
            && let Some(found) = &variants.coded[place]
        {
            return (found, Some(coding));
        }
    }
    (&variants.plain, None)
}

/// The answer to GET or HEAD for a file; `fields` are those that describe it, whether it is sent or not.
pub(crate) fn answer(found: &Arc<Found>, kind: &[u8], conditions: &Conditions, now: Moment, mut fields: Vec<u8>) -> Answer {
    let validators = found.validators();
    put(&mut fields, b"ETag: ", &found.etag);
    put(&mut fields, b"Last-Modified: ", &imf_fixdate(found.modified));
    match conditions.judge(validators, now.wall_seconds) {
        Verdict::NotModified => return Answer { status: 304, fields, content: Content::Bytes(Vec::new()) },
        Verdict::Failed => return Answer::plain(412),
        Verdict::Met => {}
    }
    let (status, offset, length) = match conditions.select(found.length, validators, now.wall_seconds) {
        Selection::Whole => (200, 0, found.length),
        Selection::Part { first, length } => (206, first, length),
        Selection::Unsatisfiable => {
            let mut answer = Answer::plain(416);
            let _ = write!(answer.fields, "Content-Range: bytes */{}\r\n", found.length);
            return answer;
        }
    };
    fields.extend_from_slice(b"Accept-Ranges: bytes\r\n");
    if !kind.is_empty() {
        put(&mut fields, b"Content-Type: ", kind);
    }
    if status == 206 {
        let _ = write!(fields, "Content-Range: bytes {offset}-{}/{}\r\n", offset + length - 1, found.length);
    }
    Answer { status, fields, content: Content::File { found: Arc::clone(found), offset, length } }
}

/// Append a field.
pub(super) fn put(fields: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    fields.extend_from_slice(name);
    fields.extend_from_slice(value);
    fields.extend_from_slice(b"\r\n");
}
