//! Any bytes as the value of a field that says for whom a proxy asks: what comes in front of an element that is added at
//! the end does not change what that says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use longma_proto::forwarded::{Node, forwarded, x_forwarded_for};

fuzz_target!(|data: &[u8]| {
    let last = Node::Address { ip: [192, 0, 2, 1].into(), port: None };
    let longer = [data, b", 192.0.2.1"].concat();
    assert_eq!(x_forwarded_for(&longer).next(), Some(last));
    assert_eq!(x_forwarded_for(&longer).count(), x_forwarded_for(data).count() + 1);
    if let Ok(nodes) = forwarded(data) {
        let longer = forwarded(&[data, b", for=192.0.2.1"].concat());
        assert_eq!(longer, Ok([&nodes[..], &[last]].concat()));
    }
});
