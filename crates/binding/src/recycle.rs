//! How many more requests a worker answers before it asks to be replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

/// A count down to a call, which all threads of a worker share.
#[derive(Clone)]
pub struct Recycle {
    /// 0 is never reached again: where nothing is counted, it is where the count begins. Changed while attached, so
    /// that no two threads count at the same time.
    left: Arc<AtomicU64>,
    then: Option<Arc<Py<PyAny>>>,
}

impl Recycle {
    /// After so many requests call `then`, once; 0: never.
    pub fn new(after: u64, then: Option<Py<PyAny>>) -> Self {
        let left = Arc::new(AtomicU64::new(if then.is_some() { after } else { 0 }));
        Self { left, then: then.map(Arc::new) }
    }

    /// Count a request; whether it was the last.
    #[inline]
    pub fn count(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed).wrapping_sub(1);
        self.left.store(left, Ordering::Relaxed);
        left == 0
    }

    /// Ask to be replaced. Serving goes on.
    #[cold]
    pub fn ask(&self, py: Python<'_>) -> PyResult<()> {
        self.then.as_ref().map_or(Ok(()), |then| then.call0(py).map(drop))
    }
}
