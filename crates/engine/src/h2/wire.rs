//! What lies between `h2` and the socket: the bytes that have come and it has not read, and those that it has written and the
//! socket has not taken. Nothing here waits: whoever brings bytes, or takes them, asks `h2` to go on afterwards.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much may wait for the socket before `h2` has to wait.
const CLOGGED_BYTES: usize = 128 * 1024;
/// How much may have come that `h2` has not read, since it has to write something first.
const GLUT_BYTES: usize = 64 * 1024;
/// Room that is kept while nothing waits.
const KEPT_BYTES: usize = 16 * 1024;

/// Bytes on their way in one direction.
#[derive(Default)]
pub struct Lane {
    bytes: Vec<u8>,
    at: usize,
}

impl Lane {
    pub fn len(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn front(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    pub fn take(&mut self, count: usize) {
        self.at += count;
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_BYTES);
            self.at = 0;
        } else if self.at >= CLOGGED_BYTES {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
    }
}

/// Both directions, as the engine sees them.
#[derive(Default)]
pub struct Lanes {
    pub incoming: Lane,
    pub outgoing: Lane,
    /// The peer will send nothing more.
    pub has_ended: bool,
}

/// The two ends of it are one and the same.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<Lanes>>);

impl Wire {
    /// Both directions. Held for a copy of bytes, and by one thread at a time, since all of them have the reactor's lock.
    pub fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether more may be brought: the peer may send more, and what it has sent is read.
    pub fn has_room(&self) -> bool {
        let lanes = self.lanes();
        !lanes.has_ended && lanes.incoming.len() < GLUT_BYTES
    }

    /// Whether the peer will send nothing more.
    pub fn has_ended(&self) -> bool {
        self.lanes().has_ended
    }

    /// Whether the socket has yet to take something.
    pub fn is_stuck(&self) -> bool {
        !self.lanes().outgoing.is_empty()
    }

    /// Whether nothing more should be written until the socket has taken some.
    pub fn is_clogged(&self) -> bool {
        self.lanes().outgoing.len() >= CLOGGED_BYTES
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut lanes = self.lanes();
        let count = lanes.incoming.len().min(room.remaining());
        if count == 0 && !lanes.has_ended {
            return Poll::Pending;
        }
        room.put_slice(&lanes.incoming.front()[..count]);
        lanes.incoming.take(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut lanes = self.lanes();
        if lanes.outgoing.len() >= CLOGGED_BYTES {
            return Poll::Pending;
        }
        lanes.outgoing.put(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, _: &mut Context<'_>, blocks: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut lanes = self.lanes();
        if lanes.outgoing.len() >= CLOGGED_BYTES {
            return Poll::Pending;
        }
        blocks.iter().for_each(|block| lanes.outgoing.put(block));
        Poll::Ready(Ok(blocks.iter().map(|block| block.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What has been written is kept until the socket takes it.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
