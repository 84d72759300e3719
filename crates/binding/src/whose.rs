//! Whose a request is.

use std::net::SocketAddr;
use std::sync::Arc;

use longma_engine::connection::ConnId;
use longma_engine::proxied::Proxied;
use longma_engine::reactor::Reactor;

use crate::host::Python;

/// Whose a request is, and what a proxy has said of that client.
pub struct Whose {
    pub peer: Option<SocketAddr>,
    pub proxied: Option<Arc<Proxied>>,
}

impl Whose {
    #[inline]
    pub fn of(reactor: &Reactor<Python>, id: ConnId) -> Self {
        let (peer, proxied) = reactor.whose(id);
        Self { peer, proxied }
    }
}
