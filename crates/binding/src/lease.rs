//! A connection on offer to the application: what the socket in its environ is made of, once the application uses it.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longma_engine::connection::ConnId;
use longma_engine::lending::Kept;
use longma_engine::shared::Shared;
use longma_engine::sys::clock;
use pyo3::exceptions::{PyBrokenPipeError, PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use crate::host::Python as PythonHost;

const EBADF: i32 = 9;
/// How often a thread looks whether another one has the socket made.
const MAKING_PAUSE: Duration = Duration::from_micros(100);

/// What has become of the offer. Changed while attached.
enum Stage {
    Offered,
    /// A thread is making the socket.
    Making,
    Taken(Py<PyAny>),
    /// It could not be made, and the connection is closed.
    Failed,
    /// The call is over.
    Over,
}

/// The offer of one request. It ends with the call.
#[pyclass(module = "longma._core", frozen)]
pub struct Lease {
    shared: Arc<Shared<PythonHost>>,
    id: ConnId,
    seat: usize,
    stage: Mutex<Stage>,
}

/// How a request ends that gets no answer from us.
pub enum Parting {
    /// The application has dealt with the connection by its descriptor.
    Silent,
    /// The application has had the connection, and has left it open or not.
    Lent(Option<OwnedFd>),
}

impl Lease {
    pub fn new(shared: Arc<Shared<PythonHost>>, id: ConnId, seat: usize) -> Self {
        Self { shared, id, seat, stage: Mutex::new(Stage::Offered) }
    }

    /// Nothing that runs Python code is done with it held.
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.stage(), stage)
    }

    fn descriptor(&self) -> Option<(RawFd, bool)> {
        let is_offered = matches!(&*self.stage(), Stage::Offered);
        if is_offered { self.shared.lock().descriptor(self.id) } else { None }
    }

    /// The socket, if it is there; `None`: it is this thread's to make.
    fn made(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        loop {
            {
                let mut stage = self.stage();
                match &*stage {
                    Stage::Taken(socket) => return Ok(Some(socket.clone_ref(py))),
                    Stage::Failed | Stage::Over => return Err(bad_descriptor()),
                    Stage::Offered => {
                        *stage = Stage::Making;
                        return Ok(None);
                    }
                    Stage::Making => {}
                }
            }
            py.detach(|| std::thread::sleep(MAKING_PAUSE));
        }
    }

    /// Make the socket. No other thread is let in before the connection is lent.
    fn make(&self, py: Python<'_>, make: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let lent = match self.shared.lock().lend(self.id) {
            Ok(lent) => lent,
            Err(kept) => {
                self.advance(Stage::Offered);
                return Err(error_of(&kept));
            }
        };
        if self.shared.is_pooled() {
            self.shared.seats.excuse(self.seat);
        }
        let made = make.call1((lent.as_raw_fd(),));
        let (stage, made) = match made {
            Ok(socket) => {
                // The descriptor is the socket's now.
                let _ = lent.into_raw_fd();
                (Stage::Taken(socket.clone().unbind()), Ok(socket.unbind()))
            }
            Err(error) => (Stage::Failed, Err(error)),
        };
        if matches!(self.advance(stage), Stage::Over) {
            self.advance(Stage::Over);
            made?.call_method0(py, "close")?;
            return Err(bad_descriptor());
        }
        made
    }

    /// The call is over: nobody takes the connection any more. What was made of it is closed.
    pub fn end(&self, py: Python<'_>) -> Option<Parting> {
        let before = self.advance(Stage::Over);
        if self.shared.is_pooled() && !matches!(before, Stage::Offered) {
            self.shared.seats.started(self.seat, clock::monotonic_coarse_ns());
        }
        match before {
            Stage::Offered => None,
            // Whoever makes it just now closes it.
            Stage::Making | Stage::Failed | Stage::Over => Some(Parting::Lent(None)),
            Stage::Taken(socket) => Some(Parting::Lent(close(py, &socket).unwrap_or_else(|error| {
                error.write_unraisable(py, Some(socket.bind(py)));
                None
            }))),
        }
    }
}

#[pymethods]
impl Lease {
    /// The socket that `make` makes of the connection's descriptor, which is its own from then on; made once.
    fn take(&self, py: Python<'_>, make: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        if let Some(socket) = self.made(py)? {
            return Ok(socket);
        }
        self.make(py, make)
    }

    /// The connection's descriptor while it is the server's, to be looked at only; -1: there is none to look at.
    fn fileno(&self) -> RawFd {
        self.descriptor().map_or(-1, |(fd, _)| fd)
    }

    /// Whether there is such a descriptor, and all that has come behind the request is to be had from it.
    fn is_whole(&self) -> bool {
        self.descriptor().is_some_and(|(_, is_whole)| is_whole)
    }
}

fn error_of(kept: &Kept) -> PyErr {
    match kept {
        Kept::ClientGone => PyBrokenPipeError::new_err(kept.to_string()),
        Kept::AnswerBegun | Kept::Shared => PyRuntimeError::new_err(kept.to_string()),
        Kept::System(_) => PyOSError::new_err(kept.to_string()),
    }
}

fn bad_descriptor() -> PyErr {
    PyOSError::new_err((EBADF, "the request is over, and its connection with it"))
}

/// Close a socket; its connection goes on in the descriptor that is returned, unless it was closed already.
fn close(py: Python<'_>, socket: &Py<PyAny>) -> PyResult<Option<OwnedFd>> {
    let fd: RawFd = socket.call_method0(py, "fileno")?.extract(py)?;
    let kept = if fd < 0 {
        None
    } else {
        // SAFETY: the socket, which is held, has it open.
        Some(unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?)
    };
    socket.call_method0(py, "close")?;
    Ok(kept)
}
