//! Deadlines: each state a client can be in ends, whatever the client does.

use std::time::{Duration, Instant};

use longma_engine::settings::Settings;
use longma_engine::{Desk, leader};

use crate::support::client::{Client, End};
use crate::support::worker::{Call, Reply, Worker, nothing, ok, ok_bytes, ok_head};
use crate::support::{deadline, pattern, sockets};

const SHORT: Duration = Duration::from_millis(40);

/// All deadlines are far away, so that the one a test is about is the one that shows.
fn patient() -> Settings {
    let far = Duration::from_secs(3600);
    Settings {
        keepalive: far,
        header_timeout: far,
        body_timeout: far,
        write_timeout: far,
        min_transfer_rate: 0,
        ..Settings::default()
    }
}

#[test]
fn a_client_that_says_nothing_is_closed_without_a_word() {
    let (mut worker, address) = Worker::tcp(Settings { header_timeout: SHORT, ..patient() });
    let mut client = Client::connect(&address);
    worker.until_connections(1);
    worker.until_connections(0);
    client.assert_closed();
    assert!(worker.notices.is_empty());
}

#[test]
fn a_head_that_does_not_come_is_refused_in_time() {
    for begun in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: test\r\n"] {
        let (mut worker, address) = Worker::tcp(Settings { header_timeout: SHORT, ..patient() });
        let mut client = Client::connect(&address);
        client.send(begun.as_bytes());
        worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
        assert_eq!(client.answer().status, 408);
        client.finish_sending();
        worker.until_connections(0);
        client.assert_closed();
    }
}

#[test]
fn a_head_that_comes_drop_by_drop_gets_no_more_time() {
    let (mut worker, address) = Worker::tcp(Settings { header_timeout: SHORT, ..patient() });
    let mut client = Client::connect(&address);
    client.send(b"GET / HTTP/1.1\r\nHost: test\r\nX: ");
    let (began, mut sent) = (Instant::now(), 0);
    worker.until("refusal", nothing, |worker| {
        let refused = !worker.notices.is_empty();
        // Never silent, never done.
        if !refused && began.elapsed() >= SHORT / 20 * sent {
            client.send(b"x");
            sent += 1;
        }
        refused
    });
    assert_eq!(client.answer().status, 408);
}

