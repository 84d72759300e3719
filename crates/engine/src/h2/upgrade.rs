//! The change from HTTP/1.1 to HTTP/2 in the middle of a connection (RFC 7540 §3.2; RFC 9113 has done away with it, but proxies
//! have it). The request that asks for it becomes the first stream: it is put behind the settings that end the client's preface,
//! and the settings that it has brought before those, so that they hold for it.

use longma_proto::h1::{BodyLength, HeadParser, Version};

use super::PREFACE;
use crate::base64;

const FRAME_HEADER: usize = 9;
/// What a frame may hold where nothing else has been agreed on (RFC 9113 §4.2).
const MAX_PAYLOAD: usize = 16_384;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What waits for the client's preface.
pub struct Upgrade {
    /// The payload of the settings that the request has brought.
    settings: Vec<u8>,
    /// The request's fields (RFC 7541).
    fields: Vec<u8>,
    held: Vec<u8>,
}

impl Upgrade {
    /// What a request asks for. `None`: it does not ask to change, or not in the way it has to.
    pub fn of(bytes: &[u8], head: &HeadParser) -> Option<Self> {
        let line = head.line();
        let target = line.target.of(bytes);
        if !head.upgrade()
            || line.version != Version::Http11
            || head.body() != BodyLength::Known(0)
            || target.first() != Some(&b'/')
        {
            return None;
        }
        let block = &bytes[head.fields_at()..];
        let fields = || head.fields().iter().map(|field| (field.name.of(block).to_ascii_lowercase(), field.value.of(block)));
        let only = |name: &[u8]| {
            let mut values = fields().filter(|(known, _)| known == name).map(|(_, value)| value);
            values.next().filter(|_| values.next().is_none())
        };
        let lists = |option: &[u8]| {
            let members =
                fields().filter(|(name, _)| name == b"connection").flat_map(|(_, value)| value.split(|&byte| byte == b','));
            members.map(<[u8]>::trim_ascii).any(|member| member.eq_ignore_ascii_case(option))
        };
        if !only(b"upgrade")?.eq_ignore_ascii_case(b"h2c") || !lists(b"upgrade") || !lists(b"http2-settings") {
            return None;
        }
        let settings = decode(only(b"http2-settings")?).filter(|settings| are_good(settings))?;
        let mut out = Vec::new();
        let pseudo = [
            (&b":method"[..], line.method.of(bytes)),
            (b":scheme", b"http"),
            (b":path", target),
            (b":authority", only(b"host")?),
        ];
        pseudo.into_iter().for_each(|(name, value)| literal(name, value, &mut out));
        for (name, value) in fields().filter(|(name, _)| !is_of_connection(name)) {
            literal(&name, value, &mut out);
        }
        (out.len() <= MAX_PAYLOAD).then_some(Self { settings, fields: out, held: Vec::new() })
    }

    /// Take more of what the client says. What `h2` is to read, once the preface is whole or has turned out to be none.
    pub fn take(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.held.extend_from_slice(bytes);
        let held = &self.held;
        let begins = held.iter().zip(PREFACE).all(|(found, expected)| found == expected);
        let Some(header) = held.get(PREFACE.len()..PREFACE.len() + FRAME_HEADER) else {
            return (!begins).then(|| std::mem::take(&mut self.held));
        };
        let len = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let is_settings = header[3..] == [SETTINGS, 0, 0, 0, 0, 0];
        if !begins || !is_settings || len + self.settings.len() > MAX_PAYLOAD {
            return Some(std::mem::take(&mut self.held));
        }
        let payload_at = PREFACE.len() + FRAME_HEADER;
        let payload = held.get(payload_at..payload_at + len)?;
        let mut out = PREFACE.to_vec();
        frame(SETTINGS, 0, 0, &[&self.settings, payload].concat(), &mut out);
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &self.fields, &mut out);
        out.extend_from_slice(&held[payload_at + len..]);
        Some(out)
    }
}

