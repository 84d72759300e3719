//! A stream of a connection that speaks HTTP/2: what a connection's bytes are to others, the data of one request and its answer
//! are here.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

use super::answer::Head;
use super::wire::Wire;
use crate::id::ConnId;
use crate::sys::socket;

/// How much is handed to `h2` at a time.
const STEP_BYTES: usize = 64 * 1024;

/// What means something in front of a body alone (RFC 9110 §6.5.1).
const FORBIDDEN_TRAILERS: [&str; 6] = ["authorization", "content-length", "host", "te", "trailer", "transfer-encoding"];

/// Where the answer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    Awaited,
    Begun,
    Ended,
}

/// How the client sees the end of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    /// Less came of it than it has promised.
    Short,
}

/// One end of a stream.
#[derive(Default)]
pub struct Stream {
    /// The connection it belongs to.
    pub parent: Option<ConnId>,
    respond: Option<SendResponse<Bytes>>,
    send: Option<SendStream<Bytes>>,
    receive: Option<RecvStream>,
    wire: Wire,
    answer: Answer,
    /// No body follows the head of the answer, whatever it says.
    is_bodiless: bool,
    /// Bytes of the body that the answer's head has promised, and that have been sent.
    promised: Option<u64>,
    sent: u64,
    /// Fields that follow the body.
    trailers: Option<HeaderMap>,
}

/// What there is of a request body.
pub enum Piece {
    Data(Bytes),
    Nothing,
    End,
    /// The client has given the request up, or broken its framing.
    Lost,
}

impl Stream {
    pub fn new(parent: ConnId, wire: Wire, respond: SendResponse<Bytes>, receive: RecvStream, is_head: bool) -> Self {
        let receive = (!receive.is_end_stream()).then_some(receive);
        let mut new = Self::default();
        (new.parent, new.respond, new.receive) = (Some(parent), Some(respond), receive);
        (new.wire, new.is_bodiless) = (wire, is_head);
        new
    }

    /// Whether a body follows the request's head.
    pub fn has_body(&self) -> bool {
        self.receive.is_some()
    }

    pub fn awaits_head(&self) -> bool {
        self.answer == Answer::Awaited
    }

    /// The next piece of the body. What is taken makes room for more.
    pub fn next_piece(&mut self) -> Piece {
        let Some(receive) = &mut self.receive else { return Piece::End };
        let mut context = Context::from_waker(Waker::noop());
        match receive.poll_data(&mut context) {
            Poll::Ready(Some(Ok(data))) => {
                // It fails where the stream has been reset, which shows soon enough.
                let _ = receive.flow_control().release_capacity(data.len());
                Piece::Data(data)
            }
            Poll::Ready(Some(Err(_))) => Piece::Lost,
            Poll::Ready(None) => Piece::End,
            Poll::Pending => Piece::Nothing,
        }
    }

    /// The fields that followed the body, as names and values in lines, once all of it has been taken.
    pub fn take_trailers(&mut self) -> Vec<u8> {
        let mut lines = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        if let Some(receive) = &mut self.receive
            && let Poll::Ready(Ok(Some(trailers))) = receive.poll_trailers(&mut context)
        {
            for (name, value) in trailers.iter().filter(|(name, _)| !FORBIDDEN_TRAILERS.contains(&name.as_str())) {
                for part in [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"] {
                    lines.extend_from_slice(part);
                }
            }
        }
        self.receive = None;
        lines
    }

    /// Whether the client has given the request up, or its connection has come to an end.
    pub fn is_lost(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let reset = match (&mut self.send, &mut self.respond) {
            _ if self.answer == Answer::Ended => return false,
            (Some(send), _) => send.poll_reset(&mut context),
            (None, Some(respond)) => respond.poll_reset(&mut context),
            (None, None) => return true,
        };
        reset.is_ready()
    }

    /// Send an interim answer (RFC 9110 §15.2).
    pub fn inform(&mut self, head: Head) {
        if let (Answer::Awaited, Some(respond)) = (self.answer, &mut self.respond) {
            // A client that has gone needs none.
            let _ = respond.send_informational(head.response);
        }
    }

