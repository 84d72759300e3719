//! `longma._core.Tls`: what the master makes of the operator's certificates, and its workers inherit.

use std::sync::Arc;

use longma_engine::tls::certificate::{Pair, Text};
use longma_engine::tls::tickets::TicketKeys;
use longma_engine::tls::{ClientAuth, Wanted, suites};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

/// TLS as all connections of a worker speak it.
#[pyclass(module = "longma._core", frozen)]
pub struct Tls {
    shared: Arc<longma_engine::tls::Tls>,
    /// What is wrong with the certificates today, though they can be used.
    #[pyo3(get)]
    warnings: Vec<String>,
}

/// The name of a file and what it holds.
type File = (String, Vec<u8>);
/// A certificate, its key, and what that is encrypted with.
type Files = (File, Option<File>, Option<Vec<u8>>);

#[pymethods]
impl Tls {
    /// Read certificates and keys, and check that all fits together.
    #[new]
    #[pyo3(signature = (
        pairs, *, client_auth = 0, authorities = None, suites, versions = (12, 13), protocols, resumes = true, curve = String::new(),
        before = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn new(
        pairs: Vec<Files>,
        client_auth: u8,
        authorities: Option<File>,
        suites: Vec<String>,
        versions: (u8, u8),
        protocols: Vec<Vec<u8>>,
        resumes: bool,
        curve: String,
        before: Option<&Bound<'_, Self>>,
    ) -> PyResult<Self> {
        let wanted = Wanted {
            pairs: pairs_of(pairs),
            client_auth: match client_auth {
                0 => ClientAuth::None,
                1 => ClientAuth::Optional,
                _ => ClientAuth::Required,
            },
            authorities: authorities.map(text_of),
            suites,
            least_version: versions.0,
            most_version: versions.1,
            protocols,
            resumes,
            curve,
        };
        let tickets = match before {
            Some(before) => before.get().shared.tickets().clone(),
            None => TicketKeys::new().map_err(|_| PyOSError::new_err("the system gives no random bytes"))?,
        };
        let (tls, warnings) = longma_engine::tls::Tls::new(&wanted, tickets).map_err(refused)?;
        Ok(Self { shared: Arc::new(tls), warnings })
    }

    /// Show these certificates from now on, in all workers that have inherited this object; says what is wrong with them.
    fn replace(&self, pairs: Vec<Files>) -> PyResult<Vec<String>> {
        self.shared.replace(&pairs_of(pairs)).map_err(refused)
    }

    /// Forget what the keys of earlier session tickets were made of.
    fn turn(&self) {
        self.shared.tickets().turn();
    }

    /// The names of all cipher suites, in the order of preference.
    #[staticmethod]
    fn suites() -> Vec<&'static str> {
        suites::names().collect()
    }

    /// The names of all curves by which keys are exchanged, in the order of preference.
    #[staticmethod]
    fn curves() -> Vec<&'static str> {
        suites::curves().collect()
    }
}

impl Tls {
    pub fn shared(&self) -> Arc<longma_engine::tls::Tls> {
        Arc::clone(&self.shared)
    }
}

fn text_of((file, pem): File) -> Text {
    Text { file, pem }
}

fn pairs_of(pairs: Vec<Files>) -> Vec<Pair> {
    let pair = |(chain, key, password): Files| Pair { chain: text_of(chain), key: key.map(text_of), password };
    pairs.into_iter().map(pair).collect()
}

fn refused(error: longma_engine::tls::error::TlsError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
