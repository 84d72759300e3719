//! From bytes to whole requests.

use std::io::ErrorKind;

use longma_proto::h1::{BodyLength, HeadError, Progress};

use crate::body::Body;
use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::input::{HeadCache, Input};
use crate::reactor::{HEAD_MEMORY_BYTES, Reactor};
use crate::request::{Mode, Repeat, Request};
use crate::sys::board::Word;
use crate::timers::Class;

/// Bytes added to a held head by one read.
const HELD_READ_BYTES: usize = 16 * 1024;
/// The most connections whose header block is remembered.
const MAX_CACHES: usize = 4096;

impl<H: Host> Reactor<H> {
    /// Read what there is of a request head.
    #[inline]
    pub(crate) fn read_head(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        if connection.gateway.is_some() {
            return self.read_packet(id, desk, mode);
        }
        let held = connection.state == State::Head;
        // A held head is added to from here, so that one which comes byte by byte is given no more room than it needs.
        let room = if held { &mut desk.buffer[..HELD_READ_BYTES] } else { &mut desk.buffer[..] };
        let received = connection.transport.receive(room);
        match received {
            Ok(0) => self.abort(id),
            Ok(count) => {
                self.board.add(Word::BytesIn, count as u64);
                if let (true, Some(input)) = (held, &mut connection.input) {
                    input.bytes.extend_from_slice(&desk.buffer[..count]);
                }
                return if held { self.parse_held(id, desk, mode) } else { self.parse_on_desk(id, count, desk, mode) };
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                if !held && self.timers.class_of(id.slot).is_none() {
                    // Just accepted, and nothing has come yet.
                    self.timers.set(id.slot, Class::Head, self.now_ms);
                }
                self.watch(id, Watch::Read);
            }
            Err(_) => self.abort(id),
        }
        None
    }

    /// Parse a request head where it was read. The usual way: it is whole.
    #[inline]
    fn parse_on_desk(&mut self, id: ConnId, count: usize, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let Desk { buffer, parser, .. } = &mut *desk;
        let bytes = &mut buffer[..count];
        parser.reset();
        let connection = self.table.get(id)?;
        let limits = &self.limits[usize::from(connection.trusted)];
        let mut repeat = Repeat::New;
        let progress = match (&connection.cache, parser.request_line(bytes, limits)) {
            (_, Err(error)) => Err(error),
            (Some(cache), Ok(Some(at))) if bytes[at..].starts_with(&cache.block) => {
                repeat = Repeat::Same;
                let head_len = at + cache.block.len();
                parser.assume(&cache.fields, cache.facts, head_len).map(|()| Progress::Complete { head_len })
            }
            (_, Ok(_)) => parser.advance(bytes, limits),
        };
        match progress {
            Ok(Progress::Complete { head_len }) => self.head_whole_on_desk(id, head_len, count, repeat, desk, mode),
            Ok(Progress::Partial) => {
                self.hold(id, count, desk);
                let connection = self.table.get(id)?;
                connection.state = State::Head;
                if self.timers.class_of(id.slot) != Some(Class::Head) {
                    self.timers.set(id.slot, Class::Head, self.now_ms);
                }
                self.watch(id, Watch::Read);
                None
            }
            Err(error) => {
                // For the log.
                self.hold(id, count, desk);
                self.refuse_head(id, error);
                None
            }
        }
    }

    /// Move the first `count` bytes and their parse from the desk to the connection.
    fn hold(&mut self, id: ConnId, count: usize, desk: &mut Desk) {
        let mut input = self.spare_input();
        input.bytes.extend_from_slice(&desk.buffer[..count]);
        std::mem::swap(&mut input.parser, &mut desk.parser);
        self.count_input(&mut input);
        if let Some(connection) = self.table.get(id) {
            connection.input = Some(input);
        }
    }

    /// Take the head of the request that was taken last off the desk: its call may outlast what comes there next.
    pub fn take_head(&mut self, desk: &mut Desk) -> Box<Input> {
        if let Some(held) = desk.held.take() {
            return held;
        }
        let mut input = self.spare_input();
        input.bytes.extend_from_slice(&desk.buffer[..desk.parser.head_len()]);
        std::mem::swap(&mut input.parser, &mut desk.parser);
        input
    }

