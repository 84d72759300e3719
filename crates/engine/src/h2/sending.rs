//! Answers on streams: heads are taken apart again, bodies go out as they are.

use std::fs::File;
use std::sync::Arc;

use h2::Reason;

use super::answer;
use crate::connection::{ConnId, Loss};
use crate::host::Host;
use crate::reactor::Reactor;
use crate::sys::board::Word;

impl<H: Host> Reactor<H> {
    /// As `send`, or `send_rest`.
    pub(crate) fn send_on_stream(&mut self, id: ConnId, bytes: &[u8], is_rest: bool) {
        let Some(body) = self.begin_on_stream(id, bytes, is_rest) else { return self.stir(id) };
        let Some(connection) = self.table.get(id) else { return };
        if is_rest
            && connection.output.is_none()
            && let Some(stream) = connection.transport.as_stream_mut()
        {
            match stream.send_rest(body) {
                Ok(true) => {
                    connection.written += body.len() as u64;
                    self.board.add(Word::BytesOut, body.len() as u64);
                    return self.stir(id);
                }
                Ok(false) => {}
                Err(_) => return self.mark_broken(id, Loss::Client),
            }
        }
        if !body.is_empty() {
            self.put::<true>(id, body, false, is_rest);
        }
        self.stir(id);
    }

    /// Queue the bytes of an answer.
    pub(crate) fn append_on_stream(&mut self, id: ConnId, bytes: &[u8]) {
        if let Some(body) = self.begin_on_stream(id, bytes, false) {
            self.append(id, body);
        }
    }

    /// As `send_blocks`.
    pub(crate) fn send_blocks_on_stream(&mut self, id: ConnId, head: &[u8], blocks: Vec<H::Block>) {
        match self.begin_on_stream(id, head, false) {
            Some(rest) => self.put_blocks(id, rest, blocks, false),
            None => self.bury_blocks(blocks),
        }
        self.stir(id);
    }

    /// As `send_file`.
    pub(crate) fn send_file_on_stream(&mut self, id: ConnId, head: &[u8], file: Arc<File>, offset: u64, count: u64) {
        if let Some(rest) = self.begin_on_stream(id, head, false) {
            self.append(id, rest);
        }
        let Some(connection) = self.table.get(id).filter(|connection| connection.broken.is_none()) else { return };
        connection.output.get_or_insert_default().push_file(file, offset, count);
        self.flush(id);
    }

    /// Send the heads that `bytes` begin with, where the answer's own has not been; what follows them. `is_all`: nothing
    /// follows `bytes`. `None`: the client gets no answer any more.
    fn begin_on_stream<'a>(&mut self, id: ConnId, mut bytes: &'a [u8], is_all: bool) -> Option<&'a [u8]> {
        loop {
            let connection = self.table.get(id).filter(|connection| connection.broken.is_none())?;
            let stream = connection.transport.as_stream_mut()?;
            if bytes.is_empty() || !stream.awaits_head() {
                return Some(bytes);
            }
            let Some(head) = answer::read(bytes) else {
                stream.reset(Reason::INTERNAL_ERROR);
                self.mark_broken(id, Loss::Ours);
                return None;
            };
            bytes = &bytes[head.len..];
            connection.written += head.len as u64;
            self.board.add(Word::BytesOut, head.len as u64);
            match head.response.status().as_u16() {
                101 => {
                    // There is no such change of protocols here (RFC 9113 §8.6).
                    stream.reset(Reason::HTTP_1_1_REQUIRED);
                    self.mark_broken(id, Loss::Ours);
                    return None;
                }
                100..=199 => stream.inform(head),
                _ => {
                    if stream.begin(head, is_all && bytes.is_empty()).is_err() {
                        self.mark_broken(id, Loss::Client);
                        return None;
                    }
                }
            }
        }
    }

    /// A stream has more to send than there is room for: it has its turn when there is.
    pub(crate) fn await_room(&mut self, id: ConnId) {
        if let Some(session) = self.parent(id).and_then(|parent| self.session(parent)) {
            session.has_more = true;
        }
    }

    /// Have these fields follow the body of an answer that has not ended, where that can be: names and values.
    pub fn set_trailers(&mut self, id: ConnId, fields: Vec<(Vec<u8>, Vec<u8>)>) {
        let mut trailers = http::HeaderMap::with_capacity(fields.len());
        for (name, value) in fields {
            if let (Ok(name), Ok(value)) = (http::HeaderName::from_bytes(&name), http::HeaderValue::from_bytes(&value)) {
                trailers.append(name, value);
            }
        }
        if let Some(stream) = self.table.get(id).and_then(|connection| connection.transport.as_stream_mut()) {
            stream.set_trailers(trailers);
        }
    }
}
