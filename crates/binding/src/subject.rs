//! What the error log is told of a request that fails, and of what kind its failure is.

use longma_proto::h1::HeadParser;
use pyo3::exceptions::{PyBrokenPipeError, PyKeyboardInterrupt, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;

use crate::fault::Fault;
use crate::log::Log;

/// The request that a record is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub log: &'a Log,
    pub bytes: &'a [u8],
    pub head: &'a HeadParser,
}

impl Subject<'_> {
    /// Log that it failed, and why.
    #[cold]
    pub fn failed(self, py: Python<'_>, error: Option<&PyErr>, text: &str) {
        let line = self.head.line();
        let method = String::from_utf8_lossy(line.method.of(self.bytes));
        let target = String::from_utf8_lossy(line.target.of(self.bytes));
        self.log.failure(py, &method, &target, error, text);
    }

    /// Log what went wrong. What is more than this request's business is returned.
    #[cold]
    pub fn explain(self, py: Python<'_>, fault: &Fault, client_is_there: &dyn Fn() -> bool) -> Option<PyErr> {
        let raised = |error: PyErr| {
            // What the application gets from us when the client has gone is no fault of its own.
            if error.is_instance_of::<PyBrokenPipeError>(py) && !client_is_there() {
                return None;
            }
            if is_logged(py, &error) {
                return None;
            }
            self.failed(py, Some(&error), &fault.text());
            // exit() in a view is that view's failure; only the operator's interrupt is meant for the worker.
            error.is_instance_of::<PyKeyboardInterrupt>(py).then_some(error)
        };
        match fault {
            Fault::ClientGone => None,
            Fault::Raised => raised(PyErr::fetch(py)),
            Fault::Closing { error, before } => {
                let first = before.as_deref().and_then(|before| self.explain(py, before, client_is_there));
                first.or(raised(error.clone_ref(py)))
            }
            _ => {
                self.failed(py, None, &fault.text());
                None
            }
        }
    }
}

/// Whether it is what an abort ends a call by: its stack was written then.
fn is_logged(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py)
        && error.value(py).getattr(intern!(py, "is_logged")).is_ok_and(|logged| logged.is_truthy().unwrap_or(false))
}
