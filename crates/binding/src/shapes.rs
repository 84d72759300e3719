//! Environs of earlier requests, by the names of their fields. Clients of one kind send the same names in the same
//! order, and most values too: then a copy of the earlier environ needs only the values that differ. Every field is
//! compared, so nothing of one client can show in another's request; values that are secrets are not kept at all.

use std::net::SocketAddr;

use longma_proto::h1::Field;
use pyo3::ffi;

use crate::line::LineFacts;
use crate::names::Names;
use crate::object::Ref;
use crate::text;

const SHAPES: usize = 16;
const MAX_FIELDS: usize = 64;
const MAX_BLOCK_BYTES: usize = 4096;
/// How often more than half of the values may differ before the shape is taken afresh.
const PATIENCE: u32 = 16;

/// One list of names, with an environ that has them.
struct Shape {
    listener: u16,
    block: Vec<u8>,
    fields: Vec<Field>,
    keys: Vec<Ref>,
    /// Fields whose value is set each time: it was not kept.
    unkept: u64,
    environ: Ref,
    facts: LineFacts,
    peer: Option<SocketAddr>,
    https: bool,
    disappointments: u32,
}

/// A place for a shape. It is taken on the second request that would have it, since many come once.
#[derive(Default)]
struct Place {
    wanted: u64,
    shape: Option<Shape>,
}

/// The shapes of a worker.
pub struct Shapes {
    places: [Place; SHAPES],
}

/// What a request says in its fields.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    pub listener: u16,
    pub block: &'a [u8],
    pub fields: &'a [Field],
    /// What a trusted peer says of the scheme. The same fields from a stranger say nothing.
    pub https: bool,
}

/// A copy of an earlier environ that has this request's fields, and what else it holds.
pub struct Fitted {
    pub environ: Ref,
    pub facts: LineFacts,
    pub peer: Option<SocketAddr>,
    pub https: bool,
}

impl Shapes {
    pub fn new() -> Self {
        Self { places: std::array::from_fn(|_| Place::default()) }
    }

    /// An environ with the fields of `request`. `Ok(None)`: no shape fits; `Err`: Python has an error set.
    #[inline]
    pub fn fit(&mut self, request: Fields<'_>) -> Result<Option<Fitted>, ()> {
        let place = &mut self.places[place_of(request)];
        let Some(shape) = &mut place.shape else { return Ok(None) };
        let Some(mut changed) = shape.changes(request) else { return Ok(None) };
        if changed.count_ones() as usize > request.fields.len() / 2 {
            shape.disappointments += 1;
            if shape.disappointments > PATIENCE {
                place.shape = None;
                return Ok(None);
            }
        }
        // SAFETY: attached, and the shape holds a dict.
        let environ = unsafe { Ref::owned(ffi::PyDict_Copy(shape.environ.as_ptr())) }.ok_or(())?;
        while changed != 0 {
            let index = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let value = text::native(request.fields[index].value.of(request.block)).ok_or(())?;
            // SAFETY: attached, and all three are valid.
            if unsafe { ffi::PyDict_SetItem(environ.as_ptr(), shape.keys[index].as_ptr(), value.as_ptr()) } != 0 {
                return Err(());
            }
        }
        Ok(Some(Fitted { environ, facts: shape.facts, peer: shape.peer, https: shape.https }))
    }

    /// Keep `environ`, which has been made for `request` and was seen by nobody yet, if its like has come before.
    #[cold]
    pub fn keep(
        &mut self,
        request: Fields<'_>,
        environ: &Ref,
        names: &mut Names,
        facts: LineFacts,
        peer: Option<SocketAddr>,
    ) -> Option<()> {
        if request.fields.len() > MAX_FIELDS || request.block.len() > MAX_BLOCK_BYTES {
            return Some(());
        }
        let place = &mut self.places[place_of(request)];
        let wanted = names_hash(request);
        if place.wanted != wanted {
            place.wanted = wanted;
            return Some(());
        }
        let mut block = request.block.to_vec();
        let mut keys: Vec<Ref> = Vec::with_capacity(request.fields.len());
        // SAFETY: attached, and `environ` is a dict.
        let copy = unsafe { Ref::owned(ffi::PyDict_Copy(environ.as_ptr())) }?;
        let mut unkept = 0;
        for (index, field) in request.fields.iter().enumerate() {
            let Some((key, shares)) = names.key(field.name.of(request.block)) else { return Some(()) };
            if keys.iter().any(|known| known.as_ptr() == key.as_ptr()) {
                // Joined values can't be set one by one.
                return Some(());
            }
            if !shares {
                unkept |= 1 << index;
                block[field.value.start as usize..field.value.end as usize].fill(0);
                let empty = text::native(b"")?;
                // SAFETY: attached, and all three are valid.
                if unsafe { ffi::PyDict_SetItem(copy.as_ptr(), key.as_ptr(), empty.as_ptr()) } != 0 {
                    return None;
                }
            }
            keys.push(key);
        }
        let fields = request.fields.to_vec();
        let Fields { listener, https, .. } = request;
        place.shape =
            Some(Shape { listener, block, fields, keys, unkept, environ: copy, facts, peer, https, disappointments: 0 });
        Some(())
    }
}

impl Shape {
    /// The fields whose values differ, a bit each. `None`: the names differ.
    #[inline]
    fn changes(&self, request: Fields<'_>) -> Option<u64> {
        if self.listener != request.listener || self.fields.len() != request.fields.len() {
            return None;
        }
        let mut changed = self.unkept;
        for (index, (ours, theirs)) in self.fields.iter().zip(request.fields).enumerate() {
            if ours.name.of(&self.block) != theirs.name.of(request.block) {
                return None;
            }
            if ours.value.of(&self.block) != theirs.value.of(request.block) {
                changed |= 1 << index;
            }
        }
        Some(changed)
    }
}

/// Where the shape of a request would be.
#[inline]
fn place_of(request: Fields<'_>) -> usize {
    let ends = request.fields.first().zip(request.fields.last());
    let lengths = ends.map_or(0, |(first, last)| first.name.len() * 5 + last.name.len() * 3);
    (request.fields.len() * 7 + lengths + usize::from(request.listener)) % SHAPES
}

/// Tells lists of names apart, well enough to decide what is worth keeping.
fn names_hash(request: Fields<'_>) -> u64 {
    let bytes = request.fields.iter().flat_map(|field| field.name.of(request.block).iter().chain(b":"));
    bytes.fold(u64::from(request.listener) + 1, |state, &byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
