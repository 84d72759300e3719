//! What the access log is told of, and when: a request that is answered, when its answer is out or never will be; one
//! that is not, when that is clear.

use std::time::Duration;

use longma_proto::h1::HeadParser;

use crate::access::record::first_line;
use crate::access::{AccessLog, Draft, Outcome, Record};
use crate::call::{Call, Calls};
use crate::connection::{ConnId, Loss, State};
use crate::escape;
use crate::gathered::Gathered;
use crate::host::Host;
use crate::input::Input;
use crate::notice::Notice;
use crate::reactor::Reactor;
use crate::refusal::Refusal;
use crate::sys::socket::Peer;

/// The status of a request whose client went away, as nginx and its readers have it.
const CLIENT_GONE: u16 = 499;
/// The status of one whose client was too slow (RFC 9110 §15.5.9).
const TOO_SLOW: u16 = 408;
/// The most refusals kept for whoever watches them.
const MAX_REFUSALS: usize = 256;

impl<H: Host> Reactor<H> {
    /// The access log, if there is one.
    pub fn access_log(&self) -> Option<&AccessLog> {
        self.access.as_ref()
    }

    /// The application gets a request.
    #[inline]
    pub(crate) fn begin_call(&mut self, seat: usize, id: ConnId, line: &[u8], written: u64) {
        self.calls.at(seat).begin(id, line, self.now_ms, written);
    }

    /// The call of this seat is over, one of several.
    pub fn end_call(&mut self, seat: usize) {
        self.calls.end(seat);
    }

    /// Method and target of the request that the application has had for longest, as they came, cut where they are long.
    pub fn call_line(&self) -> &[u8] {
        let line = self.calls.longest(|_| true).and_then(|seat| self.call_of(seat));
        line.map_or(&[], |(line, _)| line)
    }

    /// Say how many calls there is room for at the same time.
    pub(crate) fn make_room_for_calls(&mut self, count: usize) {
        self.calls = Calls::new(count);
    }

    /// The call that has lasted longest without a word of its answer: its seat, and since when, in milliseconds of the
    /// monotonic clock. A stream, or a connection that the application has taken over, may last.
    pub fn longest_unanswered(&self) -> Option<(usize, u64)> {
        let is_unanswered = |call: &Call| {
            let connection = call.id.and_then(|id| self.table.peek(id));
            !call.is_excused
                && connection.is_some_and(|connection| !connection.has_output() && connection.written == call.written)
        };
        let seat = self.calls.longest(is_unanswered)?;
        self.call_of(seat).map(|(_, since_ms)| (seat, since_ms))
    }

    /// Method and target of the call of this seat, and since when it lasts, in milliseconds of the monotonic clock.
    pub fn call_of(&self, seat: usize) -> Option<(&[u8], u64)> {
        self.calls.of(seat).map(|call| (&call.line[..], call.since_ms))
    }

    /// Log the request that the application has answered, before its connection goes on. What the client has not taken
    /// of the answer by now decides what its line says.
    pub fn log_access(&mut self, id: ConnId, record: &mut Record<'_>) {
        if self.access.is_none() {
            return;
        }
        let Some(&mut Call { written: before, since_ms, ref mut lost, .. }) = self.calls.about(id) else { return };
        let lost = lost.take().filter(|(lost, ..)| *lost == id).map(|(_, loss, written)| (loss, written));
        self.log_answer(id, record, before, since_ms, lost);
    }

    /// Log a request with an answer, of which the connection had written nothing when it had written `before`.
    fn log_answer(&mut self, id: ConnId, record: &mut Record<'_>, before: u64, since_ms: u64, lost: Option<(Loss, u64)>) {
        let head_bytes = record.response_head.len() as u64;
        let loss = match self.table.get(id) {
            Some(connection) if connection.broken.is_none() && connection.has_output() => {
                let Some(log) = &self.access else { return };
                let mut draft = log.draft(record, self.now_ms);
                draft.body_at = before + head_bytes;
                connection.draft = Some(Box::new(draft));
                return;
            }
            Some(connection) => connection.broken.map(|loss| (loss, connection.written - before)),
            None => lost,
        };
        match loss {
            Some((loss, written)) => cut_short(&mut record.outcome, loss, written.saturating_sub(head_bytes)),
            None if self.client_has_gone(id, since_ms) => record.outcome.status = Some(Outcome::digits(CLIENT_GONE)),
            None => {}
        }
        let (wall_seconds, now_ms) = (self.wall_seconds(), self.now_ms);
        if let Some(log) = &mut self.access {
            log.record(record, wall_seconds, now_ms);
        }
    }

    /// Whether the client hung up during the call, though sending to it has not failed. One that has only said that it
    /// will send nothing more, and still reads, acknowledges its answer. Looked at only after a call that took its time.
    fn client_has_gone(&self, id: ConnId, since_ms: u64) -> bool {
        let Some(connection) = self.table.peek(id) else { return false };
        self.now_ms > since_ms
            && connection.socket_peer().is_some()
            && connection.transport.is_at_end()
            && connection.transport.unacknowledged().is_ok_and(|count| count > 0)
    }

