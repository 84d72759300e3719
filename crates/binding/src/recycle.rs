//! How many more requests a worker answers before it asks to be replaced.

use pyo3::prelude::*;

/// A count down to a call.
pub struct Recycle {
    /// 0 is never reached again: where nothing is counted, it is where the count begins.
    left: u64,
    then: Option<Py<PyAny>>,
}

impl Recycle {
    /// After so many requests call `then`, once; 0: never.
    pub fn new(after: u64, then: Option<Py<PyAny>>) -> Self {
        Self { left: if then.is_some() { after } else { 0 }, then }
    }

    /// Count a request; whether it was the last.
    #[inline]
    pub fn count(&mut self) -> bool {
        self.left = self.left.wrapping_sub(1);
        self.left == 0
    }

    /// Ask to be replaced. Serving goes on.
    #[cold]
    pub fn ask(&self, py: Python<'_>) -> PyResult<()> {
        self.then.as_ref().map_or(Ok(()), |then| then.call0(py).map(drop))
    }
}
