//! The server's figures as Prometheus reads them (text format 0.0.4), from the pages of all workers.
//!
//! Whichever worker is asked, the figures are those of the whole server. A counter never falls: what a worker that is gone
//! had counted is kept by the master.

use std::fmt::Write;

use super::answer::{Answer, Content};
use super::asked::Asked;
use crate::sys::board::{Board, CALL_BOUNDS_US, CLASSES, Word, WorkerState};

const FIELDS: &[u8] = b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nCache-Control: no-store\r\n";
const STATES: [(WorkerState, &str); 5] = [
    (WorkerState::Booting, "booting"),
    (WorkerState::Idle, "idle"),
    (WorkerState::Active, "active"),
    (WorkerState::Stalled, "stalled"),
    (WorkerState::Retiring, "retiring"),
];
/// What all workers count: the word, the name, and what it means.
const COUNTERS: [(Word, &str, &str); 7] = [
    (Word::Refused, "requests_refused", "Requests that the engine refused; each is among the answers, too."),
    (Word::Accepted, "connections_accepted", "Connections accepted."),
    (Word::HandedOut, "connections_handed_over", "Connections that a busy worker handed to an idle one."),
    (Word::Stalls, "application_stalls", "Calls of the application that lasted so long that another thread took over."),
    (Word::BytesIn, "received_bytes", "Bytes received of requests."),
    (Word::BytesOut, "sent_bytes", "Bytes sent of answers."),
    (Word::Begun, "requests_begun", "Requests that the application was given, or the engine answered by itself."),
];

/// Where the figures come from.
pub(crate) struct Readings<'a> {
    pub board: &'a Board,
    /// How many calls of the application a worker has room for.
    pub seats: usize,
    /// The moment, on the monotonic clock.
    pub now_ns: u64,
}

pub(crate) fn answer(asked: &Asked<'_>, readings: &Readings<'_>) -> Answer {
    if !matches!(asked.method(), b"GET" | b"HEAD") {
        return Answer::not_allowed(b"GET, HEAD");
    }
    let text = readings.board.steadily(|_| render(readings));
    Answer { status: 200, fields: FIELDS.to_vec(), content: Content::Bytes(text.into_bytes()) }
}

