//! The PROXY protocol: what is taken, what is refused, and that how the bytes are cut never matters.

use std::net::{IpAddr, SocketAddr};

use longma_proto::proxy::{Client, Header, MAX_HEADER_BYTES, Progress, ProxyError, Transport, Versions, read};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn internet(source: &str, destination: &str) -> Client {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Client::Internet { transport: Transport::Stream, source, destination }
}

/// The outcome, which is that of each longer input, too.
fn outcome(bytes: &[u8], versions: Versions) -> Result<Progress, ProxyError> {
    let whole = read(bytes, versions);
    for end in 0..bytes.len() {
        let cut = read(&bytes[..end], versions);
        assert!(cut == whole || cut == Ok(Progress::Partial), "{end} of {bytes:?}: {cut:?}, not {whole:?}");
    }
    whole
}

fn client(bytes: &[u8]) -> Result<Client, ProxyError> {
    let followed = [bytes, b"GET / HTTP/1.1\r\n\r\n"].concat();
    match outcome(&followed, Versions::Both)? {
        Progress::Complete { header, len } => {
            assert_eq!(len, bytes.len());
            assert_eq!(outcome(bytes, Versions::Both), Ok(Progress::Complete { header, len }));
            Ok(header.client)
        }
        other => panic!("{other:?} of {bytes:?}"),
    }
}

/// A header of version 2 with these 13th and 14th bytes.
fn binary(version_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[version_command, family], &length, block].concat()
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn addresses(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    [octets(source.ip()), octets(destination.ip()), ports].concat()
}

fn addition(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

#[test]
fn lines_of_version_1_tell_the_client() {
    for (line, expected) in [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", internet("192.0.2.1:56324", "192.0.2.2:443")),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            internet("255.255.255.255:65535", "255.255.255.255:65535"),
        ),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", internet("1.2.3.4:0", "5.6.7.8:0")),
        ("PROXY TCP6 2001:db8::1 ::1 1 80\r\n", internet("[2001:db8::1]:1", "[::1]:80")),
        ("PROXY TCP6 ::ffff:1.2.3.4 :: 1 80\r\n", internet("[::ffff:1.2.3.4]:1", "[::]:80")),
        ("PROXY UNKNOWN\r\n", Client::Unknown),
        ("PROXY UNKNOWN \r\n", Client::Unknown),
        ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Client::Unknown),
        ("PROXY UNKNOWN a\tb \u{ff}\r\n", Client::Unknown),
    ] {
        assert_eq!(client(line.as_bytes()), Ok(expected), "{line}");
    }
}

#[test]
fn other_lines_that_begin_with_proxy_are_refused() {
    for (line, expected) in [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n", ProxyError::LineMalformed),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\rX", ProxyError::LineMalformed),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n", ProxyError::LineMalformed),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 \r\n", ProxyError::LineMalformed),
        ("PROXY TCP4  192.0.2.1 192.0.2.2 56324 443\r\n", ProxyError::LineMalformed),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 1\r\n", ProxyError::LineMalformed),
        ("PROXY TCP4 192.0.2.01 192.0.2.2 56324 443\r\n", ProxyError::Address),
        ("PROXY TCP4 192.0.2 192.0.2.2 56324 443\r\n", ProxyError::Address),
        ("PROXY TCP4 ::1 ::1 56324 443\r\n", ProxyError::Address),
        ("PROXY TCP6 192.0.2.1 192.0.2.2 56324 443\r\n", ProxyError::Address),
        ("PROXY TCP6 fe80::1%1 ::1 56324 443\r\n", ProxyError::Address),
        ("PROXY TCP6 [::1] ::1 56324 443\r\n", ProxyError::Address),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n", ProxyError::Port),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 +443\r\n", ProxyError::Port),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 01 443\r\n", ProxyError::Port),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 00 443\r\n", ProxyError::Port),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 -1 443\r\n", ProxyError::Port),
        ("PROXY tcp4 192.0.2.1 192.0.2.2 56324 443\r\n", ProxyError::Family),
        ("PROXY TCP5 192.0.2.1 192.0.2.2 56324 443\r\n", ProxyError::Family),
        ("PROXY UNKNOWNS\r\n", ProxyError::Family),
        ("PROXY \r\n", ProxyError::Family),
        ("PROXY / HTTP/1.1\r\n", ProxyError::Family),
    ] {
        assert_eq!(outcome(line.as_bytes(), Versions::Both), Err(expected), "{line}");
    }
    let wrong = b"PROXY TCP4 192.0.2.\xff 192.0.2.2 56324 443\r\n";
    assert_eq!(outcome(wrong, Versions::Both), Err(ProxyError::LineMalformed));
}

