//! What a client may say about a thing that it asks for: that it has it already, that it wants a part of it, how it may
//! be encoded (RFC 9110 §12.5.3, §13, §14).

pub mod codings;
pub mod conditions;
mod etag;
mod ranges;

pub use codings::Coding;
pub use conditions::{Conditions, Validators, Verdict};
pub use ranges::Selection;
