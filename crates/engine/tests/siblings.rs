//! Workers that help each other: connections handed over, and none forgotten.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

use longma_engine::leader;
use longma_engine::settings::Settings;
use longma_engine::sys::board::{Word, WorkerState};

use crate::support::client::Client;
use crate::support::process::alone;
use crate::support::siblings::{Busy, Family, told_by};
use crate::support::sockets::{self, Address};
use crate::support::worker::{Worker, nothing, ok};
use crate::support::{PATIENCE, deadline};

fn handed_out(worker: &Busy) -> u64 {
    worker.running.shared.board.get(Word::HandedOut)
}

#[test]
fn an_idle_sibling_serves_what_waits_for_a_busy_one() {
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(2);
    let busy = family.worker(Settings::default(), &[&listener]);
    let mut idle = family.worker(Settings::default(), &[]);
    let ledger = busy.ledger.clone();
    let mut busy = Busy::start(busy, "busy", &address);
    let body = "x".repeat(3000);
    let requests = [
        ("GET /bare HTTP/1.1 0", "GET /bare HTTP/1.1\r\nHost: test\r\n\r\n".to_owned()),
        ("POST /body HTTP/1.1 3000", format!("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 3000\r\n\r\n{body}")),
    ];
    for (wanted, request) in &requests {
        let mut client = Client::connect(&address);
        client.send(request.as_bytes());
        client.send(b"GET /behind HTTP/1.1\r\nHost: test\r\n\r\nGET /ha");
        let served = idle.requests();
        idle.until_requests(served + 2, |call| told_by("idle", &call));
        assert_eq!(client.answer().text(), format!("idle: {wanted}"));
        assert_eq!(client.answer().text(), "idle: GET /behind HTTP/1.1 0");
        // The connection stays where it went, with what had been read of it.
        client.send(b"lf HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        idle.until_connections_while(0, |call| told_by("idle", &call));
        assert_eq!(client.answer().text(), "idle: GET /half HTTP/1.1 0");
        client.assert_closed();
    }
    assert!(handed_out(&busy) >= 2);
    busy.let_go();
    let worker = busy.running.stop();
    drop(worker);
    assert_eq!((ledger.outstanding(), ledger.astray()), (0, 0));
}

#[test]
fn what_is_not_whole_or_too_long_to_pass_waits_for_its_worker() {
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(2);
    let busy = family.worker(Settings::default(), &[&listener]);
    let idle = family.worker(Settings::default(), &[]);
    let mut busy = Busy::start(busy, "busy", &address);
    let long = "x".repeat(40_000);
    let requests = [
        ("POST /long HTTP/1.1 40000", format!("POST /long HTTP/1.1\r\nHost: test\r\nContent-Length: 40000\r\n\r\n{long}")),
        (
            "POST /chunked HTTP/1.1 3",
            "POST /chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned(),
        ),
    ];
    let mut clients: Vec<Client> = requests
        .iter()
        .map(|(_, request)| {
            let mut client = Client::connect(&address);
            client.send(request.as_bytes());
            client
        })
        .collect();
    let mut half = Client::connect(&address);
    half.send(b"GET /half HTTP/1.1\r\n");
    // One that can be passed shows that the others have been looked at.
    let mut marker = Client::connect(&address);
    marker.get("/marker");
    busy.running.until("hand-over", |reactor| reactor.board().get(Word::HandedOut) >= 1);
    idle.shared.board.set_state(WorkerState::Active);
    busy.let_go();
    for (client, (wanted, _)) in clients.iter_mut().zip(&requests) {
        assert_eq!(client.answer().text(), format!("busy: {wanted}"));
    }
    half.send(b"Host: test\r\n\r\n");
    assert_eq!(half.answer().text(), "busy: GET /half HTTP/1.1 0");
    busy.running.stop();
    drop(idle);
}

#[test]
fn a_worker_that_is_ahead_passes_new_connections_on() {
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(2);
    let mut ahead = family.worker(Settings::default(), &[&listener]);
    let mut behind = family.worker(Settings::default(), &[]);
    let mut clients = Vec::new();
    for number in 1..=10 {
        clients.push(Client::connect(&address));
        ahead.until("connection", nothing, |worker| worker.shared.board.get(Word::Accepted) == number);
        behind.until("connection", nothing, |worker| worker.connections() + ahead.connections() == number as usize);
    }
    assert_eq!((ahead.connections(), behind.connections()), (6, 4));
}

#[test]
fn what_lies_in_the_queue_when_a_worker_stops_is_served() {
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(2);
    let mut ahead = family.worker(Settings::default(), &[&listener]);
    let mut stopping = family.worker(Settings::default(), &[]);
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&address)).collect();
    ahead.until("passing on", nothing, |worker| worker.shared.board.get(Word::HandedOut) == 1);
    clients[3].get("/queued");
    stopping.shared.stop();
    stopping.until_requests(1, |call| told_by("stopping", &call));
    assert_eq!(clients[3].answer().text(), "stopping: GET /queued HTTP/1.1 0");
    clients[3].assert_closed();
    // What comes later, from whoever took it for idle a moment ago, is for others, and is no reason to wake up.
    leader::beat(&stopping.shared, WorkerState::Idle);
    stopping.shared.board.set(Word::Draining, 0);
    let mut client = Client::connect(&address);
    ahead.until("passing on", nothing, |worker| worker.shared.board.get(Word::HandedOut) == 2);
    stopping.wait(0);
    assert!(!stopping.desk.has_more());
    client.get("/later");
    ahead.until_requests(1, |call| told_by("ahead", &call));
    assert_eq!(client.answer().text(), "ahead: GET /later HTTP/1.1 0");
}