#[test]
fn a_line_has_107_bytes_at_most() {
    let line = |filling: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(filling));
    assert_eq!(line(91).len(), 107);
    assert_eq!(client(line(91).as_bytes()), Ok(Client::Unknown));
    for filling in [92, 93, 5000] {
        assert_eq!(outcome(line(filling).as_bytes(), Versions::Both), Err(ProxyError::LineTooLong { limit: 107 }));
    }
}

#[test]
fn headers_of_version_2_tell_the_client() {
    let (v4, v6) = (("192.0.2.1:56324", "192.0.2.2:443"), ("[2001:db8::1]:1", "[::1]:80"));
    let block = |(source, destination): (&str, &str)| addresses(source.parse().unwrap(), destination.parse().unwrap());
    let additions = [addition(0x04, b""), addition(0x05, &[7; 128]), addition(0xE0, b"own")].concat();
    for additions in [Vec::new(), additions] {
        let with = |block: &[u8]| [block, &additions].concat();
        for (command, family, block, expected) in [
            (0x21, 0x11, block(v4), internet(v4.0, v4.1)),
            (0x21, 0x21, block(v6), internet(v6.0, v6.1)),
            (0x21, 0x31, vec![b'a'; 216], Client::Unix),
            (0x21, 0x32, vec![b'a'; 216], Client::Unix),
            (0x21, 0x00, Vec::new(), Client::Unknown),
            (0x20, 0x00, Vec::new(), Client::Local),
            (0x20, 0x11, block(v4), Client::Local),
            (0x20, 0xFF, vec![0xFF; 5], Client::Local),
        ] {
            assert_eq!(client(&binary(command, family, &with(&block))), Ok(expected), "{command:x} {family:x}");
        }
    }
    let udp = client(&binary(0x21, 0x12, &block(v4)));
    assert!(matches!(udp, Ok(Client::Internet { transport: Transport::Datagram, .. })));
    assert_eq!([udp.unwrap().protocol(), internet(v6.0, v6.1).protocol(), Client::Local.protocol()], ["UDP4", "TCP6", "LOCAL"]);
}

