//! How connections end: refused, by agreement, or because somebody has had enough.

use longma_engine::settings::Settings;
use std::time::Duration;

use crate::support::client::{Client, End};
use crate::support::worker::{Reply, Running, Worker, nothing, ok, ok_bytes};

#[test]
fn what_is_no_request_is_refused_with_its_status() {
    let long = |length: usize| "x".repeat(length);
    let cases = [
        (400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\nHost: test\n\n".to_owned()),
        (400, "\x16\x03\x01\x02\x00\x01\x00".to_owned()),
        (414, format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", long(5000))),
        (431, format!("GET / HTTP/1.1\r\nHost: test\r\nA: {}\r\n\r\n", long(9000))),
        (505, "GET / HTTP/2.0\r\nHost: test\r\n\r\n".to_owned()),
        (501, "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_owned()),
    ];
    let (mut worker, address) = Worker::tcp(Settings::default());
    for (status, request) in cases {
        let mut client = Client::connect(&address);
        client.send(request.as_bytes());
        client.send(b"GET /behind HTTP/1.1\r\nHost: test\r\n\r\n");
        worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (status, true), "{request:?}");
        client.finish_sending();
        worker.until_connections(0);
        client.assert_closed();
        let notices: Vec<String> = worker.notices.drain(..).map(|notice| notice.to_string()).collect();
        assert_eq!(notices.len(), 1);
        assert!(notices[0].starts_with("Invalid request from ip=127.0.0.1: ") && notices[0].ends_with(&format!("({status})")));
    }
    assert_eq!(worker.shared.board.get(longma_engine::sys::board::Word::Refused), 7);
}

#[test]
fn a_client_that_goes_on_sending_reads_its_refusal() {
    let (worker, address) = Worker::tcp(Settings { limit_request_body: 1000, ..Settings::default() });
    let running = Running::start(worker, nothing);
    let mut client = Client::connect(&address);
    client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 20000000\r\n\r\n");
    for _ in 0..200 {
        client.send(&[b'x'; 100_000]);
    }
    assert_eq!(client.answer().status, 413);
    client.finish_sending();
    client.assert_closed();
    running.stop();
}

#[test]
fn a_refused_client_that_does_not_close_is_closed_after_a_while() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut client = Client::connect(&address);
    client.send(b"nonsense\r\n\r\n");
    worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
    assert_eq!(worker.connections(), 1);
    worker.until_connections(0);
    assert_eq!(client.answer().status, 400);
    client.assert_closed();
}

#[test]
fn the_last_answer_survives_requests_that_came_behind_it() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    for behind_in_the_same_read in [true, false] {
        let mut client = Client::connect(&address);
        client.get("/first");
        if behind_in_the_same_read {
            client.get("/second");
        }
        let served = worker.requests();
        worker.until_requests(served + 1, |call| {
            assert!(call.line.contains("/first"));
            client.get("/third");
            Reply::Last(ok_bytes(b"goodbye"))
        });
        assert_eq!(client.answer().text(), "goodbye");
        client.finish_sending();
        assert_eq!(client.rest(), (Vec::new(), End::Closed));
        worker.until_connections(0);
    }
}

#[test]
fn a_connection_ends_after_its_answer_where_the_client_or_the_operator_says_so() {
    let requests: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let keepalive = if number == 2 { Duration::ZERO } else { Duration::from_secs(75) };
        let (mut worker, address) = Worker::tcp(Settings { keepalive, ..Settings::default() });
        let mut client = Client::connect(&address);
        client.send(request);
        worker.until_requests(1, |_| ok(b"once"));
        assert_eq!(client.answer().text(), "once");
        client.assert_closed();
        worker.until_connections(0);
    }
}
