//! The server's certificates, each with its key, and which one a client is shown.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::tls::error::TlsError;
use crate::tls::key;
use crate::tls::pem::{self, Block};
use crate::tls::x509;

/// A file: its name, for messages, and what it holds.
#[derive(Clone, Debug)]
pub struct Text {
    pub file: String,
    pub pem: Vec<u8>,
}

/// A certificate with those that vouch for it, and its key, which may be in the same file.
#[derive(Clone, Debug)]
pub struct Pair {
    pub chain: Text,
    pub key: Option<Text>,
    /// What the key is encrypted with.
    pub password: Option<Vec<u8>>,
}

/// A chain and its key, as DER.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// The certificates in a PEM file.
pub fn certificates(setting: &'static str, text: &Text) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let blocks = blocks(setting, text)?;
    let found: Vec<_> = blocks.into_iter().filter(|block| block.label == "CERTIFICATE").map(|block| block.der.into()).collect();
    if found.is_empty() { Err(TlsError::NoCertificate { setting, file: text.file.clone() }) } else { Ok(found) }
}

fn blocks(setting: &'static str, text: &Text) -> Result<Vec<Block>, TlsError> {
    pem::parse(&text.pem).map_err(|fault| TlsError::Malformed { setting, file: text.file.clone(), line: fault.line })
}

impl Pair {
    /// Read both files.
    pub fn read(&self) -> Result<Identity, TlsError> {
        let chain = certificates("certfile", &self.chain)?;
        let (setting, text) = self.key.as_ref().map_or(("certfile", &self.chain), |key| ("keyfile", key));
        let file = || text.file.clone();
        let blocks = blocks(setting, text)?;
        let block = blocks.iter().find(|block| key::is_key(block)).ok_or_else(|| TlsError::NoKey { setting, file: file() })?;
        let key = key::read(block, self.password.as_deref()).map_err(|fault| TlsError::Key { setting, file: file(), fault })?;
        Ok(Identity { chain, key })
    }

    /// Whether key and certificate belong together, and what is wrong with the certificate today.
    fn check(&self, certified: &CertifiedKey, now_seconds: i64) -> Result<Option<String>, TlsError> {
        let file = self.chain.file.clone();
        let malformed = |why: &str| TlsError::Certificate { setting: "certfile", file: file.clone(), number: 1, why: why.into() };
        let leaf = certified.cert.first().and_then(|der| x509::parse(der)).ok_or_else(|| malformed("it is malformed"))?;
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let (setting, key) = self.key.as_ref().map_or(("certfile", &self.chain), |key| ("keyfile", key));
                return Err(TlsError::Mismatch { setting, key: key.file.clone(), certificate: file });
            }
            Err(error) => return Err(malformed(&error.to_string())),
        }
        if now_seconds > leaf.not_after.seconds() {
            return Ok(Some(format!("certfile: the certificate in {file} has expired on {}", leaf.not_after)));
        }
        if now_seconds < leaf.not_before.seconds() {
            return Ok(Some(format!("certfile: the certificate in {file} is not valid before {}", leaf.not_before)));
        }
        Ok(None)
    }
}

/// Read certificates and keys, and tell what is wrong with them today, though they can be used.
pub fn read_all(pairs: &[Pair], provider: &CryptoProvider, now_seconds: i64) -> Result<(Vec<Identity>, Vec<String>), TlsError> {
    let (mut identities, mut warnings) = (Vec::new(), Vec::new());
    for pair in pairs {
        let identity = pair.read()?;
        let certified = certify(&identity, provider).ok_or_else(|| {
            let (setting, text) = pair.key.as_ref().map_or(("certfile", &pair.chain), |key| ("keyfile", key));
            TlsError::UnknownKey { setting, file: text.file.clone() }
        })?;
        warnings.extend(pair.check(&certified, now_seconds)?);
        identities.push(identity);
    }
    Ok((identities, warnings))
}

fn certify(identity: &Identity, provider: &CryptoProvider) -> Option<CertifiedKey> {
    let key = provider.key_provider.load_private_key(identity.key.clone_key()).ok()?;
    Some(CertifiedKey::new(identity.chain.clone(), key))
}

/// Certificates by the names they are valid for.
#[derive(Debug, Default)]
struct Shelf {
    all: Vec<Arc<CertifiedKey>>,
    /// By a name in lower case; `*.example.org` by what is behind the star and its dot.
    exact: HashMap<String, Vec<usize>>,
    below: HashMap<String, Vec<usize>>,
    /// For whoever asks for none of the names: the first certificate, and those for the same names by other keys.
    others: Vec<usize>,
}

impl Shelf {
    fn new(identities: &[Identity], provider: &CryptoProvider) -> Self {
        let mut shelf = Self::default();
        for identity in identities {
            let Some(certified) = certify(identity, provider) else { continue };
            let index = shelf.all.len();
            let mut shares = index == 0;
            if let Some(leaf) = certified.cert.first()
                && let Ok(parsed) = webpki::EndEntityCert::try_from(leaf)
            {
                for name in parsed.valid_dns_names() {
                    let name = name.to_ascii_lowercase();
                    let (map, name) = match name.strip_prefix("*.") {
                        Some(parent) => (&mut shelf.below, parent.to_owned()),
                        None => (&mut shelf.exact, name),
                    };
                    let indexes = map.entry(name).or_default();
                    shares |= indexes.contains(&0);
                    indexes.push(index);
                }
            }
            if shares {
                shelf.others.push(index);
            }
            shelf.all.push(Arc::new(certified));
        }
        shelf
    }

    fn candidates(&self, name: Option<&str>) -> &[usize] {
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| parent);
            self.exact.get(&name).or_else(|| self.below.get(parent?))
        });
        found.unwrap_or(&self.others)
    }
}

/// Chooses by the name that the client asks for (RFC 6066 §3), and by what it can verify. Certificates can be replaced
/// while connections come.
#[derive(Debug)]
pub struct Resolver {
    shelf: RwLock<Arc<Shelf>>,
    provider: Arc<CryptoProvider>,
}

impl Resolver {
    pub fn new(identities: &[Identity], provider: Arc<CryptoProvider>) -> Self {
        Self { shelf: RwLock::new(Arc::new(Shelf::new(identities, &provider))), provider }
    }

    /// Show these from now on.
    pub fn replace(&self, identities: &[Identity]) {
        let shelf = Arc::new(Shelf::new(identities, &self.provider));
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = shelf;
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shelf = Arc::clone(&self.shelf.read().unwrap_or_else(PoisonError::into_inner));
        let candidates = shelf.candidates(hello.server_name()).iter().filter_map(|&index| shelf.all.get(index));
        let fits = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(hello.signature_schemes()).is_some();
        candidates.clone().find(fits).or(candidates.clone().next()).cloned()
    }
}
