//! The worker's main thread: wait, take a request, call the application, answer.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, MutexGuard};

use longma_engine::access::Record;
use longma_engine::reactor::Reactor;
use longma_engine::request::Request;
use longma_engine::shared::Shared;
use longma_engine::sys::board::{Word, WorkerState};
use longma_engine::sys::clock;
use longma_engine::{Desk, leader};
use longma_proto::h1::HeadParser;
use longma_proto::h1::response::error_response;
use pyo3::exceptions::{PyBrokenPipeError, PyKeyboardInterrupt};
use pyo3::prelude::*;
use pyo3::{Python as Interpreter, ffi};

use crate::early_hints::EarlyHints;
use crate::environ::{Environs, Source};
use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::handle::Handle;
use crate::head::Asked;
use crate::host::Python;
use crate::input::Input;
use crate::log::Log;
use crate::object::Ref;
use crate::respond::{Answer, Responder};
use crate::start_response::{StartResponse, StartResponseType};

/// What the worker has been told to do.
pub const GO_ON: u8 = 0;
pub const STOP_GRACEFULLY: u8 = 1;
pub const STOP_NOW: u8 = 2;

type Guard<'a> = MutexGuard<'a, Reactor<Python>>;

/// What becomes of the connection behind an answer, and whether it is kept.
enum After {
    /// The answer may still wait for others to leave with.
    FinishSoon(bool),
    Finish(bool),
    /// Its client gets no more of it than it has.
    Cut,
}

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
    application: Ref,
    environs: Environs,
    responder: Responder,
    start_type: StartResponseType,
    start: StartResponse,
    early_hints: Py<EarlyHints>,
    exchange: Box<Exchange>,
    log: Log,
    logging: Logging,
}

impl Worker {
    /// `None`: Python has an error set.
    pub fn new(
        shared: Arc<Shared<Python>>,
        application: Ref,
        environs: Environs,
        responder: Responder,
        early_hints: Py<EarlyHints>,
        log: Log,
    ) -> Option<Self> {
        let start_type = StartResponseType::new()?;
        let start = start_type.make()?;
        let mut exchange = Box::new(Exchange::new(Arc::clone(&shared)));
        let logging = {
            let reactor = shared.lock();
            let log = reactor.access_log();
            Logging {
                enabled: log.is_some(),
                timed: log.is_some_and(longma_engine::access::AccessLog::is_timed),
                environ: log.is_some_and(longma_engine::access::AccessLog::wants_environ),
            }
        };
        exchange.keep_head = logging.enabled;
        Some(Self { shared, application, environs, responder, start_type, start, early_hints, exchange, log, logging })
    }