    /// Begin the answer; `is_all`: nothing follows its head.
    ///
    /// # Errors
    /// The client has gone.
    pub fn begin(&mut self, head: Head, is_all: bool) -> io::Result<()> {
        let respond = self.respond.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        self.is_bodiless |= matches!(head.response.status().as_u16(), 204 | 304);
        let ends = is_all && self.trailers.is_none() && (self.is_bodiless || head.length.is_none_or(|length| length == 0));
        self.promised = head.length.filter(|_| !self.is_bodiless);
        self.send = Some(respond.send_response(head.response, ends).map_err(|_| ErrorKind::BrokenPipe)?);
        self.answer = if ends { Answer::Ended } else { Answer::Begun };
        Ok(())
    }

    /// Send all that is left of the answer, if there is room for it. False: nothing has been sent.
    ///
    /// # Errors
    /// The client has gone.
    pub fn send_rest(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let is_whole = self.promised.is_none_or(|promised| promised == self.sent + bytes.len() as u64);
        if self.answer != Answer::Begun || self.trailers.is_some() || !is_whole || self.room(bytes.len()) < bytes.len() {
            return Ok(false);
        }
        let send = self.send.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        send.send_data(Bytes::copy_from_slice(bytes), true).map_err(|_| ErrorKind::BrokenPipe)?;
        self.sent += bytes.len() as u64;
        self.answer = Answer::Ended;
        Ok(true)
    }

    /// How many bytes can be sent now, of so many.
    fn room(&mut self, count: usize) -> usize {
        if count == 0 {
            return 0;
        }
        if self.wire.is_clogged() {
            return 0;
        }
        let Some(send) = &mut self.send else { return 0 };
        send.reserve_capacity(count.min(STEP_BYTES));
        send.capacity().min(STEP_BYTES)
    }

    fn put(&mut self, bytes: Bytes) -> io::Result<usize> {
        let count = bytes.len();
        let send = self.send.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        send.send_data(bytes, false).map_err(|_| ErrorKind::BrokenPipe)?;
        self.sent += count as u64;
        Ok(count)
    }

    /// Send as much of an answer's body as there is room for.
    ///
    /// # Errors
    /// `WouldBlock`: there is none. Others: the client has gone.
    pub fn send(&mut self, blocks: &[IoSlice<'_>]) -> io::Result<usize> {
        let total: usize = blocks.iter().map(|block| block.len()).sum();
        if total == 0 || self.answer != Answer::Begun {
            // Behind the end of an answer nothing is said.
            return if self.answer == Answer::Awaited { Err(ErrorKind::BrokenPipe.into()) } else { Ok(total) };
        }
        let room = self.room(total).min(total);
        if room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut bytes = BytesMut::with_capacity(room);
        for block in blocks {
            let count = block.len().min(room - bytes.len());
            bytes.extend_from_slice(&block[..count]);
        }
        self.put(bytes.freeze())
    }

    /// Send from a file. 0: the file ended early.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_file(&mut self, file: BorrowedFd<'_>, offset: u64, count: usize) -> io::Result<usize> {
        if self.answer == Answer::Ended {
            return Ok(count);
        }
        let room = self.room(count).min(count);
        if room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut bytes = BytesMut::zeroed(room);
        let read = socket::read_at(file, &mut bytes, offset)?;
        bytes.truncate(read);
        if read == 0 { Ok(0) } else { self.put(bytes.freeze()) }
    }

    /// Have these fields follow the body (RFC 9110 §6.5).
    pub fn set_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }

    /// End the answer, all of which has been sent.
    pub fn finish(&mut self) -> End {
        if self.answer == Answer::Ended {
            return End::Whole;
        }
        let is_whole = self.promised.is_none_or(|promised| promised == self.sent);
        let (Answer::Begun, true, Some(send)) = (self.answer, is_whole, &mut self.send) else { return End::Short };
        let ended = match self.trailers.take() {
            Some(trailers) => send.send_trailers(trailers),
            None => send.send_data(Bytes::new(), true),
        };
        // A client that has gone has no use for it.
        if ended.is_ok() {
            self.answer = Answer::Ended;
        }
        End::Whole
    }

    /// Say that there is no answer, or no more of it, for this reason.
    pub fn reset(&mut self, reason: Reason) {
        match (&mut self.send, &mut self.respond) {
            (Some(send), _) => send.send_reset(reason),
            (None, Some(respond)) => respond.send_reset(reason),
            (None, None) => {}
        }
        self.answer = Answer::Ended;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.parent.is_some() && self.answer != Answer::Ended {
            self.reset(Reason::INTERNAL_ERROR);
        }
    }
}
