//! A client that reads with a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::sockets::Address;
use super::{PATIENCE, deadline};

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, where it is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Closed,
    Reset,
}

/// One connection.
pub struct Client {
    stream: Stream,
    /// What was read and not asked for yet.
    read: Vec<u8>,
}

impl Client {
    pub fn connect(address: &Address) -> Self {
        let stream = match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Stream::Tcp(stream)
            }
            Address::Unix(address) => {
                let stream = UnixStream::connect_addr(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Stream::Unix(stream)
            }
        };
        Self { stream, read: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Ask for `target`.
    pub fn get(&mut self, target: &str) {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
    }

    /// Say that nothing more will be sent.
    pub fn finish_sending(&self) {
        match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write).unwrap(),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write).unwrap(),
        }
    }

    fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(room),
            Stream::Unix(stream) => stream.read(room),
        };
        match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing came for {PATIENCE:?}"),
            other => other,
        }
    }

    /// Take up to `limit` bytes of what is there now, without waiting.
    pub fn take_now(&mut self, limit: usize) -> Vec<u8> {
        let mut room = vec![0; limit];
        let result = match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_nonblocking(true).unwrap();
                let result = stream.read(&mut room);
                stream.set_nonblocking(false).unwrap();
                result
            }
            Stream::Unix(stream) => {
                stream.set_nonblocking(true).unwrap();
                let result = stream.read(&mut room);
                stream.set_nonblocking(false).unwrap();
                result
            }
        };
        room.truncate(match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            other => other.unwrap(),
        });
        room
    }

    /// Read until `enough` says so. Panics at the end of the stream.
    fn read_until(&mut self, what: &str, enough: impl Fn(&[u8]) -> bool) {
        let mut room = vec![0; 64 * 1024];
        while !enough(&self.read) {
            let count = self.receive(&mut room).unwrap_or_else(|error| panic!("{error} while waiting for {what}"));
            assert!(count > 0, "the end instead of {what}, after {:?}", String::from_utf8_lossy(&self.read));
            self.read.extend_from_slice(&room[..count]);
        }
    }

    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.read_until("bytes", |read| read.len() >= count);
        self.read.drain(..count).collect()
    }

    /// The next answer, framed by its length or in chunks.
    pub fn answer(&mut self) -> Answer {
        self.read_until("a head", |read| find(read, b"\r\n\r\n").is_some());
        let end = find(&self.read, b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status: u16 = head[9..12].parse().unwrap();
        let lower = head.to_ascii_lowercase();
        let body = if let Some((_, length)) = lower.split_once("\r\ncontent-length: ") {
            self.exactly(length.split_once('\r').unwrap().0.parse().unwrap())
        } else if lower.contains("\r\ntransfer-encoding: chunked\r\n") {
            self.chunks()
        } else {
            Vec::new()
        };
        Answer { status, head, body }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// The next chunk of a chunked answer.
    pub fn chunk(&mut self) -> Vec<u8> {
        self.read_until("a chunk size", |read| find(read, b"\r\n").is_some());
        let end = find(&self.read, b"\r\n").unwrap();
        let line: Vec<u8> = self.read.drain(..end + 2).collect();
        let size = usize::from_str_radix(std::str::from_utf8(&line[..end]).unwrap(), 16).unwrap();
        let mut data = self.exactly(size + 2);
        assert_eq!(data.split_off(size), b"\r\n");
        data
    }

    /// Everything up to the end, and how that came.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let until: Instant = deadline();
        let mut room = vec![0; 64 * 1024];
        loop {
            assert!(Instant::now() < until, "the connection does not end");
            match self.receive(&mut room) {
                Ok(0) => return (std::mem::take(&mut self.read), End::Closed),
                Ok(count) => self.read.extend_from_slice(&room[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return (std::mem::take(&mut self.read), End::Reset);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The connection has ended, without another byte.
    #[track_caller]
    pub fn assert_closed(&mut self) {
        let (rest, end) = self.rest();
        assert_eq!((String::from_utf8_lossy(&rest).as_ref(), end), ("", End::Closed));
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
