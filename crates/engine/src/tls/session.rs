//! The TLS of one connection (RFC 8446, RFC 5246): records to plain bytes and back, on a socket that does not block.
//!
//! Whoever sends sees a socket that has taken bytes when all records they are in have left. What is encrypted and has
//! not left is kept here, as are decrypted bytes that nobody has received.

use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use crate::sys::socket;
use crate::tls::client::Facts;

/// Bytes of the socket taken by one step of a handshake.
const STEP_BYTES: usize = 16 * 1024;
/// The longest record (RFC 8446 §5.2, RFC 5246 §6.2.3), and a little more.
const RECORD_BYTES: usize = 18 * 1024 + 64;
/// Room for what long reads bring.
const LARGE_ROOM_BYTES: usize = 3 * RECORD_BYTES;
/// How much of a file is encrypted at a time.
const FILE_BYTES: usize = 64 * 1024;
/// How much one call sends, so that one fast client does not keep the others waiting.
const CALL_BYTES: usize = 4 << 20;
/// The first byte of every handshake (RFC 8446 §5.1, ContentType).
const HANDSHAKE_RECORD: u8 = 22;

/// How far a handshake has come.
#[derive(Debug)]
pub enum Shaken {
    Done,
    /// The peer has to say more.
    Unread,
    /// The peer has to take what was said.
    Unwritten,
    /// No handshake: these bytes came in plain.
    Plain(Vec<u8>),
    /// The peer has gone.
    Gone,
    Failed(rustls::Error),
}

/// One connection's session.
#[derive(Debug)]
pub struct Session {
    tls: ServerConnection,
    /// Bytes that are encrypted, and of which the sender has not been told yet that they are sent.
    promised: usize,
    /// Bytes that are decrypted and not received yet.
    waiting: usize,
    /// The peer has said that nothing more will come.
    peer_has_ended: bool,
    has_begun: bool,
    /// The session tickets of TLS 1.3 are encrypted and wait for the first answer, with which they leave.
    has_tickets: bool,
    facts: Option<Box<Facts>>,
}

