//! What uwsgi, FastCGI and SCGI have in common: a web server hands a request over as variables (RFC 3875 §4.1), and
//! these become a request head as HTTP has it, so that whatever looks at requests need not know how they came.

mod error;
mod names;
mod paths;
mod translate;

pub use error::GatewayError;
pub use translate::{Translated, translate};

/// A variable of a request, measured from the first byte of the packet that holds it.
pub type Variable = crate::h1::Field;
