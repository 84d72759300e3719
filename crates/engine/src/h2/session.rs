//! What a connection is that speaks HTTP/2.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;

use super::floods::Floods;
use super::upgrade::Upgrade;
use super::wire::Wire;
use super::{PREFACE, Settings};
use crate::id::ConnId;

/// Bytes of request bodies that may be on their way on a connection, whatever one stream may have.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// Where nothing else bounds the fields of a request, this does, before they are all in memory.
const MOST_HEADER_LIST_BYTES: u32 = 16 << 20;
/// Bytes that one stream's answer may have in `h2`, beyond what this engine keeps of it.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Streams that may be reset before they have been looked at. What is counted here is bounded in `floods` as well.
const MAX_PENDING_RESETS: usize = 200;

enum Stage {
    Preface(Pin<Box<Handshake<Wire, Bytes>>>),
    Open(Box<Connection<Wire, Bytes>>),
    Over,
}

/// A request that has come, and how it is answered.
pub type Arrival = (Request<RecvStream>, SendResponse<Bytes>);

/// What one step has brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More may come.
    Open,
    /// Nothing more will; why, where that is not as it should be.
    Over(Option<String>),
}

/// The state of a connection.
pub struct Session {
    stage: Stage,
    pub wire: Wire,
    pub floods: Floods,
    /// Its streams that have a place in the table.
    pub streams: Vec<ConnId>,
    /// Somebody is driving it further up the stack, and is to go on.
    pub is_driven: bool,
    pub again: bool,
    /// Something has come, or the socket has room again, since the streams were looked at.
    pub is_stirred: bool,
    /// A stream has more to send than there was room for.
    pub has_more: bool,
    /// It has had its turn, and goes on when others have had theirs.
    pub is_paused: bool,
    /// The client knows that it is not to begin anything here any more.
    pub is_leaving: bool,
    /// It was given up for frames that have come, which has been told.
    pub is_given_up: bool,
    /// The request that has asked for HTTP/2, until the client's preface has come.
    pub upgrade: Option<Box<Upgrade>>,
    /// Why it is to end at once.
    doom: Option<Reason>,
}

impl Session {
    pub fn new(settings: &Settings) -> Self {
        let wire = Wire::default();
        let most = if settings.max_header_list_size == 0 { MOST_HEADER_LIST_BYTES } else { settings.max_header_list_size };
        let handshake = Builder::new()
            .initial_window_size(settings.initial_window_size)
            .initial_connection_window_size(settings.initial_window_size.max(CONNECTION_WINDOW_BYTES))
            .max_frame_size(settings.max_frame_size)
            .max_header_list_size(most)
            .max_concurrent_streams(settings.max_concurrent_streams)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_send_buffer_size(SEND_BUFFER_BYTES)
            .handshake(wire.clone());
        Self {
            stage: Stage::Preface(Box::pin(handshake)),
            wire,
            floods: Floods::after(PREFACE.len()),
            streams: Vec::new(),
            is_driven: false,
            again: false,
            is_stirred: false,
            has_more: false,
            is_paused: false,
            is_leaving: false,
            is_given_up: false,
            upgrade: None,
            doom: None,
        }
    }

    /// Whether the preface has come.
    pub fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::Preface(_))
    }

    /// Go on as far as what has come allows; requests that have come whole up to their body go to `arrivals`.
    pub fn advance(&mut self, arrivals: &mut Vec<Arrival>) -> Step {
        // Whoever brings something asks again: nobody has to be woken.
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match &mut self.stage {
                Stage::Preface(handshake) => match handshake.as_mut().poll(&mut context) {
                    Poll::Ready(Ok(mut connection)) => {
                        if let Some(reason) = self.doom {
                            connection.abrupt_shutdown(reason);
                        }
                        self.stage = Stage::Open(Box::new(connection));
                    }
                    Poll::Ready(Err(error)) => return self.end(Some(error)),
                    Poll::Pending => return Step::Open,
                },
                Stage::Open(connection) => match connection.poll_accept(&mut context) {
                    Poll::Ready(Some(Ok(arrival))) => arrivals.push(arrival),
                    Poll::Ready(Some(Err(error))) => return self.end(Some(error)),
                    Poll::Ready(None) => return self.end(None),
                    Poll::Pending => return Step::Open,
                },
                Stage::Over => return Step::Over(None),
            }
        }
    }

    fn end(&mut self, error: Option<h2::Error>) -> Step {
        self.stage = Stage::Over;
        // A client that just closes is nothing to tell of.
        let error = error.filter(|error| !error.is_io() && !matches!(error.reason(), Some(Reason::NO_ERROR)));
        Step::Over(error.map(|error| error.to_string()))
    }

    /// What is to be read of what has come: with the request that has asked for all this, where there is one. `None`: nothing
    /// yet.
    pub fn with_upgrade<'a>(&mut self, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(upgrade) = &mut self.upgrade else { return Some(Cow::Borrowed(bytes)) };
        let taken = upgrade.take(bytes)?;
        self.upgrade = None;
        Some(Cow::Owned(taken))
    }

    /// Have nothing new begun from now on: what has begun is answered (RFC 9113 §6.8).
    pub fn wind_up(&mut self) {
        if let Stage::Open(connection) = &mut self.stage
            && !std::mem::replace(&mut self.is_leaving, true)
        {
            connection.graceful_shutdown();
        }
    }

    /// End it now, for this reason.
    pub fn give_up(&mut self, reason: Reason) {
        self.doom = Some(reason);
        if let Stage::Open(connection) = &mut self.stage {
            connection.abrupt_shutdown(reason);
        }
    }
}
