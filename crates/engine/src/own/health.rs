//! Whether the server is well, for load balancers and whoever starts and stops it.

use super::answer::{Answer, Content};
use super::asked::Asked;

/// Well as long as an engine is there to say so: what the application does is no matter.
pub(super) fn answer(asked: &Asked<'_>) -> Answer {
    if !matches!(asked.method(), b"GET" | b"HEAD") {
        return Answer::not_allowed(b"GET, HEAD");
    }
    // What was true a moment ago is of no use to anybody.
    let fields = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n";
    Answer { status: 200, fields: fields.to_vec(), content: Content::Bytes(b"ok".to_vec()) }
}
