//! HTTP/1.x messages: requests are read, responses are written.
//!
//! Nothing ambiguous is guessed: what two readers could frame differently is refused with the status RFC 9112
//! asks for, and a parser that has refused once refuses for ever.

mod assembly;
pub mod chunked;
pub mod date;
pub mod error;
pub mod fields;
pub mod framing;
pub mod head;
mod host;
mod line;
mod marks;
pub mod response;
mod scan;
mod span;
pub mod target;
pub mod trust;

pub(crate) use assembly::Assembly;
pub use chunked::{ChunkEvent, ChunkedDecoder, Step, trailers};
pub use error::{BodyError, HeadError};
pub use fields::{Facts, Field, HeaderMap, HostSeen, Limits, Permits};
pub use framing::BodyLength;
pub use head::{HeadParser, Progress};
pub use line::{RequestLine, Version};
pub use span::Span;
pub use target::{Target, TargetForm};
pub use trust::{SchemeField, Trust};
