//! `wsgi.early_hints`: send 103 (Early Hints) while the application is still at work (RFC 8297).

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
            let checked = check_name(name.as_bytes()).and_then(|()| check_value(value.as_bytes()));
            checked.map_err(|error| PyValueError::new_err(error.to_string()))?;
            if !value.is_ascii() || classify(name.as_bytes()) != FieldClass::Pass {
                return Err(PyValueError::new_err(format!("{name} can't be an early hint")));
            }
            answer.extend_from_slice(format!("{name}: {}\r\n", value.trim()).as_bytes());
        }
        answer.extend_from_slice(b"\r\n");
        // SAFETY: what is stored lives until it is taken back.
        if let Some(exchange) = unsafe { Handle::from_ptr(self.exchange.load(Ordering::Relaxed)) } {
            exchange.with(|exchange| exchange.send_interim(&answer));
        }
        Ok(())
    }
}
