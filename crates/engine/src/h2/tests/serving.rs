//! Requests and answers, as a client of the same crate sees them.

use std::time::Duration;

use super::*;
use crate::body::Body;

#[test]
fn a_request_is_answered_and_its_connection_goes_on() {
    let (mut server, mut client) = pair(Settings::default());
    for round in 0..3 {
        let (mut future, _) = client.ask(get("/path?q").header("cookie", "a=1").header("cookie", "b=2"), true);
        let request = server.next().unwrap();
        let (bytes, head) = server.desk.head();
        let text = std::str::from_utf8(bytes).unwrap();
        assert_eq!(text, "GET /path?q HTTP/2.0\r\nhost: test\r\ncookie: a=1; b=2\r\n\r\n");
        assert!(head.keep_alive());
        server.answer(request.id, &[OK, b"Connection: close\r\nX-A: b\r\nContent-Length: 4\r\n\r\nbody"].concat());
        client.go_on();
        let answer = response(&mut future).unwrap();
        assert_eq!((answer.status(), answer.headers()["x-a"].as_bytes()), (StatusCode::OK, &b"b"[..]));
        assert!(!answer.headers().contains_key("connection"));
        let mut body = Vec::new();
        assert!(taken(&mut answer.into_body(), &mut body).unwrap());
        assert_eq!(body, b"body", "{round}");
        assert_eq!((server.reactor.connections(), server.is_clean()), (1, true));
    }
}

#[test]
fn requests_of_one_connection_are_under_way_together() {
    let (mut server, mut client) = pair(Settings::default());
    let mut futures: Vec<_> = (0..5).map(|number| client.ask(get(&format!("/{number}")), true).0).collect();
    let ids: Vec<_> = (0..5).map(|_| server.next().unwrap().id).collect();
    assert_eq!(server.reactor.connections(), 1, "streams are no connections");
    for (&id, future) in ids.iter().zip(&mut futures).rev() {
        server.answer(id, &[OK, b"\r\n"].concat());
        client.go_on();
        assert_eq!(response(future).unwrap().status(), StatusCode::OK);
    }
    assert!(server.is_clean());
}

#[test]
fn a_body_comes_in_pieces_and_may_be_larger_than_its_window() {
    let (mut server, mut client) = pair(Settings { body_buffer_size: 1000, ..Settings::default() });
    let (mut future, mut sending) = client.ask(HttpRequest::post("http://test/"), false);
    let mut left = 300_000;
    while left > 0 {
        assert!(server.next().is_none());
        sending.reserve_capacity(left);
        let count = sending.capacity().min(left);
        left -= count;
        sending.send_data(Bytes::from(vec![b'x'; count]), left == 0).unwrap();
        client.go_on();
    }
    let request = server.next().or_else(|| server.next()).unwrap();
    assert!(matches!(request.body, Body::File(_, 300_000)));
    server.answer(request.id, &[OK, b"\r\n"].concat());
    client.go_on();
    assert!(response(&mut future).is_ok());
    assert!(server.is_clean());
}