    /// The answer of a line that had to wait is over.
    pub(crate) fn end_draft(&mut self, id: ConnId, loss: Option<Loss>) {
        let Some(connection) = self.table.get(id) else { return };
        let written = connection.written;
        if let Some(draft) = connection.draft.take() {
            self.complete_line(*draft, loss, written);
        }
    }

    fn complete_line(&mut self, mut draft: Draft, loss: Option<Loss>, written: u64) {
        draft.outcome.duration_ns += (self.now_ms - draft.since_ms) * 1_000_000;
        if let Some(loss) = loss {
            cut_short(&mut draft.outcome, loss, written.saturating_sub(draft.body_at));
        }
        let (wall_seconds, now_ms) = (self.wall_seconds(), self.now_ms);
        if let Some(log) = &mut self.access {
            log.complete(&draft, wall_seconds, now_ms);
        }
    }

    /// A connection has been taken out of the table: what it owes the log.
    pub(crate) fn settle_log(&mut self, id: ConnId, state: State, draft: Option<Box<Draft>>, broken: Option<Loss>, written: u64) {
        let loss = broken.unwrap_or(Loss::Ours);
        if let Some(draft) = draft {
            self.complete_line(*draft, Some(loss), written);
        } else if state == State::Serving
            && let Some(call) = self.calls.about(id)
        {
            call.lost = Some((id, loss, written - call.written));
        }
    }

    /// The client has gone before its request was whole.
    pub(crate) fn abort(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        if let Some(input) = connection.input.take() {
            self.log_unserved(id, &input, Some(CLIENT_GONE), 0);
            self.give_back(input);
        }
        self.close(id);
    }

    /// Log a request that never reaches the application; `sent`: bytes of the answer's body.
    pub(crate) fn log_unserved(&mut self, id: ConnId, input: &Input, status: Option<u16>, sent: u64) {
        if self.access.is_none() && self.refusals.is_none() || input.bytes.trim_ascii().is_empty() {
            return;
        }
        let Some(connection) = self.table.peek(id) else { return };
        if connection.gateway.is_some() && input.parser.translated().is_none() {
            // Nothing is known of a request yet.
            return;
        }
        let since_ms = connection.body.as_ref().map(|body| body.since_ms);
        let waited_ms =
            since_ms.map_or_else(|| self.timers.waited(id.slot, self.now_ms), |since| self.now_ms.saturating_sub(since));
        let (peer, duration) = (self.client(id, &input.bytes, &input.parser), Duration::from_millis(waited_ms));
        if let Some(status) = status {
            self.show(peer, &input.bytes, status, duration);
        }
        let outcome = Outcome { status: status.map(Outcome::digits), sent, duration_ns: duration.as_nanos() as u64 };
        let mut environ = |_: &str, _: &mut Vec<u8>| false;
        let (bytes, head) = (&input.bytes[..], &input.parser);
        let mut record = Record { peer, bytes, head, response_head: &[], environ: &mut environ, outcome };
        let (wall_seconds, now_ms) = (self.wall_seconds(), self.now_ms);
        if let Some(log) = &mut self.access {
            log.record(&mut record, wall_seconds, now_ms);
        }
    }

    /// Let whoever watches know of a request that never reaches the application.
    fn show(&mut self, peer: Peer, bytes: &[u8], status: u16, duration: Duration) {
        let Some(refusals) = self.refusals.as_mut().filter(|refusals| refusals.len() < MAX_REFUSALS) else { return };
        let mut line = Vec::new();
        escape::line(first_line(bytes), &mut line);
        let line = String::from_utf8_lossy(&line).into_owned();
        refusals.push(Refusal { peer, line, status, duration });
    }

    /// Log a request that the engine has answered by itself, before its connection goes on.
    pub(crate) fn log_own(
        &mut self,
        id: ConnId,
        bytes: &[u8],
        head: &HeadParser,
        response_head: &[u8],
        outcome: Outcome,
        before: u64,
    ) {
        if self.access.is_none() && self.refusals.is_none() {
            return;
        }
        let peer = self.client(id, bytes, head);
        if let Some(status) = outcome.status {
            self.show(peer, bytes, Outcome::number(status), Duration::ZERO);
        }
        if self.access.is_some() {
            let mut environ = |_: &str, _: &mut Vec<u8>| false;
            let mut record = Record { peer, bytes, head, response_head, environ: &mut environ, outcome };
            self.log_answer(id, &mut record, before, self.now_ms, None);
        }
    }

