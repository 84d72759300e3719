//! Small answers held back for a moment, to leave together. Each send wakes the client on its own processor; with an
//! application slower than its clients that costs more than the send itself. Bounded by number, size and time, ended
//! with the events of one wait, and by the standby thread where a call takes long: nothing waits longer than a
//! millisecond or two.

use crate::connection::ConnId;
use crate::held::Entry;
use crate::host::Host;
use crate::reactor::Reactor;
use crate::sys::clock;

const MAX_ENTRIES: usize = 32;
/// How long the first of them waits while further ones are made.
const MAX_WAIT_NS: u64 = 1_000_000;
/// The longest answer worth holding back, and the most that is held back together.
const MAX_ANSWER_BYTES: usize = 4 * 1024;
const MAX_BYTES: usize = 128 * 1024;

impl<H: Host> Reactor<H> {
    /// Send an answer's bytes soon. Nothing else of the answer may follow but its end.
    #[inline]
    pub fn send_soon(&mut self, id: ConnId, bytes: &[u8]) {
        if bytes.len() > MAX_ANSWER_BYTES || self.batch.bytes.len() + bytes.len() > MAX_BYTES {
            return self.send_rest(id, bytes, false);
        }
        if self.batch.entries.is_empty() {
            self.batch.since_ns = clock::monotonic_ns();
        }
        let start = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(bytes);
        self.batch.entries.push(Entry { id, start, end: start + bytes.len(), finished: None });
    }

    /// As [`finish`](Self::finish), for an exchange whose bytes may still be held back.
    #[inline]
    pub fn finish_soon(&mut self, id: ConnId, keep_alive: bool) {
        match self.batch.entries.last_mut() {
            Some(entry) if entry.id == id => entry.finished = Some(keep_alive),
            _ => return self.finish(id, keep_alive),
        }
        self.flush_full_batch();
    }

    /// Send what is held back if it is enough, or has been for long.
    #[inline]
    pub(crate) fn flush_full_batch(&mut self) {
        let entries = self.batch.entries.len();
        if entries >= MAX_ENTRIES || entries > 0 && clock::monotonic_ns() - self.batch.since_ns > MAX_WAIT_NS {
            self.flush_batch();
        }
    }

    /// Send what is held back if the application is not done with the last of it: its last block is out, and may not
    /// wait for what the application does afterwards.
    pub(crate) fn flush_unfinished(&mut self) {
        if self.batch.entries.last().is_some_and(|entry| entry.finished.is_none()) {
            self.flush_batch();
        }
    }

    /// Send what is held back.
    #[inline]
    pub fn flush_batch(&mut self) {
        if !self.batch.entries.is_empty() {
            self.flush_entries();
        }
    }

    #[inline(never)]
    fn flush_entries(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        let before = self.stirred.replace(Vec::new());
        for entry in batch.entries.drain(..) {
            self.send_rest(entry.id, &batch.bytes[entry.start..entry.end], false);
            if let Some(keep_alive) = entry.finished {
                self.finish(entry.id, keep_alive);
            }
        }
        batch.bytes.clear();
        self.batch = batch;
        let stirred = std::mem::replace(&mut self.stirred, before);
        stirred.into_iter().flatten().for_each(|id| self.drive_soon(id));
    }
}
