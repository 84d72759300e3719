//! `longma._core.Engine`: what a worker process constructs and runs.

use std::ffi::c_void;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use longma_engine::gateway::Protocol;
use longma_engine::listener::Listener;
use longma_engine::reactor::Reactor;
use longma_engine::shared::Shared;
use longma_engine::standby;
use longma_engine::sys::bell::Bell;
use longma_engine::sys::board::{Board, PAGE_BYTES, Word};
use longma_engine::sys::clock;
use longma_engine::sys::epoll::Epoll;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::access::access_log;
use crate::bench::Bench;
use crate::current::Current;
use crate::ending::end;
use crate::host::Python as PythonHost;
use crate::hub::Hub;
use crate::maker::Maker;
use crate::observer::Observer;
use crate::recycle::Recycle;
use crate::settings;
use crate::start_response::StartResponseType;
use crate::template::protocol;
use crate::tls::Tls;
use crate::worker::{GO_ON, STOP_GRACEFULLY, STOP_NOW, Worker};

/// The engine of one worker process.
#[pyclass(module = "longma._core", frozen)]
pub struct Engine {
    /// One for each thread that calls the application, until that thread takes it.
    workers: Mutex<Vec<Option<(Worker, Bench)>>>,
    maker: Arc<Maker>,
    order: Arc<AtomicU8>,
    shared: Arc<Shared<PythonHost>>,
    currents: Vec<Arc<Current>>,
    /// How many of a pool's threads serve, and what wakes the main thread when one ends.
    serving: AtomicUsize,
    ended: Bell,
    /// Keeps the board's memory while the engine may write to it.
    _board: PyBuffer<u8>,
}

#[pymethods]
impl Engine {
    /// Make the engine that serves `application` on the listeners.
    #[new]
    #[pyo3(signature = (
        application, *, listeners, settings, board, slot, slots, handover, errors, log, multiprocess,
        recycle_after = 0, on_recycle = None, observer = None, threads = 0, greenlets = false, socket_of = None, tls = None,
        environ = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn new(
        py: Python<'_>,
        application: &Bound<'_, PyAny>,
        listeners: Vec<(RawFd, String)>,
        settings: &Bound<'_, PyAny>,
        board: PyBuffer<u8>,
        slot: usize,
        slots: usize,
        handover: Option<(RawFd, RawFd)>,
        errors: &Bound<'_, PyAny>,
        log: Py<PyAny>,
        multiprocess: bool,
        recycle_after: u64,
        on_recycle: Option<Py<PyAny>>,
        observer: Option<&Bound<'_, PyAny>>,
        threads: usize,
        greenlets: bool,
        socket_of: Option<Py<PyAny>>,
        tls: Option<&Bound<'_, Tls>>,
        environ: Option<Py<PyDict>>,
    ) -> PyResult<Self> {
        if listeners.is_empty() {
            return Err(PyValueError::new_err("an engine needs a listener"));
        }
        let memory = board_of(&board, slot, slots)?;
        let access = access_log(settings)?;
        let engine_settings = settings::engine_settings(settings)?;
        let sendfile = engine_settings.sendfile;
        let mut reactor = Reactor::new(engine_settings, Arc::new(Epoll::new()?), Arc::new(memory), access);
        reactor.board().set(Word::Pid, u64::from(std::process::id()));
        open(&mut reactor, &listeners, handover, tls)?;
        let shared = Arc::new(share(reactor, threads, greenlets)?);
        let maker = Maker {
            shared: Arc::clone(&shared),
            application: application.clone().unbind(),
            urls: listeners.into_iter().map(|(_, url)| url).collect(),
            errors: errors.clone().unbind(),
            log,
            multiprocess,
            multithread: threads > 0 || greenlets,
            is_secure: tls.is_some(),
            sendfile,
            recycle: Recycle::new(recycle_after, on_recycle),
            observer: observer.map(Observer::new).transpose()?.map(Arc::new),
            socket_of,
            environ,
            start_type: Arc::new(StartResponseType::new().ok_or_else(|| PyErr::fetch(py))?),
        };
        let workers = maker.workers(py, if greenlets { 0 } else { threads.max(1) })?;
        Ok(Self {
            currents: workers.iter().flatten().map(|(worker, _)| Arc::clone(&worker.around.current)).collect(),
            workers: Mutex::new(workers),
            maker: Arc::new(maker),
            order: Arc::new(AtomicU8::new(GO_ON)),
            shared,
            serving: AtomicUsize::new(threads),
            ended: Bell::new()?,
            _board: board,
        })
    }

