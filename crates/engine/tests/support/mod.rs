//! What several tests need.

pub mod client;
pub mod host;
pub mod process;
pub mod siblings;
pub mod sockets;
pub mod worker;

use std::time::{Duration, Instant};

/// How long anything may take that is bound to happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// When to give up on what begins now.
pub fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// `length` bytes of a stream of which no two places look alike, from `offset` on.
pub fn pattern(offset: u64, length: usize) -> Vec<u8> {
    let (first, skipped) = (offset / 8, (offset % 8) as usize);
    let mut bytes = Vec::with_capacity(length + 16);
    for word in first..first + (skipped + length).div_ceil(8) as u64 {
        bytes.extend_from_slice(&(word + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    }
    bytes.drain(..skipped);
    bytes.truncate(length);
    bytes
}

/// Compare byte strings, in words short enough to be read.
#[track_caller]
pub fn assert_same(found: &[u8], wanted: &[u8]) {
    if found == wanted {
        return;
    }
    let at = found.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(found.len().min(wanted.len()));
    panic!(
        "{} bytes, {} were wanted; the first difference is at {at}: {:?} instead of {:?}",
        found.len(),
        wanted.len(),
        String::from_utf8_lossy(&found[at..found.len().min(at + 60)]),
        String::from_utf8_lossy(&wanted[at..wanted.len().min(at + 60)])
    );
}
