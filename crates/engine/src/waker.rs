//! What makes the engine's own descriptor readable when something is due, for a hub that waits for descriptors.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::listener::BELL_GENERATION;
use crate::sys::alarm::Alarm;
use crate::sys::epoll::{Epoll, Interest};

const ALARM_TOKEN: u64 = (BELL_GENERATION as u64) << 32 | 1;
/// What is readable at once.
const NOW: Duration = Duration::from_nanos(1);

/// By how much the clock that `now_ms` is read from may be behind the one that the alarm goes by.
const COARSE_MS: u64 = 10;

/// What wakes the hub for the engine's deadlines, and when it will.
#[derive(Debug)]
pub(crate) struct Waker {
    alarm: Alarm,
    due_ms: AtomicU64,
}

impl Waker {
    pub fn new(epoll: &Epoll) -> io::Result<Self> {
        let alarm = Alarm::new()?;
        epoll.add(alarm.fd(), ALARM_TOKEN, Interest::NewRead)?;
        Ok(Self { alarm, due_ms: AtomicU64::new(0) })
    }

    /// Have the engine's descriptor be readable at this moment at the latest; it may be sooner.
    pub fn wake_by(&self, due_ms: u64, now_ms: u64) {
        let set_ms = self.due_ms.load(Ordering::Relaxed);
        if set_ms > now_ms + COARSE_MS && set_ms <= due_ms {
            return;
        }
        self.due_ms.store(due_ms, Ordering::Relaxed);
        self.alarm.set(if due_ms > now_ms { Duration::from_millis(due_ms - now_ms) } else { NOW });
    }
}