    /// Serve until told to stop.
    pub fn serve(&mut self, py: Interpreter<'_>, order: &AtomicU8) -> PyResult<()> {
        let shared = Arc::clone(&self.shared);
        let mut desk = Desk::default();
        let mut quiet = leader::Quiet::new();
        loop {
            let mut reactor = shared.lock();
            reactor.update_time();
            leader::beat(&shared, WorkerState::Active);
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
                if reactor.connections() == 0 {
                    reactor.flush_access_log();
                    return Ok(());
                }
            }
            let patience = leader::patience(&reactor, &desk);
            if patience != 0 {
                reactor.flush_access_log();
            }
            self.settle(py, reactor);
            py.check_signals()?;
            match order.load(Ordering::Relaxed) {
                STOP_NOW => return Ok(()),
                STOP_GRACEFULLY if !shared.lock().is_draining() => continue,
                _ => {}
            }
            if patience == 0 {
                leader::wait(&shared, &mut desk, 0)?;
                continue;
            }
            leader::beat(&shared, if shared.lock().is_draining() { WorkerState::Retiring } else { WorkerState::Idle });
            py.detach(|| leader::wait(&shared, &mut desk, patience))?;
            quiet.waited(&shared);
            py.check_signals()?;
        }
    }

    /// Let go of the lock and do what must not be done under it.
    #[inline]
    fn settle(&self, py: Interpreter<'_>, mut reactor: Guard<'_>) {
        let remains = if reactor.has_remains() { reactor.take_remains() } else { Vec::new() };
        let notices = if reactor.has_notices() { reactor.take_notices() } else { Vec::new() };
        drop(reactor);
        drop(remains);
        for notice in notices {
            self.log.write(py, notice.level(), &notice.to_string());
        }
    }

    /// Serve one request.
    #[inline]
    fn exchange<'a>(
        &mut self,
        py: Interpreter<'_>,
        shared: &'a Shared<Python>,
        mut reactor: Guard<'a>,
        request: Request<Python>,
        desk: &mut Desk,
    ) -> PyResult<Guard<'a>> {
        let Request { id, listener, repeat, body } = request;
        let (bytes, head) = desk.head();
        let keep_alive = head.keep_alive() && !reactor.is_draining() && reactor.keeps_alive();
        self.exchange.reset(id, asked(bytes, head, keep_alive), reactor.date());
        self.exchange.patient = desk.has_more() && keep_alive;
        let input = Input::of(py, body, bytes)?;
        let peer = reactor.peer(id);
        let mut nobody = crate::host::Memo::default();
        let memo = reactor.memo(id).unwrap_or(&mut nobody);
        let environ = self.environs.make(Source { bytes, head, listener, repeat, peer, input }, memo);
        let environ = environ.ok_or_else(|| PyErr::fetch(py))?;
        shared.board.set(Word::CallStarted, clock::monotonic_coarse_ns());
        shared.board.set(Word::Heartbeat, clock::monotonic_coarse_ns());
        drop(reactor);
        let started_ns = if self.logging.timed { clock::monotonic_ns() } else { 0 };
        shared.enter();
        let answer = if self.environs.covers(bytes, head) {
            self.call(&environ)
        } else {
            Err(Fault::Protocol("the path does not begin with SCRIPT_NAME, which is set in the environment"))
        };
        let environ = if self.logging.environ { Some(environ) } else { None };
        let fatal = match &answer {
            Err(fault) => self.explain(py, fault, bytes, head),
            Ok(_) => None,
        };
        shared.leave();
        shared.board.set(Word::CallStarted, 0);
        if self.start.is_kept() {
            self.start = self.start_type.make().ok_or_else(|| PyErr::fetch(py))?;
        }
        let mut reactor = shared.lock();
        reactor.update_time();
        let after = self.hand_over(&mut reactor, answer);
        if self.logging.enabled {
            let duration_ns = if self.logging.timed { clock::monotonic_ns() - started_ns } else { 0 };
            self.record(&mut reactor, peer, desk, duration_ns, environ.as_ref());
        }
        self.finish(&mut reactor, after);
        if environ.is_some() {
            // Dropping it can run anything, so not under the lock.
            drop(reactor);
            drop(environ);
            reactor = shared.lock();
        }
        match fatal {
            Some(error) => Err(error),
            None => Ok(reactor),
        }
    }

    /// Call the application and take its answer as far as it goes.
    #[inline]
    fn call(&mut self, environ: &Ref) -> Result<Answer, Fault> {
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

    /// Log what went wrong. What is more than this request's business is returned.
    #[cold]
    fn explain(&self, py: Interpreter<'_>, fault: &Fault, bytes: &[u8], head: &HeadParser) -> Option<PyErr> {
        let line = head.line();
        let method = String::from_utf8_lossy(line.method.of(bytes)).into_owned();
        let target = String::from_utf8_lossy(line.target.of(bytes)).into_owned();
        let raised = |error: PyErr| {
            // What the application gets from us when the client has gone is no fault of its own.
            if error.is_instance_of::<PyBrokenPipeError>(py) && !self.shared.lock().is_alive(self.exchange.id) {
                return None;
            }
            self.log.failure(py, &method, &target, Some(&error), &fault.text());
            // exit() in a view is that view's failure; only the operator's interrupt is meant for the worker.
            error.is_instance_of::<PyKeyboardInterrupt>(py).then_some(error)
        };
        match fault {
            Fault::ClientGone => None,
            Fault::Raised => raised(PyErr::fetch(py)),
            Fault::Closing { error, before } => {
                let first = before.as_deref().and_then(|before| self.explain(py, before, bytes, head));
                first.or(raised(error.clone_ref(py)))
            }
            _ => {
                self.log.failure(py, &method, &target, None, &fault.text());
                None
            }
        }
    }

    /// Send what the exchange has composed.
    #[inline]
    fn hand_over(&mut self, reactor: &mut Guard<'_>, answer: Result<Answer, Fault>) -> After {
        let id = self.exchange.id;
        let keep_alive = self.exchange.keep_alive();
        // What fails behind a complete answer is no business of the client's.
        let answer = if self.exchange.is_complete() { answer.or_else(|_| Ok(Answer::Composed)) } else { answer };
        match answer {
            Ok(Answer::Composed) => {
                let composed = self.exchange.composed();
                let patient = keep_alive && self.exchange.patient;
                match (composed.is_empty(), patient) {
                    (true, _) => {}
                    (false, true) => reactor.send_soon(id, composed),
                    (false, false) => reactor.send(id, composed, !keep_alive),
                }
                After::FinishSoon(keep_alive)
            }
            Ok(Answer::Blocks(blocks)) => {
                reactor.send_blocks(id, self.exchange.composed(), blocks, !keep_alive);
                After::Finish(keep_alive)
            }
            Err(_) if self.exchange.head_is_sent() => After::Cut,
            Err(_) => {
                let answer = error_response(500, "", reactor.date(), self.exchange.asked.head_request);
                self.exchange.failed(&answer);
                reactor.send(id, &answer, true);
                After::Finish(false)
            }
        }
    }

    /// Go on with the connection, or end it.
    #[inline]
    fn finish(&self, reactor: &mut Guard<'_>, after: After) {
        let id = self.exchange.id;
        match after {
            After::FinishSoon(keep_alive) => reactor.finish_soon(id, keep_alive),
            After::Finish(keep_alive) => reactor.finish(id, keep_alive),
            After::Cut => reactor.cut(id),
        }
    }

    #[cold]
    fn record(
        &self,
        reactor: &mut Guard<'_>,
        peer: Option<std::net::SocketAddr>,
        desk: &Desk,
        duration_ns: u64,
        environ: Option<&Ref>,
    ) {
        let (bytes, head) = desk.head();
        let mut look_up = |name: &str, out: &mut Vec<u8>| environ.is_some_and(|environ| look_up(environ, name, out));
        let status = self.exchange.settled().map_or(*b"500", |settled| settled.status);
        reactor.log_access(&mut Record {
            peer,
            bytes,
            head,
            status: &status,
            response_head: &self.exchange.head_copy,
            sent: self.exchange.body_bytes,
            duration_ns,
            environ: &mut look_up,
        });
    }
}

