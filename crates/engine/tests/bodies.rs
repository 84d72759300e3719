//! Request bodies: where they are kept, what is refused, and who is asked to go on.

use longma_engine::settings::Settings;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::support::client::{Client, End};
use crate::support::worker::{Call, Place, Reply, Worker, nothing, ok};
use crate::support::{assert_same, pattern};

const BUFFER: usize = 10_000;

fn settings() -> Settings {
    Settings { body_buffer_size: BUFFER, limit_request_body: 100_000, ..Settings::default() }
}

fn known(length: usize) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Send the parts one after the other, each when the one before has been read; say where the body was.
fn place_of(parts: &[&[u8]], body: &[u8]) -> Place {
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    let mut place = None;
    let mut serve = |call: Call| {
        assert_same(&call.body, body);
        place = Some(call.place);
        ok(b"taken")
    };
    for part in parts {
        client.send(part);
        worker.turn(&mut serve);
    }
    worker.until_requests(1, &mut serve);
    assert_eq!(client.answer().text(), "taken");
    assert_eq!((worker.ledger.astray(), worker.notices.len()), (0, 0));
    place.unwrap()
}

#[test]
fn a_body_is_kept_where_it_fits() {
    let small = pattern(0, BUFFER);
    let large = pattern(0, BUFFER + 1);
    let at_once = |length: usize| [known(length), pattern(0, length)].concat();
    assert_eq!(place_of(&[&at_once(BUFFER)], &small), Place::Desk);
    assert_eq!(place_of(&[&at_once(BUFFER + 1)], &large), Place::Desk);
    assert_eq!(place_of(&[&known(BUFFER), &small], &small), Place::Buffer);
    assert_eq!(place_of(&[&known(BUFFER + 1), &large], &large), Place::File);
    assert_eq!(place_of(&[&chunked(&small, 100)], &small), Place::Memory);
    assert_eq!(place_of(&[&chunked(&large, 100)], &large), Place::File);
    assert_eq!(place_of(&[&known(0)], b""), Place::Nowhere);
    assert_eq!(place_of(&[&chunked(b"", 1)], b""), Place::Nowhere);
}

#[test]
fn a_body_read_aside_is_kept_in_memory_of_our_own() {
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    client.send(&known(3));
    worker.wait(10_000);
    {
        let mut reactor = worker.shared.lock();
        reactor.handle_events_aside(&mut worker.desk);
    }
    client.send(b"abc");
    let mut place = None;
    worker.until_requests(1, |call| {
        place = Some((call.place, call.body));
        ok(b"")
    });
    assert_eq!(place, Some((Place::Memory, b"abc".to_vec())));
}

#[test]
fn a_body_over_the_limit_is_refused_as_soon_as_that_is_known() {
    let over: [&[u8]; 4] = [
        &known(100_001),
        &known(usize::MAX),
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n",
        &chunked(&pattern(0, 100_001), 999),
    ];
    for request in over {
        let (mut worker, address) = Worker::unix(settings());
        let mut client = Client::connect(&address);
        client.send(request);
        worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (413, true));
        client.finish_sending();
        worker.until_connections(0);
        client.assert_closed();
        assert_eq!(worker.notices.len(), 1);
    }
}

#[test]
fn a_body_of_just_the_limit_is_taken() {
    let body = pattern(0, 100_000);
    assert_eq!(place_of(&[&known(100_000), &body], &body), Place::File);
    assert_eq!(place_of(&[&chunked(&body, 100_000)], &body), Place::File);
}

#[test]
fn a_client_that_waits_to_be_told_is_told_to_go_on() {
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    for number in 0..2 {
        client.send(b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
        worker.turn(&mut nothing);
        worker.turn(&mut nothing);
        assert_eq!(client.answer().status, 100);
        client.send(b"abc");
        worker.until_requests(number + 1, |call| ok(&call.body));
        assert_eq!(client.answer().text(), "abc");
    }
}

#[test]
fn a_client_that_has_sent_its_body_is_not_told_to() {
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    client.send(b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na");
    worker.turn(&mut nothing);
    client.send(b"bc");
    worker.until_requests(1, |call| ok(&call.body));
    assert_eq!(client.answer().text(), "abc");
}

#[test]
fn a_client_too_far_behind_to_be_told_may_go_on_untold() {
    const PIECE: &[u8] = &[b'x'; 100];
    let (mut worker, address) = Worker::unix(settings());
    let send = |call: &Call| {
        call.reactor().send(call.id, PIECE, false);
        call.reactor().waiting(call.id) == 0
    };
    // How many pieces fill the buffer to the brim, and no further?
    let mut client = Client::connect(&address);
    client.get("/");
    let mut full = 0;
    worker.until_requests(1, |call| {
        while send(&call) {
            full += 1;
        }
        Reply::Sent
    });
    drop(client);
    let mut client = Client::connect(&address);
    client.get("/");
    client.send(b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    worker.until_requests(2, |call| {
        assert!((0..full).all(|_| send(&call)));
        Reply::Sent
    });
    assert_eq!(client.exactly(full * PIECE.len()), PIECE.repeat(full));
    client.send(b"abc");
    worker.until_requests(3, |call| ok(&call.body));
    assert_eq!(client.answer().text(), "abc");
}

#[test]
fn a_client_that_waits_with_too_large_a_body_is_refused_at_once() {
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    client.send(b"POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n");
    worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
    assert_eq!(client.answer().status, 413);
}

#[test]
fn a_broken_chunk_is_refused_and_nothing_behind_it_is_a_request() {
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    client
        .send(b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
    assert_eq!(client.answer().status, 400);
    client.finish_sending();
    worker.until_connections(0);
    client.assert_closed();
}

/// A request and how it is cut into what is sent at a time.
fn request() -> impl Strategy<Value = (usize, Option<usize>, Vec<usize>)> {
    (0..30_000_usize, prop::option::of(1..5_000_usize), vec(1..9_000_usize, 1..8))
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(60) })]

    #[test]
    fn however_they_are_cut_bodies_come_whole(requests in vec(request(), 1..4)) {
        let (mut worker, address) = Worker::unix(settings());
        let mut client = Client::connect(&address);
        let mut bodies = Vec::new();
        let mut serve = |call: Call| {
            bodies.push(call.body);
            Reply::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
        };
        for (length, chunk, cuts) in &requests {
            let body = pattern(0, *length);
            let bytes = chunk.map_or_else(|| [known(*length), body.clone()].concat(), |size| chunked(&body, size));
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (part, behind) = rest.split_at((*cut).min(rest.len()));
                client.send(part);
                worker.turn(&mut serve);
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
        }
        worker.until_requests(requests.len() as u64, &mut serve);
        for ((length, ..), body) in requests.iter().zip(&bodies) {
            assert_same(body, &pattern(0, *length));
        }
        for _ in &requests {
            prop_assert_eq!(client.answer().status, 204);
        }
        let (_, end) = { drop(worker); client.rest() };
        prop_assert_eq!(end, End::Closed);
    }
}
