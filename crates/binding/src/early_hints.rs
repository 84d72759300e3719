//! `wsgi.early_hints`: send 103 (Early Hints) while the application is still at work (RFC 8297). And what else an environ has
//! to send fields by: `gunicorn.http2.send_trailers`.

use std::sync::atomic::{AtomicPtr, Ordering};

use longma_proto::h1::response::{FieldClass, check_name, check_value, classify};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::exchange::Exchange;
use crate::handle::Handle;

/// The callable: takes a list of (name, value) pairs. Ignored for HTTP/1.0 and once the answer has begun.
#[pyclass(module = "longma._core", frozen)]
pub struct EarlyHints {
    exchange: AtomicPtr<Exchange>,
}

impl EarlyHints {
    pub fn new() -> Self {
        Self { exchange: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Send on behalf of this exchange from now on; `None`: of none.
    #[inline]
    pub fn attach(&self, exchange: Option<Handle>) {
        self.exchange.store(exchange.map_or(std::ptr::null_mut(), Handle::as_ptr), Ordering::Relaxed);
    }
}

#[pymethods]
impl EarlyHints {
    fn __call__(&self, headers: Vec<(String, String)>) -> PyResult<()> {
        let mut answer = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        for (name, value) in &headers {
            check(name, value, "an early hint")?;
            answer.extend_from_slice(format!("{name}: {}\r\n", value.trim()).as_bytes());
        }
        answer.extend_from_slice(b"\r\n");
        if let Some(exchange) = self.exchange() {
            exchange.with(|exchange| exchange.send_interim(&answer));
        }
        Ok(())
    }

    /// Have these fields follow the body of the answer (RFC 9110 §6.5), in the place of those given before.
    fn send_trailers(&self, trailers: Vec<(String, String)>) -> PyResult<()> {
        let mut fields = Vec::with_capacity(trailers.len());
        for (name, value) in trailers {
            check(&name, &value, "a trailer")?;
            fields.push((name.into_bytes(), value.trim().as_bytes().to_vec()));
        }
        if let Some(exchange) = self.exchange() {
            exchange.with(|exchange| exchange.shared.lock().set_trailers(exchange.id, fields));
        }
        Ok(())
    }
}

impl EarlyHints {
    fn exchange(&self) -> Option<Handle> {
        // SAFETY: what is stored lives until it is taken back.
        unsafe { Handle::from_ptr(self.exchange.load(Ordering::Relaxed)) }
    }
}

/// Whether a field may be sent beside an answer's own.
fn check(name: &str, value: &str, what: &str) -> PyResult<()> {
    let checked = check_name(name.as_bytes()).and_then(|()| check_value(value.as_bytes()));
    checked.map_err(|error| PyValueError::new_err(error.to_string()))?;
    if !value.is_ascii() || classify(name.as_bytes()) != FieldClass::Pass {
        return Err(PyValueError::new_err(format!("{name} can't be {what}")));
    }
    Ok(())
}
