//! The error log, as Python gave it to us.

use pyo3::prelude::*;
use pyo3::types::PyString;

const ERROR: u8 = 40;

/// A callable that takes a level, as Python's logging numbers it, and a message; of a failed request also whose process
/// it is about, `None` for ours, and the exception, for those who send it elsewhere.
pub struct Log(Py<PyAny>);

impl Log {
    pub fn new(callable: Py<PyAny>) -> Self {
        Self(callable)
    }

    /// Write one record. A log that fails must not take the service with it.
    pub fn write(&self, py: Python<'_>, level: u8, message: &str) {
        if let Err(error) = self.0.bind(py).call1((level, message)) {
            error.write_unraisable(py, None);
        }
    }

    fn write_error(&self, py: Python<'_>, message: &str, error: &PyErr) {
        if let Err(error) = self.0.bind(py).call1((ERROR, message, py.None(), error.value(py))) {
            error.write_unraisable(py, None);
        }
    }

    /// Write that a request failed, and why.
    pub fn failure(&self, py: Python<'_>, method: &str, target: &str, error: Option<&PyErr>, text: &str) {
        let subject = format!("Error handling request {} {}", printable(method), printable(target));
        let trace = error.and_then(|error| traceback(py, error).ok().map(|trace| (error, trace)));
        match trace {
            Some((error, trace)) => self.write_error(py, &format!("{subject}\n{}", trace.trim_end()), error),
            None => self.write(py, ERROR, &format!("{subject}: {text}")),
        }
    }
}

/// What a client sent, with nothing in it that could end a line.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

fn traceback(py: Python<'_>, error: &PyErr) -> PyResult<String> {
    let lines =
        py.import("traceback")?.call_method1("format_exception", (error.get_type(py), error.value(py), error.traceback(py)))?;
    let text = PyString::new(py, "").call_method1("join", (lines,))?;
    // Half of a surrogate pair, as in the name of a file that is no UTF-8, must not cost the operator the rest.
    Ok(text.cast_into::<PyString>()?.to_string_lossy().into_owned())
}
