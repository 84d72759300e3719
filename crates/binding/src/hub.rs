//! `longma._core.Hub`: how the greenlets of one thread serve together.
//!
//! Each request is served in a greenlet, and any call of Python code may switch to another one, or never come back. So what
//! others look at lies on the heap, never on a greenlet's stack, which is moved away while it waits; nobody has a lock, or
//! the bench, while the application has control; and whoever comes back asks for the bench, as others may have had it.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use longma_engine::request::Request;
use longma_engine::sys::clock;
use longma_engine::{leader, standby};
use pyo3::prelude::*;

use crate::bench::Bench;
use crate::ending::end;
use crate::fault::Fault;
use crate::finish::part;
use crate::line::set;
use crate::maker::Maker;
use crate::object::Ref;
use crate::respond::Answer;
use crate::text;
use crate::whose::Whose;
use crate::worker::{Guard, STOP_GRACEFULLY, STOP_NOW, Said, Worker};

/// For how long one turn takes requests, so that other greenlets get theirs.
const TURN_NS: u64 = 8_000_000;

/// What a greenlet is to do behind a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum After {
    /// Wait to be switched to when the engine's descriptor is readable.
    Rest = 0,
    /// End: its request has waited, and may have left something behind in it, such as a timer.
    Leave = 1,
    /// Have the serving end: nothing is left to do.
    End = 2,
}

/// What a hub serves by.
#[pyclass(module = "longma._core", frozen)]
pub struct Hub {
    maker: Arc<Maker>,
    order: Arc<AtomicU8>,
    pause: Arc<Py<PyAny>>,
    /// What is raised in a greenlet that is to end.
    exit: Py<PyAny>,
    /// Where whoever drives works, while nobody does.
    bench: Mutex<Option<Box<Bench>>>,
    workers: Mutex<Workers>,
    /// How often others may have run.
    switches: AtomicU64,
    standby: Mutex<Option<JoinHandle<()>>>,
}

/// Those that call the application.
#[derive(Default)]
struct Workers {
    #[expect(clippy::vec_box, reason = "a worker stays where it is while its greenlet's stack is moved")]
    spare: Vec<Box<Worker>>,
    /// The greenlets that have the others, by seat.
    greenlets: Vec<Option<Py<PyAny>>>,
}

#[pymethods]
impl Hub {
    /// What the hub is to watch for reading.
    fn fileno(&self) -> RawFd {
        self.maker.shared.epoll.fileno()
    }

    /// Begin to serve.
    fn start(&self) -> PyResult<()> {
        leader::Quiet::new();
        *lock(&self.standby) = Some(standby::start(Arc::clone(&self.maker.shared))?);
        Ok(())
    }

    /// Serve what there is to serve, in the greenlet that calls this: 0: it is to wait for its next turn; 1: it is to
    /// end; 2: the serving is over.
    fn turn(&self, py: Python<'_>, greenlet: Py<PyAny>) -> PyResult<u8> {
        self.switches.fetch_add(1, Ordering::Relaxed);
        let mut worker = self.take_worker(py, greenlet)?;
        let after = self.serve(py, &mut worker);
        let mut workers = lock(&self.workers);
        let greenlet = workers.greenlets[worker.seat].take();
        workers.spare.push(worker);
        drop(workers);
        drop(greenlet);
        after.map(|after| after as u8)
    }

    /// Whether the last turn has left something to do: its request waits.
    fn has_more(&self) -> bool {
        !self.is(STOP_NOW) && lock(&self.bench).as_ref().is_some_and(|bench| bench.desk.has_more())
    }

    /// To be called when the hub's wait has ended.
    fn wakes(&self) {
        self.maker.shared.hub_wakes();
    }

    /// To be called when the hub is about to wait.
    fn rests(&self) {
        self.switches.fetch_add(1, Ordering::Relaxed);
        self.maker.shared.hub_rests(self.has_more());
    }

    /// The greenlets that have a request.
    fn greenlets(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        lock(&self.workers).greenlets.iter().flatten().map(|one| one.clone_ref(py)).collect()
    }

    /// Have nobody serve any more.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let Some(standby) = lock(&self.standby).take() else { return Ok(()) };
        end(py, &self.maker.shared, standby)?;
        self.maker.worker(py, 0)?.tell(py);
        Ok(())
    }

    /// The request that a greenlet has: method, target, and for how many seconds it has had it.
    fn request_of(&self, greenlet: &Bound<'_, PyAny>) -> Option<(String, String, f64)> {
        let is_it = |one: &Option<Py<PyAny>>| one.as_ref().is_some_and(|one| one.is(greenlet));
        let seat = lock(&self.workers).greenlets.iter().position(is_it)?;
        let reactor = self.maker.shared.lock();
        let (line, since_ms) = reactor.call_of(seat)?;
        let mut parts = line.splitn(2, |&byte| byte == b' ').map(text::escaped);
        let (method, target) = (parts.next()?, parts.next()?);
        Some((method, target, clock::monotonic_ms().saturating_sub(since_ms) as f64 / 1e3))
    }

    /// The greenlet that has had its request for longest without answering, and since when, in seconds of the monotonic
    /// clock.
    fn longest_call(&self, py: Python<'_>) -> Option<(Py<PyAny>, f64)> {
        let (seat, since_ms) = self.maker.shared.lock().longest_unanswered()?;
        let greenlet = lock(&self.workers).greenlets.get(seat)?.as_ref().map(|one| one.clone_ref(py))?;
        Some((greenlet, since_ms as f64 / 1e3))
    }
}

impl Hub {
    pub fn new(maker: Arc<Maker>, order: Arc<AtomicU8>, pause: Py<PyAny>, exit: Py<PyAny>) -> Self {
        Self {
            maker,
            order,
            pause: Arc::new(pause),
            exit,
            bench: Mutex::default(),
            workers: Mutex::default(),
            switches: AtomicU64::new(0),
            standby: Mutex::default(),
        }
    }

