//! The standby thread: what goes on while the application has control, however long that takes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use longma_engine::settings::Settings;

use crate::support::client::Client;
use crate::support::siblings::Busy;
use crate::support::sockets::{self, Address};
use crate::support::worker::{Call, Reply, Running, Worker, nothing, ok, ok_bytes, ok_head};
use crate::support::{PATIENCE, assert_same, pattern};

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Stream a block, and go no further before the client has it.
fn stream_and_wait(call: &Call, bytes: &[u8], received: &Receiver<()>) {
    call.reactor().stream(call.id, bytes);
    call.shared.has_block();
    received.recv_timeout(PATIENCE).expect("the block is on its way while the application has control");
}

/// A worker that streams three blocks for /stream, and answers everything else at once.
fn streaming() -> (Running, Address, Sender<()>) {
    let (worker, address) = Worker::tcp(Settings::default());
    let (has_it, received) = channel();
    let running = Running::start(worker, move |call| {
        if !call.line.contains("/stream") {
            return ok(b"at once");
        }
        stream_and_wait(&call, &[STREAM, b"5\r\nfirst\r\n"].concat(), &received);
        stream_and_wait(&call, b"6\r\nsecond\r\n", &received);
        stream_and_wait(&call, b"5\r\nthird\r\n", &received);
        Reply::Send(b"0\r\n\r\n".to_vec())
    });
    (running, address, has_it)
}

fn read_stream(client: &mut Client, has_it: &Sender<()>) {
    client.get("/stream");
    assert_eq!(client.exactly(STREAM.len()), STREAM);
    for block in ["first", "second", "third"] {
        assert_eq!(client.chunk(), block.as_bytes());
        has_it.send(()).unwrap();
    }
    assert_eq!(client.chunk(), b"");
}

#[test]
fn a_block_is_sent_while_the_next_is_made() {
    let (running, address, has_it) = streaming();
    let mut client = Client::connect(&address);
    for _ in 0..20 {
        read_stream(&mut client, &has_it);
    }
    running.stop();
}

#[test]
fn it_is_so_after_many_short_calls_and_after_any_pause() {
    let (running, address, has_it) = streaming();
    let mut client = Client::connect(&address);
    for round in 0..100_u32 {
        // Many short calls make it look less often. After ten ticks without any it sleeps: try all moments around that.
        for _ in 0..if round % 10 == 0 { 500 } else { 0 } {
            client.get("/");
            client.answer();
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_micros(10_000 + 50 * u64::from(round)) {
            std::thread::yield_now();
        }
        read_stream(&mut client, &has_it);
    }
    running.stop();
}

#[test]
fn an_answer_held_back_is_sent_when_the_application_does_not_come_back() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut clients: Vec<Client> = (0..2).map(|_| Client::connect(&address)).collect();
    worker.until_connections(2);
    for client in &mut clients {
        client.get("/");
    }
    worker.wait(10_000);
    let mut first = clients.remove(0);
    let (got, has_got) = channel();
    let reader = std::thread::spawn(move || {
        got.send(first.answer()).unwrap();
        first
    });
    let standby = longma_engine::standby::start(std::sync::Arc::clone(&worker.shared)).unwrap();
    let mut calls = 0;
    worker.serve(&mut |_| {
        calls += 1;
        if calls == 1 {
            return Reply::Soon(ok_bytes(b"held back"));
        }
        assert_eq!(has_got.recv_timeout(PATIENCE).unwrap().text(), "held back");
        ok(b"long")
    });
    assert_eq!(clients[0].answer().text(), "long");
    reader.join().unwrap();
    worker.shared.end();
    standby.join().unwrap();
}

