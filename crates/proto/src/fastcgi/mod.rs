//! FastCGI, by which nginx hands requests over (`fastcgi_pass`): records, of which those of one request make up its
//! variables and its body, and its answer. The role is that of a responder; the requests of a connection come one after
//! another.
//!
//! Source: "FastCGI Specification", version 1.0 (Mark R. Brown, 1996); its sections are named where they are followed.

mod params;
mod reader;
mod writer;

pub use params::variables;
pub use reader::{Event, Reader, Step};
pub use writer::{encode_request, write_end, write_stdout};

/// A record's head (§3.3, "Records").
const HEADER_BYTES: usize = 8;
const VERSION: u8 = 1;

/// The kinds of records (§8, "Types and Constants").
mod kind {
    pub const BEGIN_REQUEST: u8 = 1;
    pub const ABORT_REQUEST: u8 = 2;
    pub const END_REQUEST: u8 = 3;
    pub const PARAMS: u8 = 4;
    pub const STDIN: u8 = 5;
    pub const STDOUT: u8 = 6;
    pub const DATA: u8 = 8;
    pub const GET_VALUES: u8 = 9;
    pub const GET_VALUES_RESULT: u8 = 10;
    pub const UNKNOWN_TYPE: u8 = 11;
}

/// How a request has ended, as its last record says (§5.5, "FCGI_END_REQUEST").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    Complete = 0,
    /// It came while another one was under way, and those of one connection are not served side by side.
    CannotMultiplex = 1,
    UnknownRole = 3,
}
