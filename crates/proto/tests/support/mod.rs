//! What several tests need.

pub mod connection;
pub mod corpus;
