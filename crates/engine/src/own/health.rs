//! Whether the server is well, for load balancers and whoever starts and stops it.

use super::Moment;
use super::answer::{Answer, Content};
use super::asked::Asked;

/// Well as long as an engine is there to say so, whatever the application does, and until the server is about to stop.
pub(super) fn answer(asked: &Asked<'_>, now: Moment) -> Answer {
    if !matches!(asked.method(), b"GET" | b"HEAD") {
        return Answer::not_allowed(b"GET, HEAD");
    }
    // What was true a moment ago is of no use to anybody.
    let fields = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n";
    let (status, word) = if now.is_leaving { (503, &b"leaving"[..]) } else { (200, &b"ok"[..]) };
    Answer { status, fields: fields.to_vec(), content: Content::Bytes(word.to_vec()) }
}