    /// Serve until told to stop. Python's signal handlers run promptly; what they raise ends the serving.
    ///
    /// With threads: wait until the last of them has ended, `serve` being what they run, and call `on_beat` twice a
    /// second.
    #[pyo3(signature = (on_beat = None))]
    fn run(&self, py: Python<'_>, on_beat: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let standby = standby::start(Arc::clone(&self.shared))?;
        let mut worker = None;
        let result = if self.shared.is_pooled() {
            self.tend(py, on_beat)
        } else {
            let (own, bench) = self.take_worker(0)?;
            worker.insert(own).serve(py, &self.order, bench)
        };
        end(py, &self.shared, standby)?;
        // What was noticed at the end, such as lines that the log has lost, the threads of a pool are not there to tell.
        match worker {
            Some(worker) => worker.tell(py),
            None => self.maker.worker(py, 0)?.tell(py),
        }
        result
    }

    /// What a hub serves by, where there are to be greenlets. Taken once.
    ///
    /// `pause` is called with a number of seconds, for which it lets other greenlets run; `ending` is raised in those
    /// that are to end.
    fn hub(&self, pause: Py<PyAny>, ending: Py<PyAny>) -> PyResult<Hub> {
        if !self.shared.has_hub() {
            return Err(PyValueError::new_err("an engine has a hub where it was made for greenlets"));
        }
        Ok(Hub::new(Arc::clone(&self.maker), Arc::clone(&self.order), pause, ending))
    }

    /// Call the application in the thread that calls this, one of as many as there are seats, until told to stop.
    fn serve(&self, py: Python<'_>, seat: usize) -> PyResult<()> {
        let (mut worker, bench) = self.take_worker(seat)?;
        let result = worker.serve_seat(py, &self.order, bench);
        worker.tell(py);
        drop(worker);
        self.serving.fetch_sub(1, Ordering::SeqCst);
        self.ended.ring();
        result
    }

    /// Accept connections, as it does from the beginning, or none for the time being: whoever is connected is served.
    fn accept(&self, is_wanted: bool) {
        self.shared.lock().hold_off(!is_wanted);
    }

    /// Make `run` return: gracefully when what has been accepted is answered, else as soon as the current call ends.
    fn stop(&self, graceful: bool) {
        let order = if graceful { STOP_GRACEFULLY } else { STOP_NOW };
        self.order.fetch_max(order, Ordering::Relaxed);
        self.shared.stop();
        if !graceful {
            self.shared.seats.wake_all();
        }
    }

    /// The request that the application has had for longest: method, target, and for how many seconds it has had it.
    fn current(&self) -> Option<(String, String, f64)> {
        let (seat, since_ns) = self.longest()?;
        // SAFETY: attached, and so is the thread that serves when it gives the application control and takes it back.
        let (method, target) = unsafe { self.currents[seat].line() }?;
        Some((method, target, clock::monotonic_ns().saturating_sub(since_ns) as f64 / 1e9))
    }

    /// The seat in which the application has had a request for longest, and since when, in seconds of the monotonic
    /// clock.
    fn longest_call(&self) -> Option<(usize, f64)> {
        self.longest().map(|(seat, since_ns)| (seat, since_ns as f64 / 1e9))
    }

    /// Have the access log's file opened anew: the old one has been moved away.
    fn reopen(&self) {
        self.shared.reopen_access_log();
    }

    /// A descriptor by which `run` is woken while it waits for threads, or the hub: for `signal.set_wakeup_fd`, since a
    /// signal can reach any thread.
    #[getter]
    fn wakeup_fd(&self) -> RawFd {
        self.shared.button().filter(|_| self.shared.has_hub()).unwrap_or_else(|| self.ended.button())
    }

    /// How many requests have been answered.
    #[getter]
    fn requests(&self) -> u64 {
        self.shared.board.get(Word::Requests)
    }
}

/// How often the main thread shows that the interpreter lives, where others call the application.
const BEAT_MS: i32 = 500;

