//! What the request line puts into an environ.

use std::os::unix::ffi::OsStringExt;

use longma_proto::gateway::Translated;
use longma_proto::h1::{HeadParser, Target, TargetForm, Version, target};
use pyo3::prelude::*;
use pyo3::{PyErr, ffi};

use crate::object::Ref;
use crate::text;

/// What an environ's request line is known to say. What both the old and the new line say need not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFacts {
    is_get: bool,
    version: Version,
    is_root: bool,
    no_query: bool,
    /// The target names the host, so the Host field does not (RFC 9112 §3.2.2).
    pub names_host: bool,
}

impl LineFacts {
    /// `GET / HTTP/1.1`, as the templates have it.
    pub const TEMPLATE: Self = Self { is_get: true, version: Version::Http11, is_root: true, no_query: true, names_host: false };
}

/// The keys and the usual values, interned once.
pub struct LineKeys {
    method: Ref,
    path: Ref,
    query: Ref,
    raw_uri: Ref,
    protocol: Ref,
    host: Ref,
    get: Ref,
    http_11: Ref,
    http_10: Ref,
    http_20: Ref,
    root: Ref,
    empty: Ref,
    script_name: Ref,
    /// Where the application is mounted, if the operator has said so.
    script: Vec<u8>,
    scratch: Vec<u8>,
}

impl LineKeys {
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let key = |name: &str| text::interned(name).ok_or_else(|| PyErr::fetch(py));
        Ok(Self {
            method: key("REQUEST_METHOD")?,
            path: key("PATH_INFO")?,
            query: key("QUERY_STRING")?,
            raw_uri: key("RAW_URI")?,
            protocol: key("SERVER_PROTOCOL")?,
            host: key("HTTP_HOST")?,
            get: key("GET")?,
            http_11: key("HTTP/1.1")?,
            http_10: key("HTTP/1.0")?,
            http_20: key("HTTP/2.0")?,
            root: key("/")?,
            empty: key("")?,
            script_name: key("SCRIPT_NAME")?,
            script: script_name(),
            scratch: Vec::new(),
        })
    }

    /// Set what the line says and `before` does not; what it says now.
    #[inline]
    pub fn set(&mut self, environ: &Ref, bytes: &[u8], head: &HeadParser, before: LineFacts) -> Option<LineFacts> {
        let line = head.line();
        let method = line.method.of(bytes);
        let raw = line.target.of(bytes);
        let is_root = raw == b"/";
        let parts = if is_root { Target::default() } else { target::split(raw) };
        let facts = LineFacts {
            is_get: method == b"GET",
            version: line.version,
            is_root,
            no_query: parts.query.is_empty(),
            names_host: parts.form == TargetForm::Absolute && !is_root,
        };
        if !facts.is_get {
            set(environ, &self.method, &text::native(method)?)?;
        } else if !before.is_get {
            set(environ, &self.method, &self.get)?;
        }
        if facts.version != before.version {
            let version = match facts.version {
                Version::Http10 => &self.http_10,
                Version::Http11 => &self.http_11,
                Version::Http2 => &self.http_20,
            };
            set(environ, &self.protocol, version)?;
        }
        if !facts.no_query {
            set(environ, &self.query, &text::native(parts.query.of(raw))?)?;
        } else if !before.no_query {
            set(environ, &self.query, &self.empty)?;
        }
        match (facts.is_root, before.is_root) {
            (true, true) => {}
            (true, false) => {
                set(environ, &self.path, &self.root)?;
                set(environ, &self.raw_uri, &self.root)?;
            }
            (false, _) => self.set_target(environ, raw, &parts)?,
        }
        if facts.names_host {
            set(environ, &self.host, &text::native(parts.authority.of(raw))?)?;
        }
        Some(facts)
    }

    fn set_target(&mut self, environ: &Ref, raw: &[u8], parts: &Target) -> Option<()> {
        let raw_uri = text::native(raw)?;
        set(environ, &self.raw_uri, &raw_uri)?;
        let path = parts.path.of(raw);
        if path.len() == raw.len() && !path.contains(&b'%') {
            return set(environ, &self.path, &raw_uri);
        }
        self.scratch.clear();
        target::percent_decode(path, &mut self.scratch);
        let decoded: &[u8] = match parts.form {
            // `*` is not a path, and an authority has none.
            TargetForm::Asterisk => b"*",
            TargetForm::Absolute if self.scratch.is_empty() => b"/",
            _ => &self.scratch,
        };
        set(environ, &self.path, &text::native(decoded)?)
    }

    /// Divide the path where the application is mounted, if it is below the root. False: the request is not for it.
    #[inline]
    pub fn mount(&mut self, environ: &Ref, bytes: &[u8], head: &HeadParser) -> Option<bool> {
        if self.script.is_empty() && head.facts().script.is_none() { Some(true) } else { self.mount_below(environ, bytes, head) }
    }

    #[cold]
    fn mount_below(&mut self, environ: &Ref, bytes: &[u8], head: &HeadParser) -> Option<bool> {
        let raw = head.line().target.of(bytes);
        self.scratch.clear();
        target::percent_decode(target::split(raw).path.of(raw), &mut self.scratch);
        let block = &bytes[head.fields_at()..];
        let told = head.facts().script.map(|value| mounted_at(value.of(block)));
        let script = told.as_ref().unwrap_or(&self.script);
        // `/ab` is not below `/a`.
        let rest = self.scratch.strip_prefix(&script[..]).filter(|rest| matches!(rest.first(), None | Some(b'/')));
        let Some(rest) = rest.or((raw == b"*").then_some(raw)) else { return Some(false) };
        set(environ, &self.path, &text::native(rest)?)?;
        if told.is_some() {
            set(environ, &self.script_name, &text::native(script)?)?;
        }
        Some(true)
    }

    /// Set what a web server that has handed a request over says of its line. False: the request is not for us.
    #[cold]
    pub fn set_translated(&mut self, environ: &Ref, bytes: &[u8], head: &HeadParser, told: &Translated) -> Option<bool> {
        let line = head.line();
        let raw = line.target.of(bytes);
        set(environ, &self.method, &text::native(line.method.of(bytes))?)?;
        set(environ, &self.raw_uri, &text::native(raw)?)?;
        if !told.has_query {
            set(environ, &self.query, &text::native(target::split(raw).query.of(raw))?)?;
        }
        let (script, path) = match &told.script {
            Some(script) => (&script[..], &told.path[..]),
            None => {
                let rest = told.path.strip_prefix(&self.script[..]);
                let Some(rest) = rest.filter(|rest| self.script.is_empty() || matches!(rest.first(), None | Some(b'/'))) else {
                    return Some(false);
                };
                (&self.script[..], rest)
            }
        };
        set(environ, &self.script_name, &text::native(script)?)?;
        set(environ, &self.path, &text::native(path)?)?;
        Some(true)
    }

    /// HTTP_HOST.
    pub fn host(&self) -> &Ref {
        &self.host
    }
}

