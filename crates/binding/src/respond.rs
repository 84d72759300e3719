//! From what the application returned to an answer.

use std::ptr;

use pyo3::prelude::*;
use pyo3::{Bound, Python as Interpreter, ffi};

use crate::fault::Fault;
use crate::file_wrapper::FileWrapper;
use crate::handle::Handle;
use crate::object::{Block, Ref, bytes_of};

/// What is used for every answer, looked up once.
pub struct Responder {
    close: Ref,
    sendfile: bool,
}

/// How the answer goes out.
pub enum Answer {
    /// Composed, and perhaps partly sent; the exchange holds the rest.
    Composed,
    /// The composed head, then these blocks from where they are.
    Blocks(Vec<Block>),
}

impl Responder {
    /// `None`: Python has an error set.
    pub fn new(sendfile: bool) -> Option<Self> {
        Some(Self { close: crate::text::interned("close")?, sendfile })
    }

    /// Send what `result` holds or yields, and close it. It is closed once, whatever happens.
    #[inline]
    pub fn answer(&self, exchange: Handle, result: Ref) -> Result<Answer, Fault> {
        // SAFETY: attached, and `result` is held.
        if let Some(blocks) = unsafe { blocks_of(result.as_ptr()) }
            && !exchange.with(|exchange| exchange.head_is_sent())
        {
            // SAFETY: attached; the sequence holds its blocks, which are bytes.
            let large = exchange.with(|exchange| unsafe { exchange.whole(blocks) })?;
            return Ok(if large.is_empty() { Answer::Composed } else { Answer::Blocks(large) });
        }
        self.stream_and_close(exchange, result)
    }

    #[inline(never)]
    fn stream_and_close(&self, exchange: Handle, result: Ref) -> Result<Answer, Fault> {
        let answered = self.stream(exchange, &result);
        // close() is called with no error set.
        let error = if matches!(answered, Err(Fault::Raised)) { Some(PyErr::fetch(attached())) } else { None };
        let closed = self.close(&result);
        if let Some(error) = error {
            error.restore(attached());
        }
        match closed {
            Ok(()) => answered.map(|()| Answer::Composed),
            Err(error) => Err(Fault::Closing { error: Box::new(error), before: answered.err().map(Box::new) }),
        }
    }

    fn stream(&self, exchange: Handle, result: &Ref) -> Result<(), Fault> {
        if self.sendfile && !exchange.with(|exchange| exchange.head_is_sent()) && send_file(exchange, result)? {
            return Ok(());
        }
        // SAFETY: attached, and `result` is held.
        let iterator = unsafe { Ref::owned(ffi::PyObject_GetIter(result.as_ptr())) }.ok_or_else(|| Fault::Raised)?;
        loop {
            // SAFETY: attached, and `iterator` is an iterator.
            let Some(block) = (unsafe { Ref::owned(ffi::PyIter_Next(iterator.as_ptr())) }) else { break };
            // SAFETY: attached, and `block` is held.
            if unsafe { ffi::PyBytes_Check(block.as_ptr()) } == 0 {
                return Err(Fault::Protocol("the application yielded something other than bytes"));
            }
            // SAFETY: a bytes object, held through the call.
            let bytes = unsafe { bytes_of(block.as_ptr()) };
            if bytes.is_empty() {
                continue;
            }
            if exchange.with(|exchange| exchange.is_complete()) {
                // More than fits into the Content-Length, or into no body at all: there may be no end to it (PEP 3333,
                // "Handling the Content-Length Header").
                break;
            }
            if !exchange.with(|exchange| exchange.is_started()) {
                return Err(Fault::Protocol("the application yielded a block before calling start_response()"));
            }
            exchange.write(bytes)?;
        }
        // SAFETY: attached.
        if !unsafe { ffi::PyErr_Occurred() }.is_null() {
            return Err(Fault::Raised);
        }
        exchange.with(|exchange| exchange.end())
    }

