//! What comes before the application is called: the exchange is made ready for its request, and the environ is made.

use longma_engine::connection::ConnId;
use longma_engine::reactor::Reactor;
use longma_engine::request::Request;
use longma_engine::shared::Shared;
use longma_proto::h1::{HeadParser, Version};
use pyo3::Python as Interpreter;
use pyo3::prelude::*;

use crate::bench::Bench;
use crate::environ::{Environs, Source};
use crate::head::Asked;
use crate::host::{Memo, Python};
use crate::http2;
use crate::input::Input;
use crate::object::Ref;
use crate::text;
use crate::whose::Whose;
use crate::worker::{Guard, Worker};

impl Worker {
    /// Make the exchange ready for a request, and its environ; with the moment. Lets go of the lock.
    #[inline]
    pub fn prepare(
        &mut self,
        py: Interpreter<'_>,
        shared: &Shared<Python>,
        mut reactor: Guard<'_>,
        request: Request<Python>,
        whose: Whose,
        bench: &mut Bench,
    ) -> PyResult<(Ref, u64)> {
        let now_ns = reactor.now_ns();
        if shared.is_pooled() {
            return Ok((self.prepare_unlocked(py, shared, reactor, request, whose, bench)?, now_ns));
        }
        Ok((self.prepare_locked(py, &mut reactor, request, whose, bench)?, now_ns))
    }

    #[inline]
    fn prepare_locked(
        &mut self,
        py: Interpreter<'_>,
        reactor: &mut Reactor<Python>,
        request: Request<Python>,
        whose: Whose,
        bench: &mut Bench,
    ) -> PyResult<Ref> {
        let Bench { desk, environs } = bench;
        let (bytes, head) = desk.head();
        self.expect(reactor, request.id, (bytes, head), desk.has_more());
        let variables = variables(reactor, &request, environs);
        let Some(memo) = reactor.memo(request.id) else {
            return self.environ_of_nobody(py, request, whose, (bytes, head), environs);
        };
        remember(variables, memo).ok_or_else(|| PyErr::fetch(py))?;
        self.environ(py, request, whose, (bytes, head), environs, memo)
    }

    /// The same where several threads call the application: to make an object can run Python code (the garbage
    /// collector does), which can let another thread have the interpreter, and that one may want the lock.
    pub fn prepare_unlocked(
        &mut self,
        py: Interpreter<'_>,
        shared: &Shared<Python>,
        mut reactor: Guard<'_>,
        request: Request<Python>,
        whose: Whose,
        bench: &mut Bench,
    ) -> PyResult<Ref> {
        let id = request.id;
        let Bench { desk, environs } = bench;
        let (bytes, head) = desk.head();
        self.expect(&reactor, id, (bytes, head), desk.has_more());
        let variables = variables(&mut reactor, &request, environs);
        let mut memo = reactor.memo(id).map(std::mem::take).unwrap_or_default();
        drop(reactor);
        let remembered = remember(variables, &mut memo).ok_or_else(|| PyErr::fetch(py));
        let environ = remembered.and_then(|()| self.environ(py, request, whose, (bytes, head), environs, &mut memo));
        if let Some(place) = shared.lock().memo(id) {
            std::mem::swap(place, &mut memo);
        }
        // What is left is dropped without the lock, too, also where the connection has gone meanwhile.
        drop(memo);
        environ
    }

    #[inline]
    fn expect(&mut self, reactor: &Reactor<Python>, id: ConnId, (bytes, head): (&[u8], &HeadParser), has_more: bool) {
        let keep_alive = head.keep_alive() && !reactor.is_draining() && reactor.keeps_alive();
        self.exchange.reset(id, asked(bytes, head, keep_alive), reactor.date());
        if let Some(instead) = &mut self.exchange.instead {
            instead.read(bytes, head);
        }
        self.exchange.patient = has_more && keep_alive;
    }

    /// The environ of a request whose connection has gone already.
    #[cold]
    fn environ_of_nobody(
        &mut self,
        py: Interpreter<'_>,
        request: Request<Python>,
        whose: Whose,
        head: (&[u8], &HeadParser),
        environs: &mut Environs,
    ) -> PyResult<Ref> {
        self.environ(py, request, whose, head, environs, &mut Memo::default())
    }

    #[inline(always)]
    fn environ(
        &mut self,
        py: Interpreter<'_>,
        request: Request<Python>,
        Whose { peer, proxied }: Whose,
        (bytes, head): (&[u8], &HeadParser),
        environs: &mut Environs,
        memo: &mut Memo,
    ) -> PyResult<Ref> {
        let Request { id, listener, repeat, body } = request;
        let input = Input::of(py, body, bytes)?;
        let environ = environs.make(Source { bytes, head, listener, repeat, peer, proxied: proxied.as_deref(), input }, memo);
        self.astray = environs.is_astray();
        let environ = environ.ok_or_else(|| PyErr::fetch(py))?;
        if head.upgrade()
            && head.translated().is_none()
            && let Some(offer) = &self.around.offer
        {
            offer.make(py, &mut self.exchange, id, self.seat, &environ)?;
        }
        if head.line().version == Version::Http2 {
            http2::set(py, &environ, &self.early_hints)?;
        }
        Ok(environ)
    }
}

/// What the environ is to show of the TLS session, where there is one and that is not known yet.
#[inline]
fn variables(reactor: &mut Reactor<Python>, request: &Request<Python>, environs: &Environs) -> Option<Vec<(String, String)>> {
    if !environs.is_secure(request.listener) || reactor.memo(request.id)?.tls.is_some() {
        return None;
    }
    reactor.tls_variables(request.id)
}

/// Keep what was found of the TLS session for the connection's other requests. `None`: Python has an error set.
#[inline]
fn remember(variables: Option<Vec<(String, String)>>, memo: &mut Memo) -> Option<()> {
    if let Some(variables) = variables {
        let pair = |(name, value): (String, String)| Some((text::interned(&name)?, text::native(value.as_bytes())?));
        memo.tls = Some(variables.into_iter().map(pair).collect::<Option<_>>()?);
    }
    Some(())
}

/// What the request says about its answer.
#[inline]
fn asked(bytes: &[u8], head: &HeadParser, keep_alive: bool) -> Asked {
    let line = head.line();
    let method = line.method.of(bytes);
    // Whoever hands requests over has the end of an answer told by the protocol, and knows no chunks, nor, but for HTTP/2, interim answers.
    let is_http2 = line.version == Version::Http2;
    let gateway = is_http2 || head.translated().is_some();
    let version = if gateway && !is_http2 { Version::Http10 } else { line.version };
    Asked { version, head_request: method == b"HEAD", connect_request: method == b"CONNECT", keep_alive, gateway }
}
