//! For whom a proxy asks: the two fields that say so, as they should be and as they come.

use longma_proto::forwarded::{Malformed, Node, forwarded, x_forwarded_for};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn at(ip: &str) -> Node {
    Node::Address { ip: ip.parse().unwrap(), port: None }
}

fn with_port(ip: &str, port: u16) -> Node {
    Node::Address { ip: ip.parse().unwrap(), port: Some(port) }
}

#[test]
fn x_forwarded_for_is_read_from_its_end() {
    for (value, expected) in [
        ("192.0.2.1", vec![at("192.0.2.1")]),
        ("192.0.2.1, 192.0.2.2,192.0.2.3", vec![at("192.0.2.3"), at("192.0.2.2"), at("192.0.2.1")]),
        (" 192.0.2.1 ,\t192.0.2.2\t", vec![at("192.0.2.2"), at("192.0.2.1")]),
        (", ,192.0.2.1,,", vec![at("192.0.2.1")]),
        ("", vec![]),
        ("192.0.2.1:80", vec![with_port("192.0.2.1", 80)]),
        ("2001:db8::1", vec![at("2001:db8::1")]),
        ("[2001:db8::1]", vec![at("2001:db8::1")]),
        ("[2001:db8::1]:65535", vec![with_port("2001:db8::1", 65535)]),
        ("::ffff:192.0.2.1, [::ffff:192.0.2.2]:1", vec![with_port("192.0.2.2", 1), at("192.0.2.1")]),
        ("192.0.2.1:0, 192.0.2.1:_port", vec![at("192.0.2.1"), at("192.0.2.1")]),
        ("unknown, _hidden, localhost, 192.0.2, 192.0.2.01", vec![Node::Hidden; 5]),
        ("192.0.2.1:, 192.0.2.1:65536, 192.0.2.1:+1, 192.0.2.1:80:80, [::1, [::1]1, [192.0.2.1]", vec![Node::Hidden; 6 + 1]),
        ("\"192.0.2.1\", fe80::1%1, for=192.0.2.1, 192.0.2.1 192.0.2.2, \u{e9}", vec![Node::Hidden; 5]),
    ] {
        assert_eq!(x_forwarded_for(value.as_bytes()).collect::<Vec<_>>(), expected, "{value}");
    }
}

#[test]
fn forwarded_is_read_in_order() {
    for (value, expected) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", vec![at("192.0.2.60")]),
        ("for=192.0.2.43, for=198.51.100.17", vec![at("192.0.2.43"), at("198.51.100.17")]),
        ("For=\"[2001:db8:cafe::17]:4711\"", vec![with_port("2001:db8:cafe::17", 4711)]),
        ("for=\"_gazonk\"", vec![Node::Hidden]),
        ("for=unknown", vec![Node::Hidden]),
        ("for=_hidden, for=_SEVKISEK", vec![Node::Hidden; 2]),
        ("for=\"192.0.2.43:47011\",for=\"[2001:db8::1]:_x\"", vec![with_port("192.0.2.43", 47011), at("2001:db8::1")]),
        ("for=192.0.2.43:47011", vec![with_port("192.0.2.43", 47011)]),
        ("for=[2001:db8::1]", vec![at("2001:db8::1")]),
        ("proto=https;FOR=192.0.2.1;host=\"a,b;for=9.9.9.9\"", vec![at("192.0.2.1")]),
        ("for=\"192.0.2.\\1\"", vec![at("192.0.2.1")]),
        ("proto=https", vec![Node::Hidden]),
        ("proto=https, for=192.0.2.1", vec![Node::Hidden, at("192.0.2.1")]),
        (", for=192.0.2.1 ,, ;for=192.0.2.2; ,", vec![at("192.0.2.1"), at("192.0.2.2")]),
        (";", vec![Node::Hidden]),
        ("for=\"\"", vec![Node::Hidden]),
        ("for=192.0.2.1; proto=https", vec![at("192.0.2.1")]),
        ("", vec![]),
    ] {
        assert_eq!(forwarded(value.as_bytes()), Ok(expected), "{value}");
    }
}

#[test]
fn a_value_that_two_could_read_differently_is_refused() {
    for value in [
        "for=\"192.0.2.1",
        "for=192.0.2.1;host=\"a, for=192.0.2.2",
        "for=192.0.2.1;x=\", for=192.0.2.2;y=\"z\"",
        "for=\"192.0.2.1\"x",
        "for=\"192.0.2.1\" for=192.0.2.2",
        "for=192.0.2.1 for=192.0.2.2",
        "for=192.0.2.1\"",
        "for=192.0.2.1;for=192.0.2.2",
        "for=192.0.2.1;FOR=\"\"",
        "for=",
        "for",
        "for =192.0.2.1",
        "=192.0.2.1",
        "192.0.2.1",
        "for=\"\\",
        "for=a\\b",
    ] {
        assert_eq!(forwarded(value.as_bytes()), Err(Malformed), "{value}");
    }
}

fn address() -> impl Strategy<Value = Node> {
    let ip = prop_oneof![any::<[u8; 4]>().prop_map(Into::into), any::<[u8; 16]>().prop_map(Into::<std::net::IpAddr>::into)];
    (ip, proptest::option::of(1..=u16::MAX)).prop_map(|(ip, port)| Node::Address { ip: ip.to_canonical(), port })
}

fn written(node: &Node) -> String {
    match node {
        Node::Address { ip: std::net::IpAddr::V6(ip), port } => {
            format!("[{ip}]{}", port.map_or(String::new(), |port| format!(":{port}")))
        }
        Node::Address { ip, port } => format!("{ip}{}", port.map_or(String::new(), |port| format!(":{port}"))),
        Node::Hidden => "unknown".to_owned(),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(nodes in vec(prop_oneof![4 => address(), 1 => Just(Node::Hidden)], 1..8)) {
        let texts: Vec<String> = nodes.iter().map(written).collect();
        let mut found: Vec<Node> = x_forwarded_for(texts.join(", ").as_bytes()).collect();
        found.reverse();
        prop_assert_eq!(&found, &nodes);
        let elements: Vec<String> = texts.iter().map(|text| format!("for=\"{text}\";proto=http")).collect();
        prop_assert_eq!(forwarded(elements.join(", ").as_bytes()), Ok(nodes));
    }

    #[test]
    fn no_value_is_too_odd(value in vec(prop_oneof![select(b"for=\",;[]:_\\ 12.a".to_vec()), any::<u8>()], 0..60)) {
        let members = value.split(|&byte| byte == b',').filter(|member| !member.trim_ascii().is_empty()).count();
        prop_assert_eq!(x_forwarded_for(&value).count(), members);
        if let Ok(nodes) = forwarded(&value) {
            prop_assert!(nodes.len() <= members);
            // What is well-formed stays so with another element behind it, which is then the last.
            let longer = [&value[..], b", for=192.0.2.1"].concat();
            prop_assert_eq!(forwarded(&longer).map(|nodes| nodes.last().copied()), Ok(Some(at("192.0.2.1"))));
        }
    }
}
