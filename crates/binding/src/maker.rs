//! What makes those that call the application, as many as are needed.

use std::sync::Arc;

use longma_engine::Desk;
use longma_engine::shared::Shared;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bench::Bench;
use crate::current::Current;
use crate::early_hints::EarlyHints;
use crate::environ::Environs;
use crate::host::Python as PythonHost;
use crate::log::Log;
use crate::object::Ref;
use crate::observer::Observer;
use crate::offer::Offer;
use crate::recycle::Recycle;
use crate::respond::Responder;
use crate::start_response::StartResponseType;
use crate::template::{Parts, template};
use crate::worker::{Around, Worker};

/// What all of a worker's have in common.
pub struct Maker {
    pub shared: Arc<Shared<PythonHost>>,
    pub application: Py<PyAny>,
    pub urls: Vec<String>,
    pub errors: Py<PyAny>,
    pub log: Py<PyAny>,
    pub multiprocess: bool,
    pub multithread: bool,
    /// Whether TLS is spoken on the listeners.
    pub is_secure: bool,
    pub sendfile: bool,
    pub recycle: Recycle,
    pub observer: Option<Arc<Observer>>,
    /// Makes of a lease what the application finds, where it may have the connection.
    pub socket_of: Option<Py<PyAny>>,
    /// What each environ holds besides.
    pub environ: Option<Py<PyDict>>,
    pub start_type: Arc<StartResponseType>,
}

impl Maker {
    /// Those of so many seats, each with a bench of its own.
    pub fn workers(&self, py: Python<'_>, seats: usize) -> PyResult<Vec<Option<(Worker, Bench)>>> {
        let with_bench = |worker: Worker| self.bench(py, &worker.early_hints).map(|bench| Some((worker, bench)));
        (0..seats).map(|seat| self.worker(py, seat).and_then(with_bench)).collect()
    }

    /// One that calls the application from this seat.
    pub fn worker(&self, py: Python<'_>, seat: usize) -> PyResult<Worker> {
        let early_hints = Bound::new(py, EarlyHints::new())?.unbind();
        // SAFETY: attached, and the application is valid.
        let application = unsafe { Ref::borrowed(self.application.as_ptr()) };
        let responder = Responder::new(self.sendfile).ok_or_else(|| PyErr::fetch(py))?;
        let offer = self.socket_of.as_ref().map(|make| Offer::new(py, make.clone_ref(py))).transpose()?;
        let (current, observer, recycle) = (Arc::<Current>::default(), self.observer.clone(), self.recycle.clone());
        let around = Around { current, observer, recycle, offer };
        let (shared, start_type, log) =
            (Arc::clone(&self.shared), Arc::clone(&self.start_type), Log::new(self.log.clone_ref(py)));
        let worker = Worker::new(shared, seat, application, responder, start_type, early_hints, log, around);
        worker.ok_or_else(|| PyErr::fetch(py))
    }

    /// A bench, on which requests are given these early hints.
    pub fn bench(&self, py: Python<'_>, early_hints: &Py<EarlyHints>) -> PyResult<Bench> {
        let early_hints = early_hints.bind(py).as_any();
        let Self { multiprocess, multithread, is_secure, .. } = *self;
        let more = self.environ.as_ref().map(|environ| environ.bind(py));
        let parts = Parts { errors: self.errors.bind(py), early_hints, multiprocess, multithread, is_secure, more };
        let templates = self.urls.iter().map(|url| template(py, url, &parts)).collect::<PyResult<Vec<_>>>()?;
        Ok(Bench { desk: Desk::default(), environs: Environs::new(py, templates)? })
    }
}