    /// Call `close()` if there is one (PEP 3333, "Specification Details").
    fn close(&self, result: &Ref) -> PyResult<()> {
        let mut method = ptr::null_mut();
        // SAFETY: attached; looks the attribute up without raising where it is missing.
        let found = unsafe { get_optional(result.as_ptr(), self.close.as_ptr(), &raw mut method) };
        // SAFETY: a new reference, or null.
        let method = unsafe { Ref::owned(method) };
        match (found, method) {
            (..0, _) => Err(PyErr::fetch(attached())),
            (_, None) => Ok(()),
            (_, Some(method)) => {
                // SAFETY: attached, and the method is held.
                let done = unsafe { Ref::owned(ffi::PyObject_CallNoArgs(method.as_ptr())) };
                done.map(drop).ok_or_else(|| PyErr::fetch(attached()))
            }
        }
    }
}

/// Send a wrapped file from its descriptor. False: it must be read.
fn send_file(exchange: Handle, result: &Ref) -> Result<bool, Fault> {
    let py = attached();
    // SAFETY: attached, and `result` is held.
    let object = unsafe { Bound::from_borrowed_ptr(py, result.as_ptr()) };
    let Ok(wrapper) = object.cast_exact::<FileWrapper>() else { return Ok(false) };
    let Some(rest) = wrapper.get().rest(py) else { return Ok(false) };
    exchange.with(|exchange| {
        exchange.send_file(rest.file, rest.offset, rest.length)?;
        exchange.end()
    })?;
    Ok(true)
}

fn attached() -> Interpreter<'static> {
    // SAFETY: everything here runs in the application's thread, between two waits.
    unsafe { Interpreter::assume_attached() }
}

/// The blocks of an exact list or tuple that holds nothing but bytes.
///
/// # Safety
/// Attached, and `result` is valid and outlives `'a`.
#[inline]
unsafe fn blocks_of<'a>(result: *mut ffi::PyObject) -> Option<&'a [*mut ffi::PyObject]> {
    // SAFETY: attached; the types are checked before the objects are taken apart, and no Python code runs while
    // the items are looked at.
    unsafe {
        let items = if ffi::PyList_CheckExact(result) != 0 {
            let length = ffi::PyList_GET_SIZE(result) as usize;
            let start = (*result.cast::<ffi::PyListObject>()).ob_item;
            if length == 0 { &[] } else { std::slice::from_raw_parts(start, length) }
        } else if ffi::PyTuple_CheckExact(result) != 0 {
            let length = ffi::PyTuple_GET_SIZE(result) as usize;
            let start = (&raw mut (*result.cast::<ffi::PyTupleObject>()).ob_item).cast::<*mut ffi::PyObject>();
            std::slice::from_raw_parts(start, length)
        } else {
            return None;
        };
        items.iter().all(|&item| ffi::PyBytes_CheckExact(item) != 0).then_some(items)
    }
}

/// Look an attribute up; 1 found, 0 missing, -1 error.
#[cfg(Py_3_13)]
unsafe fn get_optional(object: *mut ffi::PyObject, name: *mut ffi::PyObject, found: *mut *mut ffi::PyObject) -> i32 {
    // SAFETY: by contract of the caller.
    unsafe { ffi::PyObject_GetOptionalAttr(object, name, found) }
}

/// Look an attribute up; 1 found, 0 missing, -1 error.
#[cfg(not(Py_3_13))]
unsafe fn get_optional(object: *mut ffi::PyObject, name: *mut ffi::PyObject, found: *mut *mut ffi::PyObject) -> i32 {
    // SAFETY: by contract of the caller. The missing attribute's error is the only one that is taken back.
    unsafe {
        *found = ffi::PyObject_GetAttr(object, name);
        if !(*found).is_null() {
            return 1;
        }
        if ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
            return -1;
        }
        ffi::PyErr_Clear();
        0
    }
}
