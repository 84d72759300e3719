//! A request body on its way in: counted, decoded, kept in memory or, past the threshold, in a file.

use std::fs::File;
use std::io;
use std::ops::Range;

use longma_proto::fastcgi::{Event, Reader};
use longma_proto::gateway::GatewayError;
use longma_proto::h1::{BodyError, ChunkEvent, ChunkedDecoder};

use crate::host::{BodyBuffer, Host};
use crate::spool::Spool;
use crate::transport::Transport;

/// A whole request body, as the application will read it.
pub enum Body<H: Host> {
    Empty,
    /// In the desk's buffer, behind the head.
    Inline(Range<usize>),
    Memory(Vec<u8>),
    Buffer(H::Buffer),
    File(File, u64),
}

/// Why a body could not be taken.
#[derive(Debug)]
pub enum BodyFailure {
    /// The client broke the framing.
    Malformed(BodyError),
    /// The same where it comes in records.
    HandedOver(GatewayError),
    /// More bytes than `limit_request_body`.
    TooLarge,
    /// The file that holds it cannot be written.
    Storage(io::Error),
}

enum Coding {
    Length {
        remaining: u64,
    },
    Chunked(Box<ChunkedDecoder>),
    /// How many bytes are still to come, where that has been said.
    Records {
        reader: Box<Reader>,
        remaining: Option<u64>,
    },
    /// In frames of HTTP/2, which tell its end and keep its length. With the trailers, once it is whole.
    Stream(Vec<u8>),
}

enum Sink<H: Host> {
    Memory(Vec<u8>),
    Buffer(H::Buffer),
    File(Spool),
}

/// What a body may use.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes in all; 0: no limit.
    pub total: u64,
}

/// Takes a body in as it comes.
pub struct BodyReader<H: Host> {
    coding: Coding,
    sink: Sink<H>,
    bounds: Bounds,
    received: u64,
    /// Memory counted against the worker's bound while this body is read.
    pub reserved: usize,
    pub since_ms: u64,
}

impl<H: Host> BodyReader<H> {
    /// A body of known length. `direct`: the host may be asked for memory.
    pub fn known(length: u64, bounds: Bounds, direct: bool, now_ms: u64) -> io::Result<Self> {
        let in_memory = length <= bounds.memory as u64;
        let sink = match (in_memory, direct) {
            (false, _) => Sink::File(Spool::new()?),
            (true, true) => H::buffer(length as usize).map_or_else(|| Sink::Memory(Vec::new()), Sink::Buffer),
            (true, false) => Sink::Memory(Vec::with_capacity(length as usize)),
        };
        let reserved = if in_memory { length as usize } else { 0 };
        let coding = Coding::Length { remaining: length };
        Ok(Self { coding, sink, bounds, received: 0, reserved, since_ms: now_ms })
    }

    /// A chunked body.
    pub fn chunked(decoder: ChunkedDecoder, bounds: Bounds, now_ms: u64) -> Self {
        let coding = Coding::Chunked(Box::new(decoder));
        Self { coding, sink: Sink::Memory(Vec::new()), bounds, received: 0, reserved: bounds.memory, since_ms: now_ms }
    }

    /// A body in records, after those of its head.
    pub fn records(reader: Box<Reader>, length: Option<u64>, bounds: Bounds, now_ms: u64) -> Self {
        let reserved = length.map_or(bounds.memory, |length| bounds.memory.min(usize::try_from(length).unwrap_or(usize::MAX)));
        let coding = Coding::Records { reader, remaining: length };
        Self { coding, sink: Sink::Memory(Vec::new()), bounds, received: 0, reserved, since_ms: now_ms }
    }

    /// A body in frames of HTTP/2.
    pub fn stream(length: Option<u64>, bounds: Bounds, now_ms: u64) -> Self {
        let reserved = length.map_or(bounds.memory, |length| bounds.memory.min(usize::try_from(length).unwrap_or(usize::MAX)));
        let sink = Sink::Memory(Vec::new());
        Self { coding: Coding::Stream(Vec::new()), sink, bounds, received: 0, reserved, since_ms: now_ms }
    }

    /// What is to be sent for what came beside the body.
    pub fn take_replies(&mut self) -> Option<Vec<u8>> {
        let Coding::Records { reader, .. } = &mut self.coding else { return None };
        let replies = std::mem::take(reader.replies());
        (!replies.is_empty()).then_some(replies)
    }

    /// The trailers, where they were to be kept.
    pub fn take_trailers(&mut self) -> Vec<u8> {
        match &mut self.coding {
            Coding::Chunked(decoder) => decoder.take_trailers(),
            Coding::Stream(trailers) => std::mem::take(trailers),
            _ => Vec::new(),
        }
    }

    /// Keep these, which came behind a body in frames of HTTP/2.
    pub fn set_trailers(&mut self, lines: Vec<u8>) {
        self.coding = Coding::Stream(lines);
    }

