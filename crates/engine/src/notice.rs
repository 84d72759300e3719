//! What the engine wants the operator to know. Collected here, since the standby thread can't call the log.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::escape;

/// One thing to tell, once.
#[derive(Debug)]
pub enum Notice {
    /// A client's bytes were refused.
    Refused {
        peer: Option<SocketAddr>,
        status: u16,
        why: String,
    },
    /// A TLS handshake has failed.
    Handshake {
        peer: Option<SocketAddr>,
        why: String,
    },
    /// A connection of HTTP/2 has come to an end that it should not have.
    Http2 {
        peer: Option<SocketAddr>,
        why: String,
    },
    /// One has been given up for the frames that came on it.
    Flood {
        peer: Option<SocketAddr>,
    },
    /// No descriptors or memory for another connection.
    AcceptPaused {
        why: String,
    },
    AcceptResumed,
    /// The access log cannot be written to where it belongs.
    LogFails {
        name: String,
        why: String,
    },
    /// So many lines of it were lost.
    LogLost {
        name: String,
        lines: u64,
    },
    /// A temporary file could not be written.
    Storage {
        why: String,
    },
    /// A file that is to be served cannot be read.
    File {
        path: String,
        why: String,
    },
}

impl Notice {
    /// A file cannot be read. Its path is the client's choice, and so shown escaped.
    pub fn file(path: &[u8], why: &io::Error) -> Self {
        let mut shown = Vec::new();
        escape::line(path, &mut shown);
        Self::File { path: String::from_utf8_lossy(&shown).into_owned(), why: why.to_string() }
    }

    /// The level, in the numbers of Python's logging.
    pub fn level(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Flood { .. } | Self::LogLost { .. } | Self::File { .. } => 30,
            Self::AcceptPaused { .. } | Self::Storage { .. } | Self::LogFails { .. } => 40,
            Self::AcceptResumed | Self::Handshake { .. } | Self::Http2 { .. } => 20,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { peer, status, why } => {
                write!(out, "Invalid request from {}: {why} ({status})", From(*peer))
            }
            Self::Handshake { peer: Some(peer), why } => write!(out, "TLS handshake with ip={} failed: {why}", peer.ip()),
            Self::Handshake { peer: None, why } => write!(out, "TLS handshake failed: {why}"),
            Self::Http2 { peer, why } => write!(out, "HTTP/2 with {} has ended: {why}", From(*peer)),
            Self::Flood { peer } => {
                write!(out, "HTTP/2 with {} has ended: too many frames that only cost time (ENHANCE_YOUR_CALM)", From(*peer))
            }
            Self::AcceptPaused { why } => {
                write!(out, "Accepting paused: {why}. Raise the limit of open files (ulimit -n) or lower worker_connections.")
            }
            Self::AcceptResumed => write!(out, "Accepting again"),
            Self::LogFails { name, why } => write!(out, "The access log cannot be written to {name}: {why}"),
            Self::LogLost { name, lines } => write!(out, "{lines} lines of the access log to {name} were lost"),
            Self::File { path, why } => write!(out, "A file cannot be served: {path}: {why}"),
            Self::Storage { why } => {
                write!(out, "A temporary file could not be written: {why}. Check TMPDIR and its free space.")
            }
        }
    }
}

/// Whoever it comes from.
struct From(Option<SocketAddr>);

impl fmt::Display for From {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(peer) => write!(out, "ip={}", peer.ip()),
            None => write!(out, "ip=-"),
        }
    }
}
