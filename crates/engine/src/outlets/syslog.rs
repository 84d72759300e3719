//! Syslog (RFC 3164): a priority, a tag, the line. A datagram holds one message; on a stream each ends with a line feed
//! (RFC 6587 §3.4.2).

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use super::address::{Address, Line};
use super::backlog::Backlog;
use super::health::Health;
use crate::notice::Notice;
use crate::sys::output::{self, MAX_DATAGRAMS};
use crate::sys::{clock, socket};

/// What follows in a longer message is cut off.
const MAX_MESSAGE_BYTES: usize = 8192;
/// How long after a failure to connect it is tried again.
const RETRY_MS: u64 = 1000;
/// The severity of an access (RFC 3164 §4.1.1): informational.
const SEVERITY: u8 = 6;

const FACILITIES: [(&str, u8); 20] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// The number of a facility (RFC 3164 §4.1.1). Gunicorn knows `security`, too, as another name of `auth`.
pub fn facility(name: &str) -> Option<u8> {
    let name = name.to_ascii_lowercase();
    let name = if name == "security" { "auth" } else { &name };
    FACILITIES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// A collector and what is to be sent to it.
#[derive(Debug)]
pub struct SyslogOutlet {
    address: Address,
    resolved: Vec<SocketAddr>,
    /// What stands before each line.
    prefix: Vec<u8>,
    line: Option<Line>,
    retry_at_ms: u64,
    backlog: Backlog,
    health: Health,
}

impl SyslogOutlet {
    /// Messages with `tag` to `address`. A name that is not known is told; it must not keep a worker from serving.
    pub fn new(address: Address, facility: u8, tag: &str, notices: &mut Vec<Notice>) -> Self {
        let mut health = Health::of(address.to_string());
        let resolved = address.resolve().unwrap_or_else(|error| {
            health.fails(error, notices);
            Vec::new()
        });
        let prefix = format!("<{}>{tag}: [{}] ", facility << 3 | SEVERITY, std::process::id()).into_bytes();
        Self { address, resolved, prefix, line: None, retry_at_ms: 0, backlog: Backlog::default(), health }
    }

    /// Add lines, each as a message, and the number of those that were lost before.
    pub fn add(&mut self, lines: &[u8], lost: u64) {
        let room = MAX_MESSAGE_BYTES.saturating_sub(self.prefix.len());
        let mut messages = Vec::with_capacity(lines.len() * 2);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            messages.extend_from_slice(&self.prefix);
            messages.extend_from_slice(&line[..line.len().min(room)]);
            messages.push(b'\n');
        }
        self.backlog.add(&messages);
        self.backlog.lose(lost);
    }

    pub fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Send what can be sent now.
    pub fn write(&mut self, notices: &mut Vec<Notice>) {
        while !self.backlog.is_empty() {
            match self.send() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.line = None;
                    self.backlog.rewind();
                    self.retry_at_ms = clock::monotonic_ms() + RETRY_MS;
                    self.health.fails(error, notices);
                    break;
                }
            }
        }
        self.health.judge(&mut self.backlog, notices);
    }

    /// Send some of it.
    fn send(&mut self) -> io::Result<()> {
        if self.line.is_none() {
            if clock::monotonic_ms() < self.retry_at_ms {
                return Err(io::Error::from(ErrorKind::WouldBlock));
            }
            self.line = Some(self.address.connect(&self.resolved)?);
        }
        match self.line.as_mut() {
            Some(Line::Datagram(fd)) => send_datagrams(fd.as_fd(), &mut self.backlog, matches!(self.address, Address::Udp(..))),
            Some(Line::Stream(fd, connected)) => {
                if !*connected {
                    if !output::is_writable(fd.as_fd())? {
                        return Err(io::Error::from(ErrorKind::WouldBlock));
                    }
                    output::error_of(fd.as_fd())?;
                    *connected = true;
                } else if socket::peek(fd.as_fd()).is_ok_and(|count| count == 0) {
                    // What is sent to a peer that has closed is lost without an error.
                    return Err(io::Error::from(ErrorKind::BrokenPipe));
                }
                let count = socket::send(fd.as_fd(), self.backlog.rest(), false)?;
                self.backlog.advance(count);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub fn end(&mut self, notices: &mut Vec<Notice>) {
        self.health.end(&mut self.backlog, notices);
    }
}

fn send_datagrams(fd: BorrowedFd<'_>, backlog: &mut Backlog, is_udp: bool) -> io::Result<()> {
    let messages: Vec<&[u8]> = backlog
        .rest()
        .split_inclusive(|&byte| byte == b'\n')
        .map(|message| message.strip_suffix(b"\n").unwrap_or(message))
        .take(MAX_DATAGRAMS)
        .collect();
    match output::send_datagrams(fd, &messages) {
        Ok(sent) => {
            let bytes = messages[..sent].iter().map(|message| message.len() + 1).sum();
            backlog.advance(bytes);
            Ok(())
        }
        // Of an earlier one nobody took; told once, so this one goes at the next try. UDP promises nothing.
        Err(error) if is_udp && error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
            backlog.lose_line();
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The tag of accesses, in the form that tools of Gunicorn's users look for.
pub fn tag(prefix: &str) -> String {
    format!("gunicorn.{prefix}.access")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::outlets::address::UnixKind;

    fn directory(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("longma-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_collector_that_is_not_there_yet_gets_its_messages_later() {
        let directory = directory("syslog");
        let path = directory.join("log");
        let mut notices = Vec::new();
        let address = Address::Unix(path.clone(), UnixKind::Either);
        let mut outlet = SyslogOutlet::new(address, facility("local3").unwrap(), &tag("site"), &mut notices);
        outlet.add(b"one\ntwo\n", 0);
        outlet.write(&mut notices);
        assert!(outlet.is_behind());
        assert_eq!(notices.len(), 1);
        let collector = UnixDatagram::bind(&path).unwrap();
        outlet.retry_at_ms = 0;
        outlet.write(&mut notices);
        assert!(!outlet.is_behind());
        let mut room = [0; 100];
        for line in ["one", "two"] {
            let count = collector.recv(&mut room).unwrap();
            let expected = format!("<158>gunicorn.site.access: [{}] {line}", std::process::id());
            assert_eq!(std::str::from_utf8(&room[..count]).unwrap(), expected);
        }
        assert_eq!(notices.len(), 1, "nothing was lost");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_collector_that_does_not_read_makes_nobody_wait() {
        let directory = directory("full");
        let path = directory.join("log");
        let _collector = UnixDatagram::bind(&path).unwrap();
        let mut notices = Vec::new();
        let mut outlet = SyslogOutlet::new(Address::Unix(path, UnixKind::Datagram), 1, &tag("site"), &mut notices);
        for _ in 0..100 {
            outlet.add(&b"a line of which there are many\n".repeat(1000), 0);
            outlet.write(&mut notices);
        }
        assert!(outlet.is_behind());
        assert_eq!(notices.len(), 1);
        outlet.end(&mut notices);
        assert_eq!(notices.len(), 2, "how many were lost");
        std::fs::remove_dir_all(directory).unwrap();
    }
}
