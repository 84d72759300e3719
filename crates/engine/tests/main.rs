//! The engine over real sockets: a fake host calls a fake application, and clients see what comes of it.

mod support;

mod admission;
mod answers;
mod bodies;
mod ends;
mod requests;
