//! New connections: from the listeners, and from siblings that are too busy to serve what they hold.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use crate::connection::{ConnId, Connection};
use crate::desk::Desk;
use crate::host::Host;
use crate::listener::{Accepting, Intake, LISTENER_GENERATION, Listener, Source};
use crate::notice::Notice;
use crate::origin::Origin;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::sys::epoll::Interest;
use crate::sys::socket::{self, Peer};
use crate::timers::Class;
use crate::transport::Transport;

/// The most connections taken for one event of a listener nobody else listens on.
const MAX_BATCH: u32 = 64;
/// How long accepting pauses when the system is short of descriptors.
const SHORTAGE_PAUSE_MS: u64 = 500;
/// How often what is shared with siblings is registered anew.
const RENEWAL_MS: u64 = 1000;
/// How many idle connections are looked at to make room for a new one; some turn out to have a request.
const MAX_EVICTIONS: u32 = 8;
/// By how many connections a worker may be ahead of an idle sibling before it passes new ones on.
const IMBALANCE: u64 = 2;

impl<H: Host> Reactor<H> {
    /// Listen on these sockets, and on the queue in which siblings hand connections over.
    pub fn open(&mut self, listeners: Vec<Listener>, handover: Option<(OwnedFd, OwnedFd)>) -> std::io::Result<()> {
        self.listeners = listeners;
        self.handover = handover;
        self.queue.renewed_ms = self.now_ms;
        self.queue.spare = self.handover.as_ref().and_then(|(receiver, _)| receiver.try_clone().ok());
        if let Some((receiver, _)) = &self.handover {
            // What is the same for all who share it, and for nobody else.
            self.board.set(Word::Queue, File::from(receiver.try_clone()?).metadata()?.ino());
        }
        self.open_queue()?;
        self.start_accepting()
    }

