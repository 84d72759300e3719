//! One request and its answer, from the application's first word to its last block.

use std::fs::File;
use std::sync::Arc;

use longma_engine::connection::ConnId;
use longma_engine::own::answer::Content;
use longma_engine::shared::Shared;
use longma_proto::h1::response::{Framing, chunk_head};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::fault::Fault;
use crate::head::{Asked, Prefixes, Said, Settled, say, settle};
use crate::host::Python;
use crate::instead::{Instead, Rest};
use crate::lease::Lease;
use crate::object::Block;

/// Blocks up to this size are copied behind what precedes them; larger ones are sent from where they are.
const COPY_BYTES: usize = 16 * 1024;
/// So many blocks are copied in any case, unless they are large one by one.
const MANY_BLOCKS: usize = 64;
/// Room for composing that is kept from answer to answer.
const KEPT_BYTES: usize = 256 * 1024;
/// Bytes of one answer that may wait for a slow client, in memory and in its file, before the application waits too.
const MAX_WAITING_BYTES: u64 = 1 << 30;

/// What there is for the next block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Enough,
    None,
}

impl Room {
    /// The room that is left where so many bytes wait.
    pub fn left(waiting: u64) -> Self {
        if waiting > MAX_WAITING_BYTES { Self::None } else { Self::Enough }
    }
}

/// The head of an answer as an observer sees it: the status, and the fields that the application gave.
pub struct Shown<'a> {
    pub status: &'a [u8],
    pub fields: Vec<(&'a [u8], &'a [u8])>,
}

/// An exchange. `start_response` and `early_hints` reach it while the application has control.
pub struct Exchange {
    pub shared: Arc<Shared<Python>>,
    pub id: ConnId,
    pub asked: Asked,
    said: Option<Said>,
    settled: Option<Settled>,
    /// Bytes composed and not given to the engine yet.
    out: Vec<u8>,
    prefixes: Prefixes,
    date: [u8; 29],
    /// Bytes of the body so far, as framed.
    pub body_bytes: u64,
    /// Where the head lies in what was composed first; kept for the access log.
    pub head_copy: Vec<u8>,
    /// Where the application's fields end in it.
    fields_end: usize,
    pub keep_head: bool,
    /// Whether anything has been given to the engine.
    begun: bool,
    /// Whether the end is composed: nothing may follow it.
    ended: bool,
    /// Whether a whole answer may wait for others to leave with.
    pub patient: bool,
    /// The connection itself, where the application may take it over.
    pub lease: Option<Py<Lease>>,
    /// How to wait, in seconds, where other greenlets run meanwhile.
    pub pause: Option<Arc<Py<PyAny>>>,
    /// Where the application may name a file to be sent in the place of the body.
    pub instead: Option<Box<Instead>>,
}

impl Exchange {
    pub fn new(shared: Arc<Shared<Python>>) -> Self {
        let instead = shared.lock().lets_name_files().then(Box::default);
        let nobody = ConnId { slot: u32::MAX, generation: 0 };
        let asked = Asked {
            version: longma_proto::h1::Version::Http11,
            head_request: false,
            connect_request: false,
            keep_alive: false,
            gateway: false,
        };
        Self {
            shared,
            id: nobody,
            asked,
            said: None,
            settled: None,
            out: Vec::with_capacity(4096),
            prefixes: Prefixes::default(),
            date: [b' '; 29],
            body_bytes: 0,
            head_copy: Vec::new(),
            fields_end: 0,
            keep_head: false,
            begun: false,
            ended: false,
            patient: false,
            lease: None,
            pause: None,
            instead,
        }
    }

    /// Make ready for the next request.
    #[inline]
    pub fn reset(&mut self, id: ConnId, asked: Asked, date: &[u8; 29]) {
        self.id = id;
        self.asked = asked;
        self.said = None;
        self.settled = None;
        self.out.clear();
        self.out.shrink_to(KEPT_BYTES);
        self.date = *date;
        self.body_bytes = 0;
        self.head_copy.clear();
        self.begun = false;
        self.ended = false;
        if let Some(instead) = &mut self.instead {
            instead.rest = None;
        }
    }

    pub fn settled(&self) -> Option<&Settled> {
        self.settled.as_ref()
    }

    /// Whether the head is out of our hands, so that no other status can be sent.
    pub fn head_is_sent(&self) -> bool {
        self.begun || self.ended
    }

    /// Whether the client gets all of the answer, whatever else may go wrong with the application.
    pub fn is_complete(&self) -> bool {
        let is_whole = |settled: Settled| match settled.framing {
            Framing::None => true,
            Framing::Length(length) => length == self.body_bytes,
            Framing::Chunked | Framing::Close => false,
        };
        self.ended || self.begun && self.settled.is_some_and(is_whole)
    }

    /// Whether `start_response` has been called.
    pub fn is_started(&self) -> bool {
        self.said.is_some()
    }

