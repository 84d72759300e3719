//! Records on their way in: those of one request, and what else comes between them.

use core::ops::Range;

use super::params::{variables, write_pair};
use super::writer::{write_end, write_management};
use super::{Ending, HEADER_BYTES, VERSION, kind};
use crate::gateway::GatewayError;

/// How many records beside those of the request are answered before its end.
const MAX_ASIDES: u32 = 64;
/// The longest question for what this side can do: it knows three names.
const MAX_QUESTION_BYTES: usize = 1024;
const RESPONDER: u16 = 1;
const KEEP_CONNECTION: u8 = 1;
/// What is answered to who asks (§4.1): connections and requests are bounded elsewhere, and come one after another.
const VALUES: [(&[u8], &[u8]); 3] = [(b"FCGI_MAX_CONNS", b"1000"), (b"FCGI_MAX_REQS", b"1000"), (b"FCGI_MPXS_CONNS", b"0")];

/// What the bytes given have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All of them are used, and nothing has ended.
    NeedMore,
    /// A part of the variables, within the bytes given.
    Params(Range<usize>),
    /// The variables are there.
    HeadEnd,
    /// A part of the body, within the bytes given.
    Stdin(Range<usize>),
    /// The request is whole. What follows belongs to the next one.
    End,
    /// The client does not want the request answered any more.
    Aborted,
}

/// An event, and how many of the bytes given it has used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub consumed: usize,
    pub event: Event,
}

/// Where the request stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    None,
    Params,
    Stdin,
    Whole,
}

/// What becomes of the content of the record that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Use {
    #[default]
    Skip,
    /// Variables or body.
    Stream,
    /// Kept until it is whole.
    Begin,
    Question,
}

