//! The environ of a request (PEP 3333, "environ Variables"): a copy of a template, plus what the request says.

use std::net::SocketAddr;

use longma_engine::reading::Repeat;
use longma_proto::h1::{HeadParser, Target, TargetForm, Version, target};
use pyo3::prelude::*;
use pyo3::{PyErr, ffi};

use crate::names::Names;
use crate::object::{Memo, Ref};
use crate::text;

/// The keys that requests set, interned once.
struct Keys {
    method: Ref,
    path: Ref,
    query: Ref,
    raw_uri: Ref,
    protocol: Ref,
    remote_addr: Ref,
    remote_port: Ref,
    server_name: Ref,
    server_port: Ref,
    host: Ref,
    input: Ref,
}

/// Makes environs.
pub struct Environs {
    /// One for each listener, and whether it is a Unix socket.
    templates: Vec<Template>,
    keys: Keys,
    names: Names,
    get: Ref,
    http_11: Ref,
    http_10: Ref,
    root: Ref,
    requests: u64,
    scratch: Vec<u8>,
    last_address: Option<(std::net::IpAddr, Ref)>,
}

/// What requests of one listener have in common.
pub struct Template {
    pub environ: Ref,
    pub is_unix: bool,
}

/// The request, as the environ sees it.
pub struct Source<'a> {
    pub bytes: &'a [u8],
    pub head: &'a HeadParser,
    pub listener: u16,
    pub repeat: Repeat,
    pub peer: Option<SocketAddr>,
    /// `wsgi.input`, where there is a body.
    pub input: Option<Ref>,
}

impl Environs {
    pub fn new(py: Python<'_>, templates: Vec<Template>) -> PyResult<Self> {
        let key = |name: &str| text::interned(name).ok_or_else(|| PyErr::fetch(py));
        let keys = Keys {
            method: key("REQUEST_METHOD")?,
            path: key("PATH_INFO")?,
            query: key("QUERY_STRING")?,
            raw_uri: key("RAW_URI")?,
            protocol: key("SERVER_PROTOCOL")?,
            remote_addr: key("REMOTE_ADDR")?,
            remote_port: key("REMOTE_PORT")?,
            server_name: key("SERVER_NAME")?,
            server_port: key("SERVER_PORT")?,
            host: key("HTTP_HOST")?,
            input: key("wsgi.input")?,
        };
        Ok(Self {
            templates,
            keys,
            names: Names::new(),
            get: key("GET")?,
            http_11: key("HTTP/1.1")?,
            http_10: key("HTTP/1.0")?,
            root: key("/")?,
            requests: 0,
            scratch: Vec::new(),
            last_address: None,
        })
    }

    /// The environ of one request. `None`: Python has an error set.
    #[inline]
    pub fn make(&mut self, source: Source<'_>, memo: &mut Memo) -> Option<Ref> {
        let line_end = source.head.fields_at();
        let line = &source.bytes[..line_end];
        let environ = match (&memo.environ, source.repeat) {
            (Some(remembered), Repeat::Same) => {
                // SAFETY: attached, and the memo holds a dict.
                let environ = unsafe { Ref::owned(ffi::PyDict_Copy(remembered.as_ptr())) }?;
                if memo.line != line {
                    self.set_line(&environ, &source)?;
                }
                environ
            }
            _ => {
                let environ = self.fill_template(&source, memo)?;
                if source.repeat != Repeat::New {
                    // SAFETY: attached, and `environ` is a dict.
                    memo.environ = Some(unsafe { Ref::owned(ffi::PyDict_Copy(environ.as_ptr())) }?);
                    memo.line.clear();
                    memo.line.extend_from_slice(line);
                }
                environ
            }
        };
        if let Some(input) = source.input {
            set(&environ, &self.keys.input, &input)?;
        }
        Some(environ)
    }

    fn fill_template(&mut self, source: &Source<'_>, memo: &mut Memo) -> Option<Ref> {
        self.requests += 1;
        let template = &self.templates[usize::from(source.listener)];
        let is_unix = template.is_unix;
        // SAFETY: attached, and the template is a dict.
        let environ = unsafe { Ref::owned(ffi::PyDict_Copy(template.environ.as_ptr())) }?;
        self.set_peer(&environ, source.peer, memo)?;
        let block = &source.bytes[source.head.fields_at()..];
        for field in source.head.fields() {
            // SAFETY: attached; `environ` is a dict, and the counter differs from request to request.
            unsafe { self.names.set(environ.as_ptr(), field.name.of(block), field.value.of(block), self.requests) }?;
        }
        self.set_line(&environ, source)?;
        if is_unix {
            self.set_server_from_host(&environ)?;
        }
        Some(environ)
    }