    /// Take down what `start_response` was given, in the place of what it was given before: what cannot be sent is
    /// refused while the application can learn of it (PEP 3333, "The start_response() Callable").
    ///
    /// # Safety
    /// Attached; `status` is a valid object and `fields` a list or tuple.
    #[inline]
    pub unsafe fn start(&mut self, status: *mut ffi::PyObject, fields: *mut ffi::PyObject) -> Result<(), Fault> {
        self.said = None;
        self.out.clear();
        // SAFETY: by contract.
        let said = unsafe { say(status, fields, self.asked.connect_request, &mut self.prefixes, &self.date, &mut self.out) };
        self.said = Some(said?);
        Ok(())
    }

    /// Complete the head. `body`: bytes of the body, where they are known.
    #[inline]
    pub fn begin(&mut self, body: Option<u64>) -> Result<Settled, Fault> {
        if let Some(settled) = self.settled {
            return Ok(settled);
        }
        let mut said = self.said.ok_or_else(|| Fault::Protocol("the application returned without calling start_response()"))?;
        let content = match &self.instead {
            None => None,
            Some(instead) => instead.find(&mut self.shared.lock(), &mut self.out, &mut said)?,
        };
        let body = content.as_ref().map(Content::len).or(body);
        let asked = Asked { keep_alive: self.asked.keep_alive && !self.shared.is_stopping(), ..self.asked };
        let fields_end = self.out.len();
        let mut settled = settle(said, body, asked, &mut self.out);
        if self.keep_head {
            self.fields_end = fields_end;
            self.head_copy.extend_from_slice(&self.out);
        }
        if let (Some(content), Some(instead)) = (content, &mut self.instead) {
            instead.follow(content, &mut settled, &mut self.out);
        }
        self.settled = Some(settled);
        Ok(settled)
    }

    /// What is to follow the head in the place of the application's body.
    pub fn take_rest(&mut self) -> Option<Rest> {
        let rest = self.instead.as_mut()?.rest.take()?;
        self.body_bytes = rest.length;
        Some(rest)
    }

    /// Answer with a whole body in blocks. Small ones are composed behind the head, to be taken by `take_composed`;
    /// large ones are returned, to be sent from where they are.
    ///
    /// # Safety
    /// Attached, and `blocks` are valid bytes objects.
    pub unsafe fn whole(&mut self, blocks: &[*mut ffi::PyObject]) -> Result<Vec<Block>, Fault> {
        // SAFETY: by contract.
        let bytes = |block: *mut ffi::PyObject| unsafe { crate::object::bytes_of(block) };
        let total: usize = blocks.iter().map(|&block| bytes(block).len()).sum();
        let settled = self.begin(Some(total as u64))?;
        let allowed = match settled.framing {
            Framing::None => 0,
            Framing::Length(length) => length.min(total as u64),
            Framing::Chunked | Framing::Close => total as u64,
        };
        self.body_bytes = allowed;
        if let Framing::Length(length) = settled.framing
            && length > allowed
        {
            // Less than was promised: the client can only learn it from the connection's end.
            self.settled = Some(Settled { keep_alive: false, ..settled });
        }
        let is_whole = allowed == total as u64 && settled.framing != Framing::Chunked;
        if total > COPY_BYTES && is_whole && (blocks.len() < MANY_BLOCKS || total / blocks.len() > COPY_BYTES) {
            // SAFETY: by contract.
            return Ok(blocks.iter().map(|&block| unsafe { Block::borrowed(block) }).collect());
        }
        let mut left = allowed as usize;
        for &block in blocks {
            let part = &bytes(block)[..bytes(block).len().min(left)];
            self.out.extend_from_slice(part);
            left -= part.len();
        }
        Ok(Vec::new())
    }

    /// Send one block of a body that comes block by block.
    pub fn write(&mut self, block: &[u8]) -> Result<Room, Fault> {
        if self.ended {
            return Err(Fault::Protocol("write() was called after the end of the answer"));
        }
        let settled = self.begin(None)?;
        let block = self.frame(settled, block);
        self.hand_out(block, settled, self.completes(settled))
    }

