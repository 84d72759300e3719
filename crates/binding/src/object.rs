//! Owned references to Python objects, and the memory the engine carries for us.
//!
//! Everything here is dropped only by a thread attached to the interpreter: the engine collects in its graveyard
//! what the standby thread lets go of.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use longma_engine::host::BodyBuffer;
use pyo3::ffi;
use pyo3::prelude::*;

/// An owned reference.
pub struct Ref(NonNull<ffi::PyObject>);

// SAFETY: a reference is only cloned, used and dropped while attached; elsewhere it is merely carried.
unsafe impl Send for Ref {}
// SAFETY: as above: whoever uses it is attached, and so alone.
unsafe impl Sync for Ref {}

impl Ref {
    /// Take over a new reference; `None` where the call that made it has failed.
    ///
    /// # Safety
    /// `object` is null, or a valid reference that nobody else will release.
    #[inline]
    pub unsafe fn owned(object: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(object).map(Self)
    }

    /// Make a reference of our own to an object somebody else holds.
    ///
    /// # Safety
    /// Attached, and `object` is valid.
    #[inline]
    pub unsafe fn borrowed(object: *mut ffi::PyObject) -> Self {
        // SAFETY: by contract.
        unsafe { ffi::Py_INCREF(object) };
        Self(NonNull::new(object).expect("a valid object is not null"))
    }

    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// The object, as PyO3 has it.
    pub fn bind<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: attached, and the object is held.
        unsafe { Bound::from_borrowed_ptr(py, self.as_ptr()) }
    }

    /// Give the reference away.
    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }
}

impl Drop for Ref {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and drops happen attached (see the module).
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) };
    }
}

/// A bytes object on its way out.
pub struct Block(Ref);

impl Block {
    /// # Safety
    /// Attached, and `object` is a valid bytes object.
    pub unsafe fn borrowed(object: *mut ffi::PyObject) -> Self {
        // SAFETY: by contract.
        Self(unsafe { Ref::borrowed(object) })
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: a bytes object never changes and lives as long as our reference; reading it needs no attachment.
        unsafe { bytes_of(self.0.as_ptr()) }
    }
}

/// The contents of a bytes object.
///
/// # Safety
/// `object` is a valid bytes object that lives for `'a`.
#[inline]
pub unsafe fn bytes_of<'a>(object: *mut ffi::PyObject) -> &'a [u8] {
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(ffi::PyBytes_AS_STRING(object).cast(), ffi::Py_SIZE(object) as usize) }
}

/// A bytes object being filled by the network.
pub struct BytesBuffer {
    object: Ref,
    length: usize,
    filled: usize,
}

impl BytesBuffer {
    /// A buffer for `length` bytes. `None`: no memory; no error is left set.
    ///
    /// # Safety
    /// Attached.
    pub unsafe fn new(length: usize) -> Option<Self> {
        let size = ffi::Py_ssize_t::try_from(length).ok()?;
        // SAFETY: attached; a null source leaves the bytes to be filled, and the call makes a new reference or fails.
        let object = unsafe { Ref::owned(ffi::PyBytes_FromStringAndSize(std::ptr::null(), size)) };
        if object.is_none() {
            // SAFETY: attached.
            unsafe { ffi::PyErr_Clear() };
        }
        object.map(|object| Self { object, length, filled: 0 })
    }

    /// The bytes object, once it is filled.
    pub fn into_bytes(self) -> Ref {
        debug_assert_eq!(self.filled, self.length);
        self.object
    }
}

impl BodyBuffer for BytesBuffer {
    fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: nobody else has seen the object yet, so its bytes may still be written.
        let start = unsafe { ffi::PyBytes_AS_STRING(self.object.as_ptr()).cast_mut().cast::<MaybeUninit<u8>>().add(self.filled) };
        // SAFETY: the object has `length` bytes, of which `filled` lie before `start`.
        unsafe { std::slice::from_raw_parts_mut(start, self.length - self.filled) }
    }

    fn advance(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.length);
    }
}