#[test]
fn the_next_head_has_its_own_deadline() {
    let (mut worker, address) = Worker::tcp(Settings { header_timeout: SHORT, ..patient() });
    let mut client = Client::connect(&address);
    client.get("/first");
    worker.until_requests(1, |_| ok(b"first"));
    assert_eq!(client.answer().text(), "first");
    client.send(b"GET /sec");
    worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_head_begun_behind_another_request_has_a_deadline() {
    let (mut worker, address) = Worker::tcp(Settings { header_timeout: SHORT, ..patient() });
    let mut client = Client::connect(&address);
    client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET /sec");
    worker.until("refusal", |_| ok(b"first"), |worker| !worker.notices.is_empty());
    assert_eq!(client.answer().text(), "first");
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_body_that_stands_still_is_refused() {
    let beginnings = [
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        "GET / HTTP/1.1\r\nHost: test\r\n\r\nPOST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf",
    ];
    for beginning in beginnings {
        let (mut worker, address) = Worker::tcp(Settings { body_timeout: SHORT, ..patient() });
        let mut client = Client::connect(&address);
        client.send(beginning.as_bytes());
        worker.until("refusal", |_| ok(b"first"), |worker| !worker.notices.is_empty());
        if beginning.starts_with("GET") {
            assert_eq!(client.answer().text(), "first");
        }
        assert_eq!(client.answer().status, 408);
    }
}

#[test]
fn a_body_that_moves_is_given_time() {
    let (mut worker, address) = Worker::tcp(Settings { body_timeout: SHORT, ..patient() });
    let mut client = Client::connect(&address);
    client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
    worker.until_connections(1);
    let began = Instant::now();
    let mut sent = 0;
    worker.until_requests_while(
        1,
        |call| ok(&call.body),
        || {
            // One byte for each hundredth of five times the timeout.
            if sent < 100 && began.elapsed() >= SHORT * 5 / 100 * sent {
                client.send(b"x");
                sent += 1;
            }
        },
    );
    assert!(began.elapsed() > SHORT * 4);
    assert_eq!(client.answer().body, vec![b'x'; 100]);
}

#[test]
fn a_connection_without_a_next_request_is_closed() {
    for keepalive in [SHORT, Duration::from_millis(5200)] {
        let (mut worker, address) = Worker::tcp(Settings { keepalive, ..patient() });
        let mut client = Client::connect(&address);
        client.get("/");
        worker.until_requests(1, |_| ok(b"served"));
        assert_eq!(client.answer().text(), "served");
        let began = Instant::now();
        worker.until_connections(0);
        assert!(began.elapsed() + Duration::from_millis(10) >= keepalive);
        client.assert_closed();
        worker.turn(&mut nothing);
        assert_eq!((worker.ledger.outstanding(), worker.ledger.astray()), (0, 0));
    }
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    for streamed in [false, true] {
        let (mut worker, address) = Worker::tcp(Settings { write_timeout: SHORT, ..patient() });
        let mut client = Client::connect(&address);
        client.get("/");
        worker.until_requests(1, |call| {
            let bytes = ok_bytes(&pattern(0, 20_000_000));
            if !streamed {
                return Reply::Send(bytes);
            }
            call.reactor().stream(call.id, &bytes);
            Reply::Sent
        });
        worker.until_connections(0);
        // Without a reset the kernel would keep megabytes for it, for minutes.
        assert_eq!(client.rest().1, End::Reset);
    }
}

#[test]
fn a_client_that_takes_nothing_is_cut_off_while_the_application_goes_on() {
    let (mut worker, address) = Worker::tcp(Settings { write_timeout: SHORT, ..patient() });
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |call| {
        call.reactor().send(call.id, &ok_bytes(&pattern(0, 20_000_000)), false);
        let (mut desk, until) = (Desk::default(), deadline());
        while call.reactor().is_alive(call.id) {
            assert!(Instant::now() < until, "it is not cut off");
            leader::wait(&call.shared, &mut desk, 5).unwrap();
            let mut reactor = call.reactor();
            reactor.update_time();
            reactor.handle_events_aside(&mut desk);
            reactor.expire(&mut desk);
        }
        Reply::Sent
    });
    assert_eq!(worker.connections(), 0);
    assert_eq!(client.rest().1, End::Reset);
}

#[test]
fn a_client_that_takes_little_is_given_time() {
    // The kernel tells of room only when much of its buffer is free. These clients do not get there within
    // write_timeout, and are judged by what they acknowledge (with TCP on one host, 64 KB at a time).
    let settings = Settings { write_timeout: SHORT * 5, min_transfer_rate: 10, ..patient() };
    let answers: [fn(Call) -> Reply; 2] = [
        |call| Reply::Blocks(ok_head(20_000_000), vec![call.block(vec![b'x'; 20_000_000])]),
        |call| {
            // Small pieces cost a Unix socket more than they hold.
            call.reactor().send(call.id, &ok_head(100_000), false);
            for _ in 0..1000 {
                call.reactor().send(call.id, &[b'x'; 100], false);
            }
            Reply::Sent
        },
    ];
    for ((listener, address), answer, little) in [(sockets::tcp(), answers[0], 100_000), (sockets::unix(), answers[1], 100)] {
        let mut worker = Worker::alone(settings.clone(), listener);
        let mut client = Client::connect(&address);
        client.get("/");
        worker.until_requests(1, answer);
        let (began, mut turns) = (Instant::now(), 0);
        while began.elapsed() < SHORT * 15 {
            worker.turn(&mut nothing);
            assert_eq!(worker.connections(), 1, "{address:?}: cut off after {:?}", began.elapsed());
            if began.elapsed() >= Duration::from_millis(5 * turns) {
                client.take_now(little);
                turns += 1;
            }
        }
        drop(client);
        worker.until_connections(0);
    }
}
