//! The reactor: everything a worker knows of its connections, under one lock. Whoever holds the lock drives it:
//! the thread that calls the application, or the standby thread while that one is away.
//!
//! What happens to them lives in files of its own: `turn` first, then `accepting`, `preceding`, `reading`, `receiving`, `writing`,
//! `batch`, `closing`, `handover`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use longma_proto::h1::date::imf_fixdate;
use longma_proto::h1::{HeadParser, Limits};

use crate::access::AccessLog;
use crate::call::Calls;
use crate::connection::{ConnId, Connection, Table, Watch};
use crate::gateway::{Gateway, Protocol};
use crate::held::Batch;
use crate::host::{Host, Remains};
use crate::input::{Input, READ_BYTES};
use crate::listener::{Intake, Listener, Newcomers, Queue};
use crate::notice::Notice;
use crate::own::Own;
use crate::own::instead::Instead;
use crate::proxied::Proxied;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::sys::board::{Board, Word};
use crate::sys::clock;
use crate::sys::epoll::{Epoll, Interest};
use crate::timers::{Class, Timers};
use crate::tls::Tls;

/// Memory that request bodies of one worker may take together before they go to files.
pub(crate) const BODY_MEMORY_BYTES: usize = 64 << 20;
/// Memory that answers may take together which wait for their clients, before they go to files.
pub(crate) const OUTPUT_MEMORY_BYTES: usize = 64 << 20;
/// Memory that request heads still coming in may take together before long ones are refused.
pub(crate) const HEAD_MEMORY_BYTES: usize = 64 << 20;
/// How long a client that sends nothing has to close after us.
pub(crate) const LINGER: std::time::Duration = std::time::Duration::from_secs(2);
/// How long the request of a client that has just connected may be on its way when the worker is to finish.
pub(crate) const PARTING: std::time::Duration = std::time::Duration::from_millis(500);
/// How long what is remembered of an idle connection is kept.
pub(crate) const WARM: std::time::Duration = std::time::Duration::from_secs(5);
/// How many emptied inputs are kept for the next request that comes in parts.
const SPARE_INPUTS: usize = 16;
const MAX_NOTICES: usize = 256;

/// A worker's connections and all that happens to them.
pub struct Reactor<H: Host> {
    pub(crate) settings: Settings,
    /// The limits for requests of strangers, and for those of trusted peers.
    pub(crate) limits: [Limits; 2],
    pub(crate) epoll: Arc<Epoll>,
    pub(crate) board: Arc<Board>,
    pub(crate) table: Table<H>,
    /// Connections that the application has taken over.
    pub(crate) lent: usize,
    /// Places in the table that streams of HTTP/2 have.
    pub(crate) streams: usize,
    /// Connections of HTTP/2 to go on with, where several answers are to leave together.
    pub(crate) stirred: Option<Vec<ConnId>>,
    pub(crate) timers: Timers,
    pub(crate) listeners: Vec<Listener>,
    /// What is spoken on each of them; HTTP where nothing is said.
    protocols: Vec<Protocol>,
    pub(crate) handover: Option<(OwnedFd, OwnedFd)>,
    pub(crate) queue: Queue,
    pub(crate) newcomers: Newcomers,
    /// Connections whose request waits for the application, oldest first.
    pub(crate) ready: VecDeque<ConnId>,
    /// Connections of which something is here already that no wait reports. Some twice.
    pub(crate) brimming: VecDeque<ConnId>,
    /// What TLS is spoken by, on the listeners that ask for it.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Connections with streamed blocks that nobody has tried to send yet.
    pub(crate) unflushed: Vec<ConnId>,
    pub(crate) batch: Batch,
    pub(crate) graveyard: Vec<Remains<H>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) access: Option<AccessLog>,
    pub(crate) calls: Calls,
    /// What is answered without the application, where anything is.
    pub(crate) own: Option<Box<Own>>,
    /// Whether heads are looked at before anything waits for the application.
    pub(crate) has_door: bool,
    /// What is sent in the place of the application's own, where it may ask for that.
    pub(crate) instead: Option<Box<Instead>>,
    /// Kept where somebody watches them.
    pub(crate) refusals: Option<Vec<Refusal>>,
    pub(crate) body_memory: usize,
    pub(crate) head_memory: usize,
    pub(crate) output_memory: usize,
    pub(crate) caches: usize,
    /// Whether the listeners are registered.
    pub(crate) accepting: bool,
    /// Whether they may be.
    pub(crate) intake: Intake,
    /// Set while the system is short of descriptors: when to try again.
    pub(crate) shortage_until_ms: Option<u64>,
    pub(crate) shortage_told: bool,
    pub(crate) draining: bool,
    pub(crate) now_ms: u64,
    wall_seconds: i64,
    date: [u8; 29],
    #[expect(clippy::vec_box, reason = "connections hold them boxed, so that an idle connection stays small")]
    spare_inputs: Vec<Box<Input>>,
}

