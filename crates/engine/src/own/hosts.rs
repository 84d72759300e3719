//! Requests for hosts that are not served here. The application would build links and redirects of whatever a client
//! writes into Host.

use longma_proto::h1::target;

use super::answer::Answer;
use super::asked::Asked;

/// The hosts that are served. Names are compared without regard to case, ports do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    names: Vec<Box<[u8]>>,
}

impl AllowedHosts {
    /// `example.com`; `.example.com` for it and all below it; an address, one of IPv6 in brackets; `*` for any. None at
    /// all is any, too.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<Box<[u8]>> =
            names.into_iter().map(|name| name.to_ascii_lowercase().into_bytes().into_boxed_slice()).collect();
        if names.iter().any(|name| **name == *b"*") { Self::default() } else { Self { names } }
    }

    pub(super) fn is_any(&self) -> bool {
        self.names.is_empty()
    }

    /// What whoever asks for another host is told: that it has come to the wrong place (RFC 9110 §15.5.20), or has not
    /// said where it wants to go, as HTTP/1.0 allows.
    pub(super) fn refusal(&self, asked: &Asked<'_>) -> Option<Answer> {
        match host_of(asked) {
            Some(host) if self.allows(host) => None,
            Some(_) => Some(Answer::plain(421)),
            None => Some(Answer::plain(400)),
        }
    }

    fn allows(&self, host: &[u8]) -> bool {
        // The root of the name space may be written (RFC 3986 §3.2.2).
        let host = host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase();
        self.names.iter().any(|name| match &name[..] {
            [b'.', parent @ ..] => host == parent || host.ends_with(name),
            name => host == name,
        })
    }
}

/// The host that is asked for, without its port: that of the target where it names one (RFC 9112 §3.2.2).
fn host_of<'a>(asked: &Asked<'a>) -> Option<&'a [u8]> {
    let whole = asked.head.line().target.of(asked.bytes);
    let authority = target::split(whole).authority;
    let authority = if authority.is_empty() { asked.fields(b"host").next()? } else { authority.of(whole) };
    let end = match authority {
        [b'[', literal @ ..] => literal.iter().position(|&byte| byte == b']')? + 2,
        _ => authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len()),
    };
    authority.get(..end).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use longma_proto::h1::{HeadParser, Limits};

    use super::*;

    fn status(names: &[&str], head: &str) -> Option<u16> {
        let (mut bytes, mut parser) = (format!("{head}\r\n\r\n").into_bytes(), HeadParser::new());
        parser.advance(&mut bytes, &Limits::default()).unwrap();
        let asked = Asked { bytes: &bytes, head: &parser };
        AllowedHosts::new(names.iter().copied()).refusal(&asked).map(|answer| answer.status)
    }

    #[test]
    fn hosts_are_compared_by_name() {
        let names = &["example.com", ".example.org", "[::1]", "192.0.2.1"][..];
        for (host, expected) in [
            ("example.com", None),
            ("EXAMPLE.com:8000", None),
            ("example.com.", None),
            ("example.com.:80", None),
            ("example.com:", None),
            ("www.example.com", Some(421)),
            ("notexample.com", Some(421)),
            ("example.com..", Some(421)),
            ("example.org", None),
            ("a.b.example.ORG:1", None),
            ("notexample.org", Some(421)),
            ("example.org.evil.invalid", Some(421)),
            ("[::1]", None),
            ("[::1]:80", None),
            ("[::2]:80", Some(421)),
            ("192.0.2.1:80", None),
            ("192.0.2.11", Some(421)),
            ("", Some(400)),
        ] {
            assert_eq!(status(names, &format!("GET / HTTP/1.1\r\nHost: {host}")), expected, "{host}");
        }
    }

    #[test]
    fn the_target_goes_before_the_field() {
        let names = &["example.com"][..];
        for (target, host, expected) in [
            ("http://example.com/", "other.invalid", None),
            ("http://example.com:8000", "other.invalid", None),
            ("https://other.invalid/", "example.com", Some(421)),
        ] {
            assert_eq!(status(names, &format!("GET {target} HTTP/1.1\r\nHost: {host}")), expected, "{target}");
        }
        assert_eq!(status(names, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443"), None);
        assert_eq!(status(names, "CONNECT other.invalid:443 HTTP/1.1\r\nHost: example.com"), Some(421));
        assert_eq!(status(names, "OPTIONS * HTTP/1.1\r\nHost: other.invalid"), Some(421));
        assert_eq!(status(names, "GET / HTTP/1.0"), Some(400));
        assert_eq!(status(names, "GET / HTTP/1.0\r\nHost: example.com"), None);
    }

    #[test]
    fn a_star_is_any_host() {
        assert!(AllowedHosts::new(["example.com", "*"]).is_any());
        assert!(AllowedHosts::new([]).is_any());
        assert!(!AllowedHosts::new(["example.com"]).is_any());
    }
}
