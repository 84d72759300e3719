//! The engine over real sockets: a fake host calls a fake application, and clients see what comes of it.

mod admission;
mod answers;
mod bodies;
mod deadlines;
mod ends;
mod requests;
mod siblings;
mod standby;
mod storage;
mod support;
mod turns;
