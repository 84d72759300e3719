//! Why a header was refused.

use core::fmt;

/// Why a PROXY header was refused. The proxy is at fault in all of them, or whoever plays one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    LineMalformed,
    LineTooLong { limit: usize },
    Family,
    Address,
    Port,
    Version,
    Command,
    TooLong { limit: usize },
    TooShort,
    Addition,
}

impl ProxyError {
    const fn words(self) -> &'static str {
        match self {
            Self::LineMalformed => "it is not PROXY, a family, two addresses and two ports",
            Self::LineTooLong { .. } => "the line is too long",
            Self::Family => "the family is unknown",
            Self::Address => "an address is none of its family",
            Self::Port => "a port is no number from 0 to 65535",
            Self::Version => "the binary form has a version other than 2",
            Self::Command => "the command is neither LOCAL nor PROXY",
            Self::TooLong { .. } => "it is too long",
            Self::TooShort => "it is too short for its addresses",
            Self::Addition => "an addition goes beyond the end",
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the PROXY header is malformed: {}", self.words())?;
        match *self {
            Self::LineTooLong { limit } | Self::TooLong { limit } => write!(f, " (limit: {limit} bytes)"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for ProxyError {}
