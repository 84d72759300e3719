//! What can go wrong while an application answers, and whose fault it is.

use std::ffi::CString;

use longma_proto::h1::response::ResponseError;
use pyo3::{PyErr, Python, ffi};

/// Why an answer could not be given as the application meant it.
#[derive(Debug)]
pub enum Fault {
    /// The application raised, or used an object in a way it cannot be used: Python has the error set.
    Raised,
    /// The status or a field can't be sent.
    Response(ResponseError),
    /// The application broke the calling convention.
    Protocol(&'static str),
    /// The application gave an object of a type that does not fit.
    Type(&'static str),
    /// The client is gone; nobody is at fault.
    ClientGone,
    /// `close()` raised, perhaps after something else had gone wrong.
    Closing { error: Box<PyErr>, before: Option<Box<Fault>> },
}

impl Fault {
    /// What to tell the operator.
    pub fn text(&self) -> String {
        match self {
            Self::Raised => "the application raised an exception".to_owned(),
            Self::Response(error) => error.to_string(),
            Self::Protocol(text) | Self::Type(text) => (*text).to_owned(),
            Self::ClientGone => "the client has closed the connection".to_owned(),
            Self::Closing { .. } => "close() raised an exception".to_owned(),
        }
    }

    /// Raise it in the application, which is in the middle of a call to us. Returns null.
    pub fn raise(self) -> *mut ffi::PyObject {
        let text = CString::new(self.text()).unwrap_or_default();
        // SAFETY: attached: faults are raised from calls that Python made.
        unsafe {
            let class = match self {
                Self::Raised => return std::ptr::null_mut(),
                Self::Closing { error, .. } => {
                    error.restore(Python::assume_attached());
                    return std::ptr::null_mut();
                }
                Self::ClientGone => ffi::PyExc_BrokenPipeError,
                Self::Response(_) => ffi::PyExc_ValueError,
                Self::Protocol(_) => ffi::PyExc_AssertionError,
                Self::Type(_) => ffi::PyExc_TypeError,
            };
            ffi::PyErr_SetString(class, text.as_ptr());
        }
        std::ptr::null_mut()
    }
}
