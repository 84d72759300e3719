//! An exchange in the hands of those who let Python code run.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use longma_engine::connection::ConnId;
use longma_engine::shared::Shared;
use longma_engine::{Desk, leader};
use pyo3::{Py, PyAny, Python as Interpreter, ffi};

use crate::exchange::{Exchange, Room};
use crate::fault::Fault;
use crate::host::Python;

const ROOM_WAIT_MS: i32 = 250;
const POOLED_WAIT: Duration = Duration::from_millis(10);

/// An exchange that several may reach: while Python code runs, `start_response`, `write` and the early hints may be
/// called, from any thread. So nobody borrows it for longer than a step that runs no Python code, and never for a wait.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Handle(NonNull<Exchange>);

impl Handle {
    /// # Safety
    /// The exchange outlives the handle, which is only used while attached.
    pub unsafe fn of(exchange: &mut Exchange) -> Self {
        Self(NonNull::from(exchange))
    }

    pub fn as_ptr(self) -> *mut Exchange {
        self.0.as_ptr()
    }

    /// # Safety
    /// The pointer is null, or that of a handle which is still good.
    pub unsafe fn from_ptr(pointer: *mut Exchange) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// Do one step, which runs no Python code.
    #[inline]
    pub fn with<R>(self, step: impl FnOnce(&mut Exchange) -> R) -> R {
        // SAFETY: the exchange lives by the contract of `of`. Nobody else has borrowed it: that would be another step,
        // and this one began while attached and lets nobody else be until it is over.
        step(unsafe { &mut *self.0.as_ptr() })
    }

    /// Send one block of a body that comes block by block, and wait where the client is too far behind.
    #[inline]
    pub fn write(self, block: &[u8]) -> Result<(), Fault> {
        match self.with(|exchange| exchange.write(block))? {
            Room::Enough => Ok(()),
            Room::None => {
                let (shared, id, pause) =
                    self.with(|exchange| (Arc::clone(&exchange.shared), exchange.id, exchange.pause.clone()));
                match pause {
                    Some(pause) => pause_for_room(&shared, id, &pause),
                    None => wait_for_room(&shared, id),
                }
            }
        }
    }
}

/// Let other greenlets run until the client has taken some of its answer. As below, the exchange is not looked at again.
#[cold]
fn pause_for_room(shared: &Shared<Python>, id: ConnId, pause: &Py<PyAny>) -> Result<(), Fault> {
    loop {
        // SAFETY: attached: the application called us.
        let py = unsafe { Interpreter::assume_attached() };
        if let Err(error) = pause.call1(py, (POOLED_WAIT.as_secs_f64(),)) {
            error.restore(py);
            return Err(Fault::Raised);
        }
        let reactor = shared.lock();
        if !reactor.is_alive(id) {
            return Err(Fault::ClientGone);
        }
        if Room::left(reactor.waiting(id) * 2) == Room::Enough {
            return Ok(());
        }
    }
}

/// Serve the sockets, but call nothing, until the client has taken some of its answer. Another thread may see the end
/// of the request meanwhile, so the exchange is not looked at again.
#[cold]
fn wait_for_room(shared: &Shared<Python>, id: ConnId) -> Result<(), Fault> {
    let mut desk = Desk::default();
    loop {
        // SAFETY: attached. The application's own signal handlers run here.
        if unsafe { ffi::PyErr_CheckSignals() } != 0 {
            return Err(Fault::Raised);
        }
        // SAFETY: attached: the application called us. Nobody waits for the lock while attached.
        let room = unsafe { Interpreter::assume_attached() }.detach(|| {
            if shared.is_pooled() {
                // Others see to the sockets; to take events away from them would delay whoever these are about.
                std::thread::sleep(POOLED_WAIT);
                let reactor = shared.lock();
                return if reactor.is_alive(id) { Ok(Room::left(reactor.waiting(id) * 2)) } else { Err(Fault::ClientGone) };
            }
            let waited = leader::wait(shared, &mut desk, ROOM_WAIT_MS);
            let mut reactor = shared.lock();
            reactor.update_time();
            if waited.is_err() || !reactor.is_alive(id) {
                return Err(Fault::ClientGone);
            }
            reactor.handle_events_aside(&mut desk);
            reactor.expire(&mut desk);
            Ok(Room::left(reactor.waiting(id) * 2))
        })?;
        if room == Room::Enough {
            return Ok(());
        }
    }
}
