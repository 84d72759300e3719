//! Tests of the protocol crate from outside.

mod chunked;
mod corpus;
mod head;
mod properties;
mod response;
mod support;
