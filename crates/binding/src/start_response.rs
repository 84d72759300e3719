//! `start_response` (PEP 3333, "The start_response() Callable"), made by hand: one object serves all requests of a
//! thread, called without argument tuples, and is its own `write`.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};

use pyo3::ffi;

use crate::handle::Handle;
use crate::object::{Ref, bytes_of};

/// The object. `exchange` is set while a request is being served.
#[repr(C)]
struct Layout {
    base: ffi::PyObject,
    call: Option<ffi::vectorcallfunc>,
    exchange: Option<Handle>,
}

const USAGE: &CStr = c"start_response() takes a status, a list of (name, value) pairs, and optionally exc_info";
const COMPLETE: &CStr = c"the response to this request is complete";

/// Only we make them: one of Python's own making would lack its `call`.
const FLAGS: std::ffi::c_ulong =
    ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_VECTORCALL | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;

/// The type, made once a worker.
pub struct StartResponseType(Ref);

/// The callable an application is given.
pub struct StartResponse(Ref);

impl StartResponseType {
    /// `None`: Python has an error set.
    pub fn new() -> Option<Self> {
        let mut members = [
            ffi::PyMemberDef {
                name: c"__vectorcalloffset__".as_ptr(),
                type_code: 19, // Py_T_PYSSIZET
                offset: std::mem::offset_of!(Layout, call) as ffi::Py_ssize_t,
                flags: 1, // Py_READONLY
                doc: ptr::null(),
            },
            ffi::PyMemberDef { name: ptr::null(), type_code: 0, offset: 0, flags: 0, doc: ptr::null() },
        ];
        let mut slots = [
            ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: (&raw mut members).cast() },
            ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: ffi::PyVectorcall_Call as *mut c_void },
            ffi::PyType_Slot { slot: ffi::Py_tp_dealloc, pfunc: dealloc as *mut c_void },
            ffi::PyType_Slot {
                slot: ffi::Py_tp_doc,
                pfunc: c"start_response(status, headers, exc_info=None)".as_ptr().cast_mut().cast(),
            },
            ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
        ];
        let mut spec = ffi::PyType_Spec {
            name: c"longma._core.StartResponse".as_ptr(),
            basicsize: size_of::<Layout>() as c_int,
            itemsize: 0,
            flags: FLAGS as std::ffi::c_uint,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: attached; the specification lives through the call, which copies what it keeps.
        unsafe { Ref::owned(ffi::PyType_FromSpec(&raw mut spec)) }.map(Self)
    }

    /// A new callable.
    pub fn make(&self) -> Option<StartResponse> {
        // SAFETY: attached, and the type is ours.
        let object = unsafe { Ref::owned(ffi::PyType_GenericAlloc(self.0.as_ptr().cast(), 0)) }?;
        let layout = object.as_ptr().cast::<Layout>();
        // SAFETY: the object was allocated with our layout, zeroed behind its header.
        unsafe { (*layout).call = Some(call) };
        Some(StartResponse(object))
    }
}

impl StartResponse {
    fn layout(&self) -> NonNull<Layout> {
        NonNull::new(self.0.as_ptr().cast()).expect("a live object is not null")
    }

    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// Serve this exchange from now on; `None`: none.
    #[inline]
    pub fn attach(&self, exchange: Option<Handle>) {
        // SAFETY: attached, and the object is ours.
        unsafe { (*self.layout().as_ptr()).exchange = exchange };
    }

