//! A worker as the binding builds it, with a closure for an application.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use longma_engine::body::Body;
use longma_engine::connection::ConnId;
use longma_engine::listener::Listener;
use longma_engine::notice::Notice;
use longma_engine::reactor::Reactor;
use longma_engine::request::{Repeat, Request};
use longma_engine::settings::Settings;
use longma_engine::shared::Shared;
use longma_engine::sys::board::{Board, Word, WorkerState};
use longma_engine::sys::epoll::Epoll;
use longma_engine::{Cut, Desk, leader, standby};

use super::host::{Block, Fake, Ledger, letting_go};
use super::sockets::{self, Address};
use super::{PATIENCE, deadline};

/// The longest wait of a turn, so that a test's own conditions are looked at.
const TURN_MS: i32 = 5;

/// Where a body was when the application got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    Desk,
    Memory,
    Buffer,
    File,
}

/// One request, as the application sees it.
pub struct Call {
    pub id: ConnId,
    pub shared: Arc<Shared<Fake>>,
    pub ledger: Ledger,
    pub line: String,
    pub head: Vec<u8>,
    pub repeat: Repeat,
    pub body: Vec<u8>,
    pub place: Place,
    /// How many requests the connection has brought, as far as is remembered.
    pub requests: u32,
}

impl Call {
    pub fn block(&self, bytes: Vec<u8>) -> Block {
        Block::new(bytes, &self.ledger)
    }

    pub fn reactor(&self) -> MutexGuard<'_, Reactor<Fake>> {
        self.shared.lock()
    }
}

/// What the application answers.
pub enum Reply {
    /// These bytes.
    Send(Vec<u8>),
    /// These bytes, and they may wait for others' company.
    Soon(Vec<u8>),
    /// A head and blocks.
    Blocks(Vec<u8>, Vec<Block>),
    /// A head and a part of a file.
    File(Vec<u8>, File, u64, u64),
    /// Everything has been sent already.
    Sent,
    /// As `Send`, and the connection ends.
    Last(Vec<u8>),
    /// It failed after its head had been sent.
    Cut(Cut),
}

/// A whole answer.
pub fn ok(body: &[u8]) -> Reply {
    Reply::Send(ok_bytes(body))
}

/// The head of an answer with a body of `length` bytes.
pub fn ok_head(length: u64) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

pub fn ok_bytes(body: &[u8]) -> Vec<u8> {
    let mut bytes = ok_head(body.len() as u64);
    bytes.extend_from_slice(body);
    bytes
}

/// An application that is not to be called.
pub fn nothing(call: Call) -> Reply {
    panic!("a request that was not expected: {}", call.line)
}

/// The leader of one worker.
pub struct Worker {
    pub shared: Arc<Shared<Fake>>,
    pub desk: Desk,
    pub ledger: Ledger,
    pub notices: Vec<Notice>,
}

impl Worker {
    pub fn new(settings: Settings, listeners: Vec<OwnedFd>, handover: Option<(OwnedFd, OwnedFd)>, board: Board) -> Self {
        let mut reactor = Reactor::new(settings, Arc::new(Epoll::new().unwrap()), Arc::new(board), None);
        reactor.open(listeners.into_iter().map(|fd| Listener::new(fd, false)).collect(), handover).unwrap();
        let ledger = Ledger::default();
        Self { shared: Arc::new(Shared::new(reactor)), desk: Desk::default(), ledger, notices: Vec::new() }
    }

    /// A worker without siblings.
    pub fn alone(settings: Settings, listener: OwnedFd) -> Self {
        Self::new(settings, vec![listener], None, Board::in_process(1).remove(0))
    }

    pub fn tcp(settings: Settings) -> (Self, Address) {
        let (listener, address) = sockets::tcp();
        (Self::alone(settings, listener), address)
    }

    pub fn unix(settings: Settings) -> (Self, Address) {
        let (listener, address) = sockets::unix();
        (Self::alone(settings, listener), address)
    }

