//! The worker's main thread: wait, take a request, call the application, answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, MutexGuard};

use longma_engine::connection::ConnId;
use longma_engine::leader;
use longma_engine::reactor::Reactor;
use longma_engine::request::Request;
use longma_engine::shared::Shared;
use longma_engine::sys::board::{Word, WorkerState};
use longma_engine::sys::clock;
use longma_proto::h1::HeadParser;
use pyo3::prelude::*;
use pyo3::{Python as Interpreter, ffi};

use crate::bench::Bench;
use crate::current::Current;
use crate::early_hints::EarlyHints;
use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::finish::{After, finish, hand_over, part};
use crate::handle::Handle;
use crate::host::Python;
use crate::lease::Parting;
use crate::loan::Loan;
use crate::log::Log;
use crate::object::Ref;
use crate::observer::{Asker, Observer, Seen};
use crate::offer::Offer;
use crate::recycle::Recycle;
use crate::respond::{Answer, Responder};
use crate::start_response::{StartResponse, StartResponseType};
use crate::subject::Subject;
use crate::whose::Whose;

/// What the worker has been told to do.
pub const GO_ON: u8 = 0;
pub const STOP_GRACEFULLY: u8 = 1;
pub const STOP_NOW: u8 = 2;

pub type Guard<'a> = MutexGuard<'a, Reactor<Python>>;

/// How the access log concerns us, and who else wants to know what became of a request.
#[derive(Clone, Copy)]
pub struct Logging {
    pub enabled: bool,
    pub timed: bool,
    pub environ: bool,
    /// Whether calls are counted by how long they take.
    pub measured: bool,
}

/// Everything the main thread works with.
pub struct Worker {
    pub shared: Arc<Shared<Python>>,
    /// Which of those that call the application it is.
    pub seat: usize,
    application: Ref,
    responder: Responder,
    start_type: Arc<StartResponseType>,
    start: StartResponse,
    pub early_hints: Py<EarlyHints>,
    pub exchange: Box<Exchange>,
    pub log: Log,
    pub logging: Logging,
    pub around: Around,
    /// Whether the request goes where the application is not mounted.
    pub astray: bool,
    pub seen: Option<Seen>,
    /// Whether the client could be reached with the answer, or a part of it.
    pub reached: bool,
}

/// What happens around the calls of the application, where somebody wants it.
pub struct Around {
    pub current: Arc<Current>,
    pub observer: Option<Arc<Observer>>,
    pub recycle: Recycle,
    /// How the application gets the connection itself, where it asks for it.
    pub offer: Option<Offer>,
}

/// What the application has said, or done in its place, and since when it was at it.
pub struct Said {
    pub answer: Result<Answer, Fault>,
    pub parting: Option<Parting>,
    pub started_ns: u64,
}

impl Worker {
    /// `None`: Python has an error set.
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub fn new(
        shared: Arc<Shared<Python>>,
        seat: usize,
        application: Ref,
        responder: Responder,
        start_type: Arc<StartResponseType>,
        early_hints: Py<EarlyHints>,
        log: Log,
        around: Around,
    ) -> Option<Self> {
        let start = start_type.make()?;
        let mut exchange = Box::new(Exchange::new(Arc::clone(&shared)));
        let logging = {
            let mut reactor = shared.lock();
            // An observer is shown what the log would tell.
            let observed = around.observer.is_some();
            if observed {
                reactor.observe_refusals();
            }
            let measured = reactor.measures_calls();
            let log = reactor.access_log();
            exchange.keep_head = observed || log.is_some();
            Logging {
                enabled: exchange.keep_head || measured,
                timed: measured || log.is_some_and(longma_engine::access::AccessLog::is_timed),
                environ: observed || log.is_some_and(longma_engine::access::AccessLog::wants_environ),
                measured,
            }
        };
        Some(Self {
            shared,
            seat,
            application,
            responder,
            start_type,
            start,
            early_hints,
            exchange,
            log,
            logging,
            around,
            astray: false,
            seen: None,
            reached: false,
        })
    }