#[test]
fn requests_that_come_meanwhile_are_served_in_their_order_afterwards() {
    let (listener, address) = sockets::tcp();
    let mut busy = Busy::start(Worker::alone(Settings::default(), listener), "busy", &address);
    let body = pattern(0, 100_000);
    let mut clients = Vec::new();
    for number in 0..30 {
        let mut client = Client::connect(&address);
        match number % 3 {
            0 => client.get(&format!("/{number}")),
            1 => {
                let head = format!("POST /{number} HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n");
                client.send(&[head.as_bytes(), &body].concat());
            }
            _ => client.send(
                format!("GET /{number} HTTP/1.1\r\nHost: test\r\n\r\nGET /{number} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes(),
            ),
        }
        clients.push(client);
    }
    busy.running.until("connections", |reactor| reactor.connections() == 31 && reactor.has_ready());
    busy.let_go();
    for (number, client) in clients.iter_mut().enumerate() {
        let text = client.answer().text().to_owned();
        assert!(text.contains(&format!("/{number} ")), "{text}");
        assert!(text.ends_with(if number % 3 == 1 { " 100000" } else { " 0" }), "{text}");
        if number % 3 == 2 {
            client.answer();
        }
    }
    busy.running.stop();
}

#[test]
fn clients_are_refused_closed_and_timed_out_meanwhile() {
    let (listener, address) = sockets::tcp();
    let settings = Settings { header_timeout: Duration::from_millis(40), ..Settings::default() };
    let mut busy = Busy::start(Worker::alone(settings, listener), "busy", &address);
    let mut malformed = Client::connect(&address);
    malformed.send(b"nonsense\r\n\r\n");
    assert_eq!(malformed.answer().status, 400);
    let mut slow = Client::connect(&address);
    slow.send(b"GET / HT");
    assert_eq!(slow.answer().status, 408);
    let mut silent = Client::connect(&address);
    silent.assert_closed();
    busy.let_go();
    busy.running.stop();
}

#[test]
fn a_large_answer_goes_on_to_its_client_meanwhile() {
    let (listener, address) = sockets::tcp();
    let worker = Worker::alone(Settings { response_buffer_size: 100_000, ..Settings::default() }, listener);
    let (done, is_done) = channel();
    let running = Running::start(worker, move |call| {
        if call.line.contains("/large") {
            let blocks = (0..4).map(|at| call.block(pattern(at * 5_000_000, 5_000_000))).collect();
            return Reply::Blocks(ok_head(20_000_000), blocks);
        }
        is_done.recv_timeout(PATIENCE).expect("the other client has all of its answer while this call lasts");
        ok(b"long")
    });
    let mut large = Client::connect(&address);
    large.get("/large");
    let head = large.exactly(ok_head(20_000_000).len());
    assert_eq!(head, ok_head(20_000_000));
    let mut long = Client::connect(&address);
    long.get("/long");
    assert_same(&large.exactly(20_000_000), &pattern(0, 20_000_000));
    done.send(()).unwrap();
    assert_eq!(long.answer().text(), "long");
    let worker = running.stop();
    assert_eq!(worker.ledger.astray(), 0);
}

#[test]
fn what_is_the_hosts_of_a_connection_that_ends_meanwhile_is_kept_for_the_host() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    // One client does not take its answer, another does not send all of its body.
    let mut taking = Client::connect(&address);
    taking.get("/");
    worker.until_requests(1, |call| Reply::Blocks(ok_head(9_000_000), vec![call.block(pattern(0, 9_000_000))]));
    let mut sending = Client::connect(&address);
    sending.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nhalf");
    worker.until_connections(2);
    worker.turn(&mut nothing);
    let ledger = worker.ledger.clone();
    assert_eq!(ledger.outstanding(), 3, "a memo, a block, a buffer");
    let mut busy = Busy::start(worker, "busy", &address);
    drop((taking, sending));
    busy.running.until("ends", |reactor| reactor.connections() == 1);
    assert_eq!((ledger.outstanding(), ledger.astray()), (4, 0), "the busy connection has a memo too");
    busy.let_go();
    let worker = busy.running.stop();
    assert_eq!((ledger.outstanding(), ledger.astray()), (1, 0));
    drop(worker);
}

#[test]
fn the_board_tells_what_a_long_call_is_about_as_long_as_it_lasts() {
    let (worker, address) = Worker::unix(Settings::default());
    let board = Arc::clone(&worker.shared.board);
    let mut busy = Busy::start(worker, "busy", &address);
    assert_eq!(board.shown_text(), b"");
    busy.running.until("text", |_| board.shown_text() == b"GET /occupy");
    busy.let_go();
    busy.running.until("end of the text", |_| board.shown_text().is_empty());
    busy.running.stop();
}

#[test]
fn a_worker_told_to_stop_during_a_call_does_so_at_once() {
    let (listener, address) = sockets::tcp();
    let mut worker = Worker::alone(Settings::default(), listener);
    let mut idle = Client::connect(&address);
    idle.get("/");
    worker.until_requests(1, |_| ok(b"served"));
    assert_eq!(idle.answer().text(), "served");
    let mut busy = Busy::start(worker, "busy", &address);
    let mut queued = Client::connect(&address);
    queued.get("/queued");
    busy.running.until("request", |reactor| reactor.has_ready());
    busy.running.shared.stop();
    idle.assert_closed();
    let Address::Tcp(address) = address else { unreachable!("a TCP socket") };
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
    busy.let_go();
    assert_eq!(queued.answer().text(), "busy: GET /queued HTTP/1.1 0");
    queued.assert_closed();
    busy.running.until("last end", |reactor| reactor.connections() == 0);
    busy.running.stop();
}