    /// Cut the block to what may be sent, and compose what precedes it.
    fn frame<'a>(&mut self, settled: Settled, block: &'a [u8]) -> &'a [u8] {
        let block = match settled.framing {
            Framing::None => &[],
            Framing::Length(length) => {
                let left = length.saturating_sub(self.body_bytes);
                &block[..block.len().min(usize::try_from(left).unwrap_or(usize::MAX))]
            }
            Framing::Chunked | Framing::Close => block,
        };
        self.body_bytes += block.len() as u64;
        if settled.framing == Framing::Chunked && !block.is_empty() {
            chunk_head(block.len(), &mut self.out);
        }
        block
    }

    fn completes(&self, settled: Settled) -> bool {
        matches!(settled.framing, Framing::Length(length) if length == self.body_bytes)
    }

    /// Give the engine what is composed and the block. `at_once`: nothing follows, so waiting for company is idle.
    fn hand_out(&mut self, block: &[u8], settled: Settled, at_once: bool) -> Result<Room, Fault> {
        let is_chunk = settled.framing == Framing::Chunked && !block.is_empty();
        self.out.extend_from_slice(block);
        if is_chunk {
            self.out.extend_from_slice(b"\r\n");
        }
        let rest = self.take_rest();
        let mut reactor = self.shared.lock();
        if let Some(rest) = rest {
            rest.send(&mut reactor, self.id, &self.out);
        } else if at_once && self.patient && !self.begun {
            reactor.send_soon(self.id, &self.out);
        } else if at_once {
            reactor.send_rest(self.id, &self.out, false);
        } else {
            reactor.stream(self.id, &self.out);
            self.shared.has_block();
        }
        self.out.clear();
        self.begun = true;
        let (alive, waiting) = (reactor.is_alive(self.id), reactor.waiting(self.id));
        drop(reactor);
        if !alive {
            return Err(Fault::ClientGone);
        }
        Ok(Room::left(waiting))
    }

    /// Answer with a part of a file.
    pub fn send_file(&mut self, file: File, offset: u64, rest: u64) -> Result<(), Fault> {
        let settled = self.begin(Some(rest))?;
        let count = match settled.framing {
            Framing::None => 0,
            Framing::Length(length) => length.min(rest),
            Framing::Chunked | Framing::Close => rest,
        };
        self.body_bytes = count;
        if matches!(settled.framing, Framing::Length(length) if length > count) {
            self.settled = Some(Settled { keep_alive: false, ..settled });
        }
        if count > 0 {
            self.shared.lock().send_file(self.id, &self.out, file, offset, count);
            self.out.clear();
            self.begun = true;
        }
        Ok(())
    }

    /// The head of the answer, where heads are kept and it has one.
    pub fn shown(&self) -> Option<Shown<'_>> {
        // The status line, Server and Date, then what the application gave (`Prefixes`), then what we added to it.
        let mut lines = self.head_copy.get(..self.fields_end)?.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
        let status = lines.next()?.split_at_checked(b"HTTP/1.1 ".len())?.1;
        let fields = lines.skip(2).filter_map(|line| {
            let (name, rest) = line.split_at(line.iter().position(|&byte| byte == b':')?);
            Some((name, rest[1..].trim_ascii_start()))
        });
        Some(Shown { status: status.trim_ascii_end(), fields: fields.collect() })
    }

    /// The application has nothing more to say: compose the end and send what is left.
    pub fn end(&mut self) -> Result<(), Fault> {
        let settled = self.begin(Some(0))?;
        self.ended = true;
        if settled.framing == Framing::Chunked {
            self.out.extend_from_slice(b"0\r\n\r\n");
        }
        if matches!(settled.framing, Framing::Length(length) if length > self.body_bytes) {
            self.settled = Some(Settled { keep_alive: false, ..settled });
        }
        if self.begun {
            let mut reactor = self.shared.lock();
            if self.out.is_empty() {
                reactor.flush(self.id);
            } else {
                // Not as the connection's last bytes: before its end comes the iterable's close(), which may take long.
                reactor.send(self.id, &self.out, false);
                self.out.clear();
            }
        }
        Ok(())
    }

    /// Whether the connection goes on after this answer.
    pub fn keep_alive(&self) -> bool {
        self.settled.is_some_and(|settled| settled.keep_alive)
    }

    /// The application has had the connection: whatever it says of an answer, this is what it comes to.
    pub fn switched(&mut self) {
        self.settled = Some(Settled { status: *b"101", framing: Framing::None, keep_alive: false });
        self.out.clear();
        self.body_bytes = 0;
        self.head_copy.clear();
        if self.keep_head {
            self.head_copy.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
            self.fields_end = self.head_copy.len();
        }
    }

    /// What is composed and not sent.
    pub fn composed(&self) -> &[u8] {
        &self.out
    }

    /// The answer was not to be; this one was sent in its place.
    pub fn failed(&mut self, answer: &[u8]) {
        self.settled = None;
        self.take_rest();
        self.head_copy.clear();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
        self.body_bytes = (answer.len() - end) as u64;
        if self.keep_head {
            self.fields_end = end - b"\r\n".len();
            self.head_copy.extend_from_slice(&answer[..end]);
        }
    }

    /// Send an interim response (RFC 9110 §15.2), unless the final one has begun or the client would not know it.
    pub fn send_interim(&mut self, bytes: &[u8]) {
        if self.settled.is_none() && self.asked.version != longma_proto::h1::Version::Http10 {
            self.shared.lock().send(self.id, bytes, false);
        }
    }
}
