//! What whoever serves requests works with, one after the other: the desk on which they come, and what makes environs.

use longma_engine::Desk;

use crate::environ::Environs;

/// The desk and the environs of one that serves.
pub struct Bench {
    pub desk: Desk,
    pub environs: Environs,
}