/// Whether a field says nothing that goes on being so, or is said in another way.
fn is_of_connection(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 10] = [
        b"connection",
        b"upgrade",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"te",
        b"host",
        b"content-length",
        b"expect",
    ];
    NAMES.contains(&name)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let len = (payload.len() as u32).to_be_bytes();
    out.extend_from_slice(&[len[1], len[2], len[3], kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A field that no table is to remember (RFC 7541 §6.2.2).
fn literal(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    for text in [name, value] {
        // An integer with a prefix of seven bits (RFC 7541 §5.1).
        let mut rest = text.len();
        if rest < 127 {
            out.push(rest as u8);
        } else {
            out.push(127);
            rest -= 127;
            while rest >= 128 {
                out.push(rest as u8 | 128);
                rest >>= 7;
            }
            out.push(rest as u8);
        }
        out.extend_from_slice(text);
    }
}

/// What is written in base64url (RFC 4648 §5), padded or not.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|&byte| byte != b'=').map_or(0, |at| at + 1);
    if text.len() - end > 2 || end % 4 == 1 {
        return None;
    }
    base64::unpadded(&text[..end], base64::URL)
}

/// Whether each setting has a value that it may have (RFC 9113 §6.5.2).
fn are_good(settings: &[u8]) -> bool {
    let is_good = |setting: &[u8]| match (setting, u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]])) {
        ([0, 2, ..], value) => value <= 1,
        ([0, 4, ..], value) => value < 1 << 31,
        ([0, 5, ..], value) => (16_384..1 << 24).contains(&value),
        _ => true,
    };
    settings.len().is_multiple_of(6) && settings.len() <= MAX_PAYLOAD / 2 && settings.chunks(6).all(is_good)
}

#[cfg(test)]
mod tests {
    use longma_proto::h1::Limits;

    use super::*;

    const SETTINGS_FRAME: &[u8] = &[0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];

    fn asked(head: &str) -> Option<Upgrade> {
        let mut bytes = head.replace('\n', "\r\n").into_bytes();
        let mut parser = HeadParser::new();
        parser.advance(&mut bytes, &Limits::default()).unwrap();
        Upgrade::of(&bytes, &parser)
    }

    fn with(fields: &str) -> Option<Upgrade> {
        asked(&format!("GET /a HTTP/1.1\nHost: b\nX-C: d\n{fields}\n"))
    }

    const GOOD: &str = "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAQAAABk\n";

    #[test]
    fn a_request_that_asks_for_it_comes_behind_the_settings() {
        let mut upgrade = with(GOOD).unwrap();
        let said = [PREFACE, SETTINGS_FRAME, b"rest"].concat();
        for byte in &said[..PREFACE.len() + SETTINGS_FRAME.len() - 1] {
            assert_eq!(upgrade.take(&[*byte]), None);
        }
        let fields = b"\0\x07:method\x03GET\0\x07:scheme\x04http\0\x05:path\x02/a\0\x0a:authority\x01b\0\x03x-c\x01d";
        let settings = [0, 0, 12, SETTINGS, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 100, 0, 3, 0, 0, 0, 100];
        let headers = [0, 0, fields.len() as u8, HEADERS, 5, 0, 0, 0, 1];
        let expected = [&PREFACE[..], &settings, &headers, fields, b"rest"].concat();
        assert_eq!(upgrade.take(&said[said.len() - 5..]), Some(expected));
    }

    #[test]
    fn what_is_no_preface_is_left_to_be_refused() {
        for said in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &[&PREFACE[..], &[0; 9]].concat()] {
            assert_eq!(with(GOOD).unwrap().take(said), Some(said.to_vec()));
        }
        assert_eq!(with(GOOD).unwrap().take(b"X"), Some(b"X".to_vec()));
    }

    #[test]
    fn whoever_asks_in_another_way_goes_on_as_before() {
        assert!(with(&GOOD.replace("h2c", "websocket")).is_none());
        assert!(with(&GOOD.replace(", HTTP2-Settings", "")).is_none());
        assert!(with(&GOOD.replace("AAQAAABk", "AAQAAAB")).is_none());
        assert!(with(&GOOD.replace("AAQAAABk", "AAQ+AABk")).is_none());
        // More than a window can be.
        assert!(with(&GOOD.replace("AAQAAABk", "AASAAAAA")).is_none());
        assert!(with(&format!("{GOOD}HTTP2-Settings: AAQAAABk\n")).is_none());
        assert!(with(&format!("{GOOD}Content-Length: 1\n")).is_none());
        assert!(with(&GOOD.replace("AAQAAABk", "")).is_some(), "no settings are settings");
    }

    #[test]
    fn long_fields_have_long_lengths() {
        let mut out = Vec::new();
        literal(b"n", &[b'v'; 127 + 300], &mut out);
        assert_eq!(out[..6], [0, 1, b'n', 127, 0xac, 2]);
    }
}
