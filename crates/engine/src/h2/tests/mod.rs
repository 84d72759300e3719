//! HTTP/2 from both ends: the client is `h2`, too, or speaks raw frames.

mod frames;
mod serving;

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Connection as ClientConnection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{Request as HttpRequest, Response, StatusCode};

use super::wire::Wire;
use crate::connection::{ConnId, Connection};
use crate::desk::Desk;
use crate::reactor::Reactor;
use crate::request::Request;
use crate::settings::Settings;
use crate::sys::board::Board;
use crate::sys::epoll::Epoll;
use crate::testing::Plain;
use crate::transport::Transport;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

struct Server {
    reactor: Reactor<Plain>,
    desk: Desk,
}

impl Server {
    fn new(settings: Settings) -> (Self, UnixStream) {
        let board = Arc::new(Board::in_process(1).remove(0));
        let mut reactor = Reactor::new(settings, Arc::new(Epoll::new().unwrap()), board, None);
        let (client, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        let id = reactor.insert(Connection::new(Transport::plain(ours.into()), None, 0));
        reactor.begin_h2(id);
        reactor.drive(id);
        (Self { reactor, desk: Desk::default() }, client)
    }

    /// The next request, as far as what has come holds one.
    fn next(&mut self) -> Option<Request<Plain>> {
        self.reactor.epoll.wait(&mut self.desk.events, 0).unwrap();
        // What one turn has brought to wait has its turn in the next.
        self.reactor.next_request(&mut self.desk).or_else(|| self.reactor.next_request(&mut self.desk))
    }

    fn answer(&mut self, id: ConnId, bytes: &[u8]) {
        self.reactor.send_soon(id, bytes);
        self.reactor.finish_soon(id, true);
        self.reactor.flush_batch();
    }

    fn pass(&mut self, milliseconds: u64) {
        self.reactor.now_ms += milliseconds;
        self.reactor.expire(&mut self.desk);
    }

    /// Nothing is left of what has come and gone.
    fn is_clean(&mut self) -> bool {
        if let Some(held) = self.desk.held.take() {
            self.reactor.give_back(held);
        }
        let counts = [self.reactor.body_memory, self.reactor.head_memory, self.reactor.output_memory, self.reactor.streams];
        counts == [0; 4]
    }
}

/// A client whose connection is moved on by hand.
struct Client {
    wire: Wire,
    socket: UnixStream,
    connection: ClientConnection<Wire, Bytes>,
    requests: SendRequest<Bytes>,
    error: Option<h2::Error>,
    is_over: bool,
}

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl Client {
    fn new(socket: UnixStream, window: u32) -> Self {
        let wire = Wire::default();
        let mut builder = h2::client::Builder::new();
        let handshake = builder.initial_window_size(window).handshake(wire.clone());
        let (requests, connection) = now(handshake).unwrap().unwrap();
        Self { wire, socket, connection, requests, error: None, is_over: false }
    }

    /// Say what there is to say, and hear what there is to hear.
    fn go_on(&mut self) {
        let mut room = [0; 65536];
        for _ in 0..4 {
            if !self.is_over
                && let Some(ended) = now(&mut self.connection)
            {
                (self.is_over, self.error) = (true, ended.err());
            }
            let mut lanes = self.wire.lanes();
            while !lanes.outgoing.is_empty() {
                let Ok(count) = self.socket.write(lanes.outgoing.front()) else { break };
                lanes.outgoing.take(count);
            }
            match self.socket.read(&mut room) {
                Ok(0) => lanes.has_ended = true,
                Ok(count) => lanes.incoming.put(&room[..count]),
                Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionReset)),
            }
        }
    }

    fn ask(&mut self, request: http::request::Builder, ends: bool) -> (ResponseFuture, SendStream<Bytes>) {
        self.go_on();
        let asked = self.requests.send_request(request.body(()).unwrap(), ends).unwrap();
        self.go_on();
        asked
    }
}

fn get(path: &str) -> http::request::Builder {
    HttpRequest::get(format!("http://test{path}"))
}

fn pair(settings: Settings) -> (Server, Client) {
    let (server, socket) = Server::new(settings);
    (server, Client::new(socket, 65_535))
}

/// Both go on until nothing moves.
fn settle(server: &mut Server, client: &mut Client) {
    for _ in 0..20 {
        client.go_on();
        assert!(server.next().is_none());
    }
    client.go_on();
}

fn response(future: &mut ResponseFuture) -> Result<Response<RecvStream>, h2::Error> {
    now(future).expect("the answer is there")
}

/// What there is of a body, taken; whether it is whole.
fn taken(body: &mut RecvStream, out: &mut Vec<u8>) -> Result<bool, h2::Error> {
    while let Some(piece) = now(body.data()) {
        let Some(data) = piece.transpose()? else { return Ok(true) };
        body.flow_control().release_capacity(data.len()).unwrap();
        out.extend_from_slice(&data);
    }
    Ok(false)
}