    /// Wait for events, at most `longest_ms`.
    pub fn wait(&mut self, longest_ms: i32) {
        let patience = leader::patience(&self.shared.lock(), &self.desk).min(longest_ms);
        leader::wait(&self.shared, &mut self.desk, patience).unwrap();
    }

    /// Serve what the last wait has brought.
    pub fn serve(&mut self, application: &mut impl FnMut(Call) -> Reply) {
        self.ledger.use_in_this_thread();
        let shared = Arc::clone(&self.shared);
        let mut reactor = shared.lock();
        reactor.update_time();
        leader::beat(&shared, WorkerState::Active);
        while let Some(request) = reactor.next_request(&mut self.desk) {
            reactor = self.exchange(&shared, reactor, request, application);
        }
        reactor.flush_batch();
        reactor.expire(&mut self.desk);
        if shared.is_stopping() {
            reactor.begin_draining(&mut self.desk);
        }
        let remains = reactor.take_remains();
        self.notices.extend(reactor.take_notices());
        drop(reactor);
        letting_go(|| drop(remains));
        leader::beat(&shared, WorkerState::Idle);
    }

    /// One turn: wait, and serve.
    pub fn turn(&mut self, application: &mut impl FnMut(Call) -> Reply) {
        self.wait(TURN_MS);
        self.serve(application);
    }

    /// Take turns until `done`.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut application: impl FnMut(Call) -> Reply, mut done: impl FnMut(&mut Self) -> bool) {
        let until = deadline();
        while !done(self) {
            assert!(Instant::now() < until, "no {what} within {PATIENCE:?}");
            self.turn(&mut application);
        }
    }

    pub fn connections(&self) -> usize {
        self.shared.lock().connections()
    }

    /// Answers completed so far.
    pub fn requests(&self) -> u64 {
        self.shared.board.get(Word::Requests)
    }

    /// Take turns in which nothing is to be served, until `count` connections are left.
    #[track_caller]
    pub fn until_connections(&mut self, count: usize) {
        self.until("such number of connections", nothing, |worker| worker.connections() == count);
    }

    /// Serve until `count` connections are left.
    #[track_caller]
    pub fn until_connections_while(&mut self, count: usize, application: impl FnMut(Call) -> Reply) {
        self.until("such number of connections", application, |worker| worker.connections() == count);
    }

    /// Serve until `count` answers are complete.
    #[track_caller]
    pub fn until_requests(&mut self, count: u64, application: impl FnMut(Call) -> Reply) {
        self.until("answer", application, |worker| worker.requests() >= count);
    }

    /// Serve until `count` answers are complete, doing something else between the turns.
    #[track_caller]
    pub fn until_requests_while(&mut self, count: u64, application: impl FnMut(Call) -> Reply, mut meanwhile: impl FnMut()) {
        self.until("answer", application, |worker| {
            meanwhile();
            worker.requests() >= count
        });
    }

    fn exchange<'a>(
        &mut self,
        shared: &'a Arc<Shared<Fake>>,
        mut reactor: MutexGuard<'a, Reactor<Fake>>,
        request: Request<Fake>,
        application: &mut impl FnMut(Call) -> Reply,
    ) -> MutexGuard<'a, Reactor<Fake>> {
        let Request { id, repeat, body, .. } = request;
        let (bytes, head) = self.desk.head();
        let keep_alive = head.keep_alive() && !reactor.is_draining() && reactor.keeps_alive();
        let patient = self.desk.has_more() && keep_alive;
        let (place, body) = read(body, bytes);
        let memo = reactor.memo(id).unwrap();
        if memo.requests == 0 {
            memo.lent = self.ledger.lend();
        }
        memo.requests += 1;
        let call = Call {
            id,
            shared: Arc::clone(shared),
            ledger: self.ledger.clone(),
            line: String::from_utf8_lossy(&bytes[..head.fields_at()]).trim_end().to_owned(),
            head: bytes[..head.head_len()].to_vec(),
            repeat,
            body,
            place,
            requests: memo.requests,
        };
        drop(reactor);
        shared.enter(0);
        let reply = application(call);
        shared.leave(0);
        let mut reactor = shared.lock();
        reactor.update_time();
        answer(&mut reactor, id, reply, keep_alive && !shared.is_stopping(), patient);
        reactor
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // What is left is dropped with the reactor, by whoever has it last: here, unless a test has kept a call.
        let remains = self.shared.lock().take_remains();
        let shared = std::mem::replace(&mut self.shared, nobody());
        letting_go(|| drop((remains, shared)));
    }
}