    /// Serve until told to stop.
    pub fn serve(&mut self, py: Interpreter<'_>, order: &AtomicU8, mut bench: Bench) -> PyResult<()> {
        let shared = Arc::clone(&self.shared);
        let bench = &mut bench;
        let mut quiet = leader::Quiet::new();
        loop {
            let mut reactor = shared.lock();
            reactor.update_time();
            leader::beat_at(&shared, WorkerState::Active, reactor.now_ns());
            while let Some(request) = reactor.next_request(&mut bench.desk) {
                reactor = self.exchange(py, &shared, reactor, request, bench)?;
                if order.load(Ordering::Relaxed) == STOP_NOW {
                    return Ok(());
                }
            }
            reactor.flush_batch();
            reactor.expire(&mut bench.desk);
            if order.load(Ordering::Relaxed) == STOP_GRACEFULLY {
                reactor.begin_draining(&mut bench.desk);
                if reactor.is_drained() {
                    return Ok(());
                }
            }
            let patience = leader::patience(&reactor, &bench.desk);
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
                leader::wait(&shared, &mut bench.desk, 0)?;
                continue;
            }
            leader::beat_at(&shared, state, now_ns);
            py.detach(|| leader::wait(&shared, &mut bench.desk, patience))?;
            quiet.waited(&shared);
        }
    }

    /// Serve one request.
    #[inline(always)]
    pub fn exchange<'a>(
        &mut self,
        py: Interpreter<'_>,
        shared: &'a Shared<Python>,
        reactor: Guard<'a>,
        request: Request<Python>,
        bench: &mut Bench,
    ) -> PyResult<Guard<'a>> {
        let (id, whose) = (request.id, Whose::of(&reactor, request.id));
        let peer = whose.peer;
        let asker = self.asker(&reactor, id);
        let (environ, now_ns) = self.prepare(py, shared, reactor, request, whose, bench)?;
        let (bytes, head) = bench.desk.head();
        let started_ns = self.started_ns();
        self.around.current.set(bytes, head);
        shared.board.set(Word::Heartbeat, now_ns);
        enter(shared, self.seat, now_ns);
        let mut answer = self.call_for(py, &environ, bytes, head, asker);
        // Dropped now or shown later: that can run anything, so not under the lock.
        let environ = self.keep(environ);
        let parting = part(py, &mut self.exchange, &mut answer);
        let fatal = self.explain(py, &answer, id, bytes, head);
        leave(shared, self.seat);
        self.renew_start(py)?;
        let said = Said { answer, parting, started_ns };
        let mut reactor = self.conclude(shared, said, environ.as_ref(), peer, (bytes, head));
        if shared.is_pooled() {
            reactor.end_call(self.seat);
        }
        if let Some(environ) = environ {
            drop(reactor);
            enter(shared, self.seat, now_ns);
            self.part_from(py, environ, bytes, head);
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

    /// Who asks, where somebody is shown it.
    #[inline]
    pub fn asker(&self, reactor: &Reactor<Python>, id: ConnId) -> Asker {
        if self.around.observer.is_none() {
            return Asker::default();
        }
        Asker { peer: reactor.socket_peer(id), number: reactor.served(id) }
    }

    /// When a call begins, where somebody wants to know how long it takes.
    #[inline]
    pub fn started_ns(&self) -> u64 {
        if self.logging.timed { clock::monotonic_ns() } else { 0 }
    }

    /// The environ, where it is still needed behind the call.
    #[inline]
    pub fn keep(&self, environ: Ref) -> Option<Ref> {
        Some(environ).filter(|_| self.logging.environ)
    }

    /// Log what went wrong. What is more than this request's business is returned.
    #[inline]
    pub fn explain(
        &self,
        py: Interpreter<'_>,
        answer: &Result<Answer, Fault>,
        id: ConnId,
        bytes: &[u8],
        head: &HeadParser,
    ) -> Option<PyErr> {
        let Err(fault) = answer else { return None };
        let client_is_there = || self.shared.lock().is_alive(id);
        let fatal = Subject { log: &self.log, bytes, head }.explain(py, fault, &client_is_there);
        // What ends the thread of a pool ends nothing else.
        if fatal.is_some() && !self.shared.is_pooled() {
            self.shared.lock().leave_newcomers();
        }
        fatal
    }

    /// Have a `start_response` that nobody else has.
    #[inline]
    pub fn renew_start(&mut self, py: Interpreter<'_>) -> PyResult<()> {
        if self.start.is_kept() {
            self.start = self.start_type.make().ok_or_else(|| PyErr::fetch(py))?;
        }
        Ok(())
    }

    /// Give the engine what is left of the answer, log the request, and let its connection go on.
    #[inline(always)]
    pub fn conclude<'a>(
        &mut self,
        shared: &'a Shared<Python>,
        said: Said,
        environ: Option<&Ref>,
        peer: Option<SocketAddr>,
        head: (&[u8], &HeadParser),
    ) -> Guard<'a> {
        let mut reactor = shared.lock();
        reactor.update_time();
        let Said { answer, parting, started_ns } = said;
        let after = hand_over(&mut self.exchange, &mut reactor, answer, parting);
        if self.logging.enabled {
            let duration_ns = if self.logging.timed { clock::monotonic_ns() - started_ns } else { 0 };
            self.record(&mut reactor, peer, head, duration_ns, environ);
            let is_there = matches!(after, After::Part(_)) || reactor.is_alive(self.exchange.id);
            self.reached = self.exchange.head_is_sent() || is_there;
        }
        finish(&self.exchange, &mut reactor, after);
        reactor
    }

    /// Call the application, by way of the observer where there is one.
    #[inline]
    pub fn call_for(
        &mut self,
        py: Interpreter<'_>,
        environ: &Ref,
        bytes: &[u8],
        head: &HeadParser,
        asker: Asker,
    ) -> Result<Answer, Fault> {
        match self.around.observer {
            None => self.call(environ),
            Some(_) => self.call_observed(py, environ, bytes, head, asker),
        }
    }

    /// Call the application and take its answer as far as it goes.
    #[inline]
    fn call(&mut self, environ: &Ref) -> Result<Answer, Fault> {
        if self.astray {
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
        asker: Asker,
    ) -> Result<Answer, Fault> {
        let begun = self.around.observer.as_ref().map(|observer| observer.begin(py, environ, bytes, head, asker));
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
