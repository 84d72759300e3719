//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

use std::fs::File;
use std::os::fd::{BorrowedFd, RawFd};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// A file-like object as a response: sent by sendfile(2) where it is a real file, block by block elsewhere.
#[pyclass(module = "longma._core", frozen)]
pub struct FileWrapper {
    filelike: Py<PyAny>,
    block_bytes: usize,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, block_size = 8192))]
    fn new(filelike: Py<PyAny>, block_size: usize) -> Self {
        Self { filelike, block_bytes: block_size.max(1) }
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let block = self.filelike.bind(py).call_method1("read", (self.block_bytes,))?;
        Ok(if block.is_truthy()? { Some(block.unbind()) } else { None })
    }

    /// A file may keep its wrapper: the collector must see through us to find such circles.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.filelike)
    }

    /// Close the file-like object, if it can be closed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.filelike.bind(py).getattr_opt("close")? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }
}

/// The rest of a regular file.
pub struct FileRest {
    pub file: File,
    pub offset: u64,
    pub length: u64,
}

impl FileWrapper {
    /// What is left of the file, where it is a regular one read as it is. Anything else, a decompressing reader
    /// say, has a descriptor too, but other bytes than lie behind it, and is read through its own methods.
    pub fn rest(&self, py: Python<'_>) -> Option<FileRest> {
        let raw = plain_file(self.filelike.bind(py))?;
        let number: RawFd = raw.call_method0("fileno").ok()?.extract().ok()?;
        let offset: u64 = raw.call_method0("tell").ok()?.extract().ok()?;
        if number < 0 {
            return None;
        }
        // SAFETY: the file says that the descriptor is open, and we hold the file meanwhile.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        let file = File::from(borrowed.try_clone_to_owned().ok()?);
        // A regular file of no size may still have content (proc(5)): reading tells.
        let metadata = file.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() > 0)?;
        Some(FileRest { file, offset, length: metadata.len().saturating_sub(offset) })
    }
}

/// The interpreter's own binary file, also where a wrapper (tempfile's, Django's) holds it as `file` and reads it as
/// it is. One with a `read` of its own, which decrypts say, has to be asked for its bytes.
fn plain_file<'py>(filelike: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if is_plain(filelike) {
        return Some(filelike.clone());
    }
    let inner = filelike.getattr_opt("file").ok()??;
    if !is_plain(&inner) {
        return None;
    }
    let own = inner.getattr("read").ok()?;
    let is_same = |read: &Bound<'py, PyAny>| read.eq(&own).is_ok_and(|same| same);
    let read = filelike.getattr("read").ok()?;
    // tempfile wraps the method, to keep itself alive while it is used.
    let passes_on = is_same(&read) || read.getattr_opt("__wrapped__").ok()?.is_some_and(|wrapped| is_same(&wrapped));
    passes_on.then_some(inner)
}

/// Whether the object reads as its descriptor does: it is the interpreter's own, and so is what it buffers.
fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    let is_buffered = is_own(object, "BufferedReader") || is_own(object, "BufferedRandom");
    if is_buffered { object.getattr("raw").is_ok_and(|raw| is_own(&raw, "FileIO")) } else { is_own(object, "FileIO") }
}

/// Whether the object is of this class of the `io` module, and of none that was derived from it.
fn is_own(object: &Bound<'_, PyAny>, name: &str) -> bool {
    let class = object.get_type();
    class.module().is_ok_and(|module| module == "_io") && class.name().is_ok_and(|own| own == name)
}
