//! A reactor that speaks TLS with a real client: bytes split anywhere, sockets that are full, answers of every kind.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::certificate::{Pair, Text, certificates};
use super::tickets::TicketKeys;
use super::{ClientAuth, Tls, Wanted, suites};
use crate::body::Body;
use crate::connection::ConnId;
use crate::desk::Desk;
use crate::listener::Listener;
use crate::origin::Origin;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::settings::Settings;
use crate::sys::board::Board;
use crate::sys::epoll::Epoll;
use crate::sys::socket;
use crate::testing::Plain;

fn pem() -> Text {
    Text { file: "localhost.pem".into(), pem: include_bytes!("../../tests/data/localhost.pem").to_vec() }
}

fn server() -> Arc<Tls> {
    let wanted = Wanted {
        pairs: vec![Pair { chain: pem(), key: None, password: None }],
        client_auth: ClientAuth::None,
        authorities: None,
        suites: suites::names().map(str::to_owned).collect(),
        least_version: 12,
        most_version: 13,
        protocols: vec![b"http/1.1".to_vec()],
        resumes: true,
        curve: String::new(),
    };
    let (tls, warnings) = Tls::new(&wanted, TicketKeys::new().unwrap()).unwrap();
    assert!(warnings.is_empty());
    Arc::new(tls)
}

fn client(version: u8) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(certificates("test", &pem()).unwrap().remove(0)).unwrap();
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_protocol_versions(suites::versions(version, version))
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    connection.set_buffer_limit(None);
    connection
}

/// How an answer is given.
#[derive(Clone, Copy, Debug)]
enum Way {
    Bytes,
    Blocks,
    File,
    Streamed,
}

/// A server, and a client whose bytes arrive in pieces.
struct Conversation {
    reactor: Reactor<Plain>,
    desk: Desk,
    socket: UnixStream,
    client: ClientConnection,
    pieces: VecDeque<usize>,
    heard: Vec<u8>,
    bodies: Vec<usize>,
    answers: VecDeque<(Way, usize)>,
    ended: bool,
}

impl Conversation {
    fn new(version: u8, pieces: Vec<usize>, answers: Vec<(Way, usize)>, small_buffer: bool) -> Self {
        let board = Arc::new(Board::in_process(1).remove(0));
        let settings = Settings { response_buffer_size: 64 * 1024, ..Settings::default() };
        let mut reactor = Reactor::new(settings, Arc::new(Epoll::new().unwrap()), board, None);
        reactor.set_tls(server());
        let unused = TcpListener::bind("127.0.0.1:0").unwrap();
        unused.set_nonblocking(true).unwrap();
        reactor.open(vec![Listener::new(unused.into(), true)], None).unwrap();
        let (socket, ours) = UnixStream::pair().unwrap();
        for end in [&socket, &ours] {
            end.set_nonblocking(true).unwrap();
        }
        if small_buffer {
            socket::set_send_buffer(ours.as_fd(), 4096).unwrap();
        }
        let connection = reactor.connection(ours.into(), Origin::new(None, 0)).unwrap();
        let id = reactor.insert(connection);
        let mut desk = Desk::default();
        assert!(reactor.read_first(id, &mut desk, Mode::Direct).is_none());
        Self {
            reactor,
            desk,
            socket,
            client: client(version),
            pieces: pieces.into(),
            heard: Vec::new(),
            bodies: Vec::new(),
            answers: answers.into(),
            ended: false,
        }
    }

    /// The server does what there is to do.
    fn turn(&mut self) {
        loop {
            drop(self.reactor.take_remains());
            self.reactor.epoll.wait(&mut self.desk.events, 0).unwrap();
            let mut done = !self.desk.events.has_more() && !self.reactor.has_ready();
            while let Some(request) = self.reactor.next_request(&mut self.desk) {
                done = false;
                self.answer(request);
            }
            if done || self.desk.events.filled() == 0 {
                return;
            }
        }
    }

    fn answer(&mut self, request: Request<Plain>) {
        let length = match request.body {
            Body::Empty => 0,
            Body::Inline(range) => range.len(),
            Body::Memory(bytes) => bytes.len(),
            Body::Buffer(_) | Body::File(..) => usize::MAX,
        };
        self.bodies.push(length);
        let (way, size) = self.answers.pop_front().unwrap();
        let body: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
        match way {
            Way::Bytes => self.reactor.send(request.id, &[head, body].concat(), false),
            Way::Blocks => self.reactor.send_blocks(request.id, &head, body.chunks(7000).map(<[u8]>::to_vec).collect(), false),
            Way::File => {
                let file = File::from(crate::sys::memory::anonymous_file(c"answer").unwrap());
                file.write_all_at(&body, 5).unwrap();
                self.reactor.send_file(request.id, &head, file, 5, size as u64);
            }
            Way::Streamed => self.stream(request.id, &head, &body),
        }
        self.reactor.finish(request.id, true);
    }

    fn stream(&mut self, id: ConnId, head: &[u8], body: &[u8]) {
        self.reactor.stream(id, head);
        for block in body.chunks(3000) {
            self.reactor.stream(id, block);
        }
        self.reactor.flush_streams();
    }

