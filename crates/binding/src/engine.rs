//! `longma._core.Engine`: what a worker process constructs and runs.

use std::ffi::c_void;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use longma_engine::reactor::Reactor;
use longma_engine::shared::Shared;
use longma_engine::standby;
use longma_engine::sys::board::{Board, PAGE_BYTES, Word};
use longma_engine::sys::clock;
use longma_engine::sys::epoll::Epoll;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::access::access_log;
use crate::current::Current;
use crate::early_hints::EarlyHints;
use crate::environ::Environs;
use crate::host::Python as PythonHost;
use crate::log::Log;
use crate::object::Ref;
use crate::observer::Observer;
use crate::recycle::Recycle;
use crate::respond::Responder;
use crate::settings;
use crate::template::{Parts, template};
use crate::worker::{Around, GO_ON, STOP_GRACEFULLY, STOP_NOW, Worker};

/// The engine of one worker process.
#[pyclass(module = "longma._core", frozen)]
pub struct Engine {
    worker: std::sync::Mutex<Option<Worker>>,
    order: AtomicU8,
    shared: Arc<Shared<PythonHost>>,
    current: Arc<Current>,
    /// Keeps the board's memory while the engine may write to it.
    _board: PyBuffer<u8>,
}

#[pymethods]
impl Engine {
    /// Make the engine that serves `application` on the listeners.
    #[new]
    #[pyo3(signature = (
        application, *, listeners, settings, board, slot, slots, handover, errors, log, multiprocess,
        recycle_after = 0, on_recycle = None, observer = None
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
        errors: Bound<'_, PyAny>,
        log: Py<PyAny>,
        multiprocess: bool,
        recycle_after: u64,
        on_recycle: Option<Py<PyAny>>,
        observer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        if listeners.is_empty() {
            return Err(PyValueError::new_err("an engine needs a listener"));
        }
        let memory = board_of(&board, slot, slots)?;
        let access = access_log(settings)?;
        let settings = settings::engine_settings(settings)?;
        let sendfile = settings.sendfile;
        let mut reactor = Reactor::new(settings, Arc::new(Epoll::new()?), Arc::new(memory), access);
        reactor.board().set(Word::Pid, u64::from(std::process::id()));
        let early_hints = Bound::new(py, EarlyHints::new())?;
        let parts = Parts { errors, early_hints: early_hints.clone().into_any(), multiprocess };
        let templates = listeners.iter().map(|(_, url)| template(py, url, &parts)).collect::<PyResult<Vec<_>>>()?;
        let environs = Environs::new(py, templates)?;
        let sockets = listeners.iter().map(|&(fd, _)| take(fd)).collect::<PyResult<_>>()?;
        let handover = handover.map(|(receiver, sender)| Ok::<_, PyErr>((take(receiver)?, take(sender)?))).transpose()?;
        reactor.open(sockets, handover)?;
        // SAFETY: attached, and the application is valid.
        let application = unsafe { Ref::borrowed(application.as_ptr()) };
        let shared = Arc::new(Shared::new(reactor));
        let responder = Responder::new(sendfile).ok_or_else(|| PyErr::fetch(py))?;
        let around = Around {
            current: Arc::default(),
            observer: observer.map(Observer::new).transpose()?,
            recycle: Recycle::new(recycle_after, on_recycle),
        };
        let current = Arc::clone(&around.current);
        let worker =
            Worker::new(Arc::clone(&shared), application, environs, responder, early_hints.unbind(), Log::new(log), around)
                .ok_or_else(|| PyErr::fetch(py))?;
        let worker = std::sync::Mutex::new(Some(worker));
        let order = AtomicU8::new(GO_ON);
        Ok(Self { worker, order, shared, current, _board: board })
    }

    /// Serve until told to stop. Python's signal handlers run promptly; what they raise ends the serving.
    fn run(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.worker.lock().ok().and_then(|mut worker| worker.take());
        let mut worker = taken.ok_or_else(|| PyRuntimeError::new_err("an engine runs once"))?;
        let standby = standby::start(Arc::clone(&worker.shared))?;
        let result = worker.serve(py, &self.order);
        worker.shared.end();
        py.detach(|| standby.join()).map_err(|_| PyRuntimeError::new_err("the standby thread has panicked"))?;
        worker.shared.lock().flush_batch();
        let shared = &*worker.shared;
        py.detach(|| shared.finish_log());
        worker.tell(py);
        result
    }

    /// Make `run` return: gracefully when what has been accepted is answered, else as soon as the current call ends.
    fn stop(&self, graceful: bool) {
        let order = if graceful { STOP_GRACEFULLY } else { STOP_NOW };
        self.order.fetch_max(order, Ordering::Relaxed);
        self.shared.stop();
    }

    /// The request that the application has: method, target, and for how many seconds it has had it.
    fn current(&self) -> Option<(String, String, f64)> {
        if self.shared.exchange() & 1 == 0 {
            return None;
        }
        // SAFETY: attached, and so is the thread that serves when it gives the application control and takes it back.
        let (method, target) = unsafe { self.current.line() }?;
        let since_ns = self.shared.board.get(Word::CallStarted);
        Some((method, target, clock::monotonic_ns().saturating_sub(since_ns) as f64 / 1e9))
    }

    /// Have the access log's file opened anew: the old one has been moved away.
    fn reopen(&self) {
        self.shared.reopen_access_log();
    }

    /// How many requests have been answered.
    #[getter]
    fn requests(&self) -> u64 {
        self.shared.board.get(Word::Requests)
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
    Ok(unsafe { Board::new(base, slots, slot) })
}

/// Take a descriptor over: the engine closes it.
fn take(fd: RawFd) -> PyResult<OwnedFd> {
    if fd < 0 {
        return Err(PyValueError::new_err(format!("{fd} is no descriptor")));
    }
    // SAFETY: the caller of `Engine` gives its descriptors away, as documented.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
