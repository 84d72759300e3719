//! The door: where a head is whole, and before anything waits for the application, the engine looks whether the answer is
//! its own to give. Whoever drives does so, without the interpreter. An answer does not wait for a body: where one follows,
//! it is the last on its connection.

use std::sync::Arc;

use longma_proto::h1::{BodyLength, HeadParser};

use crate::access::Outcome;
use crate::connection::{ConnId, State};
use crate::desk::Desk;
use crate::host::Host;
use crate::notice::Notice;
use crate::own::Moment;
use crate::own::answer::{Answer, Content};
use crate::own::asked::Asked;
use crate::own::files::Missing;
use crate::own::instead::{Around, Named, Refused};
use crate::own::metrics::{self, Readings};
use crate::reactor::Reactor;
use crate::sys::board::Word;

/// How many requests that lie behind one another are answered before others have their turn.
const MAX_IN_A_ROW: usize = 64;

impl<H: Host> Reactor<H> {
    /// Answer the request whose head is on the desk, if that is not the application's to do; `count` bytes are there.
    #[inline(never)]
    pub(crate) fn answer_on_desk(&mut self, id: ConnId, head_len: usize, count: usize, desk: &Desk) -> bool {
        let (bytes, head) = (&desk.buffer[..head_len], &desk.parser);
        if self.settings.h2.upgrade && self.changes_to_h2(id, bytes, head, &desk.buffer[head_len..count]) {
            return true;
        }
        let Some(answer) = self.own_answer(id, bytes, head) else { return false };
        if head.body() == BodyLength::Known(0) {
            self.keep_rest(id, &desk.buffer[head_len..count]);
            if count == desk.buffer.len()
                && let Some(connection) = self.table.get(id)
            {
                connection.unread = true;
            }
        }
        self.give(id, bytes, head, answer);
        true
    }

    /// The same for a head that the connection holds.
    #[inline(never)]
    pub(crate) fn answer_held(&mut self, id: ConnId) -> bool {
        let Some(input) = self.table.get(id).and_then(|connection| connection.input.take()) else { return false };
        let (head, head_len) = (&input.parser, input.parser.head_len());
        if self.settings.h2.upgrade && self.changes_to_h2(id, &input.bytes[..head_len], head, &input.bytes[head_len..]) {
            self.give_back(input);
            return true;
        }
        let Some(answer) = self.own_answer(id, &input.bytes[..head_len], head) else {
            if let Some(connection) = self.table.get(id) {
                connection.input = Some(input);
            }
            return false;
        };
        // What lies behind a head that was made here is what it was made of.
        if head.body() == BodyLength::Known(0) && head.translated().is_none() {
            self.keep_rest(id, &input.bytes[head_len..]);
        }
        self.give(id, &input.bytes[..head_len], head, answer);
        self.give_back(input);
        true
    }

    fn own_answer(&mut self, id: ConnId, bytes: &[u8], head: &HeadParser) -> Option<Answer> {
        let asked = Asked { bytes, head };
        let now = self.moment();
        let now_ns = self.now_ns();
        let own = self.own.as_mut()?;
        if own.is_for_metrics(&asked) && self.table.peek(id).is_some_and(|connection| connection.is_trusted(own.metrics_peers()))
        {
            return Some(metrics::answer(&asked, &Readings { board: &self.board, seats: self.calls.capacity(), now_ns }));
        }
        let answer = own.answer(&asked, now);
        if let Some(notice) = own.notice.take() {
            self.tell(notice);
        }
        answer
    }

    /// Whether to go on with what lies behind a request later: another answer is being given, and one within the other
    /// they could be as many as a client likes.
    #[inline]
    pub(crate) fn postpones(&mut self, id: ConnId) -> bool {
        match &mut self.own {
            Some(own) if own.is_answering => {
                own.postponed.push_back(id);
                true
            }
            _ => false,
        }
    }