#[test]
fn at_its_cap_a_worker_makes_room_for_what_is_handed_over() {
    let (listener, address) = sockets::tcp();
    let (own, own_address) = sockets::tcp();
    let mut family = Family::of(2);
    let busy = family.worker(Settings::default(), &[&listener]);
    let mut full: Worker = family.worker(Settings { worker_connections: 2, ..Settings::default() }, &[&own]);
    let mut waiting: Vec<Client> = Vec::new();
    for number in 0..2 {
        let mut client = Client::connect(&own_address);
        client.get("/");
        full.until_requests(number + 1, |_| ok(b"served"));
        client.answer();
        waiting.push(client);
    }
    let mut busy = Busy::start(busy, "busy", &address);
    let mut client = Client::connect(&address);
    client.get("/handed-over");
    full.until_requests(3, |call| {
        assert_eq!(call.reactor().connections(), 2);
        told_by("full", &call)
    });
    assert_eq!(client.answer().text(), "full: GET /handed-over HTTP/1.1 0");
    waiting[0].assert_closed();
    busy.let_go();
    busy.running.stop();
}

/// Wait until this thread of ours does nothing but wait.
fn until_asleep(thread: &str) {
    let until = deadline();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{thread}/stat")).unwrap();
        if stat.rsplit(") ").next().unwrap().starts_with('S') {
            return;
        }
        assert!(Instant::now() < until, "it does not go to sleep");
        std::thread::yield_now();
    }
}

/// The name by which this thread is found.
fn this_thread() -> String {
    std::fs::read_link("/proc/thread-self").unwrap().into_os_string().into_string().unwrap()
}

/// A worker that is woken for something and never gets to it, and a sibling that sleeps meanwhile.
fn served_in_the_place_of_a_dead_one(announce: impl FnOnce(&mut Client), address: &Address, workers: [Worker; 2]) {
    let [mut dead, mut living] = workers;
    let (name, its_name) = channel();
    let its = name.clone();
    let dead = std::thread::spawn(move || {
        its.send(this_thread()).unwrap();
        dead.wait(10_000);
        dead
    });
    until_asleep(&its_name.recv_timeout(PATIENCE).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let living = std::thread::spawn(move || {
        name.send(this_thread()).unwrap();
        while !stopped.load(Ordering::SeqCst) {
            living.wait(10_000);
            living.serve(&mut |call| told_by("living", &call));
        }
    });
    until_asleep(&its_name.recv_timeout(PATIENCE).unwrap());
    let mut client = Client::connect(address);
    announce(&mut client);
    let dead = dead.join().unwrap();
    assert!(dead.desk.has_more(), "the first in line is woken");
    client.get("/");
    assert_eq!(client.answer().text(), "living: GET / HTTP/1.1 0");
    stop.store(true, Ordering::SeqCst);
    living.join().unwrap();
}

#[test]
fn a_connection_announced_to_a_worker_that_dies_is_accepted_by_another() {
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(2);
    let dead = family.worker(Settings::default(), &[&listener]);
    let living = family.worker(Settings::default(), &[&listener]);
    served_in_the_place_of_a_dead_one(|_| {}, &address, [dead, living]);
}

#[test]
fn a_connection_handed_to_a_worker_that_dies_is_taken_by_another() {
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(3);
    let dead = family.worker(Settings::default(), &[]);
    let living = family.worker(Settings::default(), &[]);
    let mut ahead = family.worker(Settings::default(), &[&listener]);
    let _others: Vec<Client> = (0..3).map(|_| Client::connect(&address)).collect();
    ahead.until_connections(3);
    let pass_on = |_: &mut Client| {
        ahead.until("passing on", nothing, |worker| worker.shared.board.get(Word::HandedOut) == 1);
    };
    served_in_the_place_of_a_dead_one(pass_on, &address, [dead, living]);
}

#[test]
fn without_descriptors_nothing_more_is_taken_from_the_queue() {
    if !alone("siblings::without_descriptors_nothing_more_is_taken_from_the_queue", "ulimit -n 100") {
        return;
    }
    let (listener, address) = sockets::tcp();
    let mut family = Family::of(2);
    let mut short = family.worker(Settings::default(), &[]);
    let mut ahead = family.worker(Settings::default(), &[&listener]);
    let mut clients: Vec<Client> = (0..5).map(|_| Client::connect(&address)).collect();
    ahead.until("passing on", nothing, |worker| worker.shared.board.get(Word::HandedOut) == 2);
    let all: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    short.until("pause", nothing, |worker| !worker.notices.is_empty());
    assert!(short.notices[0].to_string().starts_with("Accepting paused: "));
    for _ in 0..10 {
        short.turn(&mut nothing);
    }
    // One had its place kept free; for the other there is none.
    assert_eq!(short.connections(), 1);
    drop(all);
    for client in &mut clients[3..] {
        client.get("/");
    }
    short.until_requests(2, |call| told_by("short", &call));
    for client in &mut clients[3..] {
        assert_eq!(client.answer().text(), "short: GET / HTTP/1.1 0");
    }
}
