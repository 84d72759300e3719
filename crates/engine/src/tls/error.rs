//! What can be wrong with the files and settings of TLS: the operator's doing, all of it.

use std::fmt;

use crate::tls::key::KeyFault;

/// Why TLS cannot be spoken as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The file is not PEM from this line on.
    Malformed {
        setting: &'static str,
        file: String,
        line: usize,
    },
    NoCertificate {
        setting: &'static str,
        file: String,
    },
    NoKey {
        setting: &'static str,
        file: String,
    },
    /// The certificate of this number, from 1, cannot be used.
    Certificate {
        setting: &'static str,
        file: String,
        number: usize,
        why: String,
    },
    Key {
        setting: &'static str,
        file: String,
        fault: KeyFault,
    },
    /// A kind of key that TLS is not spoken with here.
    UnknownKey {
        setting: &'static str,
        file: String,
    },
    /// The key is another certificate's.
    Mismatch {
        setting: &'static str,
        key: String,
        certificate: String,
    },
    /// Nothing is left of versions and cipher suites.
    NothingLeft {
        why: String,
    },
}

impl std::error::Error for TlsError {}

impl fmt::Display for TlsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { setting, file, line } => {
                write!(out, "{setting}: {file} is no PEM file: what begins in line {line} is broken")
            }
            Self::NoCertificate { setting, file } => write!(out, "{setting}: {file} holds no certificate"),
            Self::NoKey { setting: "certfile", file } => {
                write!(out, "keyfile: none was given for {file}, which holds no private key itself")
            }
            Self::NoKey { setting, file } => write!(out, "{setting}: {file} holds no private key"),
            Self::Certificate { setting, file, number, why } => {
                write!(out, "{setting}: certificate {number} of {file} cannot be used: {why}")
            }
            Self::Key { setting, file, fault } => write!(out, "{setting}: {}", Self::fault(file, *fault)),
            Self::UnknownKey { setting, file } => write!(
                out,
                "{setting}: the key in {file} is none that can be used: RSA of 2048 bits and more, ECDSA on P-256 or P-384, \
                 Ed25519"
            ),
            Self::Mismatch { setting, key, certificate } => {
                write!(out, "{setting}: the private key in {key} is not that of the certificate in {certificate}")
            }
            Self::NothingLeft { why } => write!(out, "ciphers: {why}"),
        }
    }
}

impl TlsError {
    fn fault(file: &str, fault: KeyFault) -> String {
        match fault {
            KeyFault::PasswordMissing => {
                format!("the private key in {file} is encrypted: give keyfile_password or keyfile_password_file")
            }
            KeyFault::PasswordWrong => format!("the password does not open the private key in {file}"),
            KeyFault::UnknownEncryption => format!("the private key in {file} is encrypted in a way that is not supported"),
            KeyFault::Malformed => format!("the private key in {file} is malformed"),
        }
    }
}
