//! From bytes to whole requests.

use longma_engine::request::Repeat;
use longma_engine::settings::Settings;

use crate::support::client::Client;
use crate::support::worker::{Call, Place, Reply, Worker, nothing, ok};

/// Tell what was asked, and in what order.
fn tell(call: Call) -> Reply {
    ok(format!("{} #{}", call.line, call.requests).as_bytes())
}

#[test]
fn a_whole_request_is_served_by_the_turn_that_reads_it() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut client = Client::connect(&address);
    client.send(b"POST /a?b HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    let mut seen = Vec::new();
    worker.wait(10_000);
    worker.serve(&mut |call| {
        seen.push((call.line, call.body, call.place, call.repeat));
        ok(b"done")
    });
    assert_eq!(seen, [("POST /a?b HTTP/1.1".to_owned(), b"hello".to_vec(), Place::Desk, Repeat::New)]);
    assert_eq!(client.answer().text(), "done");
    assert_eq!(worker.connections(), 1);
}

#[test]
fn a_request_cut_anywhere_is_the_same_request() {
    let requests: [&[u8]; 2] = [
        b"POST /cut HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\nX-Y: z\r\n\r\nhello!",
        b"POST /cut HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n4\r\nhell\r\n2\r\no!\r\n0\r\n\r\n",
    ];
    let (mut worker, address) = Worker::tcp(Settings::default());
    for request in requests {
        let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        for cut in 1..request.len() {
            let mut client = Client::connect(&address);
            let (mut served, before) = (Vec::new(), worker.requests());
            client.send(&request[..cut]);
            worker.until_connections(1);
            worker.turn(&mut nothing);
            client.send(&request[cut..]);
            worker.until_requests(before + 1, |call| {
                served.push((call.line, call.head, call.body));
                ok(b"")
            });
            assert_eq!(served, [("POST /cut HTTP/1.1".to_owned(), request[..head].to_vec(), b"hello!".to_vec())], "cut at {cut}");
            assert_eq!(client.answer().status, 200);
            drop(client);
            worker.until_connections(0);
        }
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut client = Client::connect(&address);
    let request =
        b"POST /slowly HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n";
    let (last, first) = request.split_last().unwrap();
    for byte in first {
        client.send(&[*byte]);
        worker.turn(&mut nothing);
    }
    client.send(&[*last]);
    worker.turn(&mut |call| ok(&call.body));
    assert_eq!(client.answer().text(), "abcd");
}

#[test]
fn requests_behind_each_other_are_answered_in_their_order_one_at_a_time() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut client = Client::connect(&address);
    let mut requests = Vec::new();
    for number in 0..50 {
        let body = "x".repeat(number % 7);
        let chunked = format!("POST /{number} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        let known = format!("POST /{number} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        requests.extend_from_slice(if number % 3 == 0 { chunked } else { known }.as_bytes());
    }
    client.send(&requests);
    let mut order = Vec::new();
    worker.until_requests(50, |call| {
        order.push(call.line.split(' ').nth(1).unwrap().to_owned());
        tell(call)
    });
    assert_eq!(order, (0..50).map(|number| format!("/{number}")).collect::<Vec<_>>());
    for number in 0..50 {
        assert_eq!(client.answer().text(), format!("POST /{number} HTTP/1.1 #{}", number + 1));
    }
}

#[test]
fn a_repeated_header_block_is_known_again() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut client = Client::connect(&address);
    let mut seen = Vec::new();
    let blocks = ["A: 1", "A: 1", "A: 1", "A: 2", "A: 2", "A: 1"];
    for (number, block) in blocks.iter().enumerate() {
        client.send(format!("GET /{number} HTTP/1.1\r\nHost: test\r\n{block}\r\n\r\n").as_bytes());
        worker.until_requests(number as u64 + 1, |call| {
            assert!(call.head.windows(4).any(|window| window == block.as_bytes()));
            seen.push(call.repeat);
            tell(call)
        });
        assert_eq!(client.answer().text(), format!("GET /{number} HTTP/1.1 #{}", number + 1));
    }
    assert_eq!(seen, [Repeat::New, Repeat::Remember, Repeat::Same, Repeat::Remember, Repeat::Same, Repeat::Remember]);
}

#[test]
fn a_client_that_has_said_everything_gets_its_answer() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut client = Client::connect(&address);
    client.get("/");
    client.finish_sending();
    worker.until_requests(1, tell);
    assert_eq!(client.answer().status, 200);
    worker.until_connections(0);
    client.assert_closed();
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing_behind() {
    let parts: [&[u8]; 4] = [
        b"",
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhell",
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhe",
    ];
    let (mut worker, address) = Worker::tcp(Settings::default());
    for part in parts {
        let mut client = Client::connect(&address);
        client.send(part);
        worker.until_connections(1);
        worker.turn(&mut nothing);
        drop(client);
        worker.until_connections(0);
    }
    assert_eq!(worker.ledger.outstanding(), 0);
}

#[test]
fn what_the_host_lends_comes_back_to_it() {
    let (mut worker, address) = Worker::tcp(Settings::default());
    let ledger = worker.ledger.clone();
    for round in 0..3 {
        let mut client = Client::connect(&address);
        client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n");
        worker.until_connections(1);
        client.send(&vec![b'x'; 100_000]);
        let serve = |call: Call| {
            assert_eq!((call.place, call.body.len()), (Place::Buffer, 100_000));
            let blocks = (0..5).map(|_| call.block(vec![b'y'; 30_000])).collect();
            Reply::Blocks(b"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n".to_vec(), blocks)
        };
        worker.until_requests(round + 1, serve);
        drop(client);
        worker.until_connections(0);
        worker.turn(&mut nothing);
        assert_eq!((ledger.outstanding(), ledger.astray()), (0, 0));
    }
    // Each round: a memo, a buffer, five blocks.
    assert_eq!(ledger.lent(), 21);
}
