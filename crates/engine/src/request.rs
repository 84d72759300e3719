//! A whole request, and how it came to be one.

use crate::body::Body;
use crate::connection::ConnId;
use crate::host::Host;

/// Who drives the reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The thread that calls the application, attached to the interpreter: a whole request may be served at once.
    Direct,
    /// Anybody else: a whole request is queued.
    Aside,
}

/// What is remembered of the connection's header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing that fits.
    New,
    /// The block was remembered just now: what is made of it is worth keeping.
    Remember,
    /// The block is the one remembered: what was made of it holds.
    Same,
}

/// A whole request for the application. Its head is on the desk ([`Desk::head`]) until the next one is taken.
pub struct Request<H: Host> {
    pub id: ConnId,
    pub listener: u16,
    pub repeat: Repeat,
    pub body: Body<H>,
}