impl<H: Host> Reactor<H> {
    pub fn new(settings: Settings, epoll: Arc<Epoll>, board: Arc<Board>, access: Option<AccessLog>) -> Self {
        let timers = Timers::new(|class| match class {
            Class::Head => settings.header_timeout,
            Class::Body => settings.body_timeout,
            Class::Warm => settings.keepalive.min(WARM),
            Class::Idle => settings.keepalive.saturating_sub(WARM),
            Class::Write => settings.write_timeout,
            Class::Linger => LINGER,
            Class::Parting => PARTING,
            Class::Queue => settings.queue_timeout,
        });
        let wall_seconds = clock::wall_seconds();
        // Whoever had the page before may have been.
        board.set(Word::Draining, 0);
        let (own, instead) = (Own::of(&settings.own), Instead::of(&settings.own.instead));
        let has_door = own.is_some() || settings.h2.upgrade;
        let limits = [settings.limits, Limits { trust: settings.trust, ..settings.limits }];
        Self {
            settings,
            limits,
            epoll,
            board,
            table: Table::default(),
            lent: 0,
            streams: 0,
            stirred: None,
            timers,
            listeners: Vec::new(),
            protocols: Vec::new(),
            handover: None,
            queue: Queue::default(),
            newcomers: Newcomers::default(),
            ready: VecDeque::new(),
            brimming: VecDeque::new(),
            tls: None,
            unflushed: Vec::new(),
            batch: Batch::default(),
            graveyard: Vec::new(),
            notices: Vec::new(),
            access,
            calls: Calls::new(1),
            own,
            has_door,
            instead,
            refusals: None,
            body_memory: 0,
            head_memory: 0,
            output_memory: 0,
            caches: 0,
            accepting: false,
            intake: Intake::Open,
            shortage_until_ms: None,
            shortage_told: false,
            draining: false,
            now_ms: clock::monotonic_ms(),
            wall_seconds,
            date: imf_fixdate(wall_seconds),
            spare_inputs: Vec::new(),
        }
    }

    /// Read the clocks. Once a turn: whatever happens in the turn happens at this moment.
    #[inline]
    pub fn update_time(&mut self) {
        let now_ms = clock::monotonic_ms();
        if now_ms == self.now_ms {
            // The coarse clocks move together.
            return;
        }
        self.now_ms = now_ms;
        let wall = clock::wall_seconds();
        if wall != self.wall_seconds {
            self.wall_seconds = wall;
            self.date = imf_fixdate(wall);
        }
    }

