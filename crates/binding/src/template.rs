//! What every environ of a listener holds.

use longma_engine::gateway::Protocol;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::environ::Template;
use crate::file_wrapper::FileWrapper;
use crate::input::Input;
use crate::line::script_name;
use crate::object::Ref;

/// What the templates are made of.
pub struct Parts<'a, 'py> {
    pub errors: &'a Bound<'py, PyAny>,
    pub early_hints: &'a Bound<'py, PyAny>,
    pub multiprocess: bool,
    pub multithread: bool,
    /// Whether TLS is spoken on it.
    pub is_secure: bool,
    /// What each environ holds besides.
    pub more: Option<&'a Bound<'py, PyDict>>,
}

/// What is spoken at this URL; HTTP on a socket of which only the path is told.
pub fn protocol(url: &str) -> Protocol {
    url.split_once("://").and_then(|(scheme, _)| Protocol::named(scheme)).unwrap_or_default()
}

/// The template of one listener. `url`: `http://host:port` or `unix:path`, or either behind another scheme.
pub fn template(py: Python<'_>, url: &str, parts: &Parts<'_, '_>) -> PyResult<Template> {
    let environ = PyDict::new(py);
    let is_secure = parts.is_secure && protocol(url) == Protocol::Http;
    let (name, port, is_unix) = server(url);
    environ.set_item("wsgi.version", PyTuple::new(py, [1, 0])?)?;
    environ.set_item("wsgi.url_scheme", intern(py, if is_secure { "https" } else { "http" }))?;
    if is_secure {
        environ.set_item("HTTPS", intern(py, "on"))?;
    }
    environ.set_item("wsgi.errors", parts.errors)?;
    environ.set_item("wsgi.input", Bound::new(py, Input::empty())?)?;
    environ.set_item("wsgi.input_terminated", true)?;
    environ.set_item("wsgi.file_wrapper", py.get_type::<FileWrapper>())?;
    environ.set_item("wsgi.early_hints", parts.early_hints)?;
    environ.set_item("wsgi.multithread", parts.multithread)?;
    environ.set_item("wsgi.multiprocess", parts.multiprocess)?;
    environ.set_item("wsgi.run_once", false)?;
    environ.set_item("SERVER_SOFTWARE", concat!("longma/", env!("CARGO_PKG_VERSION")))?;
    environ.set_item("SERVER_NAME", name)?;
    environ.set_item("SERVER_PORT", port)?;
    environ.set_item("SERVER_PROTOCOL", intern(py, "HTTP/1.1"))?;
    // A native string, as PATH_INFO is: each character a byte.
    environ.set_item("SCRIPT_NAME", script_name().into_iter().map(char::from).collect::<String>())?;
    environ.set_item("REQUEST_METHOD", intern(py, "GET"))?;
    environ.set_item("PATH_INFO", intern(py, "/"))?;
    environ.set_item("QUERY_STRING", intern(py, ""))?;
    environ.set_item("RAW_URI", intern(py, "/"))?;
    environ.set_item("REMOTE_ADDR", intern(py, ""))?;
    if let Some(more) = parts.more {
        environ.update(more.as_mapping())?;
    }
    // Past 21 keys the table grows to 64 slots, of which requests fill the rest: without this, most requests
    // would grow their copy. The key then goes again; its place stays.
    environ.set_item("longma.room", py.None())?;
    environ.set_item("longma.more_room", py.None())?;
    environ.del_item("longma.room")?;
    environ.del_item("longma.more_room")?;
    // SAFETY: a new reference, given away by `into_ptr`.
    let environ = unsafe { Ref::owned(environ.into_any().into_ptr()) };
    let environ = environ.ok_or_else(|| PyErr::fetch(py))?;
    Ok(Template { environ, is_unix, is_secure })
}

fn intern<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    PyString::intern(py, text)
}

/// SERVER_NAME, SERVER_PORT, and whether there is only a path to tell.
fn server(url: &str) -> (&str, &str, bool) {
    let authority = url.split_once("://").map_or(url, |(_, authority)| authority);
    if let Some(path) = authority.strip_prefix("unix:") {
        return (path, "", true);
    }
    let (name, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    (name.trim_start_matches('[').trim_end_matches(']'), port, false)
}