/// A reactor without connections.
fn nobody() -> Arc<Shared<Fake>> {
    let epoll = Arc::new(Epoll::new().unwrap());
    Arc::new(Shared::new(Reactor::new(Settings::default(), epoll, Arc::new(Board::in_process(1).remove(0)), None)))
}

fn read(body: Body<Fake>, desk: &[u8]) -> (Place, Vec<u8>) {
    match body {
        Body::Empty => (Place::Nowhere, Vec::new()),
        Body::Inline(range) => (Place::Desk, desk[range].to_vec()),
        Body::Memory(bytes) => (Place::Memory, bytes),
        Body::Buffer(buffer) => {
            let bytes = buffer.bytes().to_vec();
            letting_go(|| drop(buffer));
            (Place::Buffer, bytes)
        }
        Body::File(file, length) => {
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(file.metadata().unwrap().len(), length);
            (Place::File, bytes)
        }
    }
}

fn answer(reactor: &mut Reactor<Fake>, id: ConnId, reply: Reply, keep_alive: bool, patient: bool) {
    match reply {
        Reply::Soon(bytes) if patient => {
            reactor.send_soon(id, &bytes);
            reactor.finish_soon(id, keep_alive);
        }
        Reply::Send(bytes) | Reply::Soon(bytes) => {
            reactor.send(id, &bytes, !keep_alive);
            reactor.finish_soon(id, keep_alive);
        }
        Reply::Last(bytes) => {
            reactor.send(id, &bytes, true);
            reactor.finish(id, false);
        }
        Reply::Blocks(head, blocks) => {
            reactor.send_blocks(id, &head, blocks, !keep_alive);
            reactor.finish(id, keep_alive);
        }
        Reply::File(head, file, offset, count) => {
            reactor.send_file(id, &head, file, offset, count);
            reactor.finish(id, keep_alive);
        }
        Reply::Sent => reactor.finish(id, keep_alive),
        Reply::Cut(cut) => reactor.cut(id, cut),
    }
}

/// A worker in a thread of its own, with its standby thread.
pub struct Running {
    pub shared: Arc<Shared<Fake>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Worker>>,
    standby: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(mut worker: Worker, mut application: impl FnMut(Call) -> Reply + Send + 'static) -> Self {
        let shared = Arc::clone(&worker.shared);
        let standby = standby::start(Arc::clone(&shared)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                worker.turn(&mut application);
            }
            worker
        });
        Self { shared, stop, thread: Some(thread), standby: Some(standby) }
    }

    /// Let it come to its end, and have the worker back.
    pub fn stop(mut self) -> Worker {
        self.stop.store(true, Ordering::SeqCst);
        let worker = self.thread.take().unwrap().join().unwrap();
        self.shared.end();
        self.standby.take().unwrap().join().unwrap();
        // Ours must not be the last reference: what the reactor holds is the host's to drop.
        worker
    }
}

impl Running {
    /// Wait until `done`.
    #[track_caller]
    pub fn until(&self, what: &str, mut done: impl FnMut(&mut Reactor<Fake>) -> bool) {
        let until = deadline();
        while !done(&mut self.shared.lock()) {
            assert!(Instant::now() < until, "no {what} within {PATIENCE:?}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.shared.end();
    }
}
