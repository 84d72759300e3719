//! Who is let in: the cap on connections, what makes room below it, shortage, and the end of accepting.

use std::fs::File;
use std::time::{Duration, Instant};

use longma_engine::leader;
use longma_engine::settings::Settings;

use crate::support::client::Client;
use crate::support::process::alone;
use crate::support::worker::{Worker, nothing, ok};

fn at_most(worker_connections: usize) -> Settings {
    Settings { worker_connections, ..Settings::default() }
}

#[test]
fn at_the_cap_nobody_is_let_in_until_somebody_leaves() {
    let (mut worker, address) = Worker::tcp(at_most(2));
    let mut first = Client::connect(&address);
    first.send(b"GET /half");
    let mut second = Client::connect(&address);
    second.send(b"GET /half");
    worker.until_connections(2);
    let mut third = Client::connect(&address);
    third.get("/third");
    for _ in 0..20 {
        worker.turn(&mut nothing);
        assert_eq!(worker.connections(), 2);
    }
    drop(first);
    worker.until_requests(1, |call| ok(call.line.as_bytes()));
    assert_eq!(third.answer().text(), "GET /third HTTP/1.1");
}

#[test]
fn a_connection_that_only_waits_makes_room_for_a_new_one() {
    let (mut worker, address) = Worker::tcp(at_most(2));
    let mut clients: Vec<Client> = Vec::new();
    for number in 0..5 {
        let mut client = Client::connect(&address);
        client.get("/");
        worker.until_requests(number + 1, |_| ok(b"served"));
        assert_eq!(client.answer().text(), "served");
        clients.push(client);
    }
    assert_eq!(worker.connections(), 2);
    for (number, client) in clients.iter_mut().enumerate() {
        if number < 3 {
            client.assert_closed();
        } else {
            client.get("/again");
            worker.until_requests(number as u64 + 3, |_| ok(b"kept"));
            assert_eq!(client.answer().text(), "kept");
        }
    }
}

#[test]
fn a_connection_that_is_busy_again_makes_no_room() {
    let (mut worker, address) = Worker::tcp(at_most(1));
    let mut first = Client::connect(&address);
    first.get("/");
    worker.until_requests(1, |_| ok(b"served"));
    assert_eq!(first.answer().text(), "served");
    first.send(b"GET /ha");
    worker.turn(&mut nothing);
    let mut second = Client::connect(&address);
    second.get("/second");
    for _ in 0..20 {
        worker.turn(&mut nothing);
        assert_eq!(worker.connections(), 1);
    }
    first.send(b"lf HTTP/1.1\r\nHost: test\r\n\r\n");
    worker.until_requests(3, |call| ok(call.line.as_bytes()));
    assert_eq!(first.answer().text(), "GET /half HTTP/1.1");
    assert_eq!(second.answer().text(), "GET /second HTTP/1.1");
}

#[test]
fn whoever_has_been_refused_makes_room_for_a_new_one() {
    let (mut worker, address) = Worker::tcp(at_most(2));
    let refused: Vec<Client> = (0..2)
        .map(|_| {
            let mut client = Client::connect(&address);
            client.send(b"nonsense\r\n\r\n");
            client
        })
        .collect();
    worker.until("refusals", nothing, |worker| worker.notices.len() == 2);
    assert_eq!(worker.connections(), 2);
    let mut client = Client::connect(&address);
    client.get("/");
    worker.until_requests(1, |call| {
        assert_eq!(call.reactor().connections(), 2, "one of those that were refused has gone, the other still lingers");
        ok(b"served")
    });
    assert_eq!(client.answer().text(), "served");
    drop(refused);
}

/// Take all descriptors that this process may still have.
fn descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn told(worker: &Worker) -> Vec<String> {
    worker.notices.iter().map(|notice| notice.to_string().split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn without_descriptors_accepting_pauses_says_so_once_and_recovers() {
    if !alone("admission::without_descriptors_accepting_pauses_says_so_once_and_recovers", "ulimit -n 100") {
        return;
    }
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut client = Client::connect(&address);
    client.get("/");
    let all = descriptors();
    let began = Instant::now();
    let mut turns = 0;
    while began.elapsed() < Duration::from_millis(1200) {
        worker.turn(&mut nothing);
        turns += 1;
    }
    assert_eq!(told(&worker), ["Accepting paused"]);
    assert!(turns < 600, "{turns} turns of 5 ms in 1.2 s");
    drop(all);
    worker.until_requests(1, |_| ok(b"at last"));
    assert_eq!(client.answer().text(), "at last");
    assert_eq!(told(&worker), ["Accepting paused", "Accepting again"]);
}

#[test]
fn a_worker_that_stops_for_want_of_descriptors_waits_for_its_clients_in_peace() {
    if !alone("admission::a_worker_that_stops_for_want_of_descriptors_waits_for_its_clients_in_peace", "ulimit -n 100") {
        return;
    }
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut slow = Client::connect(&address);
    slow.send(b"GET / HTTP/1.1\r\n");
    worker.until_connections(1);
    let _late = Client::connect(&address);
    let _all = descriptors();
    worker.until("pause", nothing, |worker| told(worker) == ["Accepting paused"]);
    worker.shared.stop();
    let (began, mut longest) = (Instant::now(), 0);
    worker.until("end of the pause", nothing, |worker| {
        longest = longest.max(leader::patience(&worker.shared.lock(), &worker.desk));
        began.elapsed() > Duration::from_millis(600)
    });
    assert!(longest > 20, "it looks again after {longest} ms");
}

#[test]
fn a_worker_that_stops_serves_a_newcomer_whose_request_is_on_its_way() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut accepted = Client::connect(&address);
    worker.until_connections(1);
    let mut waiting = Client::connect(&address);
    worker.shared.stop();
    worker.until("end of accepting", nothing, |worker| worker.shared.lock().is_draining());
    for client in [&mut accepted, &mut waiting] {
        client.get("/");
    }
    worker.until_requests(2, |_| ok(b"served"));
    for client in [&mut accepted, &mut waiting] {
        assert_eq!(client.answer().text(), "served");
        client.assert_closed();
    }
}

#[test]
fn a_worker_that_stops_waits_for_silent_clients_but_a_moment() {
    let (mut worker, address) = Worker::unix(Settings::default());
    let mut kept = Client::connect(&address);
    kept.get("/");
    worker.until_requests(1, |_| ok(b"served"));
    assert_eq!(kept.answer().text(), "served");
    let mut silent = Client::connect(&address);
    worker.shared.stop();
    worker.until("end of accepting", nothing, |worker| worker.shared.lock().is_draining());
    assert_eq!(worker.connections(), 2);
    worker.until_connections(0);
    kept.assert_closed();
    silent.assert_closed();
}

#[test]
fn without_descriptors_a_worker_that_finishes_serves_what_waits_all_the_same() {
    if !alone("admission::without_descriptors_a_worker_that_finishes_serves_what_waits_all_the_same", "ulimit -n 100") {
        return;
    }
    let (mut worker, address) = Worker::tcp(Settings::default());
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&address)).collect();
    for client in &mut clients {
        client.get("/");
    }
    let all: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    worker.shared.stop();
    worker.until("shortage", nothing, |worker| !worker.notices.is_empty());
    assert!(!worker.shared.lock().is_drained());
    drop(all);
    worker.until("end", |_| ok(b"last"), |worker| worker.shared.lock().is_drained());
    for client in &mut clients {
        assert_eq!(client.answer().text(), "last");
        client.assert_closed();
    }
    assert_eq!(worker.notices.len(), 1);
}
