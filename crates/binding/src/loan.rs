//! An exchange in the hands of the application, for the length of a call.

use crate::early_hints::EarlyHints;
use crate::handle::Handle;
use crate::start_response::StartResponse;

/// While it lives `start_response` and the early hints reach the exchange. Outside of a call somebody may hold the lock.
pub struct Loan<'a>(&'a StartResponse, &'a EarlyHints);

impl<'a> Loan<'a> {
    #[inline]
    pub fn of(exchange: Handle, start: &'a StartResponse, early_hints: &'a EarlyHints) -> Self {
        start.attach(Some(exchange));
        early_hints.attach(Some(exchange));
        Self(start, early_hints)
    }
}

impl Drop for Loan<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.attach(None);
        self.1.attach(None);
    }
}
