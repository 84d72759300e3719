//! A connection's slot and the table of slots.

use std::sync::Arc;

use crate::access::Draft;
use crate::body::BodyReader;
use crate::gateway::Gateway;
use crate::h2::session::Session;
use crate::host::Host;
pub use crate::id::{ConnId, FIRST_RESERVED_GENERATION};
use crate::input::{HeadCache, Input};
use crate::output::Output;
use crate::proxied::Proxied;
use crate::sys::socket::Peer;
use crate::transport::Transport;
use crate::trusted::TrustedPeers;

/// Where a connection stands. Each state waits for one thing and has at most one deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// New: what its proxy says of its client may come first.
    Proxy,
    /// Its TLS handshake is not over.
    Handshake,
    /// New: it may begin with HTTP/2, and is looked at for that.
    Preface,
    /// HTTP/2 is spoken on it: its requests have places of their own.
    Streams,
    /// Between requests, or before the first.
    Idle,
    /// A request head has begun.
    Head,
    /// The head is whole, the body is not.
    Body,
    /// A whole request waits for the application.
    Queued,
    /// The application has it.
    Serving,
    /// The answer is complete and not all written.
    Writing,
    /// We have said our last word and read on, so that the client is not reset before it has read it.
    Lingering,
    /// The kernel has our last word, and much of it to deliver yet.
    Delivering,
}

impl State {
    /// Whether nothing of a request has come.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Proxy | Self::Handshake | Self::Preface | Self::Idle)
    }
}

/// Whose doing it is that an answer cannot be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The client has gone.
    Client,
    /// The client takes too little.
    Deadline,
    Ours,
}

/// What the connection is registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    Nothing,
    Read,
    Write,
    Both,
}

/// A live connection.
pub struct Connection<H: Host> {
    pub transport: Transport,
    /// On whose behalf the connection is: whoever is at its other end, or whom that one names.
    pub peer: Peer,
    /// What a proxy has said of its client, where there is one that does.
    pub proxied: Option<Arc<Proxied>>,
    pub listener: u16,
    /// What there is to know where HTTP is not spoken.
    pub gateway: Option<Box<Gateway>>,
    /// Where HTTP/2 is spoken on it.
    pub h2: Option<Box<Session>>,
    /// Whether what is sent must be framed, other than for HTTP.
    pub is_framed: bool,
    /// Whose request it is, where somebody who may hand it over has said so.
    pub client: Peer,
    /// Whether the peer is a proxy of the operator's own.
    pub trusted: bool,
    pub state: State,
    pub watch: Watch,
    /// Whether the connection may be used again after the answer being made.
    pub keep_alive: bool,
    /// Writing has failed: what is still produced for the client is thrown away.
    pub broken: Option<Loss>,
    /// Bytes of the client's may be lying unread in the kernel.
    pub unread: bool,
    /// The client may say more behind the current request, for all it has let us know.
    pub talkative: bool,
    /// The application has had it, and may hold a descriptor of its own.
    pub is_shared: bool,
    /// Requests taken from this connection.
    pub served: u32,
    /// The current request's head, where it outlives the read it came with.
    pub input: Option<Box<Input>>,
    /// What came behind the current request.
    pub next: Option<Box<Input>>,
    pub body: Option<Box<BodyReader<H>>>,
    pub output: Option<Box<Output<H>>>,
    /// The log's line, where it waits for the end of the answer.
    pub draft: Option<Box<Draft>>,
    pub cache: Option<Box<HeadCache>>,
    pub memo: H::Memo,
    /// Bytes given to the kernel, and how many of them had been acknowledged when last looked at. That may be fewer than
    /// none: a Unix socket tells what the rest costs, which is more than it holds. The difference counts.
    pub written: u64,
    pub acknowledged: i64,
    /// Until when it may linger.
    pub linger_until_ms: u64,
}

impl<H: Host> Connection<H> {
    pub fn new(transport: Transport, peer: Peer, listener: u16) -> Self {
        Self {
            transport,
            peer,
            proxied: None,
            listener,
            gateway: None,
            h2: None,
            is_framed: false,
            client: None,
            trusted: false,
            state: State::Idle,
            watch: Watch::Nothing,
            keep_alive: false,
            broken: None,
            unread: false,
            talkative: false,
            is_shared: false,
            served: 0,
            input: None,
            next: None,
            body: None,
            output: None,
            draft: None,
            cache: None,
            memo: H::Memo::default(),
            written: 0,
            acknowledged: 0,
            linger_until_ms: 0,
        }
    }

    /// Who is at the other end of the socket, whoever that speaks for.
    pub fn socket_peer(&self) -> Peer {
        self.proxied.as_ref().map_or(self.peer, |proxied| proxied.proxy)
    }

    /// Whether whoever the request is from is one of `trusted`.
    pub fn is_trusted(&self, trusted: &TrustedPeers) -> bool {
        if self.gateway.is_some() {
            // Whoever hands a request over speaks for somebody else.
            return self.client.is_some() && trusted.trusts(self.client);
        }
        self.is_spoken_by(trusted)
    }

    /// Whether whoever speaks on the connection is one of `peers`.
    pub fn is_spoken_by(&self, peers: &TrustedPeers) -> bool {
        self.proxied.as_ref().map_or_else(|| peers.trusts(self.peer), |proxied| proxied.is_trusted(peers))
    }

    /// Whether it speaks HTTP/2, and none of its requests is under way.
    pub fn is_without_streams(&self) -> bool {
        self.h2.as_ref().is_some_and(|session| session.streams.is_empty())
    }

    pub fn has_output(&self) -> bool {
        self.output.as_ref().is_some_and(|output| !output.is_empty())
    }
}

struct Slot<H: Host> {
    generation: u32,
    connection: Option<Connection<H>>,
}

/// All connections of a worker.
pub struct Table<H: Host> {
    slots: Vec<Slot<H>>,
    free: Vec<u32>,
}

impl<H: Host> Default for Table<H> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<H: Host> Table<H> {
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn insert(&mut self, connection: Connection<H>) -> ConnId {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            place.connection = Some(connection);
            return ConnId { slot, generation: place.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("a worker has fewer descriptors than u32 has numbers");
        self.slots.push(Slot { generation: 1, connection: Some(connection) });
        ConnId { slot, generation: 1 }
    }

    #[inline]
    pub fn get(&mut self, id: ConnId) -> Option<&mut Connection<H>> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation == id.generation { slot.connection.as_mut() } else { None }
    }

    pub fn peek(&self, id: ConnId) -> Option<&Connection<H>> {
        let slot = self.slots.get(id.slot as usize)?;
        if slot.generation == id.generation { slot.connection.as_ref() } else { None }
    }

    pub fn remove(&mut self, id: ConnId) -> Option<Connection<H>> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let connection = slot.connection.take()?;
        slot.generation += 1;
        if slot.generation >= FIRST_RESERVED_GENERATION {
            slot.generation = 1;
        }
        self.free.push(id.slot);
        Some(connection)
    }

    /// The connection that has the slot now.
    pub fn id_of(&self, slot: u32) -> Option<ConnId> {
        let place = self.slots.get(slot as usize)?;
        place.connection.as_ref().map(|_| ConnId { slot, generation: place.generation })
    }

    /// The names of all connections.
    pub fn ids(&self) -> Vec<ConnId> {
        (0..self.slots.len() as u32).filter_map(|slot| self.id_of(slot)).collect()
    }
}
