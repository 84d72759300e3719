//! The end of a worker's serving.

use std::thread::JoinHandle;

use longma_engine::shared::Shared;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::host::Python as PythonHost;

/// Have nobody serve any more, what waits left to other workers, and the log written out.
pub fn end(py: Python<'_>, shared: &Shared<PythonHost>, standby: JoinHandle<()>) -> PyResult<()> {
    shared.end();
    py.detach(|| standby.join()).map_err(|_| PyRuntimeError::new_err("the standby thread has panicked"))?;
    let mut reactor = shared.lock();
    reactor.flush_batch();
    reactor.leave_rest();
    drop(reactor);
    py.detach(|| shared.finish_log());
    Ok(())
}