impl Session {
    /// # Errors
    /// The settings do not fit together, which the making of `config` has ruled out.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let tls = ServerConnection::new(config)?;
        Ok(Self { tls, promised: 0, waiting: 0, peer_has_ended: false, has_begun: false, has_tickets: false, facts: None })
    }

    /// What was agreed, and who the client is: known once the handshake is over.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_deref()
    }

    /// Whether HTTP/2 is to be spoken (RFC 9113 §3.2).
    pub fn has_agreed_on_h2(&self) -> bool {
        self.tls.alpn_protocol() == Some(b"h2")
    }

    pub fn is_brimming(&self) -> bool {
        self.waiting > 0 || self.peer_has_ended
    }

    /// Go on with the handshake.
    pub fn shake_hands(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Shaken {
        let step = buffer.len().min(STEP_BYTES);
        loop {
            let is_done = !self.tls.is_handshaking();
            let speaks = self.tls.wants_write();
            // The client waits for no tickets (RFC 8446 §4.6.1), but for the last words of TLS 1.2.
            self.has_tickets = is_done && speaks && self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
            if !self.has_tickets {
                match self.flush(fd, false) {
                    Ok(true) => {}
                    Ok(false) => return Shaken::Unwritten,
                    Err(_) => return Shaken::Gone,
                }
            }
            if is_done {
                self.facts = Some(Box::new(Facts::of(&self.tls)));
                return Shaken::Done;
            }
            if speaks {
                // It is the client's turn, which has yet to hear this.
                return Shaken::Unread;
            }
            let bytes = match socket::receive(fd, &mut buffer[..step]) {
                Ok(0) => return Shaken::Gone,
                Ok(count) => &buffer[..count],
                Err(error) if would_block(&error) => return Shaken::Unread,
                Err(_) => return Shaken::Gone,
            };
            if !std::mem::replace(&mut self.has_begun, true) && bytes[0] != HANDSHAKE_RECORD && bytes[0].is_ascii_graphic() {
                return Shaken::Plain(bytes.to_vec());
            }
            if let Err(error) = self.take(bytes) {
                // The alert that says why.
                let _ = self.flush(fd, false);
                return Shaken::Failed(error);
            }
        }
    }

    /// Take bytes that were read from the socket already.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), rustls::Error> {
        while !bytes.is_empty() {
            match self.tls.read_tls(&mut bytes) {
                // Nothing is taken behind the peer's last word.
                Ok(0) => return Ok(()),
                Ok(_) => self.process()?,
                Err(error) => return Err(rustls::Error::General(error.to_string())),
            }
        }
        Ok(())
    }

    fn process(&mut self) -> Result<(), rustls::Error> {
        let state = self.tls.process_new_packets()?;
        self.waiting = state.plaintext_bytes_to_read();
        self.peer_has_ended = state.peer_has_closed();
        Ok(())
    }

    pub fn receive(&mut self, fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
        let length = room.len();
        if self.waiting == 0 && length >= LARGE_ROOM_BYTES {
            let (room, scratch) = room.split_at_mut(length - (length - RECORD_BYTES) / 2);
            return self.receive_many(fd, scratch, |at, bytes| room[at..at + bytes.len()].copy_from_slice(bytes));
        }
        self.fill(fd)?;
        let count = self.tls.reader().read(room)?;
        self.waiting -= count;
        Ok(count)
    }

    /// `scratch` is for records.
    pub fn receive_into(&mut self, fd: BorrowedFd<'_>, room: &mut [MaybeUninit<u8>], scratch: &mut [u8]) -> io::Result<usize> {
        let most = scratch.len().min(room.len().saturating_sub(RECORD_BYTES));
        if self.waiting == 0 && most >= RECORD_BYTES {
            return self.receive_many(fd, &mut scratch[..most], |at, bytes| {
                for (place, &byte) in room[at..].iter_mut().zip(bytes) {
                    place.write(byte);
                }
            });
        }
        self.fill(fd)?;
        let mut reader = self.tls.reader();
        let bytes = reader.fill_buf()?;
        let count = bytes.len().min(room.len());
        for (place, &byte) in room.iter_mut().zip(bytes) {
            place.write(byte);
        }
        reader.consume(count);
        self.waiting -= count;
        Ok(count)
    }

    /// Receive by long reads: what records there are in as many bytes as `scratch` has, and at least one. `put` gets the plain
    /// bytes, each time behind those before: together no more than `scratch` has and one record, of which a part was here.
    fn receive_many(&mut self, fd: BorrowedFd<'_>, scratch: &mut [u8], mut put: impl FnMut(usize, &[u8])) -> io::Result<usize> {
        let mut received = 0;
        while received == 0 && !self.peer_has_ended {
            let mut rest = match socket::receive(fd, scratch)? {
                0 => {
                    self.tls.read_tls(&mut io::empty())?;
                    break;
                }
                count => &scratch[..count],
            };
            // Nothing is taken behind the peer's last word.
            while !rest.is_empty() && !self.peer_has_ended {
                self.tls.read_tls(&mut rest)?;
                self.take_in(fd)?;
                while self.waiting > 0 {
                    let mut reader = self.tls.reader();
                    let bytes = reader.fill_buf()?;
                    let count = bytes.len();
                    put(received, bytes);
                    reader.consume(count);
                    self.waiting -= count;
                    received += count;
                }
            }
        }
        // The reader tells an end from a cut.
        if received == 0 { self.tls.reader().read(&mut [0]) } else { Ok(received) }
    }

    /// Read from the socket until there are plain bytes, or the end.
    fn fill(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        while self.waiting == 0 && !self.peer_has_ended {
            if self.tls.read_tls(&mut Incoming(fd))? == 0 {
                // The reader tells an end from a cut.
                return Ok(());
            }
            self.take_in(fd)?;
        }
        Ok(())
    }

    /// Process what was read, and answer what has to be answered at once.
    fn take_in(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let processed = self.process();
        if self.tls.wants_write() && (processed.is_err() || !self.has_tickets) {
            // An alert, or the answer to a new key; what does not fit leaves with what is sent next.
            self.flush(fd, false)?;
        }
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Encrypt and send as much as the socket takes. What comes back counts bytes whose records have left; the same
    /// bytes are to be sent again from there on.
    pub fn send(&mut self, fd: BorrowedFd<'_>, blocks: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        let total = blocks.iter().map(|block| block.len()).sum::<usize>().min(CALL_BYTES);
        let mut sent = 0;
        loop {
            // What comes behind tickets leaves with them.
            if !std::mem::take(&mut self.has_tickets) && !self.flush(fd, more)? {
                return if sent > 0 { Ok(sent) } else { Err(ErrorKind::WouldBlock.into()) };
            }
            sent += self.redeem(total - sent);
            if sent == total {
                return Ok(sent);
            }
            let (index, offset) = locate(blocks, sent);
            let mut writer = self.tls.writer();
            self.promised =
                if offset == 0 { writer.write_vectored(&blocks[index..])? } else { writer.write(&blocks[index][offset..])? };
        }
    }

    /// Send all of a few bytes, or nothing.
    pub fn send_whole(&mut self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        if self.promised > 0 || !self.flush(fd, false)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.tls.writer().write_all(bytes)?;
        // What does not fit leaves before what is sent next.
        self.flush(fd, false)?;
        Ok(bytes.len())
    }

    /// Send from a file. 0: the file ended early.
    pub fn send_file(&mut self, fd: BorrowedFd<'_>, file: BorrowedFd<'_>, offset: u64, count: usize) -> io::Result<usize> {
        let mut sent = 0;
        let mut scratch = Vec::new();
        loop {
            if !self.flush(fd, false)? {
                return if sent > 0 { Ok(sent) } else { Err(ErrorKind::WouldBlock.into()) };
            }
            sent += self.redeem(count - sent);
            if sent == count {
                return Ok(sent);
            }
            scratch.resize(FILE_BYTES.min(count - sent), 0);
            let read = socket::read_at(file, &mut scratch, offset + sent as u64)?;
            if read == 0 {
                return Ok(sent);
            }
            self.promised = self.tls.writer().write(&scratch[..read])?;
        }
    }

    /// Count what has left, as far as it was asked for.
    fn redeem(&mut self, most: usize) -> usize {
        let count = self.promised.min(most);
        self.promised -= count;
        count
    }

    /// Say that nothing more will come, just before the socket is closed or shut down. Where it is full, the peer does
    /// not learn it.
    pub fn say_goodbye(&mut self, fd: BorrowedFd<'_>) {
        if !self.tls.is_handshaking() {
            self.tls.send_close_notify();
        }
        // It leaves with the end, which follows. Nothing is left to do about a peer that does not take it.
        let _ = self.flush(fd, true);
    }

    /// Send the records that wait. False: the socket is full.
    fn flush(&mut self, fd: BorrowedFd<'_>, more: bool) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Outgoing { fd, more }) {
                Ok(_) => {}
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.has_tickets = false;
        Ok(true)
    }
}

/// The block, and the place in it, where the bytes behind the first `sent` begin.
fn locate(blocks: &[IoSlice<'_>], mut sent: usize) -> (usize, usize) {
    for (index, block) in blocks.iter().enumerate() {
        if sent < block.len() {
            return (index, sent);
        }
        sent -= block.len();
    }
    (blocks.len(), 0)
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The socket, as the session reads it.
struct Incoming<'a>(BorrowedFd<'a>);

impl Read for Incoming<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        socket::receive(self.0, room)
    }
}

/// The socket, as the session writes it.
struct Outgoing<'a> {
    fd: BorrowedFd<'a>,
    more: bool,
}

impl Write for Outgoing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        socket::send(self.fd, bytes, self.more)
    }

    fn write_vectored(&mut self, blocks: &[IoSlice<'_>]) -> io::Result<usize> {
        match blocks {
            [block] => socket::send(self.fd, block, self.more),
            _ => socket::send_vectored(self.fd, blocks, self.more),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
