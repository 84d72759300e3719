//! The environ of a request (PEP 3333, "environ Variables"): a copy of a template, plus what the request says.

use std::net::SocketAddr;

use longma_engine::proxied::Proxied;
use longma_engine::request::Repeat;
use longma_proto::h1::HeadParser;
use pyo3::prelude::*;
use pyo3::{PyErr, ffi};

use crate::host::Memo;
use crate::line::{LineFacts, LineKeys, set, unset};
use crate::names::Names;
use crate::object::Ref;
use crate::proxy::ProxyKeys;
use crate::shapes::{Fields, Shapes};
use crate::text;
use crate::variables::Variables;

/// Makes environs.
pub struct Environs {
    /// One for each listener.
    templates: Vec<Template>,
    names: Names,
    shapes: Shapes,
    variables: Variables,
    line: LineKeys,
    remote_addr: Ref,
    remote_port: Ref,
    server_name: Ref,
    server_port: Ref,
    proxy: ProxyKeys,
    input: Ref,
    url_scheme: Ref,
    http: Ref,
    https: Ref,
    early_hints: Ref,
    requests: u64,
    astray: bool,
    last_address: Option<(std::net::IpAddr, Ref)>,
}

/// What requests of one listener have in common.
pub struct Template {
    pub environ: Ref,
    pub is_unix: bool,
    pub is_secure: bool,
}

/// The request, as the environ sees it.
pub struct Source<'a> {
    pub bytes: &'a [u8],
    pub head: &'a HeadParser,
    pub listener: u16,
    pub repeat: Repeat,
    pub peer: Option<SocketAddr>,
    pub proxied: Option<&'a Proxied>,
    /// `wsgi.input`, where there is a body.
    pub input: Option<Ref>,
}

impl Source<'_> {
    /// Whether the client speaks TLS, as far as whoever may say so has said it.
    #[inline]
    fn is_https(&self) -> bool {
        self.head.facts().https || self.proxied.is_some_and(|proxied| proxied.header.tls)
    }
}

impl Environs {
    pub fn new(py: Python<'_>, templates: Vec<Template>) -> PyResult<Self> {
        let key = |name: &str| text::interned(name).ok_or_else(|| PyErr::fetch(py));
        Ok(Self {
            templates,
            names: Names::new(),
            shapes: Shapes::new(),
            variables: Variables::default(),
            line: LineKeys::new(py)?,
            remote_addr: key("REMOTE_ADDR")?,
            remote_port: key("REMOTE_PORT")?,
            server_name: key("SERVER_NAME")?,
            server_port: key("SERVER_PORT")?,
            proxy: ProxyKeys::new(py)?,
            input: key("wsgi.input")?,
            url_scheme: key("wsgi.url_scheme")?,
            http: key("http")?,
            https: key("https")?,
            early_hints: key("wsgi.early_hints")?,
            requests: 0,
            astray: false,
            last_address: None,
        })
    }

    /// The environ of one request. `None`: Python has an error set.
    #[inline(always)]
    pub fn make(&mut self, source: Source<'_>, memo: &mut Memo) -> Option<Ref> {
        self.astray = false;
        let environ = match &memo.environ {
            Some((remembered, facts)) if source.repeat == Repeat::Same => {
                // SAFETY: attached, and the memo holds a dict.
                let environ = unsafe { Ref::owned(ffi::PyDict_Copy(remembered.as_ptr())) }?;
                if memo.line != source.bytes[..source.head.fields_at()] {
                    self.line.set(&environ, source.bytes, source.head, *facts)?;
                    self.astray = !self.line.mount(&environ, source.bytes, source.head)?;
                }
                environ
            }
            _ if source.head.translated().is_some() => self.make_translated(&source, memo)?,
            _ => self.make_and_remember(&source, memo)?,
        };
        if let Some(input) = source.input {
            set(&environ, &self.input, &input)?;
        }
        Some(environ)
    }

    #[inline(never)]
    fn make_and_remember(&mut self, source: &Source<'_>, memo: &mut Memo) -> Option<Ref> {
        let (environ, facts) = self.make_new(source, memo)?;
        if source.repeat != Repeat::New && !facts.names_host && !self.astray {
            // SAFETY: attached, and `environ` is a dict.
            memo.environ = Some((unsafe { Ref::owned(ffi::PyDict_Copy(environ.as_ptr())) }?, facts));
            memo.line.clear();
            memo.line.extend_from_slice(&source.bytes[..source.head.fields_at()]);
        }
        Some(environ)
    }

    /// Whether TLS is spoken on this listener.
    #[inline]
    pub fn is_secure(&self, listener: u16) -> bool {
        self.templates[usize::from(listener)].is_secure
    }

    /// Whether the request that an environ was made for last goes where the application is not mounted.
    #[inline]
    pub fn is_astray(&self) -> bool {
        self.astray
    }

    /// The key of the early hints, for whoever shares these environs with others.
    pub fn early_hints(&self) -> &Ref {
        &self.early_hints
    }