    /// Set what the request line says.
    fn set_line(&mut self, environ: &Ref, source: &Source<'_>) -> Option<()> {
        let line = source.head.line();
        let method = line.method.of(source.bytes);
        if method == b"GET" {
            set(environ, &self.keys.method, &self.get)?;
        } else {
            set(environ, &self.keys.method, &text::native(method)?)?;
        }
        let protocol = if line.version == Version::Http10 { &self.http_10 } else { &self.http_11 };
        set(environ, &self.keys.protocol, protocol)?;
        let raw = line.target.of(source.bytes);
        if raw == b"/" {
            set(environ, &self.keys.path, &self.root)?;
            set(environ, &self.keys.raw_uri, &self.root)?;
            return self.set_query(environ, b"");
        }
        let parts = target::split(raw);
        let raw_uri = text::native(raw)?;
        set(environ, &self.keys.raw_uri, &raw_uri)?;
        self.set_query(environ, parts.query.of(raw))?;
        self.set_path(environ, raw, &raw_uri, &parts)?;
        if parts.form == TargetForm::Absolute {
            // The target's authority takes the place of Host (RFC 9112 §3.2.2).
            set(environ, &self.keys.host, &text::native(parts.authority.of(raw))?)?;
        }
        Some(())
    }

    fn set_query(&mut self, environ: &Ref, query: &[u8]) -> Option<()> {
        // Also when it is empty: a remembered environ may hold another.
        set(environ, &self.keys.query, &text::native(query)?)
    }

    fn set_path(&mut self, environ: &Ref, raw: &[u8], raw_uri: &Ref, parts: &Target) -> Option<()> {
        let path = parts.path.of(raw);
        if path.len() == raw.len() && !path.contains(&b'%') {
            return set(environ, &self.keys.path, raw_uri);
        }
        self.scratch.clear();
        target::percent_decode(path, &mut self.scratch);
        let decoded: &[u8] = match parts.form {
            // `*` is not a path, and an authority has none.
            TargetForm::Asterisk => b"*",
            TargetForm::Absolute if self.scratch.is_empty() => b"/",
            _ => &self.scratch,
        };
        set(environ, &self.keys.path, &text::native(decoded)?)
    }

    fn set_peer(&mut self, environ: &Ref, peer: Option<SocketAddr>, memo: &mut Memo) -> Option<()> {
        // On a Unix socket nobody can tell: REMOTE_ADDR is empty, as the template has it.
        let Some(peer) = peer else { return Some(()) };
        if memo.peer.is_none() {
            let address = match &self.last_address {
                Some((ip, text)) if *ip == peer.ip() => {
                    // SAFETY: attached, and the cached str is valid.
                    unsafe { Ref::borrowed(text.as_ptr()) }
                }
                _ => {
                    let made = text::native(peer.ip().to_string().as_bytes())?;
                    // SAFETY: attached, and `made` is valid.
                    self.last_address = Some((peer.ip(), unsafe { Ref::borrowed(made.as_ptr()) }));
                    made
                }
            };
            memo.peer = Some((address, text::native(decimal(peer.port(), &mut [0; 5]))?));
        }
        let (address, port) = memo.peer.as_ref()?;
        set(environ, &self.keys.remote_addr, address)?;
        set(environ, &self.keys.remote_port, port)
    }

    /// A Unix socket has no name and port that a URL could be made of: the client's Host says what it asked for.
    fn set_server_from_host(&mut self, environ: &Ref) -> Option<()> {
        // SAFETY: attached; the value is borrowed from the dict, which outlives its use here.
        let host = unsafe { ffi::PyDict_GetItemWithError(environ.as_ptr(), self.keys.host.as_ptr()) };
        if host.is_null() {
            return Some(());
        }
        // SAFETY: as above.
        let Some(host) = (unsafe { text::native_bytes(host) }) else { return Some(()) };
        let colon = host.iter().rposition(|&byte| byte == b':').filter(|&at| !host[at..].contains(&b']'));
        let (name, port) = colon.map_or((host, &b"80"[..]), |at| (&host[..at], &host[at + 1..]));
        if name.is_empty() {
            return Some(());
        }
        set(environ, &self.keys.server_name, &text::native(name)?)?;
        set(environ, &self.keys.server_port, &text::native(if port.is_empty() { b"80" } else { port })?)
    }
}

#[inline]
fn set(environ: &Ref, key: &Ref, value: &Ref) -> Option<()> {
    // SAFETY: attached, and all three are valid.
    let result = unsafe { ffi::PyDict_SetItem(environ.as_ptr(), key.as_ptr(), value.as_ptr()) };
    (result == 0).then_some(())
}

/// A port's digits.
fn decimal(mut number: u16, room: &mut [u8; 5]) -> &[u8] {
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[at..];
        }
    }
}
