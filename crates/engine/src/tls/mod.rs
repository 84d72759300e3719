//! TLS (RFC 8446, RFC 5246), by rustls: what the operator's files and settings make of it, shared by all connections of
//! a worker, and with the master that has read them.
//!
//! The files are read by the master, since workers may have given up the right to. Certificates that change on disk reach
//! the workers by a file in memory: see [`news`].

pub mod certificate;
pub mod client;
pub mod error;
mod handshake;
pub mod key;
mod news;
pub mod pem;
pub mod session;
pub mod suites;
#[cfg(test)]
mod tests;
pub mod tickets;
pub mod x509;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use crate::tls::certificate::{Pair, Resolver, Text, certificates, read_all};
use crate::tls::error::TlsError;
use crate::tls::news::News;
use crate::tls::session::Session;
use crate::tls::tickets::{TicketKeys, Tickets};

/// How often a worker looks for news of the certificates.
const NEWS_MS: u64 = 1000;

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    None,
    /// Asked, and one that is shown must be good.
    Optional,
    Required,
}

/// What the operator wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub pairs: Vec<Pair>,
    pub client_auth: ClientAuth,
    /// The authorities whose certificates clients may show.
    pub authorities: Option<Text>,
    /// Cipher suites by the names of `suites`, in order.
    pub suites: Vec<String>,
    /// 12 is TLS 1.2, 13 is TLS 1.3.
    pub least_version: u8,
    pub most_version: u8,
    /// Protocols to agree on (RFC 7301), in order.
    pub protocols: Vec<Vec<u8>>,
    /// Whether sessions are resumed, by tickets.
    pub resumes: bool,
    /// The only curve by which keys are exchanged, by its name in `suites`; "": all of them.
    pub curve: String,
}

/// TLS as all connections of a worker speak it.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
    provider: Arc<CryptoProvider>,
    tickets: TicketKeys,
    news: News,
    looked_ms: AtomicU64,
    /// Whether clients are asked for a certificate.
    pub wants_client: bool,
}

impl Tls {
    /// TLS as wanted, and what is wrong with it today, though it can be spoken.
    pub fn new(wanted: &Wanted, tickets: TicketKeys) -> Result<(Self, Vec<String>), TlsError> {
        let nothing_left = |why: String| TlsError::NothingLeft { why };
        let provider =
            suites::provider(&wanted.suites, &wanted.curve).map_err(|name| nothing_left(format!("{name} is not known")))?;
        let provider = Arc::new(provider);
        let (identities, warnings) = read_all(&wanted.pairs, &provider, now_seconds())?;
        let resolver = Arc::new(Resolver::new(&identities, Arc::clone(&provider)));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(suites::versions(wanted.least_version, wanted.most_version))
            .map_err(|error| nothing_left(error.to_string()))?;
        let (verifier, context) = verifier(wanted, &provider)?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&resolver) as _);
        config.ignore_client_order = true;
        config.alpn_protocols.clone_from(&wanted.protocols);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if wanted.resumes {
            config.ticketer = Arc::new(Tickets { keys: tickets.clone(), context });
        } else {
            config.send_tls13_tickets = 0;
        }
        let news = News::new().map_err(|error| nothing_left(error.to_string()))?;
        let wants_client = wanted.client_auth != ClientAuth::None;
        let looked_ms = AtomicU64::new(0);
        let tls = Self { config: Arc::new(config), resolver, provider, tickets, news, looked_ms, wants_client };
        Ok((tls, warnings))
    }

    /// The keys of its tickets, for the TLS that takes its place.
    pub fn tickets(&self) -> &TicketKeys {
        &self.tickets
    }

    /// In the master: show these certificates from now on, in all workers. Tells what is wrong with them today.
    pub fn replace(&self, pairs: &[Pair]) -> Result<Vec<String>, TlsError> {
        let (identities, warnings) = read_all(pairs, &self.provider, now_seconds())?;
        self.resolver.replace(&identities);
        self.news.publish(&identities).map_err(|error| TlsError::NothingLeft { why: error.to_string() })?;
        Ok(warnings)
    }

    /// A session for a connection that has just come. `None`: there is no memory for it, or no randomness.
    pub fn session(&self, now_ms: u64) -> Option<Box<Session>> {
        if now_ms >= self.looked_ms.load(Ordering::Relaxed) + NEWS_MS {
            self.looked_ms.store(now_ms, Ordering::Relaxed);
            if let Some(identities) = self.news.latest() {
                self.resolver.replace(&identities);
            }
        }
        Session::new(Arc::clone(&self.config)).ok().map(Box::new)
    }
}

type Verifier = Arc<dyn rustls::server::danger::ClientCertVerifier>;

/// Who verifies the certificates of clients, and what tells this way of doing so from others.
fn verifier(wanted: &Wanted, provider: &Arc<CryptoProvider>) -> Result<(Option<Verifier>, Vec<u8>), TlsError> {
    let Some(authorities) = wanted.authorities.as_ref().filter(|_| wanted.client_auth != ClientAuth::None) else {
        return Ok((None, Vec::new()));
    };
    let fault = |number, why: String| {
        let (setting, file) = ("ca_certs", authorities.file.clone());
        TlsError::Certificate { setting, file, number, why }
    };
    let mut roots = RootCertStore::empty();
    for (index, der) in certificates("ca_certs", authorities)?.into_iter().enumerate() {
        roots.add(der).map_err(|error| fault(index + 1, error.to_string()))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if wanted.client_auth == ClientAuth::Optional {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build().map_err(|error| fault(1, error.to_string()))?;
    let context = digest::digest(&digest::SHA256, &authorities.pem).as_ref().to_vec();
    Ok((Some(verifier), [&[wanted.client_auth as u8], &context[..]].concat()))
}

fn now_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
