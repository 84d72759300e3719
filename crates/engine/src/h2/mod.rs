//! HTTP/2 (RFC 9113), by the crate `h2`, driven by hand: it is given what has come on the socket and asked what is to go out,
//! and knows no socket, no clock that wakes it and no runtime.
//!
//! A connection that speaks HTTP/2 keeps its place in the table, with what is here; each stream has a place of its own there,
//! with a [`stream::Stream`] as its transport. Its request becomes a head as HTTP/1.1 has it, and its answer is written as for
//! HTTP/1.1 and taken apart again: so whatever holds for requests holds for these, whoever calls the application.

mod answer;
mod bodies;
mod driving;
mod ending;
mod floods;
mod head;
mod opening;
mod preface;
pub(crate) mod sending;
pub mod session;
pub mod stream;
#[cfg(test)]
mod tests;
mod upgrade;
mod wire;

/// The connection preface (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the operator decided about HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether trusted peers may begin with it where TLS is not spoken (RFC 9113 §3.3), and whether they may change to it
    /// (RFC 7540 §3.2).
    pub prior_knowledge: bool,
    pub upgrade: bool,
    /// How many requests of a connection may be under way at the same time.
    pub max_concurrent_streams: u32,
    /// Bytes of a request body that may be on their way, 31 bits.
    pub initial_window_size: u32,
    /// Bytes of a frame's payload: 16384 to 16777215.
    pub max_frame_size: u32,
    /// Bytes of a request's fields as RFC 9113 §6.5.2 counts them; 0: as many as the limits on heads let through.
    pub max_header_list_size: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prior_knowledge: false,
            upgrade: false,
            max_concurrent_streams: 100,
            initial_window_size: 65_535,
            max_frame_size: 16_384,
            max_header_list_size: 65_536,
        }
    }
}
