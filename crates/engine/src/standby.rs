//! The standby thread: while the application keeps its thread busy, it drives the reactor. It never touches the
//! interpreter, so it works whether the application sleeps or computes.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::desk::Desk;
use crate::escape;
use crate::host::Host;
use crate::seats::Moment;
use crate::shared::Shared;
use crate::sys::board::{Board, Word, WorkerState};
use crate::sys::thread::spawn_without_signals;

/// How often it looks: the time after which a streamed block is sent, and half of what makes a call a stall.
const TICK: Duration = Duration::from_millis(1);
/// How often while calls are short and nothing is streamed: each tick costs the application's thread its processor.
const LAZY_TICK: Duration = Duration::from_millis(2);
/// How many calls in a tick make them short.
const MANY_CALLS: u64 = 8;
/// For how many ticks a streamed answer keeps it alert.
const ALERT_TICKS: u32 = 100;
/// After how many ticks without an exchange it goes to sleep.
const IDLE_TICKS: u32 = 10;
/// After what time the board tells what a call is about.
const LONG_CALL: Duration = Duration::from_secs(1);
const STACK_BYTES: usize = 128 * 1024;

/// Start it. After fork, since threads do not survive one.
pub fn start<H: Host>(shared: Arc<Shared<H>>) -> io::Result<JoinHandle<()>> {
    spawn_without_signals("longma-standby", STACK_BYTES, move || watch(&shared))
}

fn watch<H: Host>(shared: &Shared<H>) {
    let mut desk = Desk::default();
    let mut seen = shared.seats.moment();
    let mut idle_ticks = 0;
    let mut unstreamed_ticks = 0;
    let mut tick = TICK;
    while !shared.has_ended() {
        shared.pause(tick, tick == LAZY_TICK);
        let moment = shared.seats.moment();
        unstreamed_ticks = if shared.has_streamed() { 0 } else { unstreamed_ticks + 1 };
        let is_calm = moment.calls_since(seen) >= MANY_CALLS && unstreamed_ticks > ALERT_TICKS;
        tick = if is_calm { LAZY_TICK } else { TICK };
        if moment.is_away() && moment == seen {
            stand_in(shared, moment, &mut desk);
            idle_ticks = 0;
        } else if moment.is_away() || shared.seats.is_anyone_away() {
            // Whoever has the lock is at work in the reactor: there is no need to queue for it.
            if let Some(mut reactor) = shared.try_lock() {
                reactor.flush_unfinished();
                reactor.flush_streams();
            }
            idle_ticks = 0;
        } else if moment == seen {
            idle_ticks += 1;
            if idle_ticks > IDLE_TICKS {
                shared.park();
                idle_ticks = 0;
            }
        } else {
            idle_ticks = 0;
        }
        seen = moment;
    }
}

/// What the board tells of a call that has lasted for long, and no longer than the call.
struct Shown<'a> {
    board: &'a Board,
    since: Instant,
    is_shown: bool,
}

impl Shown<'_> {
    fn look(&mut self, line: &[u8]) {
        if !self.is_shown && self.since.elapsed() >= LONG_CALL {
            self.is_shown = true;
            let mut text = Vec::new();
            escape::line(line, &mut text);
            self.board.show_text(&text);
        }
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if self.is_shown {
            self.board.show_text(b"");
        }
    }
}

/// The application has had control for more than a tick: let another thread lead or, where none has time, do what the
/// leader would do, short of calling the application.
fn stand_in<H: Host>(shared: &Shared<H>, moment: Moment, desk: &mut Desk) {
    if shared.seats.call_another() {
        return;
    }
    shared.board.add(Word::Stalls, 1);
    let mut shown = Shown { board: &shared.board, since: Instant::now(), is_shown: false };
    while shared.seats.moment() == moment && !shared.has_ended() {
        // One may have come to rest meanwhile.
        if shared.seats.call_another() {
            return;
        }
        let log_is_due = {
            let mut reactor = shared.lock();
            if shared.seats.moment() != moment {
                return;
            }
            shared.board.set_state(WorkerState::Stalled);
            // Never waits: a wait would take wake-ups away from siblings that have time.
            if shared.epoll.wait(&mut desk.events, 0).is_ok() {
                reactor.update_time();
                reactor.handle_events_aside(desk);
                reactor.expire(desk);
            }
            // What is held back has been promised another answer behind it.
            reactor.flush_batch();
            if shared.is_stopping() {
                reactor.begin_draining(desk);
            }
            reactor.flush_streams();
            if shared.board.get(Word::Condemned) == 0 {
                reactor.hand_over_ready();
            } else {
                reactor.leave_rest();
            }
            shown.look(reactor.call_line());
            shared.has_log_to_tend(&reactor)
        };
        if log_is_due {
            shared.tend_log();
        }
        std::thread::sleep(TICK);
    }
}