    #[inline]
    fn head_whole_on_desk(
        &mut self,
        id: ConnId,
        head_len: usize,
        count: usize,
        repeat: Repeat,
        desk: &mut Desk,
        mode: Mode,
    ) -> Option<Request<H>> {
        if self.has_door && self.answer_on_desk(id, head_len, count, desk) {
            return None;
        }
        let BodyLength::Known(length) = desk.parser.body() else {
            self.hold(id, count, desk);
            return self.head_whole_held(id, desk, mode);
        };
        if mode == Mode::Aside || length != 0 && !self.is_short_body(length, count - head_len) {
            self.hold(id, head_len, desk);
            let whole = self.begin_body(id, &desk.buffer[head_len..count], mode);
            return if whole { self.whole(id, desk, mode) } else { None };
        }
        let end = head_len + length as usize;
        let repeat = self.remember(id, repeat, head_len, desk);
        if end < count {
            self.keep_rest(id, &desk.buffer[end..count]);
        } else if count == desk.buffer.len()
            && let Some(connection) = self.table.get(id)
        {
            // There was no room to see whether more follows.
            connection.unread = true;
        }
        let body = if length == 0 { Body::Empty } else { Body::Inline(head_len..end) };
        if let Some(spent) = desk.held.take() {
            self.give_back(spent);
        }
        self.start_serving(id, body, repeat, desk)
    }

    /// Whether a body of this length is there, and may be.
    fn is_short_body(&self, length: u64, there: usize) -> bool {
        let limit = self.settings.limit_request_body;
        length <= there as u64 && (limit == 0 || length <= limit)
    }

    /// From the second request on, remember the header block.
    #[inline]
    fn remember(&mut self, id: ConnId, repeat: Repeat, head_len: usize, desk: &Desk) -> Repeat {
        if repeat == Repeat::Same || !self.settings.head_cache {
            return repeat;
        }
        let Some(connection) = self.table.get(id) else { return repeat };
        let block = &desk.buffer[desk.parser.fields_at()..head_len];
        if connection.served == 0 || block.len() > HeadCache::MAX_BYTES {
            return Repeat::New;
        }
        match &mut connection.cache {
            Some(cache) => {
                cache.block.clear();
                cache.block.extend_from_slice(block);
                cache.fields.clear();
                cache.fields.extend_from_slice(desk.parser.fields());
                cache.facts = desk.parser.facts();
            }
            None if self.caches < MAX_CACHES => {
                let cache =
                    HeadCache { block: block.to_vec(), fields: desk.parser.fields().to_vec(), facts: desk.parser.facts() };
                connection.cache = Some(Box::new(cache));
                self.caches += 1;
            }
            None => return Repeat::New,
        }
        Repeat::Remember
    }

    /// Keep what came behind a request for later.
    pub(crate) fn keep_rest(&mut self, id: ConnId, rest: &[u8]) {
        if rest.is_empty() {
            return;
        }
        let mut input = self.spare_input();
        input.bytes.extend_from_slice(rest);
        self.count_input(&mut input);
        if let Some(connection) = self.table.get(id) {
            connection.next = Some(input);
        }
    }

    #[inline(always)]
    fn start_serving(&mut self, id: ConnId, body: Body<H>, repeat: Repeat, desk: &Desk) -> Option<Request<H>> {
        self.timers.clear(id.slot);
        let (bytes, head) = desk.head();
        let line = head.line();
        let connection = self.table.get(id)?;
        connection.state = State::Serving;
        // Some clients send an empty line behind a body, even behind their last one.
        connection.talkative = head.keep_alive() || !matches!(body, Body::Empty);
        connection.served = connection.served.wrapping_add(1);
        let (listener, written) = (connection.listener, connection.written);
        if let Some(real_ip) = self.settings.real_ip.filter(|_| connection.is_trusted(&self.settings.trusted_peers)) {
            let nearest = if connection.gateway.is_some() { connection.client.or(connection.peer) } else { connection.peer };
            connection.client = real_ip.client(nearest, &self.settings.trusted_peers, bytes, head);
        }
        self.board.add(Word::Begun, 1);
        self.begin_call(desk.seat, id, &bytes[line.method.start as usize..line.target.end as usize], written);
        Some(Request { id, listener, repeat, body })
    }

    /// Go on with a head that came in parts.
    pub(crate) fn parse_held(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        if connection.gateway.is_some() {
            return self.parse_packet(id, desk, mode);
        }
        let input = connection.input.as_mut()?;
        match input.parser.advance(&mut input.bytes, &self.limits[usize::from(connection.trusted)]) {
            Ok(Progress::Partial) => {
                self.count_held(id);
                None
            }
            Ok(Progress::Complete { .. }) if self.has_door && self.answer_held(id) => None,
            Ok(Progress::Complete { .. }) => self.head_whole_held(id, desk, mode),
            Err(error) => {
                self.refuse_head(id, error);
                None
            }
        }
    }