/// The path the application is mounted at, as the operator has put it into the environment.
pub fn script_name() -> Vec<u8> {
    without_last_slash(std::env::var_os("SCRIPT_NAME").unwrap_or_default().into_vec())
}

/// The path the application is mounted at, as a proxy says it.
fn mounted_at(value: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(value.len());
    target::percent_decode(value, &mut path);
    without_last_slash(path)
}

/// The slash between SCRIPT_NAME and PATH_INFO is PATH_INFO's (RFC 3875 §4.1.5).
fn without_last_slash(mut path: Vec<u8>) -> Vec<u8> {
    while path.last() == Some(&b'/') {
        path.pop();
    }
    path
}

/// Take a variable out, if it is there.
#[cold]
pub fn unset(environ: &Ref, key: &Ref) -> Option<()> {
    // SAFETY: attached, and both are valid.
    let found = unsafe { ffi::PyDict_Contains(environ.as_ptr(), key.as_ptr()) };
    match found {
        0 => Some(()),
        // SAFETY: as above.
        1 => (unsafe { ffi::PyDict_DelItem(environ.as_ptr(), key.as_ptr()) } == 0).then_some(()),
        _ => None,
    }
}

/// Set one variable.
#[inline]
pub fn set(environ: &Ref, key: &Ref, value: &Ref) -> Option<()> {
    // SAFETY: attached, and all three are valid.
    let result = unsafe { ffi::PyDict_SetItem(environ.as_ptr(), key.as_ptr(), value.as_ptr()) };
    (result == 0).then_some(())
}
