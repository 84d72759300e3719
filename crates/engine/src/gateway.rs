//! What a connection is that does not speak HTTP: a web server hands requests over by uwsgi, FastCGI or SCGI. What goes out
//! is written as HTTP has it, and framed here.

use std::borrow::Cow;

use longma_proto::fastcgi::{Ending, Reader, write_end, write_stdout};

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Http,
    Uwsgi,
    FastCgi,
    Scgi,
}

impl Protocol {
    /// The protocol of this name, as addresses have it in front.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "http" | "https" => Some(Self::Http),
            "uwsgi" => Some(Self::Uwsgi),
            "fastcgi" => Some(Self::FastCgi),
            "scgi" => Some(Self::Scgi),
            _ => None,
        }
    }
}

/// How an answer begins in HTTP, and in CGI (RFC 3875 §6.3.3).
const HTTP_STATUS: &[u8] = b"HTTP/1.1 ";
const CGI_STATUS: &[u8] = b"Status: ";

/// What is known of such a connection.
pub struct Gateway {
    pub protocol: Protocol,
    /// Whether the peer may hand requests over.
    pub is_allowed: bool,
    /// Reads the records of the request to come.
    pub reader: Box<Reader>,
    /// Bytes of its variables, which lie in front of the held input.
    pub params_len: usize,
    /// The number of the record's request that has not been answered to its end.
    pub request: Option<u16>,
    /// Whether its answer has begun.
    has_begun: bool,
    /// Whether its end has been said, together with the last bytes.
    has_ended: bool,
}

impl Gateway {
    /// `None`: the protocol is HTTP.
    pub fn of(protocol: Protocol, is_allowed: bool) -> Option<Box<Self>> {
        let reader = Box::default();
        let new = Self { protocol, is_allowed, reader, params_len: 0, request: None, has_begun: false, has_ended: false };
        (protocol != Protocol::Http).then(|| Box::new(new))
    }

    /// A request is to be answered.
    pub fn begin(&mut self) {
        (self.has_begun, self.has_ended) = (false, false);
        self.params_len = 0;
        self.request = self.reader.id();
    }

    /// Whether what is sent lies in records.
    pub fn has_records(&self) -> bool {
        self.protocol == Protocol::FastCgi
    }

    /// The bytes of an answer, as they go out.
    pub fn frame<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let status = if is_first && self.protocol != Protocol::Uwsgi { bytes.strip_prefix(HTTP_STATUS) } else { None };
        let text = status.map_or(Cow::Borrowed(bytes), |rest| Cow::Owned([CGI_STATUS, rest].concat()));
        if !self.has_records() {
            return text;
        }
        let mut out = Vec::with_capacity(text.len() + 64);
        // Where no request is known, nobody can be answered.
        if let Some(id) = self.request.or(self.reader.id()) {
            write_stdout(id, &text, &mut out);
        }
        Cow::Owned(out)
    }

    /// The last bytes of an answer, and what follows them.
    pub fn frame_rest(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = self.frame(bytes).into_owned();
        out.append(&mut self.end());
        self.has_ended = true;
        out
    }

    /// What follows the last byte of an answer, where that has not been said with it.
    pub fn end(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.has_begun = false;
        if !std::mem::take(&mut self.has_ended)
            && self.has_records()
            && let Some(id) = self.request.take().or(self.reader.id())
        {
            write_end(id, Ending::Complete, &mut out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_begins_as_its_protocol_has_it() {
        for (protocol, expected) in
            [(Protocol::Uwsgi, &b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 2"[..]), (Protocol::Scgi, b"Status: 200 OK\r\n\r\nHTTP/1.1 2")]
        {
            let mut gateway = Gateway::of(protocol, true).unwrap();
            gateway.begin();
            let first = gateway.frame(b"HTTP/1.1 200 OK\r\n\r\n").into_owned();
            assert_eq!([first, gateway.frame(b"HTTP/1.1 2").into_owned(), gateway.end()].concat(), expected);
        }
        assert!(Gateway::of(Protocol::Http, true).is_none());
    }
}