    /// Bytes of the body taken so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Take what belongs to the body from the front of `bytes`; says how many that were and whether it is whole.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, bool), BodyFailure> {
        if let Coding::Length { remaining } = &mut self.coding {
            let count = usize::try_from(*remaining).unwrap_or(usize::MAX).min(bytes.len());
            *remaining -= count as u64;
            let whole = *remaining == 0;
            self.store(&bytes[..count])?;
            return Ok((count, whole));
        }
        match self.coding {
            Coding::Stream(_) => self.feed_stream(bytes),
            Coding::Records { .. } => self.feed_records(bytes),
            _ => self.feed_chunked(bytes),
        }
    }

    fn feed_stream(&mut self, bytes: &[u8]) -> Result<(usize, bool), BodyFailure> {
        if self.exceeds(bytes.len() as u64) {
            return Err(BodyFailure::TooLarge);
        }
        self.store(bytes)?;
        Ok((bytes.len(), false))
    }

    fn feed_records(&mut self, bytes: &[u8]) -> Result<(usize, bool), BodyFailure> {
        const CONTRADICTS: BodyFailure = BodyFailure::HandedOver(GatewayError::LengthContradicts);
        let mut used = 0;
        loop {
            let Coding::Records { reader, remaining } = &mut self.coding else { unreachable!("only called for records") };
            let rest = &bytes[used..];
            let step = reader.step(rest).map_err(BodyFailure::HandedOver)?;
            used += step.consumed;
            match step.event {
                Event::Stdin(range) => {
                    let count = range.len() as u64;
                    if let Some(left) = remaining {
                        *left = left.checked_sub(count).ok_or(CONTRADICTS)?;
                    }
                    if self.exceeds(count) {
                        return Err(BodyFailure::TooLarge);
                    }
                    self.store(&rest[range])?;
                }
                Event::NeedMore => return Ok((used, false)),
                Event::End if remaining.is_none_or(|left| left == 0) => return Ok((used, true)),
                Event::End => return Err(CONTRADICTS),
                Event::Aborted | Event::Params(_) | Event::HeadEnd => {
                    return Err(BodyFailure::HandedOver(GatewayError::Aborted));
                }
            }
        }
    }

    fn feed_chunked(&mut self, bytes: &[u8]) -> Result<(usize, bool), BodyFailure> {
        let mut used = 0;
        loop {
            let Coding::Chunked(decoder) = &mut self.coding else { unreachable!("only called for chunked bodies") };
            let rest = &bytes[used..];
            let step = decoder.step(rest).map_err(BodyFailure::Malformed)?;
            used += step.consumed;
            let left = decoder.chunk_left();
            match step.event {
                ChunkEvent::Data(range) => {
                    let data = &rest[range];
                    if self.exceeds(data.len() as u64 + left) {
                        return Err(BodyFailure::TooLarge);
                    }
                    self.store(data)?;
                }
                // What is announced to be too much need not be waited for.
                ChunkEvent::NeedMore if self.exceeds(left) => return Err(BodyFailure::TooLarge),
                ChunkEvent::NeedMore => return Ok((used, false)),
                ChunkEvent::End => return Ok((used, true)),
            }
        }
    }

    /// Whether `more` bytes would be too many.
    fn exceeds(&self, more: u64) -> bool {
        self.bounds.total != 0 && self.received.saturating_add(more) > self.bounds.total
    }

    /// Receive straight into the body's own memory, where it has such; says how much came and whether it is whole.
    /// `scratch` is for what has to be decrypted first.
    pub fn receive(&mut self, transport: &mut Transport, scratch: &mut [u8]) -> Option<io::Result<(usize, bool)>> {
        let (Coding::Length { remaining }, Sink::Buffer(buffer)) = (&mut self.coding, &mut self.sink) else { return None };
        Some(transport.receive_into(buffer.spare(), scratch).map(|count| {
            buffer.advance(count);
            *remaining -= count as u64;
            self.received += count as u64;
            (count, *remaining == 0)
        }))
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), BodyFailure> {
        self.received += bytes.len() as u64;
        match &mut self.sink {
            Sink::Buffer(buffer) => {
                for (place, &byte) in buffer.spare().iter_mut().zip(bytes) {
                    place.write(byte);
                }
                buffer.advance(bytes.len());
            }
            Sink::Memory(memory) if memory.len() + bytes.len() <= self.bounds.memory => memory.extend_from_slice(bytes),
            Sink::Memory(memory) => {
                let mut spool = Spool::new().map_err(BodyFailure::Storage)?;
                spool.append(memory).map_err(BodyFailure::Storage)?;
                spool.append(bytes).map_err(BodyFailure::Storage)?;
                self.sink = Sink::File(spool);
            }
            Sink::File(spool) => spool.append(bytes).map_err(BodyFailure::Storage)?,
        }
        Ok(())
    }

    /// The bytes as they came, if they still are: not decoded, or only taken out of records, and not in a file.
    pub fn as_received(&self) -> Option<&[u8]> {
        match (&self.coding, &self.sink) {
            (Coding::Length { .. } | Coding::Records { .. }, Sink::Memory(memory)) => Some(memory),
            _ => None,
        }
    }

    /// The body, once it is whole, or what there is of it, to be dropped by the host.
    pub fn into_body(self) -> Body<H> {
        match self.sink {
            Sink::Memory(memory) if memory.is_empty() => Body::Empty,
            Sink::Memory(memory) => Body::Memory(memory),
            Sink::Buffer(buffer) => Body::Buffer(buffer),
            Sink::File(spool) => {
                let (file, length) = spool.into_parts();
                Body::File(file, length)
            }
        }
    }
}