    /// The moment of this turn on the monotonic clock, in nanoseconds that move every few milliseconds.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.now_ms * 1_000_000
    }

    /// The Date field of answers made now.
    pub fn date(&self) -> &[u8; 29] {
        &self.date
    }

    /// Seconds since the epoch, as of this turn.
    pub fn wall_seconds(&self) -> i64 {
        self.wall_seconds
    }

    /// Say what is spoken on the listeners, in their order.
    pub fn speak(&mut self, protocols: Vec<Protocol>) {
        self.protocols = protocols;
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Register the connection for what it waits for.
    #[inline]
    pub(crate) fn watch(&mut self, id: ConnId, wanted: Watch) {
        let Some(connection) = self.table.get(id) else { return };
        let before = connection.watch;
        if wanted == Watch::Read && connection.transport.is_brimming() {
            self.brimming.push_back(id);
        }
        if before == wanted {
            return;
        }
        connection.watch = wanted;
        // A stream waits for its connection.
        let Some(fd) = connection.transport.fd() else { return };
        let interest = match wanted {
            Watch::Nothing => None,
            Watch::Read => Some(Interest::Read),
            Watch::Write => Some(Interest::Write),
            Watch::Both => Some(Interest::Both),
        };
        let done = match (before, interest) {
            (_, None) => self.epoll.remove(fd),
            (Watch::Nothing, Some(interest)) => self.epoll.add(fd, id.token(), interest),
            (_, Some(interest)) => self.epoll.modify(fd, id.token(), interest),
        };
        if done.is_err() {
            // Only a lack of kernel memory gets here; a connection that can't be heard is closed.
            connection.watch = Watch::Nothing;
            self.close(id);
        }
    }

    /// Milliseconds until something is due.
    pub fn until_next_deadline(&self) -> Option<u64> {
        let timer = self.timers.until_next(self.now_ms);
        if self.shortage_until_ms.is_none() && self.access.is_none() {
            return timer;
        }
        let shortage = self.shortage_until_ms.map(|at| at.saturating_sub(self.now_ms));
        let log = self.access.as_ref().and_then(|log| log.due_in(self.now_ms));
        [timer, shortage, log].into_iter().flatten().min()
    }

    /// What the host must drop.
    pub fn take_remains(&mut self) -> Vec<Remains<H>> {
        std::mem::take(&mut self.graveyard)
    }

    pub fn has_remains(&self) -> bool {
        !self.graveyard.is_empty()
    }

    /// What should be told in the error log.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    pub fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Whether there is anything to tell the operator, or whoever watches requests.
    pub fn has_words(&self) -> bool {
        self.has_notices() || self.has_refusals()
    }

    /// Remember to tell the operator; bounded, since clients can cause notices faster than anybody reads.
    pub(crate) fn tell(&mut self, notice: Notice) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(notice);
        }
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.brimming.is_empty() || self.has_postponed()
    }

    /// Connections held now, those that the application has taken over included.
    pub fn connections(&self) -> usize {
        self.table.len() - self.streams + self.lent
    }

    pub(crate) fn insert(&mut self, mut connection: Connection<H>) -> ConnId {
        connection.trusted = connection.is_trusted(&self.settings.trusted_peers);
        if let Some(&protocol) = self.protocols.get(usize::from(connection.listener)) {
            connection.gateway = Gateway::of(protocol, connection.is_spoken_by(&self.settings.gateway_peers));
            connection.is_framed = matches!(protocol, Protocol::FastCgi | Protocol::Scgi);
        }
        let id = self.table.insert(connection);
        self.count_connections();
        id
    }

    pub(crate) fn spare_input(&mut self) -> Box<Input> {
        self.spare_inputs.pop().unwrap_or_default()
    }

    /// Count what has been added to an input of a connection's, or taken out of it.
    pub(crate) fn count_input(&mut self, input: &mut Input) {
        self.head_memory = self.head_memory - input.counted + input.bytes.len();
        input.counted = input.bytes.len();
    }

    /// Keep an input for the next request that comes in parts.
    pub fn give_back(&mut self, mut input: Box<Input>) {
        self.head_memory -= std::mem::take(&mut input.counted);
        if self.spare_inputs.len() < SPARE_INPUTS && input.bytes.capacity() <= 4 * READ_BYTES {
            input.clear();
            self.spare_inputs.push(input);
        }
    }

    /// On whose behalf a connection is, or its request where that has been handed over.
    #[inline]
    pub fn peer(&self, id: ConnId) -> Option<SocketAddr> {
        self.table.peek(id).and_then(|connection| connection.client.or(connection.peer))
    }

    /// Whose a request on a connection is, as far as its head tells.
    pub(crate) fn client(&self, id: ConnId, bytes: &[u8], head: &HeadParser) -> Option<SocketAddr> {
        let connection = self.table.peek(id)?;
        match self.settings.real_ip {
            Some(real_ip) if connection.is_trusted(&self.settings.trusted_peers) => {
                let peer = connection.client.or(connection.peer);
                real_ip.client(peer, &self.settings.trusted_peers, bytes, head)
            }
            _ => connection.client.or(connection.peer),
        }
    }

    /// Who is at the other end of a connection, whoever that speaks for.
    pub fn socket_peer(&self, id: ConnId) -> Option<SocketAddr> {
        self.table.peek(id).and_then(Connection::socket_peer)
    }

    /// The same, and what a proxy has said of its client, where the connection began with that.
    #[inline]
    pub fn whose(&self, id: ConnId) -> (Option<SocketAddr>, Option<Arc<Proxied>>) {
        let connection = self.table.peek(id);
        connection.map_or((None, None), |connection| (connection.client.or(connection.peer), connection.proxied.clone()))
    }

    /// How many requests have been taken from a connection, the current one with them.
    pub fn served(&self, id: ConnId) -> u32 {
        self.table.peek(id).map_or(0, |connection| connection.served)
    }

    /// Have TLS spoken on the listeners that ask for it. Before they are opened.
    pub fn set_tls(&mut self, tls: Arc<Tls>) {
        self.tls = Some(tls);
    }

    /// What an environ shows of the connection's TLS session: names and values.
    pub fn tls_variables(&self, id: ConnId) -> Option<Vec<(String, String)>> {
        let session = self.table.peek(self.owner(id))?.transport.tls()?;
        Some(session.facts()?.variables(self.tls.as_ref()?.wants_client))
    }

    /// What the host remembers of the connection.
    #[inline]
    pub fn memo(&mut self, id: ConnId) -> Option<&mut H::Memo> {
        let owner = self.owner(id);
        self.table.get(owner).map(|connection| &mut connection.memo)
    }

    /// The connection whose socket it is that a request came by.
    #[inline]
    fn owner(&self, id: ConnId) -> ConnId {
        match self.table.peek(id) {
            Some(connection) if connection.is_framed => self.parent(id).unwrap_or(id),
            _ => id,
        }
    }
}
