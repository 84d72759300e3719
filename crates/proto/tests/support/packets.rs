//! Requests as web servers hand them over, and what is read of them however they are cut.

use longma_proto::fastcgi::{self, Event, Reader};
use longma_proto::gateway::{GatewayError, Translated, Variable, translate};
use longma_proto::h1::{HeadParser, Limits};
use longma_proto::{scgi, uwsgi};

pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Variables as text.
pub fn pairs(variables: &[(&str, &str)]) -> Pairs {
    variables.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

pub fn uwsgi_packet(variables: &Pairs) -> Vec<u8> {
    let mut content = Vec::new();
    for string in variables.iter().flat_map(|(name, value)| [name, value]) {
        content.extend_from_slice(&u16::try_from(string.len()).unwrap().to_le_bytes());
        content.extend_from_slice(string);
    }
    let [low, high] = u16::try_from(content.len()).unwrap().to_le_bytes();
    [&[0, low, high, 0], &content[..]].concat()
}

pub fn scgi_packet(variables: &Pairs) -> Vec<u8> {
    let content: Vec<u8> = variables.iter().flat_map(|(name, value)| [name, &b"\0"[..], value, b"\0"].concat()).collect();
    [format!("{}:", content.len()).as_bytes(), &content, b","].concat()
}

pub fn fastcgi_params(variables: &Pairs) -> Vec<u8> {
    let mut content = Vec::new();
    for string in variables {
        for length in [string.0.len(), string.1.len()] {
            match u8::try_from(length) {
                Ok(short @ ..0x80) => content.push(short),
                _ => content.extend_from_slice(&(length as u32 | 1 << 31).to_be_bytes()),
            }
        }
        content.extend_from_slice(&string.0);
        content.extend_from_slice(&string.1);
    }
    content
}

/// The pairs that variables point at.
pub fn pointed_at(packet: &[u8], variables: &[Variable]) -> Pairs {
    variables.iter().map(|variable| (variable.name.of(packet).to_vec(), variable.value.of(packet).to_vec())).collect()
}

/// What a reader of records makes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub params: Vec<u8>,
    pub body: Vec<u8>,
    pub replies: Vec<u8>,
    pub has_head: bool,
    /// How much of the bytes was used, where the request has ended.
    pub ended: Option<usize>,
    pub aborted: bool,
    pub refused: Option<GatewayError>,
}

pub fn hear(pieces: &[&[u8]]) -> Heard {
    let (mut reader, mut heard, mut used) = (Reader::new(), Heard::default(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let step = reader.step(rest);
            heard.replies.append(reader.replies());
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(reader.step(b"\x01"), Err(error), "a refusal stands");
                    heard.refused = Some(error);
                    return heard;
                }
            };
            assert!(step.consumed <= rest.len());
            used += step.consumed;
            match step.event {
                Event::NeedMore => {
                    assert_eq!(step.consumed, rest.len());
                    break;
                }
                Event::Params(range) => heard.params.extend_from_slice(&rest[range]),
                Event::Stdin(range) => heard.body.extend_from_slice(&rest[range]),
                Event::HeadEnd => heard.has_head = true,
                Event::Aborted => heard.aborted = true,
                Event::End => {
                    heard.ended = Some(used);
                    return heard;
                }
            }
            if heard.aborted {
                return heard;
            }
            rest = &rest[step.consumed..];
        }
    }
    heard
}

/// A request head made of these variables, and what belongs to it.
pub fn head(variables: &Pairs, limits: &Limits) -> Result<(Vec<u8>, HeadParser, Translated), GatewayError> {
    let packet = uwsgi_packet(variables);
    let found = uwsgi::variables(&packet).unwrap();
    let (mut bytes, mut parser) = (Vec::new(), HeadParser::new());
    translate(&packet, found, limits, false, &mut bytes, &mut parser)?;
    let translated = parser.translated().unwrap().clone();
    Ok((bytes, parser, translated))
}

/// The variables of a packet of each protocol, as far as they can be read.
pub fn all_read(packet: &[u8]) -> [Result<Pairs, GatewayError>; 3] {
    type Reader = fn(&[u8]) -> Result<Vec<Variable>, GatewayError>;
    let read = |len: Result<Option<usize>, GatewayError>, variables: Reader| {
        let packet = &packet[..len?.unwrap_or(0)];
        if packet.is_empty() { Ok(Vec::new()) } else { Ok(pointed_at(packet, &variables(packet)?)) }
    };
    [
        read(uwsgi::packet_len(packet), uwsgi::variables),
        read(scgi::packet_len(packet, 1 << 20), scgi::variables),
        fastcgi::variables(packet).map(|variables| pointed_at(packet, &variables)),
    ]
}
