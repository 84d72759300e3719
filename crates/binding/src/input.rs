//! `wsgi.input`: a whole request body, in memory or in a file. Reading it never waits.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use longma_engine::body::Body;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyList};

use crate::host::Python as PythonHost;
use crate::object::Ref;

/// Bytes read from a file at a time while looking for a line's end.
const LINE_STEP: usize = 8192;

enum Source {
    Bytes(Py<PyBytes>),
    File(File),
}

struct Stream {
    source: Source,
    length: u64,
    at: u64,
}

/// A request body (PEP 3333, "Input and Error Streams").
#[pyclass(module = "longma._core", frozen)]
pub struct Input {
    stream: Option<Mutex<Stream>>,
}

impl Input {
    /// The body of a request that has none. It has no state, so requests share one.
    pub fn empty() -> Self {
        Self { stream: None }
    }

    /// The input for a body. `bytes`: what an inline body lies in.
    #[inline]
    pub fn of(py: Python<'_>, body: Body<PythonHost>, bytes: &[u8]) -> PyResult<Option<Ref>> {
        if matches!(body, Body::Empty) { Ok(None) } else { Self::of_content(py, body, bytes) }
    }

    #[inline(never)]
    fn of_content(py: Python<'_>, body: Body<PythonHost>, bytes: &[u8]) -> PyResult<Option<Ref>> {
        let (source, length) = match body {
            Body::Empty => return Ok(None),
            Body::Inline(range) => {
                let length = range.len();
                (Source::Bytes(PyBytes::new(py, &bytes[range]).unbind()), length as u64)
            }
            Body::Memory(memory) => (Source::Bytes(PyBytes::new(py, &memory).unbind()), memory.len() as u64),
            Body::Buffer(buffer) => {
                // SAFETY: the buffer is a bytes object, and its reference is given away.
                let bytes = unsafe { Bound::from_owned_ptr(py, buffer.into_bytes().into_ptr()) };
                let bytes = bytes.cast_into::<PyBytes>()?;
                let length = bytes.as_bytes().len() as u64;
                (Source::Bytes(bytes.unbind()), length)
            }
            Body::File(file, length) => (Source::File(file), length),
        };
        let stream = Stream { source, length, at: 0 };
        let input = Bound::new(py, Self { stream: Some(Mutex::new(stream)) })?;
        // SAFETY: a new reference, given away by `into_ptr`.
        Ok(unsafe { Ref::owned(input.into_any().into_ptr()) })
    }

    /// The stream, for this thread alone: others of the application's may be reading, detached, from a file.
    fn stream(&self, py: Python<'_>) -> Option<MutexGuard<'_, Stream>> {
        self.stream.as_ref().map(|stream| stream.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream {
    fn left(&self) -> u64 {
        self.length - self.at
    }

    /// The next `count` bytes, or all that are left where there are fewer.
    fn take(&mut self, py: Python<'_>, count: u64) -> PyResult<Py<PyBytes>> {
        let count = count.min(self.left());
        let taken = match &self.source {
            // Asked for everything at once, the application gets the very object the body was received into.
            Source::Bytes(bytes) if self.at == 0 && count == self.length => bytes.clone_ref(py),
            Source::Bytes(bytes) => {
                let start = self.at as usize;
                PyBytes::new(py, &bytes.as_bytes(py)[start..start + count as usize]).unbind()
            }
            Source::File(file) => {
                let size = usize::try_from(count).map_err(|_| PyOSError::new_err("the body is larger than memory"))?;
                PyBytes::new_with(py, size, |room| Ok(py.detach(|| file.read_exact_at(room, self.at))?))?.unbind()
            }
        };
        self.at += count;
        Ok(taken)
    }

    /// How long the next line is, at most `limit` bytes.
    fn line_length(&self, py: Python<'_>, limit: u64) -> PyResult<u64> {
        let limit = limit.min(self.left());
        match &self.source {
            Source::Bytes(bytes) => {
                let start = self.at as usize;
                let window = &bytes.as_bytes(py)[start..start + limit as usize];
                Ok(window.iter().position(|&byte| byte == b'\n').map_or(limit, |at| at as u64 + 1))
            }
            Source::File(file) => Ok(py.detach(|| line_length(file, self.at, limit))?),
        }
    }

    fn line(&mut self, py: Python<'_>, limit: u64) -> PyResult<Py<PyBytes>> {
        let length = self.line_length(py, limit)?;
        self.take(py, length)
    }
}

/// How long the line at `start` is, at most `limit` bytes.
fn line_length(file: &File, start: u64, limit: u64) -> io::Result<u64> {
    let mut room = vec![0; LINE_STEP];
    let mut seen = 0;
    while seen < limit {
        let step = ((limit - seen) as usize).min(LINE_STEP);
        file.read_exact_at(&mut room[..step], start + seen)?;
        if let Some(at) = room[..step].iter().position(|&byte| byte == b'\n') {
            return Ok(seen + at as u64 + 1);
        }
        seen += step as u64;
    }
    Ok(limit)
}

/// A size as Python's files take it: negative or absent means all.
fn bound(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(u64::MAX)
}

#[pymethods]
impl Input {
    /// Return at most `size` bytes, all that are left where it is negative or absent.
    #[pyo3(signature = (size = None, /))]
    fn read(&self, py: Python<'_>, size: Option<i64>) -> PyResult<Py<PyBytes>> {
        match self.stream(py) {
            Some(mut stream) => stream.take(py, bound(size)),
            None => Ok(PyBytes::new(py, b"").unbind()),
        }
    }

    /// Return the next line with its end, at most `size` bytes of it.
    #[pyo3(signature = (size = None, /))]
    fn readline(&self, py: Python<'_>, size: Option<i64>) -> PyResult<Py<PyBytes>> {
        match self.stream(py) {
            Some(mut stream) => stream.line(py, bound(size)),
            None => Ok(PyBytes::new(py, b"").unbind()),
        }
    }

    /// Return the lines that are left, or, with `hint`, as many as bring that number of bytes.
    #[pyo3(signature = (hint = None, /))]
    fn readlines(&self, py: Python<'_>, hint: Option<i64>) -> PyResult<Py<PyList>> {
        let lines = PyList::empty(py);
        let wanted = hint.filter(|&hint| hint > 0).map_or(u64::MAX, |hint| hint as u64);
        if let Some(mut stream) = self.stream(py) {
            let start = stream.at;
            while stream.left() > 0 && stream.at - start < wanted {
                lines.append(stream.line(py, u64::MAX)?)?;
            }
        }
        Ok(lines.unbind())
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyBytes>>> {
        match self.stream(py) {
            Some(mut stream) if stream.left() > 0 => stream.line(py, u64::MAX).map(Some),
            _ => Ok(None),
        }
    }

    /// Do nothing: the body belongs to the server (PEP 3333 leaves `close` out; files have one).
    fn close(&self) {}
}
