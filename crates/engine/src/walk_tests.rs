//! Random walks: clients that do anything, an application that answers in any way, anybody driving, time passing. After
//! each step every connection waits for something that will come, and the books are right. In the end nobody is left.

mod requests;
mod steps;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use longma_proto::proxy::Versions;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult};
use requests::{headers, requests};
use steps::{Reply, Step, step};

use crate::access::{AccessLog, Outcome, Record, Style};
use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::gateway::Protocol;
use crate::gathered::Gathered;
use crate::outlets::Outlets;
use crate::own;
use crate::proxied::ProxyProtocol;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::settings::Settings;
use crate::sys::board::{Board, Word};
use crate::sys::epoll::Epoll;
use crate::testing::Plain;
use crate::timers::Class;
use crate::trusted::TrustedPeers;
use crate::writing::Cut;

const CLIENTS: usize = 4;
/// How much of a file is sent, this program's own.
const FILE_BYTES: u64 = 300_000;
/// In how many turns at most the last pile of pipelined requests is answered, a few of them each, and the timers end.
const MOST_TURNS: u32 = 2000;

/// What the clients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// They speak HTTP.
    Browsers,
    /// One of them does, the others hand requests over, each by a protocol of its own.
    WebServers,
    /// As those, and each says first for whom it does.
    Proxies,
}

impl Kind {
    fn protocols(self) -> [Protocol; CLIENTS] {
        match self {
            Self::Browsers => [Protocol::Http; CLIENTS],
            _ => [Protocol::Uwsgi, Protocol::FastCgi, Protocol::Scgi, Protocol::Http],
        }
    }
}

/// What comes after the walk.
#[derive(Clone, Copy, Debug)]
enum End {
    ClientsGo,
    ClientsFallSilent,
    Drain,
}

fn end() -> impl Strategy<Value = End> {
    prop::sample::select(vec![End::ClientsGo, End::ClientsFallSilent, End::Drain])
}

struct Client {
    socket: UnixStream,
    wants: VecDeque<u8>,
}

struct Walk {
    reactor: Reactor<Plain>,
    leader: Desk,
    aside: Desk,
    clients: [Option<Client>; CLIENTS],
    /// What each of them may want sent, and may say first.
    requests: [Vec<Vec<u8>>; CLIENTS],
    headers: Vec<Vec<u8>>,
    file: Arc<File>,
    /// How many requests the application has answered.
    answered: usize,
}

impl Walk {
    fn new(kind: Kind) -> Self {
        let proxy_protocol =
            (kind == Kind::Proxies).then(|| ProxyProtocol { versions: Versions::Both, allowed: TrustedPeers::default() });
        let settings = Settings {
            limit_request_body: 100_000,
            body_buffer_size: 2000,
            response_buffer_size: 50_000,
            worker_connections: CLIENTS - 1,
            gateway_peers: TrustedPeers::parse(["*"]).unwrap(),
            proxy_protocol,
            own: own::Settings { health_path: b"/-/health".to_vec(), ..own::Settings::default() },
            ..Settings::default()
        };
        let mut outlets = Outlets::default();
        outlets.add_file(Path::new("/dev/null")).unwrap();
        let log = AccessLog::new(outlets, Style::Plain("%({told}o)s %(s)s"));
        let mut reactor =
            Reactor::new(settings, Arc::new(Epoll::new().unwrap()), Arc::new(Board::in_process(1).remove(0)), Some(log));
        reactor.open(Vec::new(), None).unwrap();
        reactor.speak(kind.protocols().to_vec());
        Self {
            reactor,
            leader: Desk::default(),
            aside: Desk::default(),
            clients: Default::default(),
            requests: kind.protocols().map(requests),
            headers: if kind == Kind::Proxies { headers() } else { vec![Vec::new()] },
            file: Arc::new(File::open(std::env::current_exe().unwrap()).unwrap()),
            answered: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Ask(who, what) => {
                self.connect(*who, *what);
                let requests = &self.requests[*who];
                if let Some(client) = &mut self.clients[*who] {
                    client.wants.extend(&requests[what % requests.len()]);
                }
            }
            Step::Send(who, count) => self.send(*who, *count),
            Step::Read(who, count) => {
                // Whatever there is, if anything.
                let read = self.clients[*who].as_mut().map(|client| client.socket.read(&mut vec![0; *count]));
                if matches!(read, Some(Ok(0))) {
                    self.clients[*who] = None;
                }
            }
            Step::HalfClose(who) => {
                if let Some(client) = &self.clients[*who] {
                    let _ = client.socket.shutdown(std::net::Shutdown::Write);
                }
            }
            Step::Close(who) => self.clients[*who] = None,
            Step::Turn(replies) => self.turn(replies),
            Step::Aside => self.drive_aside(),
            Step::Pass(milliseconds) => {
                self.reactor.now_ms += milliseconds;
                self.reactor.expire(&mut self.leader);
            }
        }
    }

