//! The worker's main thread: wait, take a request, call the application, answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, MutexGuard};

use longma_engine::access::{Outcome, Record};
use longma_engine::reactor::Reactor;
use longma_engine::refusal::Refusal;
use longma_engine::request::Request;
use longma_engine::shared::Shared;
use longma_engine::sys::board::{Word, WorkerState};
use longma_engine::sys::clock;
use longma_engine::{Desk, leader};
use longma_proto::h1::HeadParser;
use pyo3::prelude::*;
use pyo3::{Python as Interpreter, ffi};

use crate::access::look_up;
use crate::current::Current;
use crate::early_hints::EarlyHints;
use crate::environ::Environs;
use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::finish::{After, finish, hand_over, part};
use crate::handle::Handle;
use crate::host::Python;
use crate::loan::Loan;
use crate::log::Log;
use crate::object::Ref;
use crate::observer::{Observer, Seen};
use crate::offer::Offer;
use crate::recycle::Recycle;
use crate::respond::{Answer, Responder};
use crate::start_response::{StartResponse, StartResponseType};
use crate::subject::Subject;

/// What the worker has been told to do.
pub const GO_ON: u8 = 0;
pub const STOP_GRACEFULLY: u8 = 1;
pub const STOP_NOW: u8 = 2;

pub type Guard<'a> = MutexGuard<'a, Reactor<Python>>;

/// How the access log concerns us.
#[derive(Clone, Copy)]
struct Logging {
    enabled: bool,
    timed: bool,
    environ: bool,
}

/// Everything the main thread works with.
pub struct Worker {
    pub shared: Arc<Shared<Python>>,
    /// Which of the threads that call the application it is.
    pub seat: usize,
    application: Ref,
    pub environs: Environs,
    responder: Responder,
    start_type: StartResponseType,
    start: StartResponse,
    early_hints: Py<EarlyHints>,
    pub exchange: Box<Exchange>,
    log: Log,
    logging: Logging,
    pub around: Around,
    seen: Option<Seen>,
    /// Whether the client could be reached with the answer, or a part of it.
    reached: bool,
}

/// What happens around the calls of the application, where somebody wants it.
pub struct Around {
    pub current: Arc<Current>,
    pub observer: Option<Observer>,
    pub recycle: Recycle,
    /// How the application gets the connection itself, where it asks for it.
    pub offer: Option<Offer>,
}

impl Worker {
    /// `None`: Python has an error set.
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub fn new(
        shared: Arc<Shared<Python>>,
        seat: usize,
        application: Ref,
        environs: Environs,
        responder: Responder,
        early_hints: Py<EarlyHints>,
        log: Log,
        around: Around,
    ) -> Option<Self> {
        let start_type = StartResponseType::new()?;
        let start = start_type.make()?;
        let mut exchange = Box::new(Exchange::new(Arc::clone(&shared)));
        let logging = {
            let mut reactor = shared.lock();
            // An observer is shown what the log would tell.
            let observed = around.observer.is_some();
            if observed {
                reactor.observe_refusals();
            }
            let log = reactor.access_log();
            Logging {
                enabled: observed || log.is_some(),
                timed: log.is_some_and(longma_engine::access::AccessLog::is_timed),
                environ: observed || log.is_some_and(longma_engine::access::AccessLog::wants_environ),
            }
        };
        exchange.keep_head = logging.enabled;
        Some(Self {
            shared,
            seat,
            application,
            environs,
            responder,
            start_type,
            start,
            early_hints,
            exchange,
            log,
            logging,
            around,
            seen: None,
            reached: false,
        })
    }

