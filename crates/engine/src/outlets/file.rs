//! A file, or what stands in its place: a pipe, a terminal, a socket. Only a regular file is written to as it comes;
//! the others are asked first whether that would make us wait.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::backlog::Backlog;
use super::health::Health;
use crate::notice::Notice;
use crate::sys::output::{self, PIPE_BYTES};
use crate::sys::{clock, socket};

/// How long after a failure to open it is tried again.
const RETRY_MS: u64 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Regular,
    Socket,
    /// A pipe or a terminal that does not make us wait,
    Nonblocking,
    /// or one that does, unless it is asked first.
    Asked,
}

#[derive(Debug)]
struct Sink {
    file: File,
    kind: Kind,
}

impl Sink {
    fn of(file: File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        if kind.is_socket() {
            return Ok(Self { file, kind: Kind::Socket });
        }
        if !kind.is_fifo() && !kind.is_char_device() {
            return Ok(Self { file, kind: Kind::Regular });
        }
        // Somebody else's pipe, as that of a supervisor with another user, may not let itself be opened anew.
        match output::reopen_nonblocking(file.as_fd()) {
            Ok(file) => Ok(Self { file, kind: Kind::Nonblocking }),
            Err(_) => Ok(Self { file, kind: Kind::Asked }),
        }
    }

    fn write(&mut self, backlog: &Backlog) -> io::Result<usize> {
        match self.kind {
            Kind::Regular => self.file.write(backlog.rest()),
            Kind::Socket => socket::send(self.file.as_fd(), backlog.piece(PIPE_BYTES), false),
            // Whole lines, each write as a whole, so that those of several workers do not mix.
            Kind::Nonblocking => self.file.write(backlog.piece(PIPE_BYTES)),
            Kind::Asked if output::is_writable(self.file.as_fd())? => self.file.write(backlog.piece(PIPE_BYTES)),
            Kind::Asked => Err(io::Error::from(ErrorKind::WouldBlock)),
        }
    }
}

/// A file and what is to be written to it.
#[derive(Debug)]
pub struct FileOutlet {
    path: Option<PathBuf>,
    sink: Option<Sink>,
    retry_at_ms: u64,
    backlog: Backlog,
    health: Health,
}

impl FileOutlet {
    /// The file at `path`.
    pub fn at(path: &Path) -> io::Result<Self> {
        let name = path.display().to_string();
        let sink = match output::open_to_append(path) {
            Ok(file) => Some(Sink::of(file)?),
            // A FIFO that nobody reads yet.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => None,
            Err(error) => return Err(error),
        };
        Ok(Self::new(Some(path.to_owned()), sink, name))
    }

    /// What the process was started with as standard output, a copy of it.
    pub fn standard_output(stdout: BorrowedFd<'_>) -> io::Result<Self> {
        let sink = Sink::of(File::from(stdout.try_clone_to_owned()?))?;
        Ok(Self::new(None, Some(sink), "standard output".to_owned()))
    }

    fn new(path: Option<PathBuf>, sink: Option<Sink>, name: String) -> Self {
        Self { path, sink, retry_at_ms: 0, backlog: Backlog::default(), health: Health::of(name) }
    }

    /// Add lines, and the number of those that were lost before.
    pub fn add(&mut self, lines: &[u8], lost: u64) {
        self.backlog.add(lines);
        self.backlog.lose(lost);
    }

    pub fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Write what can be written now.
    pub fn write(&mut self, notices: &mut Vec<Notice>) {
        if let Err(error) = self.open_if_due() {
            self.health.fails(error, notices);
        }
        while let Some(sink) = self.sink.as_mut().filter(|_| !self.backlog.is_empty()) {
            match sink.write(&self.backlog) {
                Ok(count) => self.backlog.advance(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.health.fails(error, notices);
                    break;
                }
            }
        }
        self.health.judge(&mut self.backlog, notices);
    }

    fn open_if_due(&mut self) -> io::Result<()> {
        let now_ms = clock::monotonic_ms();
        let (Some(path), None) = (&self.path, &self.sink) else { return Ok(()) };
        if self.backlog.is_empty() || now_ms < self.retry_at_ms {
            return Ok(());
        }
        self.retry_at_ms = now_ms + RETRY_MS;
        self.sink = Some(Sink::of(output::open_to_append(path)?)?);
        Ok(())
    }

    /// The file has been moved away: what comes from now on belongs into a new one.
    pub fn reopen(&mut self, notices: &mut Vec<Notice>) {
        self.write(notices);
        let Some(path) = &self.path else { return };
        match output::open_to_append(path).and_then(Sink::of) {
            Ok(sink) => self.sink = Some(sink),
            // Into the old one rather than nowhere.
            Err(error) => self.health.fails(error, notices),
        }
    }

    pub fn end(&mut self, notices: &mut Vec<Notice>) {
        self.health.end(&mut self.backlog, notices);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn a_fifo_that_nobody_reads_yet_gets_its_lines_later() {
        let path = std::env::temp_dir().join(format!("longma-fifo-{}", std::process::id()));
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut notices = Vec::new();
        let mut outlet = FileOutlet::at(&path).unwrap();
        outlet.add(b"early\n", 0);
        outlet.write(&mut notices);
        assert!(outlet.is_behind());
        assert_eq!(notices.len(), 1);
        let reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        outlet.retry_at_ms = 0;
        outlet.write(&mut notices);
        assert!(!outlet.is_behind());
        drop(outlet);
        assert_eq!((io::read_to_string(reader).unwrap(), notices.len()), ("early\n".to_owned(), 1));
        std::fs::remove_file(path).unwrap();
    }
}