#[test]
fn a_body_that_is_not_as_long_as_it_says_is_no_body() {
    for (length, ends) in [("3", true), ("2", false)] {
        let (mut server, mut client) = pair(Settings::default());
        let (mut future, mut sending) = client.ask(HttpRequest::post("http://test/").header("content-length", length), false);
        sending.send_data(Bytes::from_static(if ends { b"12" } else { b"123" }), ends).unwrap();
        settle(&mut server, &mut client);
        assert_eq!(response(&mut future).unwrap_err().reason(), Some(Reason::PROTOCOL_ERROR));
        assert_eq!((server.reactor.connections(), server.is_clean()), (1, true));
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    for said in [Some("1001"), None] {
        let (mut server, mut client) = pair(Settings { limit_request_body: 1000, ..Settings::default() });
        let request = HttpRequest::post("http://test/");
        let request = said.map_or(request, |said| HttpRequest::post("http://test/").header("content-length", said));
        let (mut future, mut sending) = client.ask(request, false);
        sending.send_data(Bytes::from(vec![b'x'; 1001]), false).unwrap();
        settle(&mut server, &mut client);
        assert_eq!(response(&mut future).unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!((server.reactor.connections(), server.is_clean()), (1, true));
    }
}

#[test]
fn an_answer_waits_for_a_client_that_takes_little_at_a_time() {
    let (mut server, socket) = Server::new(Settings { response_buffer_size: 50_000, ..Settings::default() });
    let mut client = Client::new(socket, 1000);
    let (mut future, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.reactor.send(id, &[OK, b"Content-Length: 400000\r\n\r\n"].concat(), false);
    server.reactor.send_rest(id, &vec![b'y'; 400_000], false);
    server.reactor.finish(id, true);
    client.go_on();
    let mut body = response(&mut future).unwrap().into_body();
    let mut all = Vec::new();
    for _ in 0..1000 {
        if taken(&mut body, &mut all).unwrap() {
            break;
        }
        client.go_on();
        assert!(server.next().is_none());
        client.go_on();
    }
    assert_eq!((all.len(), server.is_clean()), (400_000, true));
}

#[test]
fn a_client_that_takes_nothing_is_given_up_and_others_are_not() {
    let (mut server, socket) = Server::new(Settings { write_timeout: Duration::from_secs(5), ..Settings::default() });
    let mut client = Client::new(socket, 10);
    let (mut slow, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.answer(id, &[OK, b"\r\n0123456789more"].concat());
    server.pass(5000);
    server.pass(5000);
    settle(&mut server, &mut client);
    let mut body = response(&mut slow).unwrap().into_body();
    assert_eq!(taken(&mut body, &mut Vec::new()).unwrap_err().reason(), Some(Reason::INTERNAL_ERROR));
    let (mut other, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.answer(id, &[OK, b"\r\n"].concat());
    client.go_on();
    assert!(response(&mut other).is_ok());
    assert!(server.is_clean());
}

#[test]
fn a_request_that_is_given_up_is_lost_wherever_it_is() {
    let (mut server, mut client) = pair(Settings::default());
    let (_, mut serving) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    let (_, mut body) = client.ask(HttpRequest::post("http://test/"), false);
    assert!(server.next().is_none());
    let (_, mut queued) = client.ask(get("/"), true);
    server.reactor.epoll.wait(&mut server.desk.events, 0).unwrap();
    server.reactor.handle_events_aside(&mut server.desk);
    assert_eq!((server.reactor.streams, server.reactor.is_alive(id)), (3, true));
    for stream in [&mut serving, &mut body, &mut queued] {
        stream.send_reset(Reason::CANCEL);
    }
    client.go_on();
    server.reactor.epoll.wait(&mut server.desk.events, 0).unwrap();
    server.reactor.handle_events_aside(&mut server.desk);
    settle(&mut server, &mut client);
    assert_eq!((server.reactor.streams, server.reactor.is_alive(id)), (1, false));
    server.answer(id, &[OK, b"\r\n"].concat());
    assert_eq!((server.reactor.connections(), server.is_clean()), (1, true));
}

#[test]
fn with_the_client_all_of_its_requests_go() {
    let (mut server, mut client) = pair(Settings::default());
    let _serving = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    let _body = client.ask(HttpRequest::post("http://test/"), false);
    assert!(server.next().is_none());
    drop(client);
    assert!(server.next().is_none());
    assert!(!server.reactor.is_alive(id));
    server.answer(id, &[OK, b"\r\n"].concat());
    assert_eq!((server.reactor.connections(), server.is_clean()), (0, true));
    assert!(server.reactor.notices.is_empty());
}

#[test]
fn a_worker_that_finishes_answers_what_has_come_and_nothing_more() {
    let (mut server, mut client) = pair(Settings::default());
    let (mut future, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.reactor.begin_draining(&mut server.desk);
    settle(&mut server, &mut client);
    server.answer(id, &[OK, b"\r\nx"].concat());
    settle(&mut server, &mut client);
    assert!(response(&mut future).is_ok());
    assert!(client.is_over && client.error.is_none());
    drop(client);
    assert!(server.next().is_none());
    assert!(server.reactor.is_drained());
}

#[test]
fn an_idle_connection_ends_in_good_order() {
    for served in [false, true] {
        let (mut server, mut client) = pair(Settings::default());
        settle(&mut server, &mut client);
        if served {
            let _asked = client.ask(get("/"), true);
            let id = server.next().unwrap().id;
            server.answer(id, &[OK, b"\r\n"].concat());
            settle(&mut server, &mut client);
        }
        // As long as a client of HTTP/1.1 has for its first head, or between two.
        for milliseconds in if served { &[5_000, 69_999][..] } else { &[14_999] } {
            server.pass(*milliseconds);
        }
        assert_eq!(server.reactor.connections(), 1);
        server.pass(1);
        client.go_on();
        server.pass(2000);
        assert_eq!((server.reactor.connections(), server.reactor.notices.len()), (0, 0));
        assert!(client.is_over);
    }
}

#[test]
fn what_ends_too_early_is_seen_to_do_so() {
    let (mut server, mut client) = pair(Settings::default());
    let (mut short, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.answer(id, &[OK, b"Content-Length: 9\r\n\r\nhalf"].concat());
    let (mut changed, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.answer(id, b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    settle(&mut server, &mut client);
    let error = match response(&mut short) {
        Ok(answer) => taken(&mut answer.into_body(), &mut Vec::new()).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
    assert_eq!(response(&mut changed).unwrap_err().reason(), Some(Reason::HTTP_1_1_REQUIRED));
    assert!(server.is_clean());
}

#[test]
fn fields_may_come_before_an_answer_and_behind_it() {
    let (mut server, mut client) = pair(Settings::default());
    let (mut future, _) = client.ask(get("/"), true);
    let id = server.next().unwrap().id;
    server.reactor.send(id, b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", false);
    server.reactor.set_trailers(id, vec![(b"X-Sum".to_vec(), b"1".to_vec())]);
    server.answer(id, &[OK, b"Content-Length: 4\r\n\r\nbody"].concat());
    client.go_on();
    let mut body = response(&mut future).unwrap().into_body();
    let mut all = Vec::new();
    assert!(taken(&mut body, &mut all).unwrap());
    assert_eq!(now(body.trailers()).unwrap().unwrap().unwrap()["x-sum"], "1");
    assert_eq!((&all[..], server.is_clean()), (&b"body"[..], true));
}