    /// Exchange what there is, until nothing moves.
    fn go_on(&mut self) {
        let mut is_moving = true;
        while is_moving {
            is_moving = false;
            let mut bytes = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut bytes).unwrap();
            }
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let piece = self.pieces.pop_front().unwrap_or(usize::MAX).min(rest.len());
                match self.socket.write(&rest[..piece]) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
                is_moving = true;
                self.turn();
                self.listen();
            }
            self.turn();
            is_moving |= self.listen();
        }
    }

    /// Take what the server has sent.
    fn listen(&mut self) -> bool {
        let mut came = false;
        loop {
            match self.client.read_tls(&mut &self.socket) {
                Ok(0) => {
                    self.ended = true;
                    return came;
                }
                Ok(_) => came = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return came,
                Err(error) => panic!("{error}"),
            }
            self.client.process_new_packets().unwrap();
            let mut room = [0; 1 << 16];
            while let Ok(count @ 1..) = self.client.reader().read(&mut room) {
                self.heard.extend_from_slice(&room[..count]);
            }
        }
    }
}

fn expected(answers: &[(Way, usize)]) -> Vec<u8> {
    let mut all = Vec::new();
    for (_, size) in answers {
        all.extend_from_slice(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes());
        all.extend((0..*size).map(|index| (index % 251) as u8));
    }
    all
}

fn request(body: usize) -> Vec<u8> {
    let mut bytes = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {body}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + body, b'x');
    bytes
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Bytes), Just(Way::Blocks), Just(Way::File), Just(Way::Streamed)]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn requests_and_answers_arrive_however_they_are_split(
        version in 12_u8..=13,
        pieces in vec(1_usize..3000, 0..300),
        exchanges in vec((0_usize..150_000, ways(), 0_usize..200_000), 1..6),
        together in any::<bool>(),
        small_buffer in any::<bool>(),
    ) {
        let answers: Vec<_> = exchanges.iter().map(|&(_, way, size)| (way, size)).collect();
        let mut talk = Conversation::new(version, pieces, answers.clone(), small_buffer);
        for (body, ..) in &exchanges {
            talk.client.writer().write_all(&request(*body)).unwrap();
            if !together {
                talk.go_on();
            }
        }
        talk.go_on();
        prop_assert_eq!(talk.bodies.len(), exchanges.len());
        prop_assert!(talk.heard == expected(&answers));
        prop_assert!(!talk.ended);
        prop_assert_eq!(talk.reactor.connections(), 1);
    }
}

#[test]
fn a_handshake_may_come_byte_by_byte() {
    for version in [12, 13] {
        let mut talk = Conversation::new(version, vec![1; 20_000], vec![(Way::Bytes, 10)], false);
        talk.client.writer().write_all(&request(3)).unwrap();
        talk.go_on();
        assert_eq!(talk.bodies, [3]);
        assert_eq!(talk.heard, expected(&[(Way::Bytes, 10)]));
    }
}

#[test]
fn the_end_is_told_to_a_client_that_says_goodbye() {
    let mut talk = Conversation::new(13, Vec::new(), vec![(Way::Bytes, 10)], false);
    talk.go_on();
    talk.client.writer().write_all(&request(0)).unwrap();
    talk.client.send_close_notify();
    talk.go_on();
    assert_eq!(talk.heard, expected(&[(Way::Bytes, 10)]));
    assert!(talk.ended);
    assert_eq!(talk.reactor.connections(), 0);
    let mut room = [0];
    assert_eq!(talk.client.reader().read(&mut room).unwrap(), 0, "with close_notify");
}

#[test]
fn tickets_leave_with_the_first_answer() {
    let mut talk = Conversation::new(13, Vec::new(), vec![(Way::Bytes, 10)], false);
    talk.go_on();
    assert!(!talk.client.is_handshaking());
    assert_eq!(talk.client.tls13_tickets_received(), 0);
    talk.client.writer().write_all(&request(0)).unwrap();
    talk.go_on();
    assert_eq!((talk.client.tls13_tickets_received(), talk.heard), (2, expected(&[(Way::Bytes, 10)])));
}

#[test]
fn a_handshake_that_is_never_finished_is_closed_by_its_deadline() {
    let mut talk = Conversation::new(13, Vec::new(), Vec::new(), false);
    let mut hello = Vec::new();
    talk.client.write_tls(&mut hello).unwrap();
    talk.socket.write_all(&hello[..50]).unwrap();
    talk.turn();
    let length = Settings::default().header_timeout.as_millis() as u64;
    for (waited, connections) in [(length - 1, 1), (1, 0)] {
        talk.reactor.now_ms += waited;
        talk.reactor.expire(&mut talk.desk);
        assert_eq!(talk.reactor.connections(), connections);
    }
}

#[test]
fn nonsense_behind_the_handshake_ends_the_connection_alone() {
    let mut talk = Conversation::new(13, Vec::new(), Vec::new(), false);
    talk.go_on();
    talk.socket.write_all(&[23, 3, 3, 0, 40]).unwrap();
    talk.socket.write_all(&[7; 40]).unwrap();
    talk.turn();
    assert_eq!(talk.reactor.connections(), 0);
}
