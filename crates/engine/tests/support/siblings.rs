//! Several workers in one process: a queue between them, a board for all, and calls that last until a test ends them.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};

use longma_engine::leader;
use longma_engine::settings::Settings;
use longma_engine::sys::board::{Board, WorkerState};
use longma_engine::sys::pass;

use super::PATIENCE;
use super::client::Client;
use super::sockets::Address;
use super::worker::{Call, Reply, Running, Worker, ok};

/// What workers have in common.
pub struct Family {
    boards: Vec<Board>,
    queue: (OwnedFd, OwnedFd),
}

impl Family {
    pub fn of(workers: usize) -> Self {
        let mut boards = Board::in_process(workers);
        boards.reverse();
        Self { boards, queue: pass::queue().unwrap() }
    }

    /// The next worker. One without listeners is told of connections by its siblings alone.
    pub fn worker(&mut self, settings: Settings, listeners: &[&OwnedFd]) -> Worker {
        let copy = |fd: &OwnedFd| fd.try_clone().unwrap();
        let listeners = listeners.iter().map(|fd| copy(fd)).collect();
        let queue = (copy(&self.queue.0), copy(&self.queue.1));
        let worker = Worker::new(settings, listeners, Some(queue), self.boards.pop().unwrap());
        leader::beat(&worker.shared, WorkerState::Idle);
        worker
    }
}

/// A worker whose application is in a call until it is let go.
pub struct Busy {
    pub running: Running,
    client: Client,
    go_on: Sender<()>,
}

impl Busy {
    /// Start the worker and occupy it. It answers everything with the request line and its name.
    pub fn start(worker: Worker, name: &'static str, address: &Address) -> Self {
        let (busy, is_busy) = channel();
        let (go_on, may_go_on) = channel();
        let running = Running::start(worker, application(name, busy, may_go_on));
        let mut client = Client::connect(address);
        client.get("/occupy");
        is_busy.recv_timeout(PATIENCE).unwrap();
        Self { running, client, go_on }
    }

    /// The call ends.
    pub fn let_go(&mut self) {
        self.go_on.send(()).unwrap();
        assert!(self.client.answer().text().contains("/occupy"));
    }
}

fn application(name: &'static str, busy: Sender<()>, may_go_on: Receiver<()>) -> impl FnMut(Call) -> Reply + Send + 'static {
    move |call| {
        if call.line.contains("/occupy") {
            busy.send(()).unwrap();
            may_go_on.recv_timeout(PATIENCE).unwrap();
        }
        told_by(name, &call)
    }
}

/// Who has served what.
pub fn told_by(name: &str, call: &Call) -> Reply {
    ok(format!("{name}: {} {}", call.line, call.body.len()).as_bytes())
}
