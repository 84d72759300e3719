//! What an environ has besides where a request came by HTTP/2: Gunicorn's variables.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::early_hints::EarlyHints;
use crate::object::Ref;

/// What a stream weighs where nothing is said; RFC 9113 §5.3.2 has done away with saying so.
const WEIGHT: u8 = 16;

/// Set them.
#[cold]
pub fn set(py: Python<'_>, environ: &Ref, early_hints: &Py<EarlyHints>) -> PyResult<()> {
    // SAFETY: attached, and `environ` is held.
    let environ = unsafe { Bound::from_borrowed_ptr(py, environ.as_ptr()) };
    let environ = environ.cast_exact::<PyDict>()?;
    environ.set_item(intern!(py, "HTTP_VERSION"), intern!(py, "2"))?;
    environ.set_item(intern!(py, "gunicorn.http2.priority_weight"), WEIGHT)?;
    environ.set_item(intern!(py, "gunicorn.http2.priority_depends_on"), 0)?;
    let send_trailers = early_hints.bind(py).getattr(intern!(py, "send_trailers"))?;
    environ.set_item(intern!(py, "gunicorn.http2.send_trailers"), send_trailers)
}