/// An exchange in the hands of the application, for the length of a call. Outside of one somebody may hold the lock.
struct Loan<'a>(&'a StartResponse, &'a EarlyHints);

impl<'a> Loan<'a> {
    #[inline]
    fn of(exchange: Handle, start: &'a StartResponse, early_hints: &'a EarlyHints) -> Self {
        start.attach(Some(exchange));
        early_hints.attach(Some(exchange));
        Self(start, early_hints)
    }
}

impl Drop for Loan<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.attach(None);
        self.1.attach(None);
    }
}

/// What the request says about its answer.
#[inline]
fn asked(bytes: &[u8], head: &HeadParser, keep_alive: bool) -> Asked {
    let line = head.line();
    let method = line.method.of(bytes);
    Asked { version: line.version, head_request: method == b"HEAD", connect_request: method == b"CONNECT", keep_alive }
}

/// Find a variable whose lower-cased name is `name`.
fn look_up(environ: &Ref, name: &str, out: &mut Vec<u8>) -> bool {
    // SAFETY: attached, and the environ is a dict that is held.
    unsafe {
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(environ.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
            let matches = crate::text::native_bytes(key).is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()));
            if matches && let Some(text) = crate::text::native_bytes(value) {
                out.extend_from_slice(text);
                return true;
            }
        }
    }
    false
}