    /// Log what is left: requests that get no answer, or not all of it, since the worker ends.
    pub(crate) fn log_rest(&mut self) {
        for id in self.table.ids() {
            self.end_draft(id, Some(Loss::Ours));
            let Some(connection) = self.table.get(id) else { continue };
            if !matches!(connection.state, State::Head | State::Body | State::Queued) {
                continue;
            }
            if let Some(input) = connection.input.take() {
                self.log_unserved(id, &input, None, 0);
                self.give_back(input);
            }
        }
    }

    /// Keep refusals from now on, for whoever takes them.
    pub fn observe_refusals(&mut self) {
        self.refusals.get_or_insert_default();
    }

    /// Whether it is to be counted how long calls of the application take.
    pub fn measures_calls(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.has_metrics())
    }

    /// Whether somebody is shown what comes.
    pub(crate) fn is_observed(&self) -> bool {
        self.refusals.is_some()
    }

    pub fn has_refusals(&self) -> bool {
        self.refusals.as_ref().is_some_and(|refusals| !refusals.is_empty())
    }

    /// The refusals since this was last called.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        self.refusals.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether it is time to write the access log out.
    #[inline]
    pub fn log_is_due(&self) -> bool {
        self.access.as_ref().is_some_and(|log| log.is_behind || log.due_in(self.now_ms) == Some(0))
    }

    /// The log has been written out as far as that was possible.
    pub(crate) fn log_is_written(&mut self, is_behind: bool, notices: Vec<Notice>) {
        if let Some(log) = &mut self.access {
            log.is_behind = is_behind;
        }
        for notice in notices {
            self.tell(notice);
        }
    }

    /// What has gathered for the log, in exchange for `empty`.
    pub(crate) fn take_gathered(&mut self, empty: &mut Gathered) {
        if let Some(log) = &mut self.access {
            log.take(empty);
        }
    }
}

/// The client did not get all of its answer.
fn cut_short(outcome: &mut Outcome, loss: Loss, written: u64) {
    match loss {
        Loss::Client => outcome.status = Some(Outcome::digits(CLIENT_GONE)),
        Loss::Deadline => outcome.status = Some(Outcome::digits(TOO_SLOW)),
        // What was sent is what the client has seen.
        Loss::Ours => {}
    }
    outcome.sent = outcome.sent.min(written);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Style;
    use crate::outlets::Outlets;
    use crate::settings::Settings;
    use crate::testing::Pair;

    const QUEUED: &[u8] = b"GET /queued HTTP/1.1\r\nHost: test\r\n\r\n";

    fn logging() -> Pair {
        let mut pair = Pair::new(Settings::default());
        let mut outlets = Outlets::default();
        outlets.add_file(std::path::Path::new("/dev/null")).unwrap();
        pair.reactor.access = Some(AccessLog::new(outlets, Style::Plain("%(r)s|%(s)s|%(D)s")));
        pair.reactor.observe_refusals();
        pair
    }

    fn lines(pair: &mut Pair) -> String {
        let mut gathered = Gathered::default();
        pair.reactor.take_gathered(&mut gathered);
        String::from_utf8(gathered.lines).unwrap()
    }

    #[test]
    fn what_is_refused_is_told_to_whoever_watches() {
        let mut pair = logging();
        assert!(pair.say(b"GET /\" HTTP/9.9\r").is_none());
        pair.pass(1500);
        assert!(pair.say(b"\n\r\n").is_none());
        assert!(pair.reactor.has_refusals());
        let line = "GET /\\\" HTTP/9.9".to_owned();
        let expected = Refusal { peer: None, line, status: 505, duration: Duration::from_millis(1500) };
        assert_eq!(pair.reactor.take_refusals(), [expected]);
        assert!(!pair.reactor.has_refusals());
        assert_eq!(lines(&mut pair), "GET /\\\" HTTP/9.9|505|1500000\n");
    }

    #[test]
    fn what_a_worker_leaves_when_it_ends_has_no_status() {
        for (sent, expected) in [
            (QUEUED, "GET /queued HTTP/1.1|-|0\n"),
            (&b"GET /half HTTP/1.1\r\n"[..], "GET /half HTTP/1.1|-|0\n"),
            (b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf", "POST /body HTTP/1.1|-|0\n"),
            (b"\r\n", ""),
        ] {
            let mut pair = logging();
            pair.say_aside(sent);
            pair.reactor.log_rest();
            assert_eq!(lines(&mut pair), expected);
            assert!(!pair.reactor.has_refusals(), "nobody was told anything");
        }
    }

    #[test]
    fn what_is_kept_for_whoever_watches_is_bounded() {
        let mut pair = logging();
        let input = Input { bytes: b"x".to_vec(), ..Input::default() };
        let id = pair.reactor.table.ids()[0];
        for _ in 0..1000 {
            pair.reactor.log_unserved(id, &input, Some(400), 0);
        }
        assert_eq!(pair.reactor.take_refusals().len(), MAX_REFUSALS);
        assert_eq!(lines(&mut pair).lines().count(), 1000);
    }
}