    fn take_worker(&self, py: Python<'_>, greenlet: Py<PyAny>) -> PyResult<Box<Worker>> {
        let mut workers = lock(&self.workers);
        if let Some(worker) = workers.spare.pop() {
            workers.greenlets[worker.seat] = Some(greenlet);
            return Ok(worker);
        }
        let seat = workers.greenlets.len();
        workers.greenlets.push(Some(greenlet));
        drop(workers);
        let mut worker = Box::new(self.maker.worker(py, seat)?);
        worker.exchange.pause = Some(Arc::clone(&self.pause));
        Ok(worker)
    }

    /// The bench, for whoever drives now. Where somebody has it and waits, there is another.
    fn take_bench(&self, py: Python<'_>, worker: &Worker) -> PyResult<Box<Bench>> {
        let mut bench = match lock(&self.bench).take() {
            Some(bench) => bench,
            None => Box::new(self.maker.bench(py, &worker.early_hints)?),
        };
        bench.desk.move_to(worker.seat);
        Ok(bench)
    }

    fn give_bench_back(&self, bench: Box<Bench>) {
        let before = lock(&self.bench).replace(bench);
        // What it brought to light is told again: epoll reports by level.
        drop(before);
    }

    fn is(&self, order: u8) -> bool {
        self.order.load(Ordering::Relaxed) == order
    }

    fn serve(&self, py: Python<'_>, worker: &mut Worker) -> PyResult<After> {
        let shared = Arc::clone(&self.maker.shared);
        let mut bench = self.take_bench(py, worker)?;
        if !bench.desk.has_more() {
            leader::wait(&shared, &mut bench.desk, 0)?;
        }
        let mut reactor = shared.lock();
        reactor.update_time();
        let enough_ns = reactor.now_ns() + TURN_NS;
        while reactor.now_ns() < enough_ns && !self.is(STOP_NOW) {
            let Some(request) = reactor.next_request(&mut bench.desk) else { break };
            let switches = self.switches.load(Ordering::Relaxed);
            reactor = self.exchange(py, worker, reactor, request, bench)?;
            if self.switches.load(Ordering::Relaxed) != switches {
                let is_over = self.is(STOP_GRACEFULLY) && reactor.is_drained();
                worker.settle(py, reactor);
                return Ok(if is_over || self.is(STOP_NOW) { After::End } else { After::Leave });
            }
            drop(reactor);
            bench = self.take_bench(py, worker)?;
            reactor = shared.lock();
        }
        reactor.flush_batch();
        reactor.expire(&mut bench.desk);
        if self.is(STOP_GRACEFULLY) {
            reactor.begin_draining(&mut bench.desk);
        }
        let is_over = self.is(STOP_NOW) || self.is(STOP_GRACEFULLY) && reactor.is_drained();
        self.give_bench_back(bench);
        worker.settle(py, reactor);
        Ok(if is_over { After::End } else { After::Rest })
    }

    /// Whoever ends the greenlet of a request knows why: that is no failure to tell of.
    #[inline]
    fn excuse_end(&self, py: Python<'_>, answer: &mut Result<Answer, Fault>) {
        if !matches!(answer, Err(Fault::Raised)) {
            return;
        }
        let error = PyErr::fetch(py);
        if error.is_instance(py, self.exit.bind(py)) {
            *answer = Err(Fault::ClientGone);
        } else {
            error.restore(py);
        }
    }

    /// Serve one request. The bench is there for others meanwhile.
    fn exchange<'a>(
        &'a self,
        py: Python<'_>,
        worker: &mut Worker,
        reactor: Guard<'_>,
        request: Request<crate::host::Python>,
        mut bench: Box<Bench>,
    ) -> PyResult<Guard<'a>> {
        let shared = &*self.maker.shared;
        let (id, whose) = (request.id, Whose::of(&reactor, request.id));
        let peer = whose.peer;
        let asker = worker.asker(&reactor, id);
        let environ = worker.prepare_unlocked(py, shared, reactor, request, whose, &mut bench)?;
        // The bench knows those of whoever made it.
        set(&environ, bench.environs.early_hints(), &own(py, worker)).ok_or_else(|| PyErr::fetch(py))?;
        let input = shared.lock().take_head(&mut bench.desk);
        self.give_bench_back(bench);
        let (bytes, head) = (&input.bytes[..], &input.parser);
        let started_ns = worker.started_ns();
        shared.next_call();
        let mut answer = worker.call_for(py, &environ, bytes, head, asker);
        let environ = worker.keep(environ);
        self.excuse_end(py, &mut answer);
        let parting = part(py, &mut worker.exchange, &mut answer);
        let fatal = worker.explain(py, &answer, id, bytes, head);
        worker.renew_start(py)?;
        let said = Said { answer, parting, started_ns };
        let mut reactor = worker.conclude(shared, said, environ.as_ref(), peer, (bytes, head));
        reactor.end_call(worker.seat);
        if let Some(environ) = environ {
            drop(reactor);
            worker.part_from(py, environ, bytes, head);
            reactor = shared.lock();
        }
        reactor.give_back(input);
        if worker.around.recycle.count() {
            drop(reactor);
            worker.recycle(py);
            reactor = shared.lock();
        }
        fatal.map_or(Ok(reactor), Err)
    }
}

fn own(py: Python<'_>, worker: &Worker) -> Ref {
    // SAFETY: attached, and the worker holds the object.
    unsafe { Ref::borrowed(worker.early_hints.bind(py).as_ptr()) }
}

/// Hold this for a step that runs no Python code, never for a call: another greenlet of this thread may want it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
