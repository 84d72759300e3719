//! The allocator: how much freed memory the process keeps at hand. And memory that is filled from its beginning.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

/// Freed memory kept for the next large body. Giving it back at once costs a page fault per 4 KB of the next one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: libc::c_int = 64 << 20;
/// Blocks from here on are mapped one by one, and given back when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES: libc::c_int = 4 << 20;

/// Keep freed memory for reuse, unless the operator has decided otherwise by the allocator's own variables.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if !std::env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(b"MALLOC_")) {
        // SAFETY: no pointers; an option the allocator does not know is refused without effect.
        unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES) };
        // SAFETY: as above.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES) };
    }
}

/// Have the allocator's quick lists hold a few blocks of each middling size. It may serve a request from a hole that is
/// 16 bytes too large to be split; freed, such a block is listed under its own size, not the one asked for, and from then
/// on every block of that size takes the slow way. An environ's table is such a block.
pub fn stock_up() {
    const SIZES: std::ops::RangeInclusive<usize> = 32..=64;
    const EACH: usize = 3;
    let blocks: Vec<Vec<u8>> = SIZES.flat_map(|size| [size * 16; EACH]).map(Vec::with_capacity).collect();
    // All at once, so that the first blocks, which may come from such holes, are not handed out again meanwhile.
    drop(std::hint::black_box(blocks));
}

/// A file that is nowhere but in memory. It is closed by an exec.
pub fn anonymous_file(name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: `name` ends with a NUL and is readable during the call.
    let fd = super::check(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: `fd` was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Give back what has been kept.
pub fn give_back_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no pointers; the allocator takes its own locks.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// A buffer of fixed length for a host that has no memory of a kind of its own.
#[derive(Debug)]
pub struct Filling {
    bytes: Vec<u8>,
    filled: usize,
}

impl Filling {
    pub fn new(length: usize) -> Self {
        Self { bytes: vec![0; length], filled: 0 }
    }

    /// The part not filled yet. To be written to, not to be made uninitialised.
    pub fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        let spare = &mut self.bytes[self.filled..];
        // SAFETY: the same memory and layout; whoever is lent it only writes bytes into it, so it stays initialised.
        unsafe { &mut *(std::ptr::from_mut(spare) as *mut [MaybeUninit<u8>]) }
    }

    /// Count the next `count` bytes as filled.
    pub fn advance(&mut self, count: usize) {
        self.filled += count;
        assert!(self.filled <= self.bytes.len(), "no more is filled than there is room");
    }

    /// What has been filled.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}
