//! The names of connections.

/// A connection, by slot and generation: a name that outlived its connection finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnId {
    pub slot: u32,
    pub generation: u32,
}

impl ConnId {
    /// The form in which epoll hands it back.
    pub fn token(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    pub fn from_token(token: u64) -> Self {
        Self { slot: token as u32, generation: (token >> 32) as u32 }
    }
}

/// Generations from here on name descriptors that are not connections.
pub const FIRST_RESERVED_GENERATION: u32 = u32::MAX - 2;