    /// The environ of a request that a web server has handed over.
    #[cold]
    fn make_translated(&mut self, source: &Source<'_>, memo: &mut Memo) -> Option<Ref> {
        let translated = source.head.translated()?;
        let template = &self.templates[usize::from(source.listener)];
        // SAFETY: attached, and the template is a dict.
        let environ = unsafe { Ref::owned(ffi::PyDict_Copy(template.environ.as_ptr())) }?;
        self.variables.set(&environ, source.bytes, source.head, translated)?;
        if translated.client.is_some() && source.peer != translated.client {
            // That was a proxy of the operator's: whom it speaks for was found.
            self.set_peer(&environ, None, source.peer, memo)?;
        }
        if source.head.facts().https {
            self.set_scheme(&environ, true)?;
        }
        self.astray = !self.line.set_translated(&environ, source.bytes, source.head, translated)?;
        Some(environ)
    }

    fn make_new(&mut self, source: &Source<'_>, memo: &mut Memo) -> Option<(Ref, LineFacts)> {
        // What was remembered is of another header block.
        memo.environ = None;
        let block = &source.bytes[source.head.fields_at()..source.head.head_len()];
        let https = source.is_https() || self.templates[usize::from(source.listener)].is_secure;
        let fields = Fields { listener: source.listener, block, fields: source.head.fields(), https };
        if let Some(fitted) = self.shapes.fit(fields).ok()? {
            if fitted.peer != source.peer {
                self.set_peer(&fitted.environ, fitted.peer, source.peer, memo)?;
            }
            if fitted.https != https {
                self.set_scheme(&fitted.environ, https)?;
            }
            let facts = self.line.set(&fitted.environ, source.bytes, source.head, fitted.facts)?;
            self.settle(&fitted.environ, source, memo)?;
            return Some((fitted.environ, facts));
        }
        self.requests += 1;
        let template = &self.templates[usize::from(source.listener)];
        // SAFETY: attached, and the template is a dict.
        let environ = unsafe { Ref::owned(ffi::PyDict_Copy(template.environ.as_ptr())) }?;
        self.set_peer(&environ, None, source.peer, memo)?;
        if https {
            self.set_scheme(&environ, https)?;
        }
        for field in fields.fields {
            // SAFETY: attached; `environ` is a dict, and the counter differs from request to request.
            unsafe { self.names.set(environ.as_ptr(), field.name.of(block), field.value.of(block), self.requests) }?;
        }
        let facts = self.line.set(&environ, source.bytes, source.head, LineFacts::TEMPLATE)?;
        if !facts.names_host {
            self.shapes.keep(fields, &environ, &mut self.names, facts, source.peer)?;
        }
        self.settle(&environ, source, memo)?;
        Some((environ, facts))
    }

    /// Set what depends on fields and line together, and what is one connection's own. No shape has any of it.
    #[inline]
    fn settle(&mut self, environ: &Ref, source: &Source<'_>, memo: &Memo) -> Option<()> {
        let Template { is_unix, is_secure, .. } = self.templates[usize::from(source.listener)];
        if is_unix {
            self.set_server(environ, source.is_https() || is_secure)?;
        }
        if let Some(proxied) = source.proxied {
            self.proxy.set(environ, proxied)?;
        }
        for (name, value) in memo.tls.iter().flatten() {
            set(environ, name, value)?;
        }
        self.astray = !self.line.mount(environ, source.bytes, source.head)?;
        Some(())
    }

    #[cold]
    fn set_scheme(&self, environ: &Ref, https: bool) -> Option<()> {
        set(environ, &self.url_scheme, if https { &self.https } else { &self.http })
    }

    /// Set the peer where there has been another.
    fn set_peer(&mut self, environ: &Ref, before: Option<SocketAddr>, peer: Option<SocketAddr>, memo: &mut Memo) -> Option<()> {
        // On a Unix socket nobody can tell: REMOTE_ADDR is empty.
        let Some(peer) = peer else { return if before.is_some() { self.set_nobody(environ) } else { Some(()) } };
        if memo.peer.as_ref().is_none_or(|(known, ..)| *known != peer) {
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
            memo.peer = Some((peer, address, text::native(decimal(peer.port(), &mut [0; 5]))?));
        }
        let (_, address, port) = memo.peer.as_ref()?;
        set(environ, &self.remote_addr, address)?;
        if peer.port() == 0 { unset(environ, &self.remote_port) } else { set(environ, &self.remote_port, port) }
    }

    #[cold]
    fn set_nobody(&self, environ: &Ref) -> Option<()> {
        set(environ, &self.remote_addr, &text::native(b"")?)?;
        unset(environ, &self.remote_port)
    }

    /// A Unix socket has no name and port that a URL could be made of: the client's Host says what it asked for.
    fn set_server(&mut self, environ: &Ref, https: bool) -> Option<()> {
        // SAFETY: attached; the value is borrowed from the dict, which outlives its use here.
        let host = unsafe { ffi::PyDict_GetItemWithError(environ.as_ptr(), self.line.host().as_ptr()) };
        if host.is_null() {
            return Some(());
        }
        // SAFETY: as above.
        let Some(host) = (unsafe { text::native_bytes(host) }) else { return Some(()) };
        let colon = host.iter().rposition(|&byte| byte == b':').filter(|&at| !host[at..].contains(&b']'));
        let default_port: &[u8] = if https { b"443" } else { b"80" };
        let (name, port) = colon.map_or((host, default_port), |at| (&host[..at], &host[at + 1..]));
        if name.is_empty() {
            return Some(());
        }
        set(environ, &self.server_name, &text::native(name)?)?;
        set(environ, &self.server_port, &text::native(if port.is_empty() { default_port } else { port })?)
    }
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
