//! Answers on their way out, to clients that take them quickly, slowly, or not at all.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use longma_engine::settings::Settings;
use longma_engine::{Cut, Desk, leader};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::support::client::{Client, End};
use crate::support::sockets::{self, Address};
use crate::support::worker::{Call, Reply, Running, Worker, nothing, ok, ok_bytes, ok_head};
use crate::support::{assert_same, deadline, pattern};

const LARGE: usize = 20_000_000;

/// A file that holds these bytes.
fn file_of(bytes: &[u8]) -> File {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("longma-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Read `length` bytes in pieces, the worker taking a turn whenever there is nothing to read.
fn read_slowly(worker: &mut Worker, client: &mut Client, length: usize, piece: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let taken = client.take_now(piece);
        if taken.is_empty() {
            worker.turn(&mut nothing);
        }
        bytes.extend(taken);
    }
    bytes
}

#[test]
fn a_large_answer_arrives_whole_however_it_is_made() {
    let makers: [fn(&Call) -> Reply; 4] = [
        |_| ok(&pattern(0, LARGE)),
        |call| {
            let blocks = (0..50).map(|at| call.block(pattern(at * 400_000, 400_000))).collect();
            Reply::Blocks(ok_head(LARGE as u64), blocks)
        },
        |_| Reply::File(ok_head(LARGE as u64), file_of(&pattern(0, LARGE)), 0, LARGE as u64),
        |call| {
            call.reactor().stream(call.id, &ok_head(LARGE as u64));
            for at in 0..20 {
                call.reactor().stream(call.id, &pattern(at * 1_000_000, 1_000_000));
            }
            Reply::Sent
        },
    ];
    let wanted = [ok_head(LARGE as u64), pattern(0, LARGE)].concat();
    for maker in makers {
        for (listener, address) in [sockets::tcp(), sockets::unix()] {
            let mut worker = Worker::alone(Settings { response_buffer_size: 100_000, ..Settings::default() }, listener);
            let mut client = Client::connect(&address);
            client.get("/");
            worker.until("call", |call| maker(&call), |worker| worker.requests() == 1);
            assert_same(&read_slowly(&mut worker, &mut client, wanted.len(), 50_000), &wanted);
            client.get("/again");
            worker.until_requests(2, |_| ok(b"again"));
            assert_eq!(client.answer().text(), "again");
            drop(client);
            worker.until_connections(0);
            worker.turn(&mut nothing);
            assert_eq!((worker.ledger.outstanding(), worker.ledger.astray()), (0, 0));
        }
    }
}

#[test]
fn a_part_of_a_file_is_sent_from_where_it_begins() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |_| Reply::File(ok_head(10), file_of(&pattern(0, 100)), 50, 10));
    assert_eq!(client.answer().body, pattern(50, 10));
}

#[test]
fn a_file_that_is_shorter_than_promised_ends_the_connection() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |_| Reply::File(ok_head(200), file_of(&pattern(0, 100)), 0, 200));
    worker.until_connections(0);
    assert_eq!(client.rest(), ([ok_head(200), pattern(0, 100)].concat(), End::Closed));
}

#[test]
fn an_answer_to_a_client_that_is_gone_is_thrown_away() {
    let (mut worker, address) = Worker::unix(Settings::default());
    for blocks in [false, true] {
        let mut client = Some(Client::connect(&address));
        client.as_mut().unwrap().get("/");
        let served = worker.requests();
        worker.until_requests(served + 1, |call| {
            drop(client.take());
            let block = call.block(pattern(0, 3_000_000));
            if blocks { Reply::Blocks(ok_head(3_000_000), vec![block]) } else { ok(&pattern(0, 3_000_000)) }
        });
        worker.until_connections(0);
        worker.turn(&mut nothing);
    }
}

#[test]
fn an_application_that_waits_for_its_client_learns_that_it_is_gone() {
    for (listener, address) in [sockets::tcp(), sockets::unix()] {
        let mut worker = Worker::alone(Settings::default(), listener);
        let mut client = Some(Client::connect(&address));
        client.as_mut().unwrap().get("/");
        worker.until_requests(1, |call| {
            call.reactor().send(call.id, &ok_bytes(&pattern(0, LARGE)), false);
            assert!(call.reactor().waiting(call.id) > 0);
            drop(client.take());
            let (mut desk, until) = (Desk::default(), deadline());
            while call.reactor().is_alive(call.id) {
                assert!(Instant::now() < until, "the client's end is not noticed");
                leader::wait(&call.shared, &mut desk, 1).unwrap();
                call.reactor().handle_events_aside(&mut desk);
            }
            Reply::Sent
        });
        assert_eq!(worker.connections(), 0);
    }
}

#[test]
fn a_failed_answer_is_cut_and_the_connection_with_it() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |call| {
        call.reactor().stream(call.id, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        Reply::Cut(Cut::Seen)
    });
    assert_eq!(client.rest(), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec(), End::Closed));
    assert_eq!(worker.connections(), 0);
}

