//! Any bytes as a whole connection, heads and bodies one after the other: however they are cut there are the same
//! requests and the same end, and after an end there is nothing.

#![no_main]
#![allow(dead_code)]

#[path = "../../crates/proto/tests/support/connection.rs"]
mod connection;
#[path = "../support/input.rs"]
mod input;

use connection::{Connection, Standing};
use input::Input;
use libfuzzer_sys::fuzz_target;

const NEXT: &[u8] = b"GET /n HTTP/1.1\r\nHost: n\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else { return };
    let mut whole = Connection::after(input.wire, input.limits);
    for pieces in [input.pieces(), input.wire.chunks(1).collect()] {
        let mut cut = Connection::new(input.limits);
        for piece in &pieces {
            let before = cut.complete_requests().len();
            cut.feed(piece);
            assert!(before <= cut.complete_requests().len(), "what is whole stays");
        }
        assert_eq!(whole.standing(), cut.standing(), "{} pieces", pieces.len());
        assert_eq!(whole.complete_requests(), cut.complete_requests());
    }
    let (standing, before) = (whole.standing(), whole.complete_requests().to_vec());
    whole.feed(NEXT);
    match standing {
        Standing::Idle => {
            let (last, others) = whole.complete_requests().split_last().expect("the next request is read");
            assert_eq!((last.target.as_slice(), others), (&b"/n"[..], before.as_slice()));
        }
        Standing::Closed | Standing::Refused { .. } => {
            assert_eq!(whole.standing(), standing, "an end is final");
            assert_eq!(whole.complete_requests(), before);
        }
        Standing::Partial => assert!(whole.complete_requests().starts_with(&before)),
    }
});
