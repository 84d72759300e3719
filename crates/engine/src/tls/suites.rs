//! Cipher suites and protocol versions, by the names that operators know from OpenSSL.

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion, version};

/// Every suite there is here, in the order of preference.
const SUITES: [(&str, CipherSuite); 9] = [
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Every way to exchange keys that there is here, in the order of preference.
const CURVES: [(&str, NamedGroup); 3] =
    [("X25519", NamedGroup::X25519), ("prime256v1", NamedGroup::secp256r1), ("secp384r1", NamedGroup::secp384r1)];

/// What OpenSSL calls a suite.
pub fn openssl_name(suite: CipherSuite) -> &'static str {
    SUITES.iter().find(|(_, known)| *known == suite).map_or("", |(name, _)| name)
}

/// The names of all suites.
pub fn names() -> impl Iterator<Item = &'static str> {
    SUITES.iter().map(|(name, _)| *name)
}

/// The names of all curves.
pub fn curves() -> impl Iterator<Item = &'static str> {
    CURVES.iter().map(|(name, _)| *name)
}

/// The cryptography, with these suites in this order, and with this curve alone, "" for all. `Err`: the name that is none.
pub fn provider(wanted: &[String], curve: &str) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !curve.is_empty() {
        let group = CURVES.iter().find(|(known, _)| *known == curve).ok_or_else(|| curve.to_owned())?.1;
        provider.kx_groups.retain(|candidate| candidate.name() == group);
    }
    let all = std::mem::take(&mut provider.cipher_suites);
    for name in wanted {
        let suite = SUITES.iter().find(|(known, _)| known == name).ok_or_else(|| name.clone())?.1;
        provider.cipher_suites.extend(all.iter().filter(|candidate| candidate.suite() == suite));
    }
    Ok(provider)
}

static BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// The versions from `least` to `most`: 12 is 1.2, 13 is 1.3.
pub fn versions(least: u8, most: u8) -> &'static [&'static SupportedProtocolVersion] {
    let from = usize::from(most < 13);
    let to = if least > 12 { 1 } else { 2 };
    BOTH.get(from..to).unwrap_or(&[])
}