    fn connect(&mut self, who: usize, what: usize) {
        if self.clients[who].is_some() || !self.reactor.has_room() {
            return;
        }
        let (client, ours) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        let wants = VecDeque::from(self.headers[what % self.headers.len()].clone());
        self.clients[who] = Some(Client { socket: client, wants });
        assert!(self.reactor.welcome(ours.into(), None, who as u16, &mut self.leader, Mode::Direct).is_none());
    }

    fn send(&mut self, who: usize, count: usize) {
        let Some(client) = &mut self.clients[who] else { return };
        client.wants.make_contiguous();
        let (bytes, _) = client.wants.as_slices();
        match client.socket.write(&bytes[..count.min(bytes.len())]) {
            Ok(sent) => drop(client.wants.drain(..sent)),
            Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::BrokenPipe), "{error}"),
        }
    }

    fn turn(&mut self, replies: &[Reply]) {
        self.reactor.epoll.wait(&mut self.leader.events, 0).unwrap();
        let mut replies = replies.iter().cycle();
        while let Some(request) = self.reactor.next_request(&mut self.leader) {
            let Request { id, body, .. } = request;
            drop(body);
            let (_, head) = self.leader.head();
            let keep_alive = head.keep_alive();
            self.check(Some(id));
            self.answer(id, *replies.next().unwrap(), keep_alive);
        }
        self.reactor.flush_batch();
        self.reactor.expire(&mut self.leader);
        self.reactor.take_remains();
        self.reactor.take_notices();
    }

    /// Write the request down whose answer has been handed over.
    fn log(&mut self, id: ConnId) {
        self.answered += 1;
        let (bytes, head) = self.leader.head();
        let response_head = b"HTTP/1.1 200 OK\r\nTold: answered\r\n\r\n";
        let outcome = Outcome { status: Some(*b"200"), ..Outcome::default() };
        let environ = &mut |_: &str, _: &mut Vec<u8>| false;
        self.reactor.log_access(id, &mut Record { peer: None, bytes, head, response_head, environ, outcome });
    }

    /// Every request that was answered has one line by the time its connection is gone.
    fn check_log(&mut self) {
        let mut gathered = Gathered::default();
        self.reactor.take_gathered(&mut gathered);
        let text = String::from_utf8(gathered.lines).unwrap();
        let told = text.lines().filter(|line| line.starts_with("answered ")).count();
        assert_eq!(told, self.answered, "{text}");
        for line in text.lines() {
            let (kind, status) = line.split_once(' ').unwrap();
            let possible: &[&str] = match kind {
                "answered" => &["200", "408", "499"],
                _ => &["200", "400", "403", "405", "408", "413", "431", "499"],
            };
            assert!(possible.contains(&status), "{line}");
        }
    }

    fn answer(&mut self, id: ConnId, reply: Reply, keep_alive: bool) {
        let reactor = &mut self.reactor;
        match reply {
            Reply::Small => reactor.send_rest(id, b"HTTP/1.1 204 No Content\r\n\r\n", !keep_alive),
            Reply::Soon => {
                reactor.send_soon(id, b"HTTP/1.1 204 No Content\r\n\r\n");
                self.log(id);
                return self.reactor.finish_soon(id, keep_alive);
            }
            Reply::File => reactor.send_file(id, b"HTTP/1.1 200 OK\r\n\r\n", Arc::clone(&self.file), 0, FILE_BYTES),
            Reply::Large => reactor.send(id, &[b'x'; 500_000], !keep_alive),
            Reply::Blocks => reactor.send_blocks(id, b"head", vec![vec![b'x'; 150_000]; 3], !keep_alive),
            Reply::Closing => {
                reactor.send(id, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", true);
                self.log(id);
                return self.reactor.finish(id, false);
            }
            Reply::Streamed | Reply::Cut => {
                for _ in 0..20 {
                    self.reactor.stream(id, &[b'x'; 15_000]);
                    self.drive_aside();
                    self.check(Some(id));
                }
            }
        }
        self.log(id);
        if matches!(reply, Reply::Cut) { self.reactor.cut(id, Cut::Seen) } else { self.reactor.finish(id, keep_alive) }
    }

    fn drive_aside(&mut self) {
        self.reactor.epoll.wait(&mut self.aside.events, 0).unwrap();
        self.reactor.handle_events_aside(&mut self.aside);
        self.reactor.expire(&mut self.aside);
        self.reactor.flush_batch();
        self.reactor.flush_streams();
    }

    /// Every connection waits for what will come. `called`: the one that the application answers now.
    fn check(&mut self, called: Option<ConnId>) {
        for id in self.reactor.table.ids() {
            let timer = self.reactor.timers.class_of(id.slot);
            let held_back = self.reactor.batch.entries.iter().any(|entry| entry.id == id);
            let is_queued = self.reactor.ready.contains(&id);
            let is_postponed = self.reactor.own.as_ref().is_some_and(|own| own.postponed.contains(&id));
            let connection = self.reactor.table.get(id).unwrap();
            let found = (connection.watch, timer, connection.has_output());
            let is_right = match connection.state {
                State::Handshake | State::Preface | State::Streams => false,
                State::Idle if self.reactor.draining => found == (Watch::Read, Some(Class::Parting), false),
                State::Idle => matches!(found, (Watch::Read, Some(Class::Head | Class::Warm | Class::Idle), false)),
                State::Head if is_postponed => {
                    timer == Some(Class::Head) && !connection.has_output() && connection.input.is_some()
                }
                State::Proxy => matches!(found, (Watch::Read, Some(Class::Head | Class::Parting), false)),
                State::Head => found == (Watch::Read, Some(Class::Head), false) && connection.input.is_some(),
                State::Body => found == (Watch::Read, Some(Class::Body), false) && connection.body.is_some(),
                State::Queued => timer.is_none() && !connection.has_output() && is_queued,
                State::Serving => {
                    let stuck = (Watch::Write, Some(Class::Write), true);
                    (called == Some(id) || held_back) && (timer.is_none() && connection.watch != Watch::Write || found == stuck)
                }
                State::Writing => found == (Watch::Write, Some(Class::Write), true),
                State::Lingering => found == (Watch::Read, Some(Class::Linger), false),
                State::Delivering => matches!(found, (Watch::Read | Watch::Nothing, Some(Class::Write), false)),
            };
            assert!(is_right, "{:?} with {found:?}", connection.state);
        }
        self.check_books();
    }

    fn check_books(&mut self) {
        let (mut body_memory, mut head_memory, mut caches, mut output_memory) = (0, 0, 0, 0);
        for id in self.reactor.table.ids() {
            let connection = self.reactor.table.get(id).unwrap();
            body_memory += connection.body.as_ref().map_or(0, |body| body.reserved);
            head_memory += [&connection.input, &connection.next].into_iter().flatten().map(|input| input.counted).sum::<usize>();
            caches += usize::from(connection.cache.is_some());
            output_memory += connection.output.as_ref().map_or(0, |output| output.counted);
        }
        head_memory += self.leader.held.as_ref().map_or(0, |input| input.counted);
        let found = (self.reactor.body_memory, self.reactor.head_memory, self.reactor.caches);
        assert_eq!(found, (body_memory, head_memory, caches));
        assert_eq!(self.reactor.output_memory, output_memory);
        assert_eq!(self.reactor.board.get(Word::Connections), self.reactor.connections() as u64);
        // One more where those that were to make room turned out to have a request.
        assert!(self.reactor.connections() <= self.reactor.settings.worker_connections + 1);
        assert!(self.reactor.accepting || self.reactor.draining || !self.reactor.has_room());
    }
}

