//! The end of an exchange: what is left of the answer goes to the engine, and then the connection goes on or ends.

use longma_engine::Cut;
use longma_engine::reactor::Reactor;
use longma_proto::h1::response::{Framing, error_response};
use pyo3::exceptions::{PyBrokenPipeError, PyConnectionResetError, PyStopIteration};
use pyo3::{PyErr, Python as Interpreter};

use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::host::Python;
use crate::lease::Parting;
use crate::respond::Answer;

/// What becomes of the connection behind an answer, and whether it is kept.
pub enum After {
    /// The answer may still wait for others to leave with.
    FinishSoon(bool),
    Finish(bool),
    /// Its client gets no more of it than it has.
    Cut,
    /// There is none.
    Part(Parting),
}

/// What the application's exchange ends with, now that the call is over: `None` for the answer, as ever. Where the
/// application has had the connection, an answer has nowhere to go, nor has the lack of one a meaning.
#[inline]
pub fn part(py: Interpreter<'_>, exchange: &mut Exchange, answer: &mut Result<Answer, Fault>) -> Option<Parting> {
    if exchange.lease.is_some() { part_with_lease(py, exchange, answer) } else { None }
}

#[cold]
fn part_with_lease(py: Interpreter<'_>, exchange: &mut Exchange, answer: &mut Result<Answer, Fault>) -> Option<Parting> {
    let lease = exchange.lease.take()?;
    let raised = match answer {
        Err(Fault::Raised) => Some(PyErr::fetch(py)),
        _ => None,
    };
    let mut parting = lease.get().end(py);
    // What code made for Gunicorn raises when it has dealt with the connection.
    let is_dealt_with = |error: &PyErr| error.is_instance_of::<PyStopIteration>(py);
    if parting.is_none() && !exchange.head_is_sent() && raised.as_ref().is_some_and(is_dealt_with) {
        parting = Some(Parting::Silent);
    }
    let is_quiet = |error: &PyErr| {
        is_dealt_with(error)
            || error.is_instance_of::<PyBrokenPipeError>(py)
            || error.is_instance_of::<PyConnectionResetError>(py)
    };
    match (&parting, raised) {
        (Some(_), Some(error)) if is_quiet(&error) => *answer = Err(Fault::ClientGone),
        (_, Some(error)) => error.restore(py),
        (Some(_), None) if !matches!(answer, Err(Fault::Closing { .. })) => *answer = Err(Fault::ClientGone),
        _ => {}
    }
    if parting.is_some() {
        exchange.switched();
    }
    parting
}

/// Send what the exchange has composed.
#[inline(always)]
pub fn hand_over(
    exchange: &mut Exchange,
    reactor: &mut Reactor<Python>,
    answer: Result<Answer, Fault>,
    parting: Option<Parting>,
) -> After {
    if let Some(parting) = parting {
        return After::Part(parting);
    }
    let id = exchange.id;
    let keep_alive = exchange.keep_alive();
    // What fails behind a complete answer is no business of the client's.
    let answer = if exchange.is_complete() { answer.or_else(|_| Ok(Answer::Composed)) } else { answer };
    let is_own = answer.is_err() && !exchange.head_is_sent();
    let digit = if is_own { Some(b'5') } else { exchange.settled().map(|settled| settled.status[0]) };
    if let Some(digit) = digit {
        reactor.board().count_answer(digit);
    }
    match answer {
        Ok(Answer::Composed) => {
            if let Some(rest) = exchange.take_rest() {
                rest.send(reactor, id, exchange.composed());
                return After::Finish(keep_alive);
            }
            let composed = exchange.composed();
            let patient = keep_alive && exchange.patient;
            match (composed.is_empty(), patient) {
                (true, _) => {}
                (false, true) => reactor.send_soon(id, composed),
                (false, false) => reactor.send_rest(id, composed, !keep_alive),
            }
            After::FinishSoon(keep_alive)
        }
        Ok(Answer::Blocks(blocks)) => {
            reactor.send_blocks(id, exchange.composed(), blocks, !keep_alive);
            After::Finish(keep_alive)
        }
        Err(_) if exchange.head_is_sent() => After::Cut,
        Err(_) => fail(exchange, reactor),
    }
}

#[cold]
fn fail(exchange: &mut Exchange, reactor: &mut Reactor<Python>) -> After {
    let answer = error_response(500, "", reactor.date(), exchange.asked.head_request);
    exchange.failed(&answer);
    reactor.send_rest(exchange.id, &answer, true);
    After::Finish(false)
}

/// Go on with the connection, or end it.
#[inline(always)]
pub fn finish(exchange: &Exchange, reactor: &mut Reactor<Python>, after: After) {
    let id = exchange.id;
    match after {
        After::FinishSoon(keep_alive) => reactor.finish_soon(id, keep_alive),
        After::Finish(keep_alive) => reactor.finish(id, keep_alive),
        After::Part(Parting::Silent) => reactor.part(id),
        After::Part(Parting::Lent(fd)) => reactor.take_back(fd),
        After::Cut => {
            let is_unframed = exchange.settled().is_some_and(|settled| settled.framing == Framing::Close);
            reactor.cut(id, if is_unframed { Cut::Unseen } else { Cut::Seen });
        }
    }
}
