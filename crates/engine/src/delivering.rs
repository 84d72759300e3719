//! What the kernel has taken of an answer and the client has not. A send buffer holds megabytes (tcp_wmem): an answer that is
//! written can still be on its way for hours, to a client that reads a byte now and then, and the kernel keeps the memory for
//! as long. So a connection is not let go while much is left: the client has to take it at the least rate, as what the kernel
//! had no room for, or is cut off.

use std::io::ErrorKind;

use crate::connection::{ConnId, Loss, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::reactor::Reactor;
use crate::timers::Class;

/// How much may be left to the kernel, with nobody to look after it.
const LEFT_TO_KERNEL_BYTES: i64 = 64 << 10;

impl<H: Host> Reactor<H> {
    /// Close, once the client has most of what was written.
    #[inline]
    pub(crate) fn let_go(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        // A worker that finishes leaves all of it to the kernel, which goes on when the process is gone.
        if connection.written as i64 - connection.acknowledged <= LEFT_TO_KERNEL_BYTES || self.draining {
            return self.close(id);
        }
        self.deliver(id);
    }

    fn deliver(&mut self, id: ConnId) {
        let Some(connection) = self.table.get(id) else { return };
        let Ok(left) = connection.transport.unacknowledged() else { return self.close(id) };
        connection.acknowledged = connection.written as i64 - left as i64;
        if left as i64 <= LEFT_TO_KERNEL_BYTES {
            return self.close(id);
        }
        if connection.state != State::Delivering {
            if connection.state != State::Lingering && connection.transport.shutdown_write().is_err() {
                return self.close(id);
            }
            connection.state = State::Delivering;
            self.watch(id, Watch::Read);
        }
        self.timers.set(id.slot, Class::Write, self.now_ms);
        if self.timers.class_of(id.slot).is_none() {
            // Without a deadline, nobody would look again.
            self.close(id);
        }
    }

    /// The client says something, which nobody wants to hear, or has gone.
    pub(crate) fn deliver_on(&mut self, id: ConnId, desk: &mut Desk) {
        let Some(connection) = self.table.get(id) else { return };
        match connection.transport.receive(&mut desk.buffer) {
            // It will send nothing more, and may go on reading.
            Ok(0) => self.watch(id, Watch::Nothing),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.close(id),
        }
    }

    /// `write_timeout` has passed since the socket was full, or the client was looked at last. Writability alone tells
    /// little: the kernel reports it only when a third of its buffer is free, which a slow but honest client may take
    /// minutes for. So look at what the client has acknowledged.
    pub(crate) fn check_write_progress(&mut self, id: ConnId) {
        let needed = self.settings.min_transfer_rate * self.settings.write_timeout.as_millis() as u64 / 1000;
        let Some(connection) = self.table.get(id) else { return };
        let left = connection.transport.unacknowledged();
        let (Ok(left), None) = (left, connection.broken) else { return self.abandon(id) };
        let acknowledged = connection.written as i64 - left as i64;
        let is_enough = acknowledged - connection.acknowledged >= (needed as i64).max(1);
        if connection.state == State::Delivering && (is_enough || left as i64 <= LEFT_TO_KERNEL_BYTES) {
            self.deliver(id);
        } else if is_enough {
            connection.acknowledged = acknowledged;
            self.timers.set(id.slot, Class::Write, self.now_ms);
        } else {
            connection.broken = Some(Loss::Deadline);
            self.abandon(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use crate::settings::Settings;
    use crate::testing::Pair;

    const BODY: usize = 150_000;

    /// A client with an answer that the kernel has taken whole, after which the connection ends or is kept.
    fn answered(keep_alive: bool) -> Pair {
        let mut pair = Pair::new(Settings { write_timeout: Duration::from_secs(10), ..Settings::default() });
        let request = pair.say(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        pair.reactor.send(request.id, &[b'x'; BODY], !keep_alive);
        assert!(!pair.reactor.table.get(request.id).unwrap().has_output(), "the kernel has all of it");
        pair.reactor.finish(request.id, keep_alive);
        pair
    }

    #[test]
    fn a_client_that_takes_nothing_of_what_the_kernel_has_is_cut_off() {
        for keep_alive in [false, true] {
            let mut pair = answered(keep_alive);
            // Warm, then idle, as any client that is kept.
            for seconds in if keep_alive { &[5, 70][..] } else { &[] } {
                assert_eq!(pair.reactor.connections(), 1);
                pair.pass(seconds * 1000);
            }
            pair.pass(9_999);
            assert_eq!(pair.reactor.connections(), 1);
            pair.pass(1);
            assert_eq!(pair.reactor.connections(), 0);
        }
    }

    #[test]
    fn a_client_that_takes_enough_is_waited_for() {
        let mut pair = answered(false);
        // The kernel frees what it holds for a Unix socket piece by piece.
        let mut taken = vec![0; 40_000];
        for _ in 0..2 {
            pair.client.read_exact(&mut taken).unwrap();
            pair.pass(10_000);
            assert_eq!(pair.reactor.connections(), 1);
        }
        pair.client.read_exact(&mut vec![0; 50_000]).unwrap();
        pair.pass(10_000);
        assert_eq!(pair.reactor.connections(), 0, "little enough is left to leave it to the kernel");
        assert_eq!(pair.heard().len(), BODY - 130_000);
    }

    #[test]
    fn what_such_a_client_still_says_is_not_heard() {
        let mut pair = answered(false);
        assert!(pair.say(b"GET /again HTTP/1.1\r\nHost: test\r\n\r\n").is_none());
        pair.client.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(pair.say_nothing().is_none());
        assert_eq!(pair.reactor.connections(), 1, "it may still read");
    }

    #[test]
    fn a_worker_that_finishes_leaves_it_to_the_kernel() {
        let mut pair = answered(false);
        pair.reactor.begin_draining(&mut pair.desk);
        assert_eq!(pair.reactor.connections(), 0);
        assert_eq!(pair.heard().len(), BODY);
    }
}
