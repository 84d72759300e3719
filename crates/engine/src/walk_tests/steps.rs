//! What may happen in a walk.

use proptest::collection::vec;
use proptest::prelude::*;

use super::CLIENTS;

#[derive(Clone, Debug)]
pub enum Step {
    /// The client wants this of what it may want sent next; it connects if it has to and may.
    Ask(usize, usize),
    /// The client sends so much of what it wants to send.
    Send(usize, usize),
    Read(usize, usize),
    HalfClose(usize),
    Close(usize),
    /// The leader takes a turn; the application answers in these ways.
    Turn(Vec<Reply>),
    /// Somebody else drives for a while.
    Aside,
    Pass(u64),
}

#[derive(Clone, Copy, Debug)]
pub enum Reply {
    Small,
    Soon,
    Large,
    Blocks,
    File,
    /// Piece by piece, with somebody else driving in between.
    Streamed,
    Closing,
    Cut,
}

fn reply() -> impl Strategy<Value = Reply> {
    use Reply::{Blocks, Closing, Cut, File, Large, Small, Soon, Streamed};
    prop::sample::select(vec![Small, Small, Soon, Soon, Large, Blocks, File, Streamed, Closing, Cut])
}

pub fn step() -> impl Strategy<Value = Step> {
    let who = 0..CLIENTS;
    prop_oneof![
        8 => (who.clone(), 0..1000_usize).prop_map(|(who, what)| Step::Ask(who, what)),
        10 => (who.clone(), prop_oneof![1..60_usize, 1000..200_000_usize]).prop_map(|(who, count)| Step::Send(who, count)),
        6 => (who.clone(), 1..500_000_usize).prop_map(|(who, count)| Step::Read(who, count)),
        1 => who.clone().prop_map(Step::HalfClose),
        1 => who.prop_map(Step::Close),
        10 => vec(reply(), 1..6).prop_map(Step::Turn),
        3 => Just(Step::Aside),
        2 => prop_oneof![4 => Just(100_u64), 3 => Just(3_000), 1 => Just(16_000), 1 => Just(80_000)].prop_map(Step::Pass),
    ]
}