/// Every connection waits for what will come, and comes to its end.
fn walk(kind: Kind, steps: &[Step], end: End) -> TestCaseResult {
    let mut walk = Walk::new(kind);
    for step in steps {
        walk.step(step);
        walk.check(None);
    }
    match end {
        End::ClientsGo => walk.clients = Default::default(),
        End::ClientsFallSilent => {}
        End::Drain => walk.reactor.begin_draining(&mut walk.leader),
    }
    walk.check(None);
    for _ in 0..MOST_TURNS {
        walk.step(&Step::Turn(vec![Reply::Small]));
        walk.step(&Step::Pass(16_000));
        if walk.reactor.connections() == 0 {
            break;
        }
    }
    walk.check(None);
    prop_assert_eq!(walk.reactor.connections(), 0);
    walk.check_log();
    Ok(())
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn every_connection_comes_to_its_end(steps in vec(step(), 50..250), end in end()) {
        walk(Kind::Browsers, &steps, end)?;
    }

    #[test]
    fn so_does_that_of_a_web_server(steps in vec(step(), 50..250), end in end()) {
        walk(Kind::WebServers, &steps, end)?;
    }

    #[test]
    fn and_that_of_a_proxy(steps in vec(step(), 50..250), end in end()) {
        walk(Kind::Proxies, &steps, end)?;
    }
}

#[test]
fn what_begins_like_a_proxy_header_and_is_a_request_has_its_time_to_come_also_while_draining() {
    let headers = headers();
    let beginning = headers.iter().position(|header| header == b"PRO").unwrap();
    let steps = [Step::Ask(3, beginning), Step::Send(3, 2), Step::Turn(vec![Reply::Small]), Step::Send(3, 10)];
    walk(Kind::Proxies, &steps, End::Drain).unwrap();
}
