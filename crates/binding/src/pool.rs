//! One of several threads that call the application: it leads, takes what waits, or rests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use longma_engine::leader;
use longma_engine::shared::Shared;
use longma_engine::sys::board::WorkerState;
use pyo3::Python as Interpreter;
use pyo3::prelude::*;

use crate::bench::Bench;
use crate::host::Python;
use crate::worker::{STOP_GRACEFULLY, STOP_NOW, Worker};

impl Worker {
    /// Serve in this seat until told to stop.
    pub fn serve_seat(&mut self, py: Interpreter<'_>, order: &AtomicU8, mut bench: Bench) -> PyResult<()> {
        let shared = Arc::clone(&self.shared);
        let seat = self.seat;
        let is_over = || shared.has_ended() || order.load(Ordering::Relaxed) == STOP_NOW;
        let bench = &mut bench;
        bench.desk.move_to(seat);
        let mut quiet = leader::Quiet::new();
        while !is_over() {
            self.turn(py, &shared, bench, &is_over);
            let mut reactor = shared.lock();
            reactor.flush_batch();
            reactor.expire(&mut bench.desk);
            if order.load(Ordering::Relaxed) == STOP_GRACEFULLY {
                reactor.begin_draining(&mut bench.desk);
                if reactor.is_drained() {
                    drop(reactor);
                    shared.end();
                    return Ok(());
                }
            }
            let patience = leader::patience(&reactor, &bench.desk);
            let state = if reactor.is_draining() { WorkerState::Retiring } else { WorkerState::Idle };
            self.settle(py, reactor);
            if is_over() {
                break;
            }
            let leads = shared.seats.takes_lead(seat);
            if !leads {
                bench.desk.leave_events();
            } else if patience != 0 {
                shared.board.set_state(state);
            }
            // In any case others get their turn with the interpreter. They may keep it: until we have it back, the standby
            // thread sees to the events.
            py.detach(|| {
                let waited = match (leads, patience) {
                    (true, patience) => leader::wait(&shared, &mut bench.desk, patience),
                    (false, 0) => Ok(()),
                    (false, _) => {
                        shared.seats.rest(seat, is_over);
                        Ok(())
                    }
                };
                shared.step_aside(seat);
                waited
            })?;
            shared.seats.come_back(seat);
            if leads && patience != 0 {
                quiet.waited(&shared);
            }
        }
        Ok(())
    }

    /// Serve what there is to serve.
    fn turn(&mut self, py: Interpreter<'_>, shared: &Shared<Python>, bench: &mut Bench, is_over: &impl Fn() -> bool) {
        let mut reactor = shared.lock();
        reactor.update_time();
        shared.board.set_state(WorkerState::Active);
        while let Some(request) = reactor.next_request(&mut bench.desk) {
            reactor = match self.exchange(py, shared, reactor, request, bench) {
                Ok(reactor) => reactor,
                Err(error) => {
                    // In a thread of the pool nobody interrupts but the application itself; it is in the log.
                    error.write_unraisable(py, None);
                    shared.lock()
                }
            };
            if is_over() {
                return;
            }
            if !shared.seats.takes_lead(self.seat) {
                // What it was told of before is somebody else's to see to now.
                bench.desk.leave_events();
            }
        }
    }
}