    /// Count a head that has grown. Each may be as long as its limits allow, but not all at once.
    pub(crate) fn count_held(&mut self, id: ConnId) {
        let Some(mut input) = self.table.get(id).and_then(|connection| connection.input.take()) else { return };
        self.count_input(&mut input);
        let too_much = self.head_memory > HEAD_MEMORY_BYTES && input.bytes.len() > HELD_READ_BYTES;
        if let Some(connection) = self.table.get(id) {
            connection.input = Some(input);
        }
        if too_much {
            self.refuse(id, 431, "too many long request heads at once");
        }
    }

    /// The held head is whole: what came behind it is the body, or the next request.
    pub(crate) fn head_whole_held(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let mut rest = self.spare_input();
        let input = self.table.get(id)?.input.as_mut()?;
        let head_len = input.parser.head_len();
        rest.bytes.extend_from_slice(&input.bytes[head_len..]);
        input.bytes.truncate(head_len);
        let whole = self.begin_body(id, &rest.bytes, mode);
        self.give_back(rest);
        if whole { self.whole(id, desk, mode) } else { None }
    }

    /// A request is whole: serve it, or queue it.
    pub(crate) fn whole(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        self.timers.clear(id.slot);
        self.table.get(id)?.state = State::Queued;
        if mode == Mode::Direct {
            return self.take_queued(id, desk);
        }
        if self.settings.queue_limit > 0 && self.ready.len() >= self.settings.queue_limit {
            self.refuse(id, 503, "too many requests wait for the application");
            return None;
        }
        self.timers.set(id.slot, Class::Queue, self.now_ms);
        self.ready.push_back(id);
        self.board.set(Word::Queued, self.ready.len() as u64);
        None
    }

    /// Nobody has had time for a queued request.
    pub(crate) fn waited_too_long(&mut self, id: ConnId) {
        self.ready.retain(|&queued| queued != id);
        self.board.set(Word::Queued, self.ready.len() as u64);
        self.refuse(id, 503, "the request has waited longer than queue_timeout for the application");
    }

    /// Take a queued request to be served.
    pub(crate) fn take_queued(&mut self, id: ConnId, desk: &mut Desk) -> Option<Request<H>> {
        let connection = self.table.get(id).filter(|connection| connection.state == State::Queued)?;
        let mut input = connection.input.take();
        let mut body = connection.body.take();
        if self.is_observed()
            && let (Some(input), Some(reader)) = (&mut input, &mut body)
        {
            // What is behind the head has been dealt with as the body's.
            input.bytes.extend_from_slice(&reader.take_trailers());
        }
        if let Some(spent) = std::mem::replace(&mut desk.held, input) {
            self.give_back(spent);
        }
        let body = body.map_or(Body::Empty, |reader| {
            self.body_memory -= reader.reserved;
            reader.into_body()
        });
        self.start_serving(id, body, Repeat::New, desk)
    }

    /// What came behind the last request may be a request already.
    pub(crate) fn read_on(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        let Some(next) = connection.next.take() else { return };
        connection.input = Some(next);
        connection.state = State::Head;
        self.timers.set(id.slot, Class::Head, self.now_ms);
        if !self.postpones(id) {
            self.read_rest(id);
        }
    }

    /// Look at what the connection holds of its next request.
    pub(crate) fn read_rest(&mut self, id: ConnId) {
        let mut nothing = Desk::without_buffer();
        self.parse_held(id, &mut nothing, Mode::Aside);
        // Whatever the client sends behind a queued request stays in the kernel until its turn comes.
        if self.table.get(id).is_some_and(|connection| matches!(connection.state, State::Head | State::Body)) {
            self.watch(id, Watch::Read);
        }
    }

    pub(crate) fn refuse_head(&mut self, id: ConnId, error: HeadError) {
        self.refuse(id, error.status(), &error.to_string());
    }

    pub(crate) fn head_too_slow(&mut self, id: ConnId) {
        let began = self.table.get(id).is_some_and(|connection| connection.state == State::Head);
        if began {
            self.refuse(id, 408, "the request head took longer than header_timeout");
        } else if self.table.peek(id).is_some_and(|connection| connection.state == State::Streams) {
            self.leave_h2(id);
        } else {
            self.close(id);
        }
    }
}
