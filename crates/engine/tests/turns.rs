//! A turn ends: whoever asks a lot waits behind those that ask a little, and what is done with is given back.

use std::time::{Duration, Instant};

use longma_engine::settings::Settings;

use crate::support::client::Client;
use crate::support::worker::{Reply, Worker, ok, ok_bytes, ok_head};

#[test]
fn many_requests_behind_each_other_do_not_hold_another_client_up() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut greedy = Client::connect(&address);
    let mut modest = Client::connect(&address);
    worker.until_connections(2);
    greedy.send("GET /greedy HTTP/1.1\r\nHost: test\r\n\r\n".repeat(200).as_bytes());
    modest.get("/modest");
    let mut order = Vec::new();
    worker.until_requests(201, |call| {
        order.push(call.line.contains("modest"));
        ok(b"")
    });
    let before = order.iter().position(|&modest| modest).unwrap();
    assert!(before <= 2, "{before} requests of the other came first");
}

#[test]
fn a_newcomer_is_let_in_while_others_have_requests_waiting() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut greedy = Client::connect(&address);
    worker.until_connections(1);
    greedy.send("GET /greedy HTTP/1.1\r\nHost: test\r\n\r\n".repeat(200).as_bytes());
    let (mut calls, mut newcomer, mut served_at) = (0, None, 0);
    worker.until_requests(201, |call| {
        calls += 1;
        if calls == 10 {
            let mut client = Client::connect(&address);
            client.get("/newcomer");
            newcomer = Some(client);
        }
        if call.line.contains("newcomer") {
            served_at = calls;
        }
        ok(b"")
    });
    assert!((10..15).contains(&served_at), "served as number {served_at}");
}

#[test]
fn under_load_without_a_pause_blocks_are_given_back() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&address)).collect();
    for client in &mut clients {
        client.get("/");
    }
    let ledger = worker.ledger.clone();
    let (mut calls, mut most) = (0_usize, 0);
    let mut desk = longma_engine::Desk::default();
    worker.until_requests(1000, |call| {
        calls += 1;
        most = most.max(ledger.outstanding());
        // The application takes its time, and the standby thread queues what comes meanwhile.
        if calls > 1 {
            let client = &mut clients[(calls - 2) % 4];
            assert_eq!(client.answer().body.len(), 20_000);
            client.get("/");
        }
        longma_engine::leader::wait(&call.shared, &mut desk, 0).unwrap();
        call.reactor().handle_events_aside(&mut desk);
        Reply::Blocks(ok_head(20_000), vec![call.block(vec![b'x'; 20_000])])
    });
    assert!(most < 100, "{most} blocks were kept");
}

#[test]
fn an_answer_that_waits_for_company_does_not_wait_for_long() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&address)).collect();
    worker.until_connections(3);
    for client in &mut clients {
        client.get("/");
    }
    let mut calls = 0;
    worker.wait(10_000);
    worker.serve(&mut |_| {
        calls += 1;
        match calls {
            1 => Reply::Soon(ok_bytes(b"soon")),
            2 => {
                // Too long to be held back itself, and longer in the making than the first may wait.
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(3) {}
                ok(&[b'x'; 10_000])
            }
            _ => {
                assert!(!clients[0].take_now(1).is_empty(), "the first answer is still held back");
                ok(b"")
            }
        }
    });
    assert_eq!(calls, 3);
}
