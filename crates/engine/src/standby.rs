//! The standby thread: while the application keeps its thread busy, it drives the reactor. It never touches the
//! interpreter, so it works whether the application sleeps or computes.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::desk::Desk;
use crate::host::Host;
use crate::shared::Shared;
use crate::sys::board::{Word, WorkerState};
use crate::sys::thread::spawn_without_signals;

/// How often it looks: the time after which a streamed block is sent, and half of what makes a call a stall.
const TICK: Duration = Duration::from_millis(1);
/// After how many ticks without an exchange it goes to sleep.
const IDLE_TICKS: u32 = 10;
const STACK_BYTES: usize = 128 * 1024;

/// Start it. After fork, since threads do not survive one.
pub fn start<H: Host>(shared: Arc<Shared<H>>) -> io::Result<JoinHandle<()>> {
    spawn_without_signals("longma-standby", STACK_BYTES, move || watch(&shared))
}

fn watch<H: Host>(shared: &Shared<H>) {
    let mut desk = Desk::default();
    let mut seen = 0;
    let mut idle_ticks = 0;
    while !shared.has_ended() {
        std::thread::sleep(TICK);
        let exchange = shared.exchange();
        let in_application = exchange & 1 == 1;
        if in_application && exchange == seen {
            stand_in(shared, exchange, &mut desk);
            idle_ticks = 0;
        } else if in_application {
            // Whoever has the lock is at work in the reactor: there is no need to queue for it.
            if let Some(mut reactor) = shared.try_lock() {
                reactor.flush_batch();
                reactor.flush_streams();
            }
            idle_ticks = 0;
        } else if exchange == seen {
            idle_ticks += 1;
            if idle_ticks > IDLE_TICKS {
                shared.park();
                idle_ticks = 0;
            }
        } else {
            idle_ticks = 0;
        }
        seen = exchange;
    }
}

/// The application has had control for more than a tick: do what its thread would do, short of calling it.
fn stand_in<H: Host>(shared: &Shared<H>, exchange: u64, desk: &mut Desk) {
    shared.board.add(Word::Stalls, 1);
    while shared.exchange() == exchange && !shared.has_ended() {
        {
            let mut reactor = shared.lock();
            if shared.exchange() != exchange {
                return;
            }
            shared.board.set_state(WorkerState::Stalled);
            // Never waits: a wait would take wake-ups away from siblings that have time.
            if shared.epoll.wait(&mut desk.events, 0).is_ok() {
                reactor.update_time();
                reactor.handle_events_aside(desk);
                reactor.expire(desk);
            }
            if shared.is_stopping() {
                reactor.begin_draining(desk);
            }
            reactor.flush_batch();
            reactor.flush_streams();
            reactor.hand_over_ready();
            reactor.flush_access_log();
        }
        std::thread::sleep(TICK);
    }
}
