//! Tests of the protocol crate from outside.

mod chunked;
mod corpus;
mod forwarded;
mod gateway;
mod head;
mod properties;
mod proxy;
mod representation;
mod response;
mod support;
mod wire;
