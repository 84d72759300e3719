//! Any bytes as a PROXY header: one outcome however they are cut, and a header lies within the input and its bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use longma_proto::proxy::{MAX_HEADER_BYTES, Progress, Versions, read};

fuzz_target!(|data: &[u8]| {
    for versions in [Versions::V1, Versions::V2, Versions::Both] {
        let whole = read(data, versions);
        for end in 0..data.len() {
            let cut = read(&data[..end], versions);
            assert!(cut == whole || cut == Ok(Progress::Partial), "the first {end} bytes");
        }
        if let Ok(Progress::Complete { len, header }) = whole {
            assert!(len <= data.len() && len <= MAX_HEADER_BYTES);
            assert!(!header.client.protocol().is_empty());
        }
    }
});