impl Engine {
    fn take_worker(&self, seat: usize) -> PyResult<(Worker, Bench)> {
        let mut workers = self.workers.lock().map_err(|_| PyRuntimeError::new_err("an engine's thread has panicked"))?;
        let worker = workers.get_mut(seat).and_then(Option::take);
        worker.ok_or_else(|| PyRuntimeError::new_err("an engine runs once, and each of its seats is taken once"))
    }

    /// None with greenlets, which take no seats: their hub knows.
    fn longest(&self) -> Option<(usize, u64)> {
        if self.shared.has_hub() {
            return None;
        }
        if self.shared.is_pooled() {
            return self.shared.seats.longest();
        }
        let is_away = self.shared.seats.moment().is_away();
        is_away.then(|| (0, self.shared.board.get(Word::CallStarted)))
    }

    /// Be the main thread of a pool: let signals be handled, and the heart beat, until no thread serves any more.
    fn tend(&self, py: Python<'_>, on_beat: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        while self.serving.load(Ordering::SeqCst) > 0 {
            self.shared.board.set(Word::Heartbeat, clock::monotonic_ns());
            let since_ns = self.shared.seats.longest().map_or(0, |(_, since_ns)| since_ns);
            self.shared.board.set(Word::CallStarted, since_ns);
            py.check_signals()?;
            if let Some(on_beat) = on_beat {
                on_beat.call0()?;
            }
            // A signal ends the wait early; so does the end of a thread.
            let _ = py.detach(|| self.ended.wait(BEAT_MS));
        }
        py.check_signals()
    }
}

/// Give the reactor what it listens on.
fn open(
    reactor: &mut Reactor<PythonHost>,
    listeners: &[(RawFd, String)],
    handover: Option<(RawFd, RawFd)>,
    tls: Option<&Bound<'_, Tls>>,
) -> PyResult<()> {
    if let Some(tls) = tls {
        reactor.set_tls(tls.get().shared());
    }
    reactor.speak(listeners.iter().map(|(_, url)| protocol(url)).collect());
    let is_secure = |url: &str| tls.is_some() && protocol(url) == Protocol::Http;
    let sockets =
        listeners.iter().map(|(fd, url)| Ok(Listener::new(take(*fd)?, is_secure(url)))).collect::<PyResult<Vec<_>>>()?;
    let handover = handover.map(|(receiver, sender)| Ok::<_, PyErr>((take(receiver)?, take(sender)?))).transpose()?;
    reactor.open(sockets, handover)?;
    Ok(())
}

fn share(reactor: Reactor<PythonHost>, threads: usize, greenlets: bool) -> io::Result<Shared<PythonHost>> {
    match (threads, greenlets) {
        (_, true) => Shared::of_hub(reactor),
        (0, false) => Ok(Shared::new(reactor)),
        (_, false) => Shared::of_many(reactor, threads),
    }
}

fn board_of(buffer: &PyBuffer<u8>, slot: usize, slots: usize) -> PyResult<Board> {
    let is_too_small = slots.checked_mul(PAGE_BYTES).is_none_or(|bytes| buffer.len_bytes() < bytes);
    if buffer.readonly() || !buffer.is_c_contiguous() || is_too_small || slot >= slots {
        return Err(PyValueError::new_err(format!("the board must be writable and hold {slots} pages of {PAGE_BYTES} bytes")));
    }
    let base: *mut c_void = buffer.buf_ptr();
    if base.align_offset(8) != 0 {
        return Err(PyValueError::new_err("the board must be aligned"));
    }
    let base = NonNull::new(base.cast()).ok_or_else(|| PyValueError::new_err("the board has no memory"))?;
    // SAFETY: the buffer is held as long as the engine, writable, aligned and long enough; others use it word by word.
    let board = unsafe { Board::new(base, slots, slot) };
    // The last page, where there are more than the workers'.
    let last = buffer.len_bytes() / PAGE_BYTES - 1;
    // SAFETY: as above, and the page lies in the buffer.
    Ok(if last < slots { board } else { unsafe { board.with_master(last) } })
}

/// Take a descriptor over: the engine closes it.
fn take(fd: RawFd) -> PyResult<OwnedFd> {
    if fd < 0 {
        return Err(PyValueError::new_err(format!("{fd} is no descriptor")));
    }
    // SAFETY: the caller of `Engine` gives its descriptors away, as documented.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
