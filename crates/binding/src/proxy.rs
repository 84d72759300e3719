//! What a PROXY header puts into an environ: Gunicorn's names.

use longma_engine::proxied::Proxied;
use longma_proto::proxy::Client;
use pyo3::PyErr;
use pyo3::prelude::*;

use crate::line::set;
use crate::object::Ref;
use crate::text;

/// The keys, interned once.
pub struct ProxyKeys {
    protocol: Ref,
    address: Ref,
    port: Ref,
}

impl ProxyKeys {
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let key = |name: &str| text::interned(name).ok_or_else(|| PyErr::fetch(py));
        Ok(Self { protocol: key("PROXY_PROTOCOL")?, address: key("PROXY_ADDR")?, port: key("PROXY_PORT")? })
    }

    /// Set the kind of the connection to the proxy, and where the client had connected to, if that is told.
    #[cold]
    pub fn set(&self, environ: &Ref, proxied: &Proxied) -> Option<()> {
        let client = proxied.header.client;
        set(environ, &self.protocol, &text::native(client.protocol().as_bytes())?)?;
        let Client::Internet { destination, .. } = client else { return Some(()) };
        set(environ, &self.address, &text::native(destination.ip().to_string().as_bytes())?)?;
        set(environ, &self.port, &text::native(destination.port().to_string().as_bytes())?)
    }
}
