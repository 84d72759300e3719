//! The border between the engine and Python. Narrow, and made by hand where every request passes it.

mod access;
mod bench;
mod current;
mod early_hints;
mod ending;
mod engine;
mod environ;
mod exchange;
mod fault;
mod file_wrapper;
mod finish;
mod handle;
mod head;
mod host;
mod http2;
mod hub;
mod input;
mod instead;
mod lease;
mod line;
mod loan;
mod log;
mod maker;
mod names;
mod object;
mod observer;
mod offer;
mod pool;
mod prepare;
mod proxy;
mod recycle;
mod respond;
mod settings;
mod shapes;
mod start_response;
mod subject;
mod telling;
mod template;
mod text;
mod tls;
mod variables;
mod whose;
mod worker;

use pyo3::prelude::*;

/// longma's compiled core.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::early_hints::EarlyHints;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::file_wrapper::FileWrapper;
    #[pymodule_export]
    use crate::hub::Hub;
    #[pymodule_export]
    use crate::input::Input;
    #[pymodule_export]
    use crate::lease::Lease;
    #[pymodule_export]
    use crate::tls::Tls;

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("BOARD_PAGE_BYTES", longma_engine::sys::board::PAGE_BYTES)
    }
}
