//! Offering the connection itself to the application, where a request asks for another protocol (RFC 9110 §7.8).

use std::sync::Arc;

use longma_engine::connection::ConnId;
use pyo3::prelude::*;

use crate::exchange::Exchange;
use crate::lease::Lease;
use crate::line::set;
use crate::object::Ref;

/// The keys by which Gunicorn and Werkzeug give it away, and the libraries for WebSockets look for it.
const KEYS: [&str; 2] = ["gunicorn.socket", "werkzeug.socket"];

/// What is needed for it.
pub struct Offer {
    keys: [Ref; 2],
    /// Makes of a lease what the application finds.
    socket_of: Py<PyAny>,
}

impl Offer {
    pub fn new(py: Python<'_>, socket_of: Py<PyAny>) -> PyResult<Self> {
        let key = |name: &str| crate::text::interned(name).ok_or_else(|| PyErr::fetch(py));
        Ok(Self { keys: [key(KEYS[0])?, key(KEYS[1])?], socket_of })
    }

    /// Put the connection into the environ of its request, which is nobody's but this request's.
    #[cold]
    pub fn make(&self, py: Python<'_>, exchange: &mut Exchange, id: ConnId, seat: usize, environ: &Ref) -> PyResult<()> {
        let lease = Py::new(py, Lease::new(Arc::clone(&exchange.shared), id, seat))?;
        let socket = self.socket_of.call1(py, (&lease,))?;
        // SAFETY: a new reference, given away by `into_ptr`.
        let socket = unsafe { Ref::owned(socket.into_ptr()) }.ok_or_else(|| PyErr::fetch(py))?;
        for key in &self.keys {
            set(environ, key, &socket).ok_or_else(|| PyErr::fetch(py))?;
        }
        exchange.lease = Some(lease);
        Ok(())
    }
}
