//! Field names to environ keys: a table by the bytes as they were sent, so that a known name costs a look and a
//! compare. Bounded, since clients choose the names.

use std::collections::HashMap;

use pyo3::ffi;

use crate::object::Ref;
use crate::text;

const SLOTS: usize = 2048;
const MAX_ENTRIES: usize = 1024;
const MAX_PROBES: usize = 16;
const MAX_NAME_BYTES: usize = 64;
const MAX_VALUE_BYTES: usize = 512;

/// Values that are secrets or never repeat: they must not linger in the table.
const UNSHARED: [&str; 8] = [
    "HTTP_AUTHORIZATION",
    "HTTP_COOKIE",
    "HTTP_PROXY_AUTHORIZATION",
    "HTTP_TRACEPARENT",
    "HTTP_X_API_KEY",
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_CSRFTOKEN",
    "HTTP_X_REQUEST_ID",
];

/// A name as it has been sent.
pub struct Name {
    sent: Box<[u8]>,
    key: Ref,
    /// Which key it is: `User-Agent` and `user-agent` are one.
    number: usize,
    /// The value it last had, or nothing where values are not kept.
    value: Option<Ref>,
    shares: bool,
}

/// The table.
pub struct Names {
    slots: Box<[Option<Box<Name>>]>,
    entries: usize,
    numbers: HashMap<String, usize>,
    /// By a key's number, the request it was last set in: set again in the same one, its values are joined.
    seen_in: Vec<u64>,
}

impl Names {
    pub fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| None).collect(), entries: 0, numbers: HashMap::new(), seen_in: Vec::new() }
    }

    /// Set `environ[key of name] = value`.
    ///
    /// # Safety
    /// Attached, `environ` is a valid dict, `request` differs from request to request.
    #[inline]
    pub unsafe fn set(&mut self, environ: *mut ffi::PyObject, name: &[u8], value: &[u8], request: u64) -> Option<()> {
        let Some(slot) = self.slot_of(name) else {
            // SAFETY: by contract.
            return unsafe { self.set_unknown(environ, name, value, request) };
        };
        let Some(entry) = self.slots[slot].as_deref_mut() else { return Some(()) };
        if std::mem::replace(&mut self.seen_in[entry.number], request) == request {
            // SAFETY: by contract.
            return unsafe { join(environ, entry.key.as_ptr(), value) };
        }
        let key = entry.key.as_ptr();
        if let Some(known) = &entry.value {
            // SAFETY: attached; the table only holds native strs.
            if unsafe { text::native_bytes(known.as_ptr()) } == Some(value) {
                // SAFETY: all three are valid.
                return done(unsafe { ffi::PyDict_SetItem(environ, key, known.as_ptr()) });
            }
        }
        let made = text::native(value)?;
        // SAFETY: all three are valid.
        let set = done(unsafe { ffi::PyDict_SetItem(environ, key, made.as_ptr()) });
        if entry.shares && value.len() <= MAX_VALUE_BYTES {
            entry.value = Some(made);
        }
        set
    }

    /// The key of a name, and whether its values may be kept. `None`: the table has no place for it.
    pub fn key(&mut self, name: &[u8]) -> Option<(Ref, bool)> {
        let entry = self.slot_of(name).and_then(|slot| self.slots[slot].as_deref())?;
        // SAFETY: attached, and the entry's key is valid.
        Some((unsafe { Ref::borrowed(entry.key.as_ptr()) }, entry.shares))
    }

    /// Where the table has the name, or has it now.
    #[inline]
    fn slot_of(&mut self, name: &[u8]) -> Option<usize> {
        if name.len() > MAX_NAME_BYTES {
            return None;
        }
        let start = hash(name);
        for probe in 0..MAX_PROBES {
            let slot = (start + probe) % SLOTS;
            match &self.slots[slot] {
                Some(entry) if *entry.sent == *name => return Some(slot),
                Some(_) => {}
                None => return self.insert(name, slot),
            }
        }
        None
    }

    #[cold]
    fn insert(&mut self, name: &[u8], slot: usize) -> Option<usize> {
        if self.entries >= MAX_ENTRIES {
            return None;
        }
        let text = key_text(name);
        let key = text::interned(&text)?;
        self.entries += 1;
        let shares = !UNSHARED.contains(&text.as_str());
        let next = self.seen_in.len();
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.seen_in.push(0);
        }
        self.slots[slot] = Some(Box::new(Name { sent: name.into(), key, number, value: None, shares }));
        Some(slot)
    }

    /// Set a name that has no place in the table.
    ///
    /// # Safety
    /// As `set`.
    #[cold]
    unsafe fn set_unknown(&mut self, environ: *mut ffi::PyObject, name: &[u8], value: &[u8], request: u64) -> Option<()> {
        let text = key_text(name);
        if let Some(&number) = self.numbers.get(&text) {
            self.seen_in[number] = request;
        }
        let key = text::native(text.as_bytes())?;
        // SAFETY: by contract.
        unsafe {
            match ffi::PyDict_Contains(environ, key.as_ptr()) {
                0 => done(ffi::PyDict_SetItem(environ, key.as_ptr(), text::native(value)?.as_ptr())),
                1 => join(environ, key.as_ptr(), value),
                _ => None,
            }
        }
    }
}

/// A name's place in the table. Made for names as clients send them, not against those who choose them: probing is
/// bounded, and a name that finds no place is merely slower.
#[inline]
fn hash(name: &[u8]) -> usize {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    // The ends tell names apart; where they overlap, so much the better.
    let (first, last) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))),
            _ => (name.first().map_or(0, |&byte| u64::from(byte)), name.last().map_or(0, |&byte| u64::from(byte))),
        },
    };
    let mixed = (first ^ last.rotate_left(29) ^ name.len() as u64).wrapping_mul(FACTOR);
    (mixed >> 48) as usize % SLOTS
}

/// The CGI name of a field (RFC 3875 §4.1.18). `Content_Length` is not the field that frames the body.
fn key_text(name: &[u8]) -> String {
    let upper = |byte: &u8| if *byte == b'-' { '_' } else { char::from(byte.to_ascii_uppercase()) };
    let plain: String = name.iter().map(upper).collect();
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    if is(b"content-type") || is(b"content-length") { plain } else { format!("HTTP_{plain}") }
}

/// Add to a value that is there: repeated fields are one list (RFC 9110 §5.3), cookies are joined as they are
/// written (RFC 6265 §4.2.1).
///
/// # Safety
/// As `Names::set`.
#[cold]
pub unsafe fn join(environ: *mut ffi::PyObject, key: *mut ffi::PyObject, value: &[u8]) -> Option<()> {
    // SAFETY: by contract; the value found is borrowed from the dict.
    let before = unsafe { text::native_bytes(ffi::PyDict_GetItemWithError(environ, key)) }?;
    // SAFETY: the key is a native str.
    let is_cookie = unsafe { text::native_bytes(key) } == Some(b"HTTP_COOKIE");
    let mut joined = before.to_vec();
    joined.extend_from_slice(if is_cookie { b"; " } else { b"," });
    joined.extend_from_slice(value);
    let joined = text::native(&joined)?;
    // SAFETY: all three are valid.
    done(unsafe { ffi::PyDict_SetItem(environ, key, joined.as_ptr()) })
}

#[inline]
fn done(result: std::ffi::c_int) -> Option<()> {
    (result == 0).then_some(())
}