    /// Serve until told to stop.
    pub fn serve(&mut self, py: Interpreter<'_>, order: &AtomicU8) -> PyResult<()> {
        let shared = Arc::clone(&self.shared);
        let mut desk = Desk::default();
        let mut quiet = leader::Quiet::new();
        loop {
            let mut reactor = shared.lock();
            reactor.update_time();
            leader::beat_at(&shared, WorkerState::Active, reactor.now_ns());
            while let Some(request) = reactor.next_request(&mut desk) {
                reactor = self.exchange(py, &shared, reactor, request, &mut desk)?;
                if order.load(Ordering::Relaxed) == STOP_NOW {
                    return Ok(());
                }
            }
            reactor.flush_batch();
            reactor.expire(&mut desk);
            if order.load(Ordering::Relaxed) == STOP_GRACEFULLY {
                reactor.begin_draining(&mut desk);
                if reactor.is_drained() {
                    return Ok(());
                }
            }
            let patience = leader::patience(&reactor, &desk);
            let state = if reactor.is_draining() { WorkerState::Retiring } else { WorkerState::Idle };
            let now_ns = reactor.now_ns();
            self.settle(py, reactor);
            py.check_signals()?;
            match order.load(Ordering::Relaxed) {
                STOP_NOW => return Ok(()),
                STOP_GRACEFULLY if state == WorkerState::Idle => continue,
                _ => {}
            }
            if patience == 0 {
                leader::wait(&shared, &mut desk, 0)?;
                continue;
            }
            leader::beat_at(&shared, state, now_ns);
            py.detach(|| leader::wait(&shared, &mut desk, patience))?;
            quiet.waited(&shared);
        }
    }

