//! Answers on connections that do not speak HTTP: what is to be sent is framed, and an answer has an end of its own.

use std::fs::File;
use std::sync::Arc;

use crate::connection::{ConnId, State};
use crate::host::Host;
use crate::reactor::Reactor;

impl<H: Host> Reactor<H> {
    /// As `send`.
    #[cold]
    pub(crate) fn send_framed(&mut self, id: ConnId, bytes: &[u8]) {
        self.append_framed(id, bytes);
        self.flush(id);
    }

    /// Queue the bytes of an answer.
    #[cold]
    pub(crate) fn append_framed(&mut self, id: ConnId, bytes: &[u8]) {
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = gateway.frame(bytes);
        self.append(id, &framed);
    }

    /// As `send_blocks`.
    #[cold]
    pub(crate) fn send_blocks_framed(&mut self, id: ConnId, head: &[u8], blocks: Vec<H::Block>, last: bool) {
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = gateway.frame(head);
        if !gateway.has_records() {
            return self.put_blocks(id, &framed, blocks, last);
        }
        let mut framed = framed.into_owned();
        for block in &blocks {
            framed.extend_from_slice(&gateway.frame(block.as_ref()));
        }
        self.bury_blocks(blocks);
        self.append(id, &framed);
        self.flush(id);
    }

    /// As `send_file`.
    #[cold]
    pub(crate) fn send_file_framed(&mut self, id: ConnId, head: &[u8], file: Arc<File>, offset: u64, count: u64) {
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = gateway.frame(head).into_owned();
        let request = if gateway.has_records() { gateway.request } else { None };
        self.append(id, &framed);
        let Some(connection) = self.table.get(id).filter(|connection| connection.broken.is_none()) else { return };
        let output = connection.output.get_or_insert_default();
        match request {
            Some(request) => output.push_records(request, file, offset, count),
            None => output.push_file(file, offset, count),
        }
        self.flush(id);
    }

    /// As `complete`.
    #[cold]
    pub(crate) fn complete_framed(&mut self, id: ConnId) {
        self.end_framed(id);
        let Some(connection) = self.table.get(id) else { return };
        connection.state = State::Writing;
        self.go_on_writing(id);
    }

    /// The answer is complete: say so, where the protocol has words for it.
    #[cold]
    pub(crate) fn end_framed(&mut self, id: ConnId) {
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let end = gateway.end();
        self.append(id, &end);
        self.flush(id);
    }
}