    fn start_accepting(&mut self) -> std::io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            let id = ConnId { slot: index as u32, generation: LISTENER_GENERATION };
            self.epoll.add(listener.fd.as_fd(), id.token(), Interest::SharedRead)?;
        }
        self.accepting = true;
        Ok(())
    }

    pub(crate) fn pause_accepting(&mut self) {
        for listener in &self.listeners {
            // A listener that is not registered is what we want.
            let _ = self.epoll.remove(listener.fd.as_fd());
        }
        self.accepting = false;
    }

    /// Whether there is anything to be done about what is listened on.
    #[inline]
    pub(crate) fn must_tend_listening(&self) -> bool {
        !self.draining && (!(self.accepting && self.queue.open) || self.must_renew_listening())
    }

    #[inline]
    fn must_renew_listening(&self) -> bool {
        self.handover.is_some() && self.now_ms >= self.queue.renewed_ms + RENEWAL_MS
    }

    /// Listen again when what made us pause has gone.
    pub(crate) fn retry_accepting(&mut self) {
        if self.accepting && self.queue.open
            || self.draining
            || self.intake != Intake::Open
            || self.shortage_until_ms.is_some_and(|at| at > self.now_ms)
        {
            return;
        }
        // A moment that has passed is forgotten, or it would be waited for again and again.
        self.shortage_until_ms = None;
        let opened = self.open_queue();
        let started = if self.accepting || !self.has_room() { Ok(()) } else { self.start_accepting() };
        if opened.and(started).is_err() {
            self.stop_listening();
        }
    }

    /// Accept nothing for the time being, or again. Whoever is connected is served in any case.
    pub fn hold_off(&mut self, is_held: bool) {
        if self.intake == Intake::Shut {
            return;
        }
        self.intake = if is_held { Intake::Held } else { Intake::Open };
        if is_held {
            self.pause_accepting();
        } else {
            self.retry_accepting();
        }
    }

    /// Register anew what siblings listen on too. The kernel wakes one worker for a connection, and it is that one's
    /// from then on: if it dies first, or has just become full, nobody else is told, however long the connection waits.
    pub(crate) fn renew_listening(&mut self) {
        if self.draining || !self.must_renew_listening() {
            return;
        }
        self.queue.renewed_ms = self.now_ms;
        if self.queue.open {
            self.close_queue();
        }
        if self.accepting {
            self.pause_accepting();
        }
        self.retry_accepting();
    }

    fn stop_listening(&mut self) {
        self.pause_accepting();
        self.close_queue();
        self.shortage_until_ms = Some(self.now_ms + SHORTAGE_PAUSE_MS);
    }

    /// Take connections until one brings a whole request, the batch is used up, or none is waiting.
    pub(crate) fn go_on_accepting(&mut self, mut accepting: Accepting, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if let Source::Listener(index) = accepting.source
            && accepting.left == 0
        {
            // Where siblings wait they are to get their share; where none does, nobody would take newcomers sooner.
            let shared = self.board.idle_siblings(self.now_ms) > 0;
            // An event fetched before the listeners were closed finds none.
            let batch = self.listeners.get(usize::from(index)).map_or(0, |listener| listener.batch);
            accepting.left = if shared { batch.min(1) } else { batch };
        }
        while accepting.left > 0 {
            accepting.left -= 1;
            let request = match accepting.source {
                Source::Listener(index) => self.accept_one(index, &mut accepting, desk, mode),
                Source::Siblings => self.receive_from_sibling(desk, mode),
            };
            if request.is_some() {
                if accepting.left > 0 {
                    desk.accepting = Some(accepting);
                }
                return request;
            }
        }
        None
    }

    fn accept_one(&mut self, index: u16, accepting: &mut Accepting, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if self.accepting && !self.has_room() {
            // Whoever only waited when the last one came has become busy since.
            self.pause_accepting();
        }
        if !self.accepting {
            accepting.left = 0;
            return None;
        }
        let listener = &mut self.listeners[index as usize];
        match socket::accept(listener.fd.as_fd()) {
            Ok((fd, peer)) => {
                if accepting.left == 0 {
                    listener.batch = (listener.batch * 2).min(MAX_BATCH);
                }
                if self.shortage_told {
                    self.shortage_told = false;
                    self.tell(Notice::AcceptResumed);
                }
                self.newcomers.last_ms = self.now_ms;
                self.board.add(Word::Accepted, 1);
                self.welcome(fd, peer, index, desk, mode)
            }
            Err(error) => {
                // As many as there were this time.
                listener.batch = listener.batch.saturating_sub(accepting.left + 1).max(1);
                accepting.left = 0;
                // Anything else is about one connection that has already gone away (accept(2), "Error handling").
                if error.kind() != ErrorKind::WouldBlock && socket::is_shortage(&error) {
                    self.pause_for_shortage(&error);
                }
                None
            }
        }
    }

    /// Whether another connection may be accepted: below the cap, or in the place of one that only waits.
    pub(crate) fn has_room(&self) -> bool {
        self.connections() < self.settings.worker_connections || self.least_worth().is_some()
    }

    /// The connection whose place a new one deserves more: it waits for its next request, or we for its end.
    fn least_worth(&self) -> Option<(ConnId, Class)> {
        let waiting = |class| Some((self.table.id_of(self.timers.oldest(class)?)?, class));
        waiting(Class::Idle).or_else(|| waiting(Class::Linger)).or_else(|| waiting(Class::Warm))
    }

    /// At the cap, let go of whoever has to give way.
    pub(crate) fn make_room(&mut self, desk: &mut Desk) {
        for _ in 0..MAX_EVICTIONS {
            if self.connections() < self.settings.worker_connections {
                return;
            }
            let Some((id, class)) = self.least_worth() else { return };
            if class == Class::Linger || self.still_waits(id, desk) {
                self.close(id);
            }
        }
    }

    pub(crate) fn pause_for_shortage(&mut self, error: &std::io::Error) {
        self.stop_listening();
        if !self.shortage_told {
            self.shortage_told = true;
            self.tell(Notice::AcceptPaused { why: error.to_string() });
        }
    }

    pub(crate) fn welcome(&mut self, fd: OwnedFd, peer: Peer, listener: u16, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        if self.handover.is_some() && self.is_ahead() && self.pass_on(fd.as_fd(), &Origin::new(peer, listener), &[]) {
            self.queue.passed_on_ms = self.now_ms;
            return None;
        }
        self.make_room(desk);
        let connection = self.connection(fd, Origin::new(peer, listener))?;
        let id = self.admit(connection);
        // With TCP_DEFER_ACCEPT the request is there already: serving it now may save the registration.
        self.read_first(id, desk, mode)
    }

    /// A connection that has not begun. `None`: its TLS session cannot be made, for want of memory or randomness.
    pub(crate) fn connection(&self, fd: OwnedFd, origin: Origin) -> Option<Connection<H>> {
        let is_secure = self.listeners.get(usize::from(origin.listener)).is_some_and(|listener| listener.is_secure);
        let transport = match self.tls.as_ref().filter(|_| is_secure) {
            Some(tls) => Transport::secure(fd, tls.session(self.now_ms)?),
            None => Transport::plain(fd),
        };
        Some(Connection { proxied: origin.proxied, ..Connection::new(transport, origin.peer, origin.listener) })
    }

    /// Whether an idle sibling has clearly fewer connections.
    pub(crate) fn is_ahead(&self) -> bool {
        let ours = self.connections() as u64;
        self.board.least_connections_of_idle(self.now_ms).is_some_and(|least| ours > least + IMBALANCE)
    }

    /// Take a connection in. At the cap no more are accepted until there is room.
    pub(crate) fn admit(&mut self, connection: Connection<H>) -> ConnId {
        let id = self.insert(connection);
        if self.accepting && !self.has_room() {
            self.pause_accepting();
        }
        id
    }
}
