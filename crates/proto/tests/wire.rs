//! Every sample is what it says it is, however it is cut.

use longma_proto::fastcgi;
use longma_proto::forwarded::forwarded;
use longma_proto::h1::Limits;
use longma_proto::proxy::{Progress, Versions, read};
use longma_proto::{scgi, uwsgi};

use crate::support::packets::{Pairs, head, hear, pointed_at};
use crate::support::wire::{FORWARDED, Sample, Spoken, proxy_headers, samples};

const LIMIT: usize = 1 << 16;

/// The variables, where the packet is one and whole.
fn variables(sample: &Sample) -> Option<Pairs> {
    let bytes = &sample.bytes[..];
    match sample.spoken {
        Spoken::Uwsgi => {
            let packet = &bytes[..uwsgi::packet_len(bytes).ok()??];
            Some(pointed_at(packet, &uwsgi::variables(packet).ok()?))
        }
        Spoken::Scgi => {
            let packet = &bytes[..scgi::packet_len(bytes, LIMIT).ok()??];
            Some(pointed_at(packet, &scgi::variables(packet).ok()?))
        }
        Spoken::FastCgi => {
            let heard = hear(&[bytes]);
            assert_eq!(heard, hear(&bytes.chunks(1).collect::<Vec<_>>()), "{}", sample.name);
            heard.ended.filter(|&length| length == bytes.len())?;
            Some(pointed_at(&heard.params, &fastcgi::variables(&heard.params).ok()?))
        }
    }
}

#[test]
fn samples_of_packets_are_requests_or_none_as_they_say() {
    let samples = samples();
    for sample in &samples {
        let found = variables(sample).and_then(|variables| head(&variables, &Limits::default()).ok());
        assert_eq!(found.is_some(), sample.is_request, "{}", sample.name);
    }
    let mut names: Vec<_> = samples.iter().map(|sample| &sample.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), samples.len());
}

#[test]
fn a_packet_that_is_not_whole_is_none_yet() {
    for sample in samples().iter().filter(|sample| sample.is_request) {
        let packet_len = |bytes: &[u8]| match sample.spoken {
            Spoken::Uwsgi => uwsgi::packet_len(bytes),
            Spoken::Scgi => scgi::packet_len(bytes, LIMIT),
            Spoken::FastCgi => Ok(hear(&[bytes]).ended),
        };
        let whole = packet_len(&sample.bytes).unwrap().unwrap();
        for end in 0..whole {
            assert_eq!(packet_len(&sample.bytes[..end]), Ok(None), "{end} of {}", sample.name);
        }
    }
}

#[test]
fn samples_of_proxies_words_are_what_they_say() {
    for (name, header, is_one) in proxy_headers() {
        let found = read(&header, Versions::Both);
        assert_eq!(matches!(found, Ok(Progress::Complete { len, .. }) if len == header.len()), is_one, "{name}: {found:?}");
        assert!(is_one || found.is_err(), "{name}: {found:?}");
    }
    for (name, value, is_one) in FORWARDED {
        assert_eq!(forwarded(value.as_bytes()).is_ok(), is_one, "{name}");
    }
}
