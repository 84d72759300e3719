//! Tests of the protocol crate from outside.

mod chunked;
mod corpus;
mod gateway;
mod head;
mod properties;
mod response;
mod support;
