//! The engine under a worker: sockets, deadlines, buffers, and the thread that stands by.
//!
//! It turns bytes into whole requests and answers into bytes. How the application is called is the host's business
//! (see [`host`]); this crate knows no Python. `unsafe` lives in [`sys`] only.

mod accepting;
pub mod access;
mod base64;
mod batch;
pub mod body;
mod call;
mod closing;
pub mod connection;
mod delivering;
mod desk;
mod door;
mod draining;
pub mod escape;
mod framing;
pub mod gateway;
mod gathered;
pub mod h2;
mod handover;
mod held;
pub mod host;
pub mod hub;
mod id;
mod input;
pub mod leader;
pub mod lending;
pub mod listener;
mod logging;
pub mod notice;
mod origin;
pub mod outlets;
mod output;
pub mod own;
mod packets;
mod preceding;
pub mod proxied;
pub mod reactor;
mod reading;
pub mod real_ip;
mod receiving;
pub mod refusal;
mod relay;
pub mod request;
pub mod seats;
pub mod settings;
pub mod shared;
mod spool;
pub mod standby;
pub mod sys;
#[cfg(test)]
mod testing;
mod timers;
pub mod tls;
mod transport;
pub mod trusted;
mod turn;
mod waker;
#[cfg(test)]
mod walk_tests;
mod writing;

pub use desk::Desk;
pub use input::Input;
pub use writing::Cut;
