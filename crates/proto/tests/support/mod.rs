//! What several tests need.

pub mod connection;
pub mod corpus;
pub mod packets;
pub mod wire;

use std::path::Path;

/// All cases of the corpus.
pub fn cases() -> Vec<corpus::Case> {
    corpus::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/corpus"))
}