/// A resumable reader of the records of one request. A new one reads the next request.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    header: [u8; HEADER_BYTES],
    /// Bytes of the header that are there.
    have: usize,
    /// Bytes of content and padding still to come, once it is whole.
    content_left: usize,
    padding_left: usize,
    content: Use,
    kept: Vec<u8>,
    phase: Phase,
    id: u16,
    keep_connection: bool,
    asides: u32,
    replies: Vec<u8>,
    refused: Option<GatewayError>,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of the request, once it has begun.
    pub fn id(&self) -> Option<u16> {
        (self.phase != Phase::None).then_some(self.id)
    }

    /// Whether the connection may go on after the answer.
    pub fn keeps_connection(&self) -> bool {
        self.keep_connection
    }

    /// What is to be sent for records that were not the request's own; to be asked after every step.
    pub fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    /// Read on, up to the next event. Bytes that are not used are to be given again.
    ///
    /// # Errors
    /// The records are none that could follow each other; what comes is refused from then on.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, GatewayError> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let result = self.advance(bytes);
        self.refused = result.as_ref().err().copied();
        result
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<Step, GatewayError> {
        let mut at = 0;
        loop {
            if self.phase == Phase::Whole && self.have == 0 {
                return Ok(Step { consumed: at, event: Event::End });
            }
            if self.have < HEADER_BYTES {
                if at == bytes.len() {
                    return Ok(Step { consumed: at, event: Event::NeedMore });
                }
                self.read_header(bytes[at])?;
                at += 1;
                if self.have < HEADER_BYTES {
                    continue;
                }
            }
            let start = at;
            at += self.content_left.min(bytes.len() - at);
            self.content_left -= at - start;
            if at > start
                && let Some(event) = self.take_content(&bytes[start..at], start)?
            {
                return Ok(Step { consumed: at, event });
            }
            let padding = self.padding_left.min(bytes.len() - at);
            at += padding;
            self.padding_left -= padding;
            if self.content_left + self.padding_left > 0 {
                return Ok(Step { consumed: at, event: Event::NeedMore });
            }
            if let Some(event) = self.end_record()? {
                return Ok(Step { consumed: at, event });
            }
        }
    }

    /// Take one byte of a record's head; with the last of them it shows what the content is for.
    fn read_header(&mut self, byte: u8) -> Result<(), GatewayError> {
        self.header[self.have] = byte;
        self.have += 1;
        // Judged at once: whoever speaks another protocol should not wait for its deadline.
        if self.header[0] != VERSION {
            return Err(GatewayError::RecordVersion);
        }
        if self.have < HEADER_BYTES {
            return Ok(());
        }
        let [_, kind, id_high, id_low, high, low, padding, _] = self.header;
        self.content_left = usize::from(u16::from_be_bytes([high, low]));
        self.padding_left = usize::from(padding);
        self.kept.clear();
        self.content = self.purpose(kind, u16::from_be_bytes([id_high, id_low]))?;
        Ok(())
    }

    fn purpose(&mut self, kind: u8, id: u16) -> Result<Use, GatewayError> {
        let is_ours = self.phase != Phase::None && id == self.id;
        match kind {
            kind::BEGIN_REQUEST if id == 0 || is_ours || self.content_left != 8 => Err(GatewayError::RecordMisplaced),
            kind::BEGIN_REQUEST => Ok(Use::Begin),
            kind::PARAMS if is_ours && self.phase != Phase::Params => Err(GatewayError::RecordMisplaced),
            kind::STDIN if is_ours && self.phase != Phase::Stdin => Err(GatewayError::RecordMisplaced),
            kind::PARAMS | kind::STDIN if is_ours => Ok(Use::Stream),
            kind::GET_VALUES if id == 0 && self.content_left > MAX_QUESTION_BYTES => Err(GatewayError::TooManyAsides),
            kind::GET_VALUES if id == 0 => Ok(Use::Question),
            // Of a request that was refused, or is over, more may be on its way (§3.3, "Managing Request IDs").
            kind::PARAMS | kind::STDIN | kind::DATA | kind::ABORT_REQUEST => Ok(Use::Skip),
            _ if id == 0 => Ok(Use::Skip),
            _ => Err(GatewayError::RecordMisplaced),
        }
    }

    fn take_content(&mut self, content: &[u8], start: usize) -> Result<Option<Event>, GatewayError> {
        match self.content {
            Use::Skip => {}
            Use::Begin | Use::Question => self.kept.extend_from_slice(content),
            Use::Stream => {
                let range = start..start + content.len();
                return Ok(Some(if self.phase == Phase::Params { Event::Params(range) } else { Event::Stdin(range) }));
            }
        }
        Ok(None)
    }

    /// The record is whole.
    fn end_record(&mut self) -> Result<Option<Event>, GatewayError> {
        self.have = 0;
        let [_, kind, id_high, id_low, high, low, ..] = self.header;
        let id = u16::from_be_bytes([id_high, id_low]);
        let is_empty = (high, low) == (0, 0);
        match self.content {
            Use::Begin => self.begin(id)?,
            Use::Question => self.answer_question()?,
            Use::Stream if is_empty && self.phase == Phase::Params => {
                self.phase = Phase::Stdin;
                return Ok(Some(Event::HeadEnd));
            }
            Use::Stream if is_empty => {
                self.phase = Phase::Whole;
                return Ok(Some(Event::End));
            }
            Use::Skip if kind == kind::ABORT_REQUEST && self.id() == Some(id) => return Ok(Some(Event::Aborted)),
            Use::Skip if id == 0 => {
                self.count_aside()?;
                write_management(kind::UNKNOWN_TYPE, &[kind, 0, 0, 0, 0, 0, 0, 0], &mut self.replies);
            }
            Use::Skip | Use::Stream => {}
        }
        Ok(None)
    }

    fn begin(&mut self, id: u16) -> Result<(), GatewayError> {
        let Some(&[role_high, role_low, flags, ..]) = self.kept.first_chunk::<8>() else {
            return Err(GatewayError::RecordMisplaced);
        };
        if self.phase != Phase::None {
            self.count_aside()?;
            write_end(id, Ending::CannotMultiplex, &mut self.replies);
            return Ok(());
        }
        if u16::from_be_bytes([role_high, role_low]) != RESPONDER {
            write_end(id, Ending::UnknownRole, &mut self.replies);
            return Err(GatewayError::RoleUnknown);
        }
        (self.phase, self.id, self.keep_connection) = (Phase::Params, id, flags & KEEP_CONNECTION != 0);
        Ok(())
    }

    /// Tell the values asked for, as far as they are known (§4.1, "FCGI_GET_VALUES").
    fn answer_question(&mut self) -> Result<(), GatewayError> {
        self.count_aside()?;
        let asked = variables(&self.kept)?;
        let mut content = Vec::new();
        for (name, value) in VALUES {
            if asked.iter().any(|pair| pair.name.of(&self.kept) == name) {
                write_pair(name, value, &mut content);
            }
        }
        write_management(kind::GET_VALUES_RESULT, &content, &mut self.replies);
        Ok(())
    }

    fn count_aside(&mut self) -> Result<(), GatewayError> {
        self.asides += 1;
        if self.asides > MAX_ASIDES { Err(GatewayError::TooManyAsides) } else { Ok(()) }
    }
}
