//! The request that the application has, for whoever interrupts it: a signal handler, or another thread.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use longma_proto::h1::HeadParser;

use crate::text;

/// Where the head of the request lies that was given to the application last. Written and read attached.
#[derive(Default)]
pub struct Current {
    bytes: AtomicPtr<u8>,
    head: AtomicPtr<HeadParser>,
}

impl Current {
    /// The application is about to get this request.
    #[inline]
    pub fn set(&self, bytes: &[u8], head: &HeadParser) {
        self.bytes.store(bytes.as_ptr().cast_mut(), Ordering::Relaxed);
        self.head.store(ptr::from_ref(head).cast_mut(), Ordering::Relaxed);
    }

    /// Method and target of the request, with nothing in them that could end a line.
    ///
    /// # Safety
    /// Attached, and the application has the request, so that what `set` was given is still there.
    pub unsafe fn line(&self) -> Option<(String, String)> {
        // SAFETY: by contract; the head outlives the call.
        let head = unsafe { self.head.load(Ordering::Relaxed).as_ref() }?;
        // SAFETY: by contract; the request line lies in front of the fields.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes.load(Ordering::Relaxed), head.fields_at()) };
        let line = head.line();
        Some((text::escaped(line.method.of(bytes)), text::escaped(line.target.of(bytes))))
    }
}
