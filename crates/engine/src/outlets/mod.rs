//! Where the access log is written to. Nothing here makes anybody wait for a reader: what is not taken is kept, as far
//! as there is room for it, and then lost, counted and told. Written to outside the reactor's lock.

pub mod address;
mod backlog;
mod file;
mod health;
pub mod statsd;
pub mod syslog;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::gathered::Gathered;
use crate::notice::Notice;
use address::Address;
use file::FileOutlet;
use statsd::StatsdOutlet;
use syslog::SyslogOutlet;

/// How often a reader that is too slow is looked at in the end.
const LAST_LOOKS: Duration = Duration::from_millis(10);

/// All places that the access log is written to.
#[derive(Debug, Default)]
pub struct Outlets {
    file: Option<FileOutlet>,
    syslog: Option<SyslogOutlet>,
    statsd: Option<StatsdOutlet>,
    pub(crate) gathered: Gathered,
    notices: Vec<Notice>,
}

impl Outlets {
    /// Write lines to the file at `path`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn add_file(&mut self, path: &Path) -> io::Result<()> {
        self.file = Some(FileOutlet::at(path)?);
        Ok(())
    }

    /// Write lines to a copy of this descriptor.
    pub fn add_standard_output(&mut self, stdout: BorrowedFd<'_>) -> io::Result<()> {
        self.file = Some(FileOutlet::standard_output(stdout)?);
        Ok(())
    }

    /// Send lines to a syslog collector.
    pub fn add_syslog(&mut self, address: Address, facility: u8, prefix: &str) {
        self.syslog = Some(SyslogOutlet::new(address, facility, &syslog::tag(prefix), &mut self.notices));
    }

    /// Send metrics to a StatsD collector.
    pub fn add_statsd(&mut self, address: Address, prefix: &str, tags: &str) {
        self.statsd = Some(StatsdOutlet::new(address, prefix, tags));
    }

    pub fn is_empty(&self) -> bool {
        !self.want_lines() && !self.want_measures()
    }

    pub fn want_lines(&self) -> bool {
        self.file.is_some() || self.syslog.is_some()
    }

    pub fn want_measures(&self) -> bool {
        self.statsd.is_some()
    }

    /// Write what has gathered, and what is left of earlier.
    pub(crate) fn write(&mut self) {
        let Self { file, syslog, statsd, gathered, notices } = self;
        if let Some(file) = file {
            file.add(&gathered.lines, gathered.lost);
            file.write(notices);
        }
        if let Some(syslog) = syslog {
            syslog.add(&gathered.lines, gathered.lost);
            syslog.write(notices);
        }
        if let Some(statsd) = statsd.as_mut().filter(|_| !gathered.measures.is_empty()) {
            statsd.write(&gathered.measures);
        }
        gathered.clear();
    }

    /// Whether something is left that could not be written.
    pub(crate) fn is_behind(&self) -> bool {
        self.file.as_ref().is_some_and(FileOutlet::is_behind) || self.syslog.as_ref().is_some_and(SyslogOutlet::is_behind)
    }

    /// Open the file anew.
    pub(crate) fn reopen(&mut self) {
        if let Some(file) = &mut self.file {
            file.reopen(&mut self.notices);
        }
    }

    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Write what is left, for at most `limit`; what is not taken by then is lost.
    pub(crate) fn finish(&mut self, limit: Duration) {
        let until = Instant::now() + limit;
        self.write();
        while self.is_behind() && Instant::now() < until {
            std::thread::sleep(LAST_LOOKS);
            self.write();
        }
        let Self { file, syslog, notices, .. } = self;
        if let Some(file) = file {
            file.end(notices);
        }
        if let Some(syslog) = syslog {
            syslog.end(notices);
        }
    }
}
