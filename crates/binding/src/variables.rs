//! The environ of a request that a web server has handed over: its variables as they are, but for those that say where the
//! request goes and how it came.

use std::collections::HashMap;

use longma_proto::gateway::Translated;
use longma_proto::h1::HeadParser;
use pyo3::ffi;

use crate::names::join;
use crate::object::Ref;
use crate::text;

/// Names are few, and the same from request to request; but clients choose those of fields.
const MAX_NAMES: usize = 1024;
const MAX_NAME_BYTES: usize = 64;

/// The names of variables, as strs that are made once.
#[derive(Default)]
pub struct Variables(HashMap<Box<[u8]>, Ref>);

impl Variables {
    /// Set the variables of a request. What names a field joins what is there already; else what is said last counts.
    pub fn set(&mut self, environ: &Ref, bytes: &[u8], head: &HeadParser, translated: &Translated) -> Option<()> {
        let packet = &bytes[head.head_len()..];
        for (index, variable) in translated.variables.iter().enumerate() {
            let (name, value) = (variable.name.of(packet), variable.value.of(packet));
            let is_repeated =
                name.starts_with(b"HTTP_") && translated.variables[..index].iter().any(|before| before.name.of(packet) == name);
            let key = self.key(name)?;
            if is_repeated {
                // SAFETY: attached, and both are valid.
                unsafe { join(environ.as_ptr(), key.as_ptr(), value) }?;
                continue;
            }
            let value = text::native(value)?;
            // SAFETY: attached, and all three are valid.
            if unsafe { ffi::PyDict_SetItem(environ.as_ptr(), key.as_ptr(), value.as_ptr()) } != 0 {
                return None;
            }
        }
        Some(())
    }

    fn key(&mut self, name: &[u8]) -> Option<Ref> {
        if let Some(key) = self.0.get(name) {
            // SAFETY: attached, and the key is valid.
            return Some(unsafe { Ref::borrowed(key.as_ptr()) });
        }
        let key = text::native(name)?;
        if self.0.len() < MAX_NAMES && name.len() <= MAX_NAME_BYTES {
            // SAFETY: as above.
            self.0.insert(name.into(), unsafe { Ref::borrowed(key.as_ptr()) });
        }
        Some(key)
    }
}
