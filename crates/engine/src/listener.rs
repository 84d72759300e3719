//! Where new connections come from.

use std::os::fd::OwnedFd;

use crate::connection::{ConnId, FIRST_RESERVED_GENERATION};

/// The generations under which a listener and the siblings' queue are registered.
pub(crate) const LISTENER_GENERATION: u32 = u32::MAX - 1;
pub(crate) const HANDOVER_GENERATION: u32 = u32::MAX;
/// That of the bell which wakes the leader.
pub(crate) const BELL_GENERATION: u32 = FIRST_RESERVED_GENERATION;

/// A bound socket that is shared with the siblings.
#[derive(Debug)]
pub struct Listener {
    pub(crate) fd: OwnedFd,
    /// How many connections to take before looking at the other events again; adapts to what there is.
    pub(crate) batch: u32,
    /// Whether TLS is spoken on it.
    pub(crate) is_secure: bool,
}

impl Listener {
    pub fn new(fd: OwnedFd, is_secure: bool) -> Self {
        Self { fd, batch: 1, is_secure }
    }
}

/// When clients come.
#[derive(Debug, Default)]
pub(crate) struct Newcomers {
    /// When the last one did.
    pub last_ms: u64,
    /// Until when they are let in where the worker is to finish.
    pub until_ms: u64,
}

/// What a worker knows of the queue that its siblings share with it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Whether it is registered.
    pub open: bool,
    /// Whether it has been seen to hold something, by a thread that leaves it to others at first.
    pub seen: bool,
    /// When something was put in last.
    pub passed_on_ms: u64,
    /// When it and the listeners were registered last.
    pub renewed_ms: u64,
    /// A descriptor kept free: whoever takes a message without room for the descriptor in it has lost the connection.
    pub spare: Option<OwnedFd>,
}

/// A queue of new connections, and how many more to take from it in this turn.
#[derive(Clone, Copy, Debug)]
pub struct Accepting {
    pub(crate) source: Source,
    pub(crate) left: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Listener(u16),
    Siblings,
}

impl Accepting {
    /// What an event's token stands for, if not for a connection.
    #[inline]
    pub(crate) fn from_id(id: ConnId) -> Option<Self> {
        match id.generation {
            LISTENER_GENERATION => Some(Self { source: Source::Listener(id.slot as u16), left: 0 }),
            HANDOVER_GENERATION => Some(Self { source: Source::Siblings, left: 1 }),
            _ => None,
        }
    }
}

/// Whether newcomers are taken in, where there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intake {
    Open,
    /// Not those of the listeners, for the time being.
    Held,
    /// Never again, nor anybody from siblings.
    Shut,
}
