//! What the operator decided, in the engine's own types.

use std::time::Duration;

use longma_proto::h1::{Limits, Trust};

use crate::h2;
use crate::own;
use crate::proxied::ProxyProtocol;
use crate::real_ip::RealIp;
use crate::trusted::TrustedPeers;

/// The engine's settings. A zero duration switches that deadline off.
#[derive(Clone, Debug)]
pub struct Settings {
    pub limits: Limits,
    /// Whose requests are read with `trust`, and what that is.
    pub trusted_peers: TrustedPeers,
    pub trust: Trust,
    /// Whether proxies may tell their client's address before its first byte.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Where trusted peers tell for whom they ask.
    pub real_ip: Option<RealIp>,
    /// The peers that may hand requests over by uwsgi, FastCGI and SCGI.
    pub gateway_peers: TrustedPeers,
    /// Largest request body in bytes; 0: no limit.
    pub limit_request_body: u64,
    /// Bytes of a request body kept in memory; longer ones go to an unlinked file.
    pub body_buffer_size: usize,
    /// Bytes of an answer kept in memory for a slow client; the rest waits in an unlinked file.
    pub response_buffer_size: usize,
    /// How long a connection may wait between two requests; zero closes after each answer.
    pub keepalive: Duration,
    /// How long a whole request head may take.
    pub header_timeout: Duration,
    /// How long a body may stand still.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
    /// Bytes a second a body or an answer must move on average after a grace period; 0: any.
    pub min_transfer_rate: u64,
    /// How many connections a worker holds.
    pub worker_connections: usize,
    /// How many requests may wait for the application; 0: as many as there are connections.
    pub queue_limit: usize,
    /// How long one may wait for it.
    pub queue_timeout: Duration,
    /// Whether a connection that repeats its header block has the earlier result reused.
    pub head_cache: bool,
    /// Whether sendfile(2) may be used.
    pub sendfile: bool,
    pub h2: h2::Settings,
    /// What the engine answers by itself.
    pub own: own::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            trusted_peers: TrustedPeers::default(),
            trust: Trust::default(),
            proxy_protocol: None,
            real_ip: None,
            gateway_peers: TrustedPeers::default(),
            limit_request_body: 1 << 30,
            body_buffer_size: 1 << 20,
            response_buffer_size: 1 << 20,
            keepalive: Duration::from_secs(75),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            min_transfer_rate: 240,
            worker_connections: 1000,
            queue_limit: 0,
            queue_timeout: Duration::ZERO,
            head_cache: true,
            sendfile: true,
            h2: h2::Settings::default(),
            own: own::Settings::default(),
        }
    }
}
