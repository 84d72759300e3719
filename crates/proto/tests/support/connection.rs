//! A connection as the parser sees it: bytes in, requests and at most one refusal out. It knows no sockets and no
//! application; whatever reads the corpus, makes up inputs or fuzzes drives this same loop.

use longma_proto::h1::{BodyLength, ChunkEvent, ChunkedDecoder, HeadParser, Limits, Progress, Version, target};

/// A request, everything in it copied out of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub version: Version,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Decoded, as an application gets it.
    pub path: Vec<u8>,
    pub query: Vec<u8>,
    pub authority: Vec<u8>,
    pub close: bool,
    pub expects_continue: bool,
    pub upgrade: bool,
}

/// Where the connection stands after the bytes given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Between two requests, not a byte into the next one.
    Idle,
    /// Inside a request.
    Partial,
    /// After a request that is the last of its connection.
    Closed,
    Refused {
        status: u16,
        words: String,
    },
}

enum Reading {
    Head,
    Body { left: usize },
    Chunks(ChunkedDecoder),
    Over(Standing),
}

pub struct Connection {
    limits: Limits,
    parser: HeadParser,
    reading: Reading,
    bytes: Vec<u8>,
    pub requests: Vec<Request>,
}

impl Connection {
    pub fn new(limits: Limits) -> Self {
        let (parser, reading) = (HeadParser::new(), Reading::Head);
        Self { limits, parser, reading, bytes: Vec::new(), requests: Vec::new() }
    }

    /// The connection after `bytes`, given at once.
    pub fn after(bytes: &[u8], limits: Limits) -> Self {
        let mut connection = Self::new(limits);
        connection.feed(bytes);
        connection
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        while self.read_on() {}
    }

    pub fn standing(&self) -> Standing {
        match &self.reading {
            Reading::Over(standing) => standing.clone(),
            Reading::Head if self.bytes.is_empty() => Standing::Idle,
            _ => Standing::Partial,
        }
    }

    /// Deal with what the bytes hold next; whether there may be more.
    fn read_on(&mut self) -> bool {
        match &mut self.reading {
            Reading::Head => self.read_head(),
            Reading::Body { left } => {
                let length = (*left).min(self.bytes.len());
                *left -= length;
                let is_whole = *left == 0;
                let data: Vec<u8> = self.bytes.drain(..length).collect();
                self.request().body.extend(data);
                if is_whole {
                    self.finish();
                }
                is_whole
            }
            Reading::Chunks(_) => self.read_chunks(),
            Reading::Over(_) => false,
        }
    }

    fn read_head(&mut self) -> bool {
        let head_len = match self.parser.advance(&mut self.bytes, &self.limits) {
            Ok(Progress::Complete { head_len }) => head_len,
            Ok(Progress::Partial) => return false,
            Err(error) => return self.refuse(error.status(), error.to_string()),
        };
        self.requests.push(request(&self.parser, &self.bytes));
        self.bytes.drain(..head_len);
        match self.parser.body() {
            BodyLength::Known(length) => {
                self.reading = Reading::Body { left: usize::try_from(length).unwrap_or(usize::MAX) };
            }
            BodyLength::Chunked => self.reading = Reading::Chunks(ChunkedDecoder::new(&self.limits)),
        }
        true
    }

    fn read_chunks(&mut self) -> bool {
        let Reading::Chunks(decoder) = &mut self.reading else { unreachable!("called in the midst of chunks") };
        let step = match decoder.step(&self.bytes) {
            Ok(step) => step,
            Err(error) => {
                self.requests.pop();
                return self.refuse(error.status(), error.to_string());
            }
        };
        assert!(step.consumed <= self.bytes.len(), "no more is consumed than there is");
        let data = match &step.event {
            ChunkEvent::Data(range) => self.bytes[range.clone()].to_vec(),
            ChunkEvent::NeedMore | ChunkEvent::End => Vec::new(),
        };
        self.request().body.extend(data);
        self.bytes.drain(..step.consumed);
        match step.event {
            ChunkEvent::Data(_) => true,
            ChunkEvent::NeedMore => {
                assert!(self.bytes.is_empty(), "a decoder that needs more has taken what there is");
                false
            }
            ChunkEvent::End => {
                self.finish();
                true
            }
        }
    }

    fn request(&mut self) -> &mut Request {
        self.requests.last_mut().expect("its head has been read")
    }

    fn finish(&mut self) {
        self.reading = if self.request().close { Reading::Over(Standing::Closed) } else { Reading::Head };
        self.parser.reset();
    }

    fn refuse(&mut self, status: u16, words: String) -> bool {
        self.reading = Reading::Over(Standing::Refused { status, words });
        false
    }

    /// The requests that are whole.
    pub fn complete_requests(&self) -> &[Request] {
        let is_open = matches!(self.reading, Reading::Body { .. } | Reading::Chunks(_));
        &self.requests[..self.requests.len() - usize::from(is_open)]
    }
}

fn request(parser: &HeadParser, bytes: &[u8]) -> Request {
    let line = parser.line();
    let block = &bytes[parser.fields_at()..parser.head_len()];
    let target = line.target.of(bytes);
    let parts = target::split(target);
    assert_eq!(parts.form, parser.target_form(), "splitting a target finds the form that the parser found");
    let mut path = Vec::new();
    target::percent_decode(parts.path.of(target), &mut path);
    let fields = parser.fields().iter();
    Request {
        method: line.method.of(bytes).to_vec(),
        target: target.to_vec(),
        version: line.version,
        fields: fields.map(|field| (field.name.of(block).to_vec(), field.value.of(block).to_vec())).collect(),
        body: Vec::new(),
        path,
        query: parts.query.of(target).to_vec(),
        authority: parts.authority.of(target).to_vec(),
        close: !parser.keep_alive(),
        expects_continue: parser.expects_continue(),
        upgrade: parser.upgrade(),
    }
}