#[test]
fn other_binary_headers_are_refused() {
    let block = addresses("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
    for (command, family, block, expected) in [
        (0x11, 0x11, &block[..], ProxyError::Version),
        (0x31, 0x11, &block, ProxyError::Version),
        (0x22, 0x11, &block, ProxyError::Command),
        (0x2F, 0x11, &block, ProxyError::Command),
        (0x21, 0x10, &block, ProxyError::Family),
        (0x21, 0x13, &block, ProxyError::Family),
        (0x21, 0x01, &block, ProxyError::Family),
        (0x21, 0x41, &block, ProxyError::Family),
        (0x21, 0x11, &block[..11], ProxyError::TooShort),
        (0x21, 0x21, &block, ProxyError::TooShort),
        (0x21, 0x31, &[0; 215], ProxyError::TooShort),
        (0x21, 0x11, &[&block[..], &[4]].concat(), ProxyError::Addition),
        (0x21, 0x11, &[&block[..], &[4, 0, 1]].concat(), ProxyError::Addition),
        (0x21, 0x11, &[&block[..], &[4, 0xFF, 0xFF, 0]].concat(), ProxyError::Addition),
        (0x21, 0x11, &[&block[..], &addition(0x20, b"")].concat(), ProxyError::Addition),
        (0x21, 0x11, &vec![0; MAX_HEADER_BYTES - 15], ProxyError::TooLong { limit: MAX_HEADER_BYTES }),
        (0x20, 0x00, &vec![0; 65535], ProxyError::TooLong { limit: MAX_HEADER_BYTES }),
    ] {
        assert_eq!(outcome(&binary(command, family, block), Versions::Both), Err(expected), "{command:x} {family:x}");
    }
    let longest = binary(0x20, 0, &vec![0; MAX_HEADER_BYTES - 16]);
    assert_eq!(client(&longest), Ok(Client::Local));
}

#[test]
fn an_addition_says_whether_the_client_speaks_tls() {
    let block = addresses("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
    for (additions, expected) in [
        (addition(0x20, &[1, 0, 0, 0, 0]), true),
        (addition(0x20, &[&[7, 0, 0, 0, 0][..], &addition(0x21, b"TLSv1.3")].concat()), true),
        (addition(0x20, &[6, 0, 0, 0, 0]), false),
        ([addition(0x02, b"host"), addition(0x20, &[1])].concat(), true),
        (addition(0x21, &[1]), false),
        (Vec::new(), false),
    ] {
        let bytes = binary(0x21, 0x11, &[&block[..], &additions].concat());
        let Ok(Progress::Complete { header: Header { tls, .. }, .. }) = outcome(&bytes, Versions::V2) else {
            panic!("{additions:?}")
        };
        assert_eq!(tls, expected, "{additions:?}");
    }
}

#[test]
fn what_a_client_says_itself_is_left_to_it() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"POST / HTTP/1.1\r\n",
        b"PROXIES / HTTP/1.1\r\n",
        b"proxy TCP4 ",
        b"\r\nGET / HTTP/1.1\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b" PROXY TCP4",
    ] {
        for versions in [Versions::V1, Versions::V2, Versions::Both] {
            assert_eq!(outcome(bytes, versions), Ok(Progress::Absent), "{bytes:?}");
        }
    }
    assert_eq!(outcome(b"PROXY UNKNOWN\r\n", Versions::V2), Ok(Progress::Absent));
    assert_eq!(outcome(&binary(0x20, 0, b""), Versions::V1), Ok(Progress::Absent));
    assert_eq!(outcome(b"", Versions::Both), Ok(Progress::Partial));
    assert_eq!(outcome(b"PROX", Versions::V1), Ok(Progress::Partial));
    assert_eq!(outcome(b"PROX", Versions::V2), Ok(Progress::Absent));
    assert_eq!(outcome(b"\r\n\r", Versions::V2), Ok(Progress::Partial));
}

fn socket() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(one, other)| (IpAddr::from(one), IpAddr::from(other)));
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>()).prop_map(|(one, other)| (IpAddr::from(one), IpAddr::from(other)));
    (prop_oneof![v4, v6], any::<u16>(), any::<u16>())
        .prop_map(|((one, other), from, to)| (SocketAddr::new(one, from), SocketAddr::new(other, to)))
}

proptest! {
    #[test]
    fn what_is_written_is_read((source, destination) in socket(), additions in vec((any::<u8>(), vec(any::<u8>(), 1..40)), 0..6)) {
        let expected = Client::Internet { transport: Transport::Stream, source, destination };
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (ip, to, ports) = (source.ip(), destination.ip(), (source.port(), destination.port()));
        let line = format!("PROXY {family} {ip} {to} {} {}\r\n", ports.0, ports.1);
        prop_assert_eq!(client(line.as_bytes()), Ok(expected));
        prop_assert_eq!(expected.protocol(), family);
        let additions: Vec<u8> = additions.iter().flat_map(|(kind, value)| addition(*kind, value)).collect();
        let block = [addresses(source, destination), additions].concat();
        let family = if source.is_ipv4() { 0x11 } else { 0x21 };
        prop_assert_eq!(client(&binary(0x21, family, &block)), Ok(expected));
    }

    #[test]
    fn any_bytes_have_one_outcome_however_they_are_cut(
        start in select(vec![&b""[..], b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ::1 ", SIGNATURE]),
        rest in vec(prop_oneof![any::<u8>(), select(b"0123456789.: \r\n\x20\x21\x11\0".to_vec())], 0..300),
        versions in select(vec![Versions::V1, Versions::V2, Versions::Both]),
    ) {
        let bytes = [start, &rest].concat();
        if let Ok(Progress::Complete { len, .. }) = outcome(&bytes, versions) {
            prop_assert!(len <= bytes.len() && len <= MAX_HEADER_BYTES);
        }
    }
}
