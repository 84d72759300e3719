//! What others are told of the requests: the operator, the access log, an observer. All but the log's lines can run any
//! Python code, and so happens without the lock.

use std::net::SocketAddr;

use longma_engine::access::{Outcome, Record};
use longma_engine::refusal::Refusal;
use longma_proto::h1::HeadParser;
use pyo3::Python as Interpreter;

use crate::access::look_up;
use crate::object::Ref;
use crate::subject::Subject;
use crate::worker::{Guard, Worker};

impl Worker {
    /// Let go of the lock and do what must not be done under it.
    #[inline(always)]
    pub fn settle(&self, py: Interpreter<'_>, reactor: Guard<'_>) {
        let has_words = reactor.has_notices() || reactor.has_refusals();
        if has_words || reactor.has_remains() || self.shared.has_log_to_tend(&reactor) {
            self.settle_up(py, reactor);
        }
    }

    #[inline(never)]
    fn settle_up(&self, py: Interpreter<'_>, mut reactor: Guard<'_>) {
        let remains = if reactor.has_remains() { reactor.take_remains() } else { Vec::new() };
        let has_words = reactor.has_notices() || reactor.has_refusals();
        let log_is_due = self.shared.has_log_to_tend(&reactor);
        drop(reactor);
        drop(remains);
        if log_is_due {
            let shared = &*self.shared;
            py.detach(|| shared.tend_log());
        }
        if has_words {
            self.tell(py);
        }
    }

    /// Tell the operator what has happened, and the observer which requests were refused.
    #[cold]
    pub fn tell(&self, py: Interpreter<'_>) {
        let mut reactor = self.shared.lock();
        let (notices, refusals) = (reactor.take_notices(), reactor.take_refusals());
        drop(reactor);
        for notice in notices {
            self.log.write(py, notice.level(), &notice.to_string());
        }
        for refusal in refusals {
            self.show_refusal(py, &refusal);
        }
    }

    /// Show the observer what became of the request, and let go of the environ: both may run anything.
    #[cold]
    pub fn part_from(&mut self, py: Interpreter<'_>, environ: Ref, bytes: &[u8], head: &HeadParser) {
        let (Some(observer), Some(seen)) = (&self.around.observer, self.seen.take()) else { return };
        let (answer, sent) = if self.reached { (self.exchange.shown(), self.exchange.body_bytes) } else { (None, 0) };
        if let Err(error) = observer.end(py, seen, &environ, answer, sent) {
            Subject { log: &self.log, bytes, head }.failed(py, Some(&error), "");
        }
    }

    /// Show the observer a request that was refused.
    #[cold]
    fn show_refusal(&self, py: Interpreter<'_>, refusal: &Refusal) {
        let Some(observer) = &self.around.observer else { return };
        let Refusal { peer, line, status, duration } = refusal;
        if let Err(error) = observer.refused(py, *peer, line, *status, duration.as_nanos() as u64) {
            error.write_unraisable(py, None);
        }
    }

    #[cold]
    pub fn recycle(&self, py: Interpreter<'_>) {
        if let Err(error) = self.around.recycle.ask(py) {
            self.log.write(py, 40, &format!("Asking to be replaced has failed: {error}"));
        }
    }

    #[cold]
    pub fn record(
        &self,
        reactor: &mut Guard<'_>,
        peer: Option<SocketAddr>,
        (bytes, head): (&[u8], &HeadParser),
        duration_ns: u64,
        environ: Option<&Ref>,
    ) {
        if self.logging.measured {
            self.shared.board.count_call(duration_ns);
        }
        let mut look_up = |name: &str, out: &mut Vec<u8>| environ.is_some_and(|environ| look_up(environ, name, out));
        let status = Some(self.exchange.settled().map_or(*b"500", |settled| settled.status));
        let outcome = Outcome { status, sent: self.exchange.body_bytes, duration_ns };
        let (response_head, environ) = (&self.exchange.head_copy[..], &mut look_up);
        reactor.log_access(self.exchange.id, &mut Record { peer, bytes, head, response_head, environ, outcome });
    }
}
