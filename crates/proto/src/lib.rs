//! HTTP/1.1 bytes to events and events to bytes (RFC 9112, RFC 9110); the same for uwsgi, FastCGI and SCGI, and
//! for the PROXY protocol's headers.
//!
//! Lives here: grammar, framing, limits, the words of refusals. Does not: sockets, clocks, locks, the
//! application. Everything is a function of the bytes given, so every rule can be tested as data.

#![forbid(unsafe_code)]

pub mod fastcgi;
pub mod forwarded;
pub mod gateway;
pub mod h1;
pub mod proxy;
pub mod representation;
pub mod scgi;
pub mod uwsgi;
