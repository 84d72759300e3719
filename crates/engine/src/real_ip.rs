//! Whose a request is that proxies have passed on: the nearest address that is not one of theirs.

use std::net::SocketAddr;

use longma_proto::forwarded::{Node, forwarded, x_forwarded_for};
use longma_proto::h1::HeadParser;

use crate::sys::socket::Peer;
use crate::trusted::TrustedPeers;

/// The field by which proxies tell for whom they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealIp {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl RealIp {
    /// Whose the request is, of which `peer` is trusted to tell. Each proxy on the way is asked for the one before it, as
    /// long as it is one of `proxies`; who stands behind one that does not say is not known, so then it is that one's.
    ///
    /// That everybody is trusted does not make everybody a proxy, or clients could choose their address: then it is the
    /// last one named.
    #[cold]
    pub(crate) fn client(self, peer: Peer, proxies: &TrustedPeers, bytes: &[u8], head: &HeadParser) -> Peer {
        let mut client = peer;
        for value in self.values(bytes, head) {
            let is_found = match self {
                Self::XForwardedFor => follow(x_forwarded_for(value), proxies, &mut client),
                // A malformed one was refused with its head.
                Self::Forwarded => follow(forwarded(value).unwrap_or_default().into_iter().rev(), proxies, &mut client),
            };
            if is_found {
                break;
            }
        }
        client
    }

    /// Whether one of the fields is malformed, which nobody has looked at where the head was not read as HTTP.
    #[cold]
    pub(crate) fn finds_malformed(self, bytes: &[u8], head: &HeadParser) -> bool {
        self == Self::Forwarded && self.values(bytes, head).any(|value| forwarded(value).is_err())
    }

    /// The values of the fields, the last one first.
    fn values<'a>(self, bytes: &'a [u8], head: &'a HeadParser) -> impl Iterator<Item = &'a [u8]> {
        let name: &[u8] = match self {
            Self::XForwardedFor => b"x-forwarded-for",
            Self::Forwarded => b"forwarded",
        };
        let block = bytes.get(head.fields_at()..).unwrap_or_default();
        let fields = head.fields().iter().rev().filter(|field| field.name.of(block).eq_ignore_ascii_case(name));
        fields.map(|field| field.value.of(block))
    }
}

/// Go from node to node. True: nobody farther off counts.
fn follow(nodes: impl Iterator<Item = Node>, proxies: &TrustedPeers, client: &mut Peer) -> bool {
    for node in nodes {
        let Node::Address { ip, port } = node else { return true };
        // A port that nobody has told is 0, which no client has.
        *client = Some(SocketAddr::new(ip, port.unwrap_or(0)));
        if !proxies.lists(ip) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use longma_proto::h1::Limits;

    use super::*;

    fn client(kind: RealIp, proxies: &[&str], fields: &str) -> String {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields.replace('|', "\r\n"));
        let (mut bytes, mut head) = (text.into_bytes(), HeadParser::new());
        head.advance(&mut bytes, &Limits::default()).unwrap();
        let proxies = TrustedPeers::parse(proxies.iter().copied()).unwrap();
        let peer = Some("127.0.0.1:4711".parse().unwrap());
        kind.client(peer, &proxies, &bytes, &head).map_or_else(String::new, |client| client.to_string())
    }

    #[test]
    fn the_nearest_address_that_is_no_proxys_is_the_clients() {
        const PEER: &str = "127.0.0.1:4711";
        let local = &["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"][..];
        for (proxies, value, expected) in [
            (local, "192.0.2.1", "192.0.2.1:0"),
            (local, "192.0.2.1:80", "192.0.2.1:80"),
            (local, "192.0.2.1, 192.0.2.2", "192.0.2.2:0"),
            (local, "192.0.2.1, 10.0.0.1", "192.0.2.1:0"),
            (local, "192.0.2.1, 192.0.2.2, [2001:db8::1]:80, 10.1.2.3", "192.0.2.2:0"),
            (local, "10.0.0.1, 10.0.0.2", "10.0.0.1:0"),
            (local, "unknown", PEER),
            (local, "192.0.2.1, unknown, 10.0.0.2", "10.0.0.2:0"),
            (local, "192.0.2.1, nonsense, 10.0.0.2", "10.0.0.2:0"),
            (local, "192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1:0"),
            (local, "", PEER),
            (&["*"], "192.0.2.1, 192.0.2.2", "192.0.2.2:0"),
            (&["*", "192.0.2.2"], "192.0.2.1, 192.0.2.2", "192.0.2.1:0"),
        ] {
            let found = client(RealIp::XForwardedFor, proxies, &format!("X-Forwarded-For: {value}|"));
            assert_eq!(found, expected, "{value}");
            let elements: Vec<String> = value.split(", ").map(|node| format!("for=\"{node}\"")).collect();
            let found = client(RealIp::Forwarded, proxies, &format!("Forwarded: {}|", elements.join(";proto=https, ")));
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn fields_of_one_name_are_one_list_and_others_do_not_count() {
        let proxies = &["127.0.0.1", "10.0.0.1"][..];
        let fields =
            "X-Forwarded-For: 192.0.2.1|Forwarded: for=192.0.2.3|x-forwarded-for: 192.0.2.2, 10.0.0.1|FORWARDED: for=10.0.0.1|";
        assert_eq!(client(RealIp::XForwardedFor, proxies, fields), "192.0.2.2:0");
        assert_eq!(client(RealIp::Forwarded, proxies, fields), "192.0.2.3:0");
        assert_eq!(client(RealIp::XForwardedFor, proxies, "X-Real-Ip: 192.0.2.1|"), "127.0.0.1:4711");
    }
}
