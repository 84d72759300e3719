//! Any bytes as a packet of uwsgi or SCGI and as records of FastCGI: records mean the same however they are cut, and a head
//! that is made of what is said is one that a parser of heads reads alike.

#![no_main]
#![allow(dead_code)]

#[path = "../support/input.rs"]
mod input;
#[path = "../../crates/proto/tests/support/packets.rs"]
mod packets;

use input::Input;
use libfuzzer_sys::fuzz_target;
use longma_proto::h1::{HeadError, HeadParser};
use packets::{all_read, head, hear};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else { return };
    let whole = hear(&[input.wire]);
    assert_eq!(whole, hear(&input.pieces()), "cut by chance");
    assert_eq!(whole, hear(&input.wire.chunks(1).collect::<Vec<_>>()), "byte by byte");
    let told = [all_read(input.wire), all_read(&whole.params)];
    for variables in told.into_iter().flatten().flatten() {
        let Ok((mut bytes, parser, translated)) = head(&variables, &input.limits) else { continue };
        assert!(variables.len() >= translated.variables.len());
        let mut again = HeadParser::new();
        match again.advance(&mut bytes, &input.limits) {
            Ok(_) => assert_eq!((again.line(), again.head_len()), (parser.line(), parser.head_len())),
            // What is about the client's own connection is not looked at here, and no host needs to be named.
            Err(error) => assert!(!matches!(error, HeadError::BareLineFeed | HeadError::FieldNameInvalid), "{error}"),
        }
    }
});
