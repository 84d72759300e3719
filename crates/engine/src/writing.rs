//! Answers on their way out, and what follows when they are written.

use std::fs::File;
use std::io::{ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::sync::Arc;

use crate::connection::{ConnId, Loss, State, Watch};
use crate::host::{Host, Remains};
use crate::notice::Notice;
use crate::output::{FILE_STEP, MAX_BLOCKS, Output, Written};
use crate::reactor::{OUTPUT_MEMORY_BYTES, Reactor};
use crate::sys::board::Word;
use crate::timers::Class;

/// Bytes of a streamed answer that are sent without waiting for more.
const FLUSH_BYTES: usize = 16 * 1024;

/// Less than this is not worth a file.
const SPILLED_BYTES: usize = 16 * 1024;

/// An answer that is cut, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The framing shows that something is missing.
    Seen,
    /// The end of the connection is the end of the answer (RFC 9112 §6.3), so that it must not be an ordinary one.
    Unseen,
}

impl<H: Host> Reactor<H> {
    /// Whether the client is still there to be answered.
    pub fn is_alive(&self, id: ConnId) -> bool {
        self.table.peek(id).is_some_and(|connection| connection.broken.is_none())
    }

    /// Send `bytes` now, behind what is queued already; what the socket does not take is queued.
    /// `last`: the answer ends here and the connection with it.
    #[inline]
    pub fn send(&mut self, id: ConnId, bytes: &[u8], last: bool) {
        self.put::<false>(id, bytes, last, false);
    }

    /// As `send`, where these are the last bytes of the answer: what ends it goes out with them.
    #[inline]
    pub fn send_rest(&mut self, id: ConnId, bytes: &[u8], last: bool) {
        self.put::<false>(id, bytes, last, true);
    }