    /// Whether somebody has kept the object, so that the next request needs another.
    #[inline]
    pub fn is_kept(&self) -> bool {
        // SAFETY: attached, and the object is ours.
        unsafe { ffi::Py_REFCNT(self.0.as_ptr()) > 1 }
    }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: Python calls this once, with an object of our type, whose type reference it owns.
    unsafe {
        let class = ffi::Py_TYPE(object);
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn call(
    callable: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls this with an object of our type and `count` arguments, then one for each name.
    unsafe {
        let layout = callable.cast::<Layout>();
        let positional = ffi::PyVectorcall_NARGS(count) as usize;
        let named = if names.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(names) as usize };
        // Where there are no arguments, there need not be an array either (PyObject_CallNoArgs).
        let given = if arguments.is_null() { &[] } else { std::slice::from_raw_parts(arguments, positional + named) };
        let Some(exchange) = (*layout).exchange else { return raise(COMPLETE) };
        match (given, named) {
            (&[block], 0) => write(exchange, callable, block),
            (&[status, fields], 0) => start(callable, layout, status, fields, ptr::null_mut()),
            _ => match arranged(given, positional, names) {
                Some([status, fields, exc_info]) => start(callable, layout, status, fields, exc_info),
                None => type_error(USAGE),
            },
        }
    }
}

/// The arguments in the order of `start_response(status, headers, exc_info=None)`. `None`: they do not fit.
///
/// # Safety
/// Attached; behind the `positional` ones of `given` stands one for each of `names`, a tuple of str or null.
unsafe fn arranged(
    given: &[*mut ffi::PyObject],
    positional: usize,
    names: *mut ffi::PyObject,
) -> Option<[*mut ffi::PyObject; 3]> {
    let mut places = [ptr::null_mut(); 3];
    places.get_mut(..positional)?.copy_from_slice(&given[..positional]);
    for (index, &value) in given[positional..].iter().enumerate() {
        // SAFETY: by contract.
        let name = unsafe { ffi::PyTuple_GET_ITEM(names, index as ffi::Py_ssize_t) };
        // SAFETY: by contract.
        let is = |known: &CStr| unsafe { ffi::PyUnicode_CompareWithASCIIString(name, known.as_ptr()) == 0 };
        let place = [c"status", c"headers", c"exc_info"].into_iter().position(is)?;
        if !places[place].is_null() {
            return None;
        }
        places[place] = value;
    }
    (!places[0].is_null() && !places[1].is_null()).then_some(places)
}

unsafe fn start(
    callable: *mut ffi::PyObject,
    layout: *mut Layout,
    status: *mut ffi::PyObject,
    fields: *mut ffi::PyObject,
    exc_info: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called by `call` with what Python gave it.
    unsafe {
        if ffi::PyUnicode_Check(status) == 0 {
            return type_error(c"the status must be a str such as '200 OK'");
        }
        if ffi::PyList_Check(fields) == 0 && ffi::PyTuple_Check(fields) == 0 {
            // Gunicorn takes whatever gives pairs, and so does what was written for it.
            let Some(listed) = Ref::owned(ffi::PySequence_List(fields)) else { return ptr::null_mut() };
            return start(callable, layout, status, listed.as_ptr(), exc_info);
        }
        // Looked at here: while the list was made another thread may have seen the end of the request.
        let Some(exchange) = (*layout).exchange else { return raise(COMPLETE) };
        let (head_is_sent, is_started) = exchange.with(|exchange| (exchange.head_is_sent(), exchange.is_started()));
        let replaces = !exc_info.is_null() && exc_info != ffi::Py_None();
        if replaces && head_is_sent {
            return reraise(exc_info);
        }
        if is_started && !replaces {
            return raise(c"start_response() was called before, and without exc_info this time");
        }
        if let Err(fault) = exchange.with(|exchange| exchange.start(status, fields)) {
            return fault.raise();
        }
        ffi::Py_INCREF(callable);
        callable
    }
}

/// The `write` callable (PEP 3333, "The write() Callable").
unsafe fn write(exchange: Handle, callable: *mut ffi::PyObject, block: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: called by `call` with what Python gave it; the exchange lives while it is attached.
    unsafe {
        if !exchange.with(|exchange| exchange.is_started()) {
            return type_error(USAGE);
        }
        if ffi::PyBytes_Check(block) == 0 {
            return type_error(c"write() takes bytes");
        }
        // Held through a wait, in which anything may happen: an object that is held serves no other request.
        let _held = (Ref::borrowed(callable), Ref::borrowed(block));
        match exchange.write(bytes_of(block)) {
            Ok(()) => {
                ffi::Py_INCREF(ffi::Py_None());
                ffi::Py_None()
            }
            Err(fault) => fault.raise(),
        }
    }
}

unsafe fn reraise(exc_info: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: attached; the object is checked before it is taken apart.
    unsafe {
        if ffi::PyTuple_Check(exc_info) == 0 || ffi::PyTuple_GET_SIZE(exc_info) != 3 {
            return type_error(c"exc_info must be a tuple as sys.exc_info() returns it");
        }
        let (class, error) = (ffi::PyTuple_GET_ITEM(exc_info, 0), ffi::PyTuple_GET_ITEM(exc_info, 1));
        let traceback = ffi::PyTuple_GET_ITEM(exc_info, 2);
        if traceback != ffi::Py_None() && ffi::PyExceptionInstance_Check(error) != 0 {
            // What is no traceback is refused with an error of Python's own, which is then the one raised.
            if ffi::PyException_SetTraceback(error, traceback) != 0 {
                return ptr::null_mut();
            }
        }
        ffi::PyErr_SetObject(class, error);
        ptr::null_mut()
    }
}

unsafe fn raise(text: &CStr) -> *mut ffi::PyObject {
    // SAFETY: attached.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_AssertionError, text.as_ptr()) };
    ptr::null_mut()
}

unsafe fn type_error(text: &CStr) -> *mut ffi::PyObject {
    // SAFETY: attached.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_TypeError, text.as_ptr()) };
    ptr::null_mut()
}