fn render(readings: &Readings<'_>) -> String {
    let board = readings.board;
    let there: Vec<usize> = (0..board.slots()).filter(|&slot| board.read(slot, Word::State) != 0).collect();
    let mut text = Text(String::with_capacity(4096));
    text.family("build_info", "gauge", "The version that serves.");
    text.sample("build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0);
    text.counter("workers_started", "Workers that the master has started.", board.started());
    text.family("workers", "gauge", "Workers by what they do.");
    for (state, name) in STATES {
        let count = there.iter().filter(|&&slot| board.read(slot, Word::State) == state as u64).count();
        text.sample("workers", &format!("{{state=\"{name}\"}}"), count as f64);
    }
    let serving = there.iter().filter(|&&slot| board.read(slot, Word::State) > WorkerState::Booting as u64).count();
    text.gauge("requests_capacity", "Calls of the application that there is room for.", (serving * readings.seats) as f64);
    text.family("requests_in_flight", "gauge", "Requests that the application has (running), or that wait for it.");
    let running: u64 = there.iter().map(|&slot| in_flight(board, slot)).sum();
    let waiting: u64 = there.iter().map(|&slot| board.read(slot, Word::Queued)).sum();
    text.sample("requests_in_flight", "{state=\"running\"}", running as f64);
    text.sample("requests_in_flight", "{state=\"waiting\"}", waiting as f64);
    text.family("requests_total", "counter", "Answers by the class of their status, of the application and of the engine.");
    for class in 0..CLASSES {
        let count = board.total(Word::Answered1xx, class);
        text.sample("requests_total", &format!("{{code=\"{}xx\"}}", class + 1), count as f64);
    }
    text.durations(board);
    for (word, name, help) in COUNTERS {
        text.counter(name, help, board.total(word, 0));
    }
    let connections: u64 = there.iter().map(|&slot| board.read(slot, Word::Connections)).sum();
    text.gauge("connections", "Connections that are open.", connections as f64);
    text.workers(readings, &there);
    text.0
}

/// Requests that a worker's application has.
fn in_flight(board: &Board, slot: usize) -> u64 {
    board.read(slot, Word::Begun).saturating_sub(board.read(slot, Word::Requests))
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to memory does not fail.
        let _ = write!(self.0, "# HELP longma_{name} {help}\n# TYPE longma_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "longma_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let name = format!("{name}_total");
        self.family(&name, "counter", help);
        self.sample(&name, "", value as f64);
    }

    /// How long calls take, each in every one of the lengths that it does not exceed.
    fn durations(&mut self, board: &Board) {
        self.family("request_duration_seconds", "histogram", "How long the application took, until its answer was handed over.");
        let mut count = 0;
        for place in 0..=CALL_BOUNDS_US.len() {
            count += board.total(Word::CallsWithin, place);
            let bound =
                CALL_BOUNDS_US.get(place).map_or_else(|| "+Inf".to_owned(), |&bound_us| (bound_us as f64 / 1e6).to_string());
            self.sample("request_duration_seconds_bucket", &format!("{{le=\"{bound}\"}}"), count as f64);
        }
        self.sample("request_duration_seconds_sum", "", board.total(Word::CallTime, 0) as f64 / 1e9);
        self.sample("request_duration_seconds_count", "", count as f64);
    }

    /// What each worker does right now, by its place on the board.
    fn workers(&mut self, readings: &Readings<'_>, there: &[usize]) {
        let board = readings.board;
        let since = |slot| match board.read(slot, Word::CallStarted) {
            0 => 0.0,
            began_ns => readings.now_ns.saturating_sub(began_ns) as f64 / 1e9,
        };
        self.family("worker_call_seconds", "gauge", "How long the worker's longest call of the application lasts by now.");
        for &slot in there {
            self.sample("worker_call_seconds", &format!("{{worker=\"{slot}\"}}"), since(slot));
        }
        self.family("worker_connections", "gauge", "Connections that the worker has.");
        for &slot in there {
            self.sample("worker_connections", &format!("{{worker=\"{slot}\"}}"), board.read(slot, Word::Connections) as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_all_workers() {
        let boards = Board::in_process(3);
        for (board, state) in boards.iter().zip([WorkerState::Idle, WorkerState::Active]) {
            board.set_state(state);
            board.add(Word::Begun, 5);
            board.add(Word::Requests, 4);
            board.add(Word::Queued, 2);
            board.count_answer(b'2');
            board.count_answer(b'5');
            for duration_ns in [1, 1_000_000, 1_000_001, 45_000_000_000] {
                board.count_call(duration_ns);
            }
        }
        boards[1].set(Word::CallStarted, 1_000_000_000);
        let text = render(&Readings { board: &boards[0], seats: 4, now_ns: 3_500_000_000 });
        for line in [
            "longma_workers{state=\"idle\"} 1",
            "longma_workers{state=\"active\"} 1",
            "longma_requests_capacity 8",
            "longma_requests_in_flight{state=\"running\"} 2",
            "longma_requests_in_flight{state=\"waiting\"} 4",
            "longma_requests_total{code=\"2xx\"} 2",
            "longma_requests_total{code=\"4xx\"} 0",
            "longma_request_duration_seconds_bucket{le=\"0.001\"} 4",
            "longma_request_duration_seconds_bucket{le=\"0.0025\"} 6",
            "longma_request_duration_seconds_bucket{le=\"30\"} 6",
            "longma_request_duration_seconds_bucket{le=\"+Inf\"} 8",
            "longma_request_duration_seconds_sum 90.004000004",
            "longma_request_duration_seconds_count 8",
            "longma_worker_call_seconds{worker=\"0\"} 0",
            "longma_worker_call_seconds{worker=\"1\"} 2.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains("worker=\"2\""));
        assert!(text.ends_with('\n'));
    }
}
