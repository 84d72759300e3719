//! No room for temporary files: whoever needs one is told, and the others are served.

use longma_engine::settings::Settings;

use crate::support::client::{Client, End};
use crate::support::process::alone;
use crate::support::worker::{Reply, Worker, nothing, ok, ok_bytes};

const NOWHERE: &str = "export TMPDIR=/nonexistent";

fn settings() -> Settings {
    Settings { body_buffer_size: 1000, response_buffer_size: 16 * 1024, ..Settings::default() }
}

fn told(worker: &Worker) -> Vec<String> {
    worker.notices.iter().map(|notice| notice.to_string().split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_body_that_cannot_be_stored_is_refused() {
    if !alone("storage::a_body_that_cannot_be_stored_is_refused", NOWHERE) {
        return;
    }
    let (mut worker, address) = Worker::unix(settings());
    let chunk = "x".repeat(2000);
    let requests = [
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2000\r\n\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{chunk}\r\n"),
    ];
    for request in requests {
        let mut client = Client::connect(&address);
        client.send(request.as_bytes());
        worker.until("refusal", nothing, |worker| !worker.notices.is_empty());
        assert_eq!(client.answer().status, 500);
        worker.turn(&mut nothing);
        assert_eq!(told(&worker), ["A temporary file could not be written"]);
        worker.notices.clear();
    }
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |_| ok(b"served"));
    assert_eq!(client.answer().text(), "served");
}

#[test]
fn an_answer_that_cannot_be_stored_ends_where_it_is() {
    if !alone("storage::an_answer_that_cannot_be_stored_ends_where_it_is", NOWHERE) {
        return;
    }
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    client.get("/");
    let answer = ok_bytes(&[b'x'; 1_000_000]);
    worker.until_requests(1, |call| {
        call.reactor().send(call.id, &answer, false);
        assert!(!call.reactor().is_alive(call.id));
        Reply::Sent
    });
    assert_eq!(worker.connections(), 0);
    let (sent, end) = client.rest();
    assert_eq!(end, End::Closed);
    assert!(!sent.is_empty() && sent.len() < answer.len() && answer.starts_with(&sent));
    worker.turn(&mut nothing);
    assert_eq!(told(&worker), ["A temporary file could not be written"]);
}

#[test]
fn nothing_follows_what_could_not_be_stored() {
    if !alone("storage::nothing_follows_what_could_not_be_stored", NOWHERE) {
        return;
    }
    let (mut worker, address) = Worker::unix(settings());
    let mut client = Client::connect(&address);
    client.get("/");
    let ledger = worker.ledger.clone();
    worker.until_requests(1, |call| {
        while call.reactor().waiting(call.id) == 0 {
            call.reactor().send(call.id, &[b'a'; 1000], false);
        }
        // There is room again for what follows.
        while !client.take_now(100_000).is_empty() {}
        let blocks = vec![call.block(vec![b'c'; 1000])];
        Reply::Blocks(vec![b'b'; 20_000], blocks)
    });
    assert_eq!(worker.connections(), 0);
    let (sent, _) = client.rest();
    assert!(sent.iter().all(|&byte| byte == b'a'), "the block was sent without what stands before it");
    drop(worker);
    assert_eq!((ledger.outstanding(), ledger.astray()), (0, 0));
}
