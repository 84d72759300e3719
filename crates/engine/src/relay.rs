//! A relay between a connection and the application that has taken it over, for the client that has sent more than its
//! request before it had the answer (RFC 6455 §4.1 forbids it that). What has been read cannot be put back into the
//! kernel's hands, and the application is owed a socket that can be waited on: so it gets one end of a pair, and two
//! threads carry what comes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::reactor::LINGER;
use crate::sys::thread::spawn_without_signals;

const STACK_BYTES: usize = 128 * 1024;
const STEP_BYTES: usize = 16 * 1024;

/// The two ends, before the connection is there.
pub struct Ends {
    ours: UnixStream,
    theirs: UnixStream,
    early: Vec<u8>,
}

impl Ends {
    /// # Errors
    /// The system has no descriptors for it.
    pub fn new(early: Vec<u8>) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok(Self { ours, theirs, early })
    }

    /// Carry what comes on `connection`, a blocking stream socket of any family, behind what had come before; returns
    /// the application's end. It goes on until both sides are done, and hardly longer than the application.
    ///
    /// # Errors
    /// The system has no thread for it; the connection is closed.
    pub fn carry(self, connection: OwnedFd) -> io::Result<OwnedFd> {
        // A stream socket is one whatever its family: the calls made here are the same.
        let connection = Arc::new(TcpStream::from(connection));
        let ours = Arc::new(self.ours);
        let (client, application, early) = (Arc::clone(&connection), Arc::clone(&ours), self.early);
        spawn_without_signals("longma-inward", STACK_BYTES, move || {
            let _ = (&*application).write_all(&early).and_then(|()| carry(&*client, &*application));
            let _ = application.shutdown(Shutdown::Write);
        })?;
        let started = spawn_without_signals("longma-outward", STACK_BYTES, {
            let (connection, ours) = (Arc::clone(&connection), Arc::clone(&ours));
            move || {
                let _ = carry(&*ours, &*connection);
                let _ = connection.shutdown(Shutdown::Write);
                // The client has a moment to end its side; then whoever still waits for it is let go.
                std::thread::sleep(LINGER);
                let _ = connection.shutdown(Shutdown::Both);
                let _ = ours.shutdown(Shutdown::Both);
            }
        });
        if started.is_err() {
            let _ = (connection.shutdown(Shutdown::Both), ours.shutdown(Shutdown::Both));
        }
        started.map(|_| self.theirs.into())
    }
}

/// Carry bytes until the end or a failure of either side.
fn carry(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut bytes = vec![0; STEP_BYTES];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&bytes[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