    /// As `send`. `FRAMED`: as they are to go out.
    #[inline(always)]
    pub(crate) fn put<const FRAMED: bool>(&mut self, id: ConnId, bytes: &[u8], last: bool, is_rest: bool) {
        let Some(connection) = self.table.get(id) else { return };
        if connection.broken.is_some() {
            return;
        }
        if !FRAMED && connection.is_framed {
            return self.send_framed(id, bytes, last, is_rest);
        }
        if connection.output.is_some() {
            self.append(id, bytes);
            self.flush(id);
            return;
        }
        match connection.transport.send(bytes, last) {
            Ok(sent) => {
                connection.written += sent as u64;
                self.board.add(Word::BytesOut, sent as u64);
                if sent < bytes.len() {
                    self.append(id, &bytes[sent..]);
                    self.flush(id);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                self.append(id, bytes);
                self.flush(id);
            }
            Err(_) => self.mark_broken(id, Loss::Client),
        }
    }

    /// Send a head and the application's own blocks in one call; what is left is queued without a copy.
    pub fn send_blocks(&mut self, id: ConnId, head: &[u8], blocks: Vec<H::Block>, last: bool) {
        match self.table.get(id) {
            Some(connection) if connection.is_framed => self.send_blocks_framed(id, head, blocks, last),
            _ => self.put_blocks(id, head, blocks, last),
        }
    }

    pub(crate) fn put_blocks(&mut self, id: ConnId, head: &[u8], blocks: Vec<H::Block>, last: bool) {
        let Some(connection) = self.table.get(id).filter(|connection| connection.broken.is_none()) else {
            return self.bury_blocks(blocks);
        };
        let mut sent = 0;
        if connection.output.is_none() {
            let mut slices = [IoSlice::new(&[]); MAX_BLOCKS];
            slices[0] = IoSlice::new(head);
            let filled = slices[1..].iter_mut().zip(&blocks).map(|(slice, block)| *slice = IoSlice::new(block.as_ref())).count();
            match connection.transport.send_vectored(&slices[..=filled], last && filled == blocks.len()) {
                Ok(count) => sent = count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => {
                    self.bury_blocks(blocks);
                    return self.mark_broken(id, Loss::Client);
                }
            }
        }
        if let Some(connection) = self.table.get(id) {
            connection.written += sent as u64;
        }
        self.board.add(Word::BytesOut, sent as u64);
        self.queue_blocks(id, head, blocks, sent);
    }

    /// Queue what `sent` bytes have not covered.
    fn queue_blocks(&mut self, id: ConnId, head: &[u8], blocks: Vec<H::Block>, mut sent: usize) {
        if sent < head.len() {
            self.append(id, &head[sent..]);
        }
        sent = sent.saturating_sub(head.len());
        let mut left = false;
        for block in blocks {
            let length = block.as_ref().len();
            match self.table.get(id) {
                Some(connection) if sent < length && connection.broken.is_none() => {
                    connection.output.get_or_insert_default().push_block(block, sent);
                    left = true;
                }
                _ => self.graveyard.push(Remains::Block(block)),
            }
            sent = sent.saturating_sub(length);
        }
        if left {
            self.flush(id);
        }
    }

    /// Send a head and then a part of a file.
    pub fn send_file(&mut self, id: ConnId, head: &[u8], file: impl Into<Arc<File>>, offset: u64, count: u64) {
        let file = file.into();
        if self.table.get(id).is_some_and(|connection| connection.is_framed) {
            return self.send_file_framed(id, head, file, offset, count);
        }
        let (mut sent, mut moved) = (0, 0);
        if let Some(connection) =
            self.table.get(id).filter(|connection| connection.broken.is_none() && connection.output.is_none())
        {
            // What fails now fails again where it is judged.
            sent = connection.transport.send(head, true).unwrap_or(0);
            if sent == head.len() {
                let step = count.min(FILE_STEP) as usize;
                moved = connection.transport.send_file(file.as_fd(), offset, step).unwrap_or(0) as u64;
            }
            connection.written += sent as u64 + moved;
            self.board.add(Word::BytesOut, sent as u64 + moved);
        }
        if moved == count {
            return;
        }
        self.append(id, &head[sent..]);
        if let Some(connection) = self.table.get(id).filter(|connection| connection.broken.is_none()) {
            connection.output.get_or_insert_default().push_file(file, offset + moved, count - moved);
            self.flush(id);
        }
    }

    /// Queue bytes of a streamed answer. They leave when there are enough of them, when the answer ends, or at the
    /// standby thread's next tick.
    pub fn stream(&mut self, id: ConnId, bytes: &[u8]) {
        if self.table.get(id).is_some_and(|connection| connection.is_framed) {
            self.append_framed(id, bytes);
        } else {
            self.append(id, bytes);
        }
        let Some(connection) = self.table.get(id) else { return };
        let waiting = connection.output.as_ref().map_or(0, |output| output.in_memory());
        if waiting >= FLUSH_BYTES && connection.watch != Watch::Write {
            self.flush(id);
        } else if !self.unflushed.contains(&id) {
            self.unflushed.push(id);
        }
    }

    pub(crate) fn append(&mut self, id: ConnId, bytes: &[u8]) {
        let bound = self.settings.response_buffer_size.max(FLUSH_BYTES);
        let Some(connection) = self.table.get(id) else { return };
        if connection.broken.is_some() || bytes.is_empty() {
            return;
        }
        if let Err(error) = connection.output.get_or_insert_default().push(bytes, bound) {
            // No room on the disk either: the answer can't be completed, so the connection ends.
            self.tell(Notice::Storage { why: error.to_string() });
            self.mark_broken(id, Loss::Ours);
        }
    }

    /// Bytes of the connection's answer that wait in memory and in the file.
    pub fn waiting(&self, id: ConnId) -> u64 {
        let output = self.table.peek(id).and_then(|connection| connection.output.as_ref());
        output.map_or(0, |output| output.in_memory() as u64 + output.spooled())
    }

    /// Send the streamed blocks that have been waiting for company.
    pub fn flush_streams(&mut self) {
        for id in std::mem::take(&mut self.unflushed) {
            if self.table.get(id).is_some_and(|connection| connection.watch != Watch::Write) {
                self.flush(id);
            }
        }
    }

    /// Send what is queued as far as the socket takes it.
    pub fn flush(&mut self, id: ConnId) {
        self.flush_output(id);
        if self.table.peek(id).is_some_and(|connection| connection.is_framed) {
            self.stir(id);
        }
    }

    fn flush_output(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        let Some(mut output) = connection.output.take() else { return };
        let last = connection.state == State::Writing && !connection.keep_alive;
        let (mut done, mut count) = (Vec::new(), 0);
        let result = output.write(&mut connection.transport, &mut done, &mut count, last);
        connection.written += count;
        self.board.add(Word::BytesOut, count);
        self.bury_blocks(done);
        match result {
            Ok(Written::Everything) => {
                self.output_memory -= output.counted;
                if self.timers.class_of(id.slot) == Some(Class::Write) {
                    self.timers.clear(id.slot);
                }
                if self.table.get(id).is_some_and(|connection| connection.watch == Watch::Write) {
                    self.watch(id, Watch::Nothing);
                }
            }
            Ok(Written::Stuck) => {
                self.count_output(&mut output);
                if let Some(connection) = self.table.get(id) {
                    connection.output = Some(output);
                }
                self.wait_to_write(id);
            }
            Err(error) => {
                self.bury_output(*output);
                // A file that is shorter than it was is nothing of the client's.
                let is_ours = error.kind() == ErrorKind::UnexpectedEof;
                self.mark_broken(id, if is_ours { Loss::Ours } else { Loss::Client });
            }
        }
    }

    fn wait_to_write(&mut self, id: ConnId) {
        if self.timers.class_of(id.slot) != Some(Class::Write) {
            if let Some(connection) = self.table.get(id) {
                let left = connection.transport.unacknowledged().unwrap_or(0);
                connection.acknowledged = connection.written as i64 - left as i64;
            }
            self.timers.set(id.slot, Class::Write, self.now_ms);
        }
        self.watch(id, Watch::Write);
        if self.table.peek(id).is_some_and(|connection| connection.is_framed) {
            self.await_room(id);
        }
    }

    /// The answer is complete: go on with the connection when it is written.
    #[inline]
    pub fn finish(&mut self, id: ConnId, keep_alive: bool) {
        self.complete(id, keep_alive);
        // This one was not held back, but took its time while others are.
        self.flush_full_batch();
    }

    #[inline]
    fn complete(&mut self, id: ConnId, keep_alive: bool) {
        self.board.add(Word::Requests, 1);
        let Some(connection) = self.table.get(id) else { return };
        if connection.broken.is_some() {
            return self.abandon(id);
        }
        connection.keep_alive = keep_alive;
        if connection.is_framed {
            return self.complete_framed(id);
        }
        if connection.output.is_some() {
            connection.state = State::Writing;
            return self.go_on_writing(id);
        }
        self.written(id);
    }

    /// The answer can't be completed: the client learns it from the connection's end.
    pub fn cut(&mut self, id: ConnId, cut: Cut) {
        self.board.add(Word::Requests, 1);
        self.flush_batch();
        self.flush(id);
        if cut == Cut::Unseen || self.table.get(id).is_some_and(|connection| connection.has_output()) {
            return self.abandon(id);
        }
        self.close(id);
    }

    pub(crate) fn go_on_writing(&mut self, id: ConnId) {
        self.flush(id);
        let Some(connection) = self.table.get(id) else { return };
        if connection.broken.is_some() {
            self.abandon(id);
        } else if connection.output.is_none() {
            self.written(id);
        }
    }

    pub(crate) fn mark_broken(&mut self, id: ConnId, loss: Loss) {
        self.watch(id, Watch::Nothing);
        self.timers.clear(id.slot);
        let Some(connection) = self.table.get(id) else { return };
        connection.broken = Some(loss);
        if let Some(output) = connection.output.take() {
            self.bury_output(*output);
        }
    }

    /// Count what lies in memory for a client that is slow to take it. Each may have as much as an answer is long, but
    /// not all at once: beyond what they may have together it waits in temporary files.
    fn count_output(&mut self, output: &mut Output<H>) {
        self.output_memory -= std::mem::take(&mut output.counted);
        let held = output.held();
        if held > SPILLED_BYTES && self.output_memory + held > OUTPUT_MEMORY_BYTES {
            let mut done = Vec::new();
            // Where there is no room on the disk either, it stays where it is.
            if let Err(error) = output.spill(&mut done) {
                self.tell(Notice::Storage { why: error.to_string() });
            }
            self.bury_blocks(done);
        }
        output.counted = output.held();
        self.output_memory += output.counted;
    }

    pub(crate) fn bury_output(&mut self, output: Output<H>) {
        self.output_memory -= output.counted;
        self.graveyard.extend(output.into_blocks().map(Remains::Block));
    }

    pub(crate) fn bury_blocks(&mut self, blocks: Vec<H::Block>) {
        self.graveyard.extend(blocks.into_iter().map(Remains::Block));
    }
}
