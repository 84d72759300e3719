//! What becomes of requests that never reach the application, for whoever watches.

use std::net::SocketAddr;
use std::time::Duration;

/// A request that was refused, timed out, or given up by its client before it was whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub peer: Option<SocketAddr>,
    /// What has come of its first line: escaped, and no more of it than is worth keeping; empty where nothing came.
    pub line: String,
    pub status: u16,
    pub duration: Duration,
}