    /// The answer is out: go on with the connection.
    fn conclude(&mut self, id: ConnId, keep_alive: bool) {
        let is_within = self.own.as_mut().is_some_and(|own| std::mem::replace(&mut own.is_answering, true));
        self.finish(id, keep_alive);
        if is_within {
            return;
        }
        self.go_on_answering();
    }

    /// Go on with what was postponed, but not for ever.
    pub(crate) fn go_on_answering(&mut self) {
        for _ in 0..MAX_IN_A_ROW {
            let Some(own) = &mut self.own else { return };
            own.is_answering = true;
            let Some(id) = own.postponed.pop_front() else { break };
            if self.table.get(id).is_some_and(|connection| connection.state == State::Head) {
                self.read_rest(id);
            }
        }
        if let Some(own) = &mut self.own {
            own.is_answering = false;
        }
    }

    /// What is to be done from time to time.
    pub(crate) fn tend_own(&mut self) {
        if let Some(instead) = &mut self.instead {
            instead.sweep(self.now_ms);
        }
        if let Some(own) = &mut self.own {
            own.sweep(self.now_ms);
            if !own.postponed.is_empty() {
                self.go_on_answering();
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment { is_leaving: self.board.is_leaving(), ms: self.now_ms, wall_seconds: self.wall_seconds() }
    }

    /// Whether the application may name a file to be sent in the place of its answer's body.
    pub fn lets_name_files(&self) -> bool {
        self.instead.is_some()
    }

    /// The answer with a file that the application names. `None`: it may not name files in this way, and so has not.
    ///
    /// # Errors
    /// There is no such file; where it is not the application's mistake, it is told.
    pub fn answer_instead(&mut self, named: Named<'_>, around: Around<'_>) -> Option<Result<Answer, Refused>> {
        let now = self.moment();
        let answer = self.instead.as_mut().filter(|instead| instead.knows(named))?.answer(named, around, now);
        if let Err(Refused::Missing(why)) = &answer {
            let (Named::Path(path) | Named::Url(path)) = named;
            let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
            let (Missing::Denied(why) | Missing::Trouble(why)) = why else {
                self.tell(Notice::file(path, &gone));
                return Some(answer);
            };
            self.tell(Notice::file(path, why));
        }
        Some(answer)
    }

    /// Whether something was postponed.
    pub(crate) fn has_postponed(&self) -> bool {
        self.own.as_ref().is_some_and(|own| !own.postponed.is_empty())
    }

    /// Give the client this answer. What follows the head, and is no body, is kept by the connection already.
    fn give(&mut self, id: ConnId, bytes: &[u8], head: &HeadParser, answer: Answer) {
        self.timers.clear(id.slot);
        let has_body = head.body() != BodyLength::Known(0);
        let keep_alive = head.keep_alive() && !has_body && !self.draining && self.keeps_alive();
        let Some(connection) = self.table.get(id) else { return };
        connection.state = State::Serving;
        connection.talkative = head.keep_alive() || has_body;
        connection.unread |= has_body;
        connection.served = connection.served.wrapping_add(1);
        let before = connection.written;
        self.board.add(Word::Begun, 1);
        self.board.count_answer(Outcome::digits(answer.status)[0]);

        let line = head.line();
        let mut out = answer.head(line.version, keep_alive, self.date());
        let head_len = out.len();
        let is_head = line.method.of(bytes) == b"HEAD";
        let sent = if is_head { 0 } else { answer.content.len() };
        match answer.content {
            Content::Bytes(body) => {
                if !is_head {
                    out.extend_from_slice(&body);
                }
                self.send_rest(id, &out, !keep_alive);
            }
            Content::File { found, offset, length } if !is_head && length > 0 => {
                self.send_file(id, &out, Arc::clone(&found.file), offset, length);
            }
            Content::File { .. } => self.send_rest(id, &out, !keep_alive),
        }
        let outcome = Outcome { status: Some(Outcome::digits(answer.status)), sent, duration_ns: 0 };
        self.log_own(id, bytes, head, &out[..head_len], outcome, before);
        self.conclude(id, keep_alive);
    }
}
