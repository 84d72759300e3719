//! What was agreed with a client, and who it has shown to be.

use rustls::{ProtocolVersion, ServerConnection};

use crate::tls::pem;
use crate::tls::x509::{self, Name};

/// What is known of a connection when its handshake is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// As OpenSSL writes it: `TLSv1.3`.
    pub protocol: &'static str,
    /// The cipher suite, as OpenSSL writes it.
    pub cipher: &'static str,
    /// The name that the client asked for (RFC 6066 §3), in lower case.
    pub server_name: Option<String>,
    /// The certificate that the client has shown, as DER. It has been verified.
    pub certificate: Option<Vec<u8>>,
}

impl Facts {
    pub fn of(tls: &ServerConnection) -> Self {
        let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
        Self {
            protocol: if tls.protocol_version() == Some(ProtocolVersion::TLSv1_2) { "TLSv1.2" } else { "TLSv1.3" },
            cipher: suite.map_or("", super::suites::openssl_name),
            server_name: tls.server_name().map(str::to_owned),
            certificate: tls.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec()),
        }
    }

    /// Names and values for an environ, as Apache's mod_ssl calls them. `wants_client`: whether clients are asked for a
    /// certificate.
    pub fn variables(&self, wants_client: bool) -> Vec<(String, String)> {
        let mut variables = vec![("SSL_PROTOCOL".to_owned(), self.protocol.to_owned())];
        let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
        set("SSL_CIPHER", self.cipher.to_owned());
        if let Some(name) = &self.server_name {
            set("SSL_TLS_SNI", name.clone());
        }
        if !wants_client {
            return variables;
        }
        let shown = self.certificate.as_deref().and_then(|der| Some((der, x509::parse(der)?)));
        let Some((der, certificate)) = shown else {
            set("SSL_CLIENT_VERIFY", "NONE".to_owned());
            return variables;
        };
        set("SSL_CLIENT_VERIFY", "SUCCESS".to_owned());
        set("SSL_CLIENT_M_VERSION", certificate.version.to_string());
        set("SSL_CLIENT_M_SERIAL", certificate.serial.clone());
        set("SSL_CLIENT_V_START", certificate.not_before.to_string());
        set("SSL_CLIENT_V_END", certificate.not_after.to_string());
        set("SSL_CLIENT_CERT", pem::certificate(der));
        set_name(&mut set, "SSL_CLIENT_S_DN", &certificate.subject);
        set_name(&mut set, "SSL_CLIENT_I_DN", &certificate.issuer);
        variables
    }
}

/// The attributes that have a variable of their own, by their types here and there.
const ATTRIBUTES: [(&str, &str); 9] = [
    ("C", "C"),
    ("ST", "ST"),
    ("L", "L"),
    ("O", "O"),
    ("OU", "OU"),
    ("CN", "CN"),
    ("UID", "UID"),
    ("DC", "DC"),
    ("emailAddress", "Email"),
];

fn set_name(set: &mut impl FnMut(&str, String), key: &str, name: &Name) {
    set(key, name.to_string());
    for (kind, suffix) in ATTRIBUTES {
        if let Some(value) = name.attribute(kind) {
            set(&format!("{key}_{suffix}"), value.to_owned());
        }
    }
}