#[test]
fn an_answer_without_a_length_that_is_cut_ends_with_a_reset() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |call| {
        call.reactor().stream(call.id, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf");
        Reply::Cut(Cut::Unseen)
    });
    assert_eq!(client.rest().1, End::Reset);
    assert_eq!(worker.connections(), 0);
}

#[test]
fn answers_that_leave_together_go_to_their_own_clients() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut clients: Vec<Client> = (0..40).map(|_| Client::connect(&address)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        // Two each, so that one is behind the other while that waits for company.
        client.get(&format!("/{number}/a"));
        client.get(&format!("/{number}/b"));
    }
    worker.until_requests(80, |call| Reply::Soon(ok_bytes(call.line.as_bytes())));
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.answer().text(), format!("GET /{number}/a HTTP/1.1"));
        assert_eq!(client.answer().text(), format!("GET /{number}/b HTTP/1.1"));
    }
}

#[test]
fn a_slow_reader_of_a_large_answer_does_not_hold_the_others_up() {
    let (worker, address) = Worker::tcp(Settings { response_buffer_size: 100_000, ..Settings::default() });
    let running = Running::start(worker, |call| if call.line.contains("large") { ok(&pattern(0, LARGE)) } else { ok(b"small") });
    let mut slow = Client::connect(&address);
    slow.get("/large");
    let head = slow.exactly(ok_head(LARGE as u64).len());
    assert_eq!(head, ok_head(LARGE as u64));
    let mut other = Client::connect(&address);
    let mut taken = Vec::new();
    while taken.len() < LARGE {
        other.get("/small");
        assert_eq!(other.answer().text(), "small");
        taken.extend(slow.exactly(10_000.min(LARGE - taken.len())));
        if taken.len() > 1_000_000 {
            taken.extend(slow.exactly(LARGE - taken.len()));
        }
    }
    assert_same(&taken, &pattern(0, LARGE));
    running.stop();
}

/// What an application does next, and how much of it.
#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Stream(usize),
    Blocks(Vec<usize>),
    File(usize),
    /// The client takes so much.
    Take(usize),
    /// Somebody else drives the reactor for a moment.
    Drive,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..200_000_usize).prop_map(Step::Send),
        (0..40_000_usize).prop_map(Step::Stream),
        vec(0..40_000_usize, 1..80).prop_map(Step::Blocks),
        (1..300_000_usize).prop_map(Step::File),
        (1..400_000_usize).prop_map(Step::Take),
        Just(Step::Drive),
    ]
}

/// Make one answer of these steps; says what was sent and what the client has taken meanwhile.
fn perform(steps: &[Step], call: &Call, client: &mut Client) -> (u64, Vec<u8>) {
    let (mut made, mut taken) = (0, Vec::new());
    let mut desk = Desk::default();
    let mut next = |length: usize| {
        made += length as u64;
        pattern(made - length as u64, length)
    };
    for step in steps {
        match step {
            Step::Send(length) => call.reactor().send(call.id, &next(*length), false),
            Step::Stream(length) => call.reactor().stream(call.id, &next(*length)),
            Step::Blocks(lengths) => {
                let head = next(10);
                let blocks = lengths.iter().map(|length| call.block(next(*length))).collect();
                call.reactor().send_blocks(call.id, &head, blocks, false);
            }
            Step::File(length) => {
                let head = next(20_000);
                call.reactor().send_file(call.id, &head, file_of(&next(*length)), 0, *length as u64);
            }
            Step::Take(length) => taken.extend(client.take_now(*length)),
            Step::Drive => {
                leader::wait(&call.shared, &mut desk, 0).unwrap();
                let mut reactor = call.reactor();
                reactor.handle_events_aside(&mut desk);
                reactor.flush_streams();
            }
        }
    }
    (made, taken)
}

fn client_takes_all(steps: &[Step], listener: OwnedFd, address: &Address) {
    let mut worker = Worker::alone(Settings { response_buffer_size: 50_000, ..Settings::default() }, listener);
    let mut client = Client::connect(address);
    client.get("/");
    let (mut made, mut taken) = (0, Vec::new());
    worker.until_requests(1, |call| {
        (made, taken) = perform(steps, &call, &mut client);
        Reply::Sent
    });
    let left = made as usize - taken.len();
    taken.extend(read_slowly(&mut worker, &mut client, left, 70_000));
    assert_same(&taken, &pattern(0, made as usize));
    drop(client);
    worker.until_connections(0);
    worker.turn(&mut nothing);
    assert_eq!((worker.ledger.outstanding(), worker.ledger.astray()), (0, 0));
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(32) })]

    #[test]
    fn bytes_leave_in_the_order_they_were_made_and_none_is_lost(steps in vec(step(), 1..20)) {
        for (listener, address) in [sockets::unix(), sockets::tcp()] {
            client_takes_all(&steps, listener, &address);
        }
    }
}
