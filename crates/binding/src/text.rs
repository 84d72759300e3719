//! Native strings (PEP 3333, "A Note On String Types"): str objects whose code points are bytes.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::object::Ref;

/// A str of these bytes, latin-1.
#[inline]
pub fn native(bytes: &[u8]) -> Option<Ref> {
    let size = bytes.len() as ffi::Py_ssize_t;
    if !bytes.is_ascii() {
        // SAFETY: attached, and the bytes are readable; the call makes a new reference or fails.
        return unsafe { Ref::owned(ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), size, std::ptr::null())) };
    }
    // SAFETY: attached; 127 announces ASCII.
    let object = unsafe { ffi::PyUnicode_New(size, 127) };
    // SAFETY: the call made a new reference or failed.
    let text = unsafe { Ref::owned(object) }?;
    // SAFETY: a fresh ASCII str has one byte a character, and nobody else has seen it.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), ffi::PyUnicode_DATA(text.as_ptr()).cast(), bytes.len()) };
    Some(text)
}

/// An interned str of these ASCII bytes.
pub fn interned(text: &str) -> Option<Ref> {
    let object = native(text.as_bytes())?;
    let mut pointer = object.into_ptr();
    // SAFETY: `pointer` owns a str; the call replaces it by the interned one and keeps the count right.
    unsafe { ffi::PyUnicode_InternInPlace(&raw mut pointer) };
    // SAFETY: still an owned reference.
    unsafe { Ref::owned(pointer) }
}

/// A str of these bytes, latin-1, as PyO3 has it.
pub fn bound<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let text = native(bytes).ok_or_else(|| PyErr::fetch(py))?;
    // SAFETY: a new reference, given away by `into_ptr`.
    Ok(unsafe { Bound::from_owned_ptr(py, text.into_ptr()) })
}

/// Text for a log: what is no printable ASCII becomes an escape, and so does what could be taken for one.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, &byte| {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
        text
    })
}

/// The bytes of a native str. `None`: not a str, or a character above U+00FF.
///
/// # Safety
/// Attached, and `object` is valid and outlives `'a`.
#[inline]
pub unsafe fn native_bytes<'a>(object: *mut ffi::PyObject) -> Option<&'a [u8]> {
    // SAFETY: by contract.
    unsafe {
        if ffi::PyUnicode_Check(object) == 0 {
            return None;
        }
        #[cfg(not(Py_3_12))]
        if ffi::PyUnicode_READY(object) != 0 {
            ffi::PyErr_Clear();
            return None;
        }
        if ffi::PyUnicode_KIND(object) != ffi::PyUnicode_1BYTE_KIND {
            return None;
        }
        let length = ffi::PyUnicode_GET_LENGTH(object) as usize;
        Some(std::slice::from_raw_parts(ffi::PyUnicode_DATA(object).cast(), length))
    }
}

/// Add what a log shows of a str or a number: as these bytes, or in UTF-8 where there are characters above U+00FF.
/// `false`: it is neither. What else there is could run any code to be shown, which the reactor's lock forbids.
///
/// # Safety
/// Attached, and `object` is valid.
pub unsafe fn shown(object: *mut ffi::PyObject, out: &mut Vec<u8>) -> bool {
    // SAFETY: by contract; the types that are asked for are exact, so that no method of somebody else's is called.
    unsafe {
        if let Some(text) = native_bytes(object) {
            out.extend_from_slice(text);
            return true;
        }
        let is_number =
            ffi::PyLong_CheckExact(object) != 0 || ffi::PyBool_Check(object) != 0 || ffi::PyFloat_CheckExact(object) != 0;
        let made = if is_number { Ref::owned(ffi::PyObject_Str(object)) } else { None };
        let text = made.as_ref().map_or(object, Ref::as_ptr);
        let mut length = 0;
        let is_text = ffi::PyUnicode_Check(text) != 0;
        let utf8 = if is_text { ffi::PyUnicode_AsUTF8AndSize(text, &raw mut length) } else { std::ptr::null() };
        if utf8.is_null() {
            ffi::PyErr_Clear();
            return false;
        }
        out.extend_from_slice(std::slice::from_raw_parts(utf8.cast(), length as usize));
        true
    }
}
