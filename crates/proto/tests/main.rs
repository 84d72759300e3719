//! Tests of the protocol crate from outside.

mod corpus;
mod head;
mod properties;
mod response;
mod support;
