//! Whoever watches requests from Python: hooks around the application, a logger of the operator's own.
//!
//! All of this costs time, so a worker has an observer only where somebody looks.

use std::net::SocketAddr;

use longma_engine::sys::clock;
use longma_proto::h1::{BodyLength, HeadParser, Version, trailers};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::exchange::Shown;
use crate::object::Ref;
use crate::text;

/// The observer's methods, looked up once.
pub struct Observer {
    begin: Py<PyAny>,
    end: Py<PyAny>,
    refused: Py<PyAny>,
}

/// Who asks, as an observer is shown it.
#[derive(Clone, Copy, Default)]
pub struct Asker {
    /// The peer of the socket.
    pub peer: Option<SocketAddr>,
    /// Which request of its connection it is, from 1.
    pub number: u32,
}

/// A request that is being observed.
pub struct Seen {
    /// What `begin` returned; nothing where it raised.
    request: Option<Py<PyAny>>,
    started_ns: u64,
}

impl Observer {
    pub fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let method = |name: &str| object.getattr(name).map(Bound::unbind);
        Ok(Self { begin: method("begin")?, end: method("end")?, refused: method("refused")? })
    }

    /// Show a request that the application is about to get. It must not get one for which this is an error.
    pub fn begin(&self, py: Python<'_>, environ: &Ref, bytes: &[u8], head: &HeadParser, asker: Asker) -> (Seen, PyResult<()>) {
        let started_ns = clock::monotonic_ns();
        let called = || -> PyResult<Py<PyAny>> {
            let line = head.line();
            let (method, target) = (text::bound(py, line.method.of(bytes))?, text::bound(py, line.target.of(bytes))?);
            let version = match line.version {
                Version::Http10 => (1, 0),
                Version::Http11 => (1, 1),
                Version::Http2 => (2, 0),
            };
            let fields = request_fields(py, bytes, head)?;
            let (peer, trailers) = (address(py, asker.peer)?, request_trailers(py, bytes, head)?);
            self.begin.call1(py, (environ.bind(py), method, target, version, fields, peer, asker.number, trailers))
        };
        match called() {
            Ok(request) => (Seen { request: Some(request), started_ns }, Ok(())),
            Err(error) => (Seen { request: None, started_ns }, Err(error)),
        }
    }

    /// Show what became of it: the answer, and how many bytes of its body were handed over.
    pub fn end(&self, py: Python<'_>, seen: Seen, environ: &Ref, answer: Option<Shown<'_>>, sent: u64) -> PyResult<()> {
        let seconds = seconds(clock::monotonic_ns().saturating_sub(seen.started_ns));
        let (status, fields) = match answer {
            Some(shown) => (Some(text::bound(py, shown.status)?), Some(pairs(py, &shown.fields)?)),
            None => (None, None),
        };
        self.end.call1(py, (seen.request, environ.bind(py), status, fields, sent, seconds)).map(drop)
    }

    /// Show a request that the application never got. `line`: what there was of its first line, escaped.
    pub fn refused(&self, py: Python<'_>, peer: Option<SocketAddr>, line: &str, status: u16, duration_ns: u64) -> PyResult<()> {
        self.refused.call1(py, (address(py, peer)?, line, status, seconds(duration_ns))).map(drop)
    }
}

fn request_fields<'py>(py: Python<'py>, bytes: &[u8], head: &HeadParser) -> PyResult<Bound<'py, PyList>> {
    let block = &bytes[head.fields_at()..head.head_len()];
    let fields = PyList::empty(py);
    for field in head.fields() {
        append(&fields, field.name.of(block), field.value.of(block))?;
    }
    Ok(fields)
}

/// What came behind a body in chunks or in frames of HTTP/2, which the engine keeps behind the head.
fn request_trailers<'py>(py: Python<'py>, bytes: &[u8], head: &HeadParser) -> PyResult<Bound<'py, PyList>> {
    let fields = PyList::empty(py);
    if head.body() == BodyLength::Chunked || head.line().version == Version::Http2 {
        for (name, value) in trailers(&bytes[head.head_len()..]) {
            append(&fields, name, value)?;
        }
    }
    Ok(fields)
}

fn append(fields: &Bound<'_, PyList>, name: &[u8], value: &[u8]) -> PyResult<()> {
    let py = fields.py();
    fields.append((text::bound(py, &name.to_ascii_uppercase())?, text::bound(py, value)?))
}

fn pairs<'py>(py: Python<'py>, fields: &[(&[u8], &[u8])]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for (name, value) in fields {
        list.append((text::bound(py, name)?, text::bound(py, value)?))?;
    }
    Ok(list)
}

/// A peer as Python's sockets name it; on a Unix socket nobody has a name.
fn address(py: Python<'_>, peer: Option<SocketAddr>) -> PyResult<Bound<'_, PyAny>> {
    match peer {
        Some(peer) => Ok((peer.ip().to_string(), peer.port()).into_pyobject(py)?.into_any()),
        None => Ok(PyString::new(py, "").into_any()),
    }
}

fn seconds(duration_ns: u64) -> f64 {
    duration_ns as f64 / 1e9
}
