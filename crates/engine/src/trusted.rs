//! Which peers are proxies of the operator's own (`forwarded_allow_ips`).

use std::net::{IpAddr, SocketAddr};

/// A network of addresses; a single address is one of full length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    prefix: u32,
}

impl Network {
    /// `address` or `address/prefix`. An IPv4 address written as an IPv6 one is an IPv4 address.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let written: IpAddr = address.parse().ok()?;
        let first = written.to_canonical();
        let bits = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            // Digits alone: the number's own parser takes a sign.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse::<u32>().ok()?,
            Some(_) => return None,
            None => bits(written),
        };
        let prefix = prefix.checked_sub(bits(written) - bits(first)).filter(|&prefix| prefix <= bits(first))?;
        Some(Self { first, prefix })
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                (first.to_bits() ^ address.to_bits()).checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The peers that are trusted. Whoever is on a Unix socket is: the path's permissions say who may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedPeers {
    all: bool,
    networks: Vec<Network>,
}

impl TrustedPeers {
    /// Addresses, networks, or `*` for everybody.
    ///
    /// # Errors
    /// The one that is none of these.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut peers = Self::default();
        for text in texts {
            if text == "*" {
                peers.all = true;
            } else {
                peers.networks.push(Network::parse(text).ok_or(text)?);
            }
        }
        Ok(peers)
    }

    /// Whether this address is one of them by itself, not only because everybody is.
    pub fn lists(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.holds(address))
    }

    /// Whether this peer is one of them.
    pub fn trusts(&self, peer: Option<SocketAddr>) -> bool {
        let Some(peer) = peer else { return true };
        self.all || self.lists(peer.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(peers: &[&str], address: &str) -> bool {
        let peer = SocketAddr::new(address.parse().unwrap(), 1);
        TrustedPeers::parse(peers.iter().copied()).unwrap().trusts(Some(peer))
    }

    #[test]
    fn addresses_and_networks_are_trusted_and_nobody_beside_them() {
        for (peers, inside, outside) in [
            (&["127.0.0.1"][..], &["127.0.0.1", "::ffff:127.0.0.1"][..], &["127.0.0.2", "::1", "::7f00:1"][..]),
            (&["::1"], &["::1"], &["127.0.0.1", "::2", "::ffff:0.0.0.1"]),
            (&["::ffff:10.0.0.1"], &["10.0.0.1", "::ffff:10.0.0.1"], &["10.0.0.2"]),
            (
                &["10.1.0.0/16", "192.0.2.7"],
                &["10.1.0.0", "10.1.255.255", "192.0.2.7"],
                &["10.0.255.255", "10.2.0.0", "192.0.2.6"],
            ),
            (&["::ffff:10.0.0.0/104"], &["10.9.9.9", "::ffff:10.9.9.9"], &["11.0.0.0"]),
            (&["2001:db8::/33"], &["2001:db8::", "2001:db8:7fff::1"], &["2001:db8:8000::", "2001:db9::"]),
            (&["0.0.0.0/0"], &["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], &["::", "::1"]),
            (&["::/0"], &["::", "ffff::"], &["1.2.3.4", "::ffff:1.2.3.4"]),
            (&["1.2.3.4/32", "::5/128"], &["1.2.3.4", "::5"], &["1.2.3.5", "::4"]),
            (&["*"], &["1.2.3.4", "::1"], &[]),
            (&[], &[], &["127.0.0.1", "::1"]),
        ] {
            for address in inside {
                assert!(trusts(peers, address), "{peers:?} {address}");
            }
            for address in outside {
                assert!(!trusts(peers, address), "{peers:?} {address}");
            }
        }
    }

    #[test]
    fn a_peer_without_an_address_is_trusted() {
        assert!(TrustedPeers::default().trusts(None));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in
            ["", "localhost", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+8", "::/129", "::ffff:1.2.3.4/95", "1.2.3.4/8/8"]
        {
            assert_eq!(TrustedPeers::parse(["::1", text]), Err(text));
        }
    }
}