    /// Let go of the lock and do what must not be done under it.
    #[inline]
    pub fn settle(&self, py: Interpreter<'_>, mut reactor: Guard<'_>) {
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

    /// Serve one request.
    #[inline]
    pub fn exchange<'a>(
        &mut self,
        py: Interpreter<'_>,
        shared: &'a Shared<Python>,
        reactor: Guard<'a>,
        request: Request<Python>,
        desk: &mut Desk,
    ) -> PyResult<Guard<'a>> {
        let (id, peer) = (request.id, request.peer);
        let socket_peer = if self.around.observer.is_some() { reactor.socket_peer(id) } else { None };
        let (bytes, head) = desk.head();
        let (environ, now_ns) = self.prepare(py, shared, reactor, request, desk)?;
        let started_ns = if self.logging.timed { clock::monotonic_ns() } else { 0 };
        self.around.current.set(bytes, head);
        shared.board.set(Word::Heartbeat, now_ns);
        enter(shared, self.seat, now_ns);
        let mut answer = match self.around.observer {
            None => self.call(&environ),
            Some(_) => self.call_observed(py, &environ, bytes, head, socket_peer),
        };
        // Dropped now or shown later: that can run anything, so not under the lock.
        let environ = Some(environ).filter(|_| self.logging.environ);
        let parting = part(py, &mut self.exchange, &mut answer);
        let fatal = match &answer {
            Err(fault) => {
                let client_is_there = || shared.lock().is_alive(id);
                Subject { log: &self.log, bytes, head }.explain(py, fault, &client_is_there)
            }
            Ok(_) => None,
        };
        leave(shared, self.seat);
        if self.start.is_kept() {
            self.start = self.start_type.make().ok_or_else(|| PyErr::fetch(py))?;
        }
        let mut reactor = shared.lock();
        reactor.update_time();
        let after = hand_over(&mut self.exchange, &mut reactor, answer, parting);
        if self.logging.enabled {
            let duration_ns = if self.logging.timed { clock::monotonic_ns() - started_ns } else { 0 };
            self.record(&mut reactor, peer, desk, duration_ns, environ.as_ref());
            self.reached = self.exchange.head_is_sent() || matches!(after, After::Part(_)) || reactor.is_alive(id);
        }
        finish(&self.exchange, &mut reactor, after);
        if shared.is_pooled() {
            reactor.end_call(self.seat);
        }
        if let Some(environ) = environ {
            drop(reactor);
            enter(shared, self.seat, now_ns);
            self.part_from(py, environ, desk);
            leave(shared, self.seat);
            reactor = shared.lock();
        }
        if self.around.recycle.count() {
            drop(reactor);
            self.recycle(py);
            reactor = shared.lock();
        }
        fatal.map_or(Ok(reactor), Err)
    }

    /// Call the application and take its answer as far as it goes.
    #[inline]
    fn call(&mut self, environ: &Ref) -> Result<Answer, Fault> {
        if self.environs.is_astray() {
            return Err(Fault::Protocol("the path does not begin with SCRIPT_NAME, or goes on within its last segment"));
        }
        // SAFETY: the exchange lives as long as the worker, and whoever has the handle loses it with the loan.
        let exchange = unsafe { Handle::of(&mut self.exchange) };
        let _loan = Loan::of(exchange, &self.start, self.early_hints.get());
        let mut arguments = [std::ptr::null_mut(), environ.as_ptr(), self.start.as_ptr()];
        let count = 2 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: attached; the arguments are held, and the place before the first may be written to.
        let result = unsafe {
            ffi::PyObject_Vectorcall(self.application.as_ptr(), arguments.as_mut_ptr().add(1), count, std::ptr::null_mut())
        };
        // SAFETY: a new reference, or null with an error set.
        let result = unsafe { Ref::owned(result) }.ok_or_else(|| Fault::Raised)?;
        self.responder.answer(exchange, result)
    }

    /// Call the application, if the observer lets it.
    #[cold]
    fn call_observed(
        &mut self,
        py: Interpreter<'_>,
        environ: &Ref,
        bytes: &[u8],
        head: &HeadParser,
        peer: Option<SocketAddr>,
    ) -> Result<Answer, Fault> {
        let begun = self.around.observer.as_ref().map(|observer| observer.begin(py, environ, bytes, head, peer));
        let Some((seen, done)) = begun else { return self.call(environ) };
        self.seen = Some(seen);
        match done {
            Ok(()) => self.call(environ),
            Err(error) => {
                error.restore(py);
                Err(Fault::Raised)
            }
        }
    }

    /// Show the observer what became of the request, and let go of the environ: both may run anything.
    #[cold]
    fn part_from(&mut self, py: Interpreter<'_>, environ: Ref, desk: &Desk) {
        let (Some(observer), Some(seen)) = (&self.around.observer, self.seen.take()) else { return };
        let (answer, sent) = if self.reached { (self.exchange.shown(), self.exchange.body_bytes) } else { (None, 0) };
        if let Err(error) = observer.end(py, seen, &environ, answer, sent) {
            let (bytes, head) = desk.head();
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
    fn recycle(&self, py: Interpreter<'_>) {
        if let Err(error) = self.around.recycle.ask(py) {
            self.log.write(py, 40, &format!("Asking to be replaced has failed: {error}"));
        }
    }

    #[cold]
    fn record(&self, reactor: &mut Guard<'_>, peer: Option<SocketAddr>, desk: &Desk, duration_ns: u64, environ: Option<&Ref>) {
        let (bytes, head) = desk.head();
        let mut look_up = |name: &str, out: &mut Vec<u8>| environ.is_some_and(|environ| look_up(environ, name, out));
        let status = Some(self.exchange.settled().map_or(*b"500", |settled| settled.status));
        let outcome = Outcome { status, sent: self.exchange.body_bytes, duration_ns };
        let (response_head, environ) = (&self.exchange.head_copy[..], &mut look_up);
        reactor.log_access(self.exchange.id, &mut Record { peer, bytes, head, response_head, environ, outcome });
    }
}

/// The application, or what belongs to it, gets control at this moment.
#[inline]
fn enter(shared: &Shared<Python>, seat: usize, now_ns: u64) {
    if shared.is_pooled() {
        shared.seats.started(seat, now_ns);
    } else {
        shared.board.set(Word::CallStarted, now_ns);
    }
    shared.enter(seat);
}

#[inline]
fn leave(shared: &Shared<Python>, seat: usize) {
    shared.leave(seat);
    if !shared.is_pooled() {
        shared.board.set(Word::CallStarted, 0);
    }
}
