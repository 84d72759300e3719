//! From packets and records to whole requests, where a connection does not speak HTTP. What a packet says becomes a head
//! as HTTP has it, with the packet behind it; from then on the request goes the way of all others.

use std::io::ErrorKind;

use longma_proto::fastcgi::{self, Event, encode_request};
use longma_proto::gateway::{GatewayError, Variable, translate};
use longma_proto::h1::{HeadError, Limits};
use longma_proto::{scgi, uwsgi};

use crate::body::BodyReader;
use crate::connection::{ConnId, Connection, State, Watch};
use crate::desk::Desk;
use crate::gateway::{Gateway, Protocol};
use crate::host::Host;
use crate::input::Input;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::sys::board::Word;
use crate::timers::Class;

/// What was found in the bytes of a packet.
enum Packet {
    Partial,
    /// So many bytes from the first are the packet, and so many are used up.
    Whole {
        len: usize,
        used: usize,
        variables: Vec<Variable>,
    },
}

impl<H: Host> Reactor<H> {
    /// Read what there is of a packet.
    #[cold]
    pub(crate) fn read_packet(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let mut input = match self.table.get(id)?.input.take() {
            Some(input) => input,
            None => self.spare_input(),
        };
        let connection = self.table.get(id)?;
        let received = connection.transport.receive(&mut desk.buffer);
        match received {
            Ok(0) => {
                self.give_back(input);
                self.abort(id);
            }
            Ok(count) => {
                self.board.add(Word::BytesIn, count as u64);
                input.bytes.extend_from_slice(&desk.buffer[..count]);
                connection.input = Some(input);
                connection.state = State::Head;
                if self.timers.class_of(id.slot) != Some(Class::Head) {
                    self.timers.set(id.slot, Class::Head, self.now_ms);
                }
                let request = self.parse_packet(id, desk, mode);
                if self.table.get(id).is_some_and(|connection| connection.state == State::Head) {
                    self.watch(id, Watch::Read);
                }
                return request;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                if connection.state == State::Head {
                    connection.input = Some(input);
                } else {
                    self.give_back(input);
                    if self.timers.class_of(id.slot).is_none() {
                        // Just accepted, and nothing has come yet.
                        self.timers.set(id.slot, Class::Head, self.now_ms);
                    }
                }
                self.watch(id, Watch::Read);
            }
            Err(_) => {
                self.give_back(input);
                self.abort(id);
            }
        }
        None
    }

    /// Look at what the connection holds of a packet.
    pub(crate) fn parse_packet(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let limits = self.limits[0];
        let mut head = self.spare_input();
        let connection = self.table.get(id)?;
        let (gateway, raw) = (connection.gateway.as_mut()?, connection.input.as_mut()?);
        let found = if gateway.is_allowed { gateway.find(&mut raw.bytes, &limits) } else { Ok(Packet::Partial) };
        let is_allowed = gateway.is_allowed;
        let made = found.and_then(|packet| {
            let Packet::Whole { len, used, variables } = packet else { return Ok(None) };
            let keep = gateway.reader.keeps_connection();
            translate(&raw.bytes[..len], variables, &limits, keep, &mut head.bytes, &mut head.parser)?;
            Ok(Some(used))
        });
        let replies = std::mem::take(gateway.reader.replies());
        self.reply(id, &replies);
        if self.table.peek(id).is_none() {
            self.give_back(head);
            return None;
        }
        match made {
            _ if !is_allowed => {
                self.give_back(head);
                self.refuse(id, 403, "uwsgi_allow_ips does not let this peer hand requests over");
                None
            }
            Ok(None) => {
                self.give_back(head);
                self.count_held(id);
                None
            }
            Ok(Some(used)) => self.packet_whole(id, head, used, desk, mode),
            Err(error) => {
                self.give_back(head);
                self.refuse(id, error.status(), &error.to_string());
                None
            }
        }
    }

    /// The head is made; what lies behind the packet is the body, or the next request.
    fn packet_whole(&mut self, id: ConnId, mut head: Box<Input>, used: usize, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        self.count_input(&mut head);
        let connection = self.table.get(id)?;
        connection.client = head.parser.translated().and_then(|translated| translated.client);
        connection.gateway.as_mut()?.begin();
        let is_malformed = self.settings.real_ip.is_some_and(|real_ip| {
            connection.is_trusted(&self.settings.trusted_peers) && real_ip.finds_malformed(&head.bytes, &head.parser)
        });
        let raw = connection.input.replace(head)?;
        if is_malformed {
            self.give_back(raw);
            self.refuse_head(id, HeadError::ForwardedMalformed);
            return None;
        }
        let rest = &raw.bytes[used..];
        if self.own.is_some() && self.answer_packet(id, rest) {
            self.give_back(raw);
            return None;
        }
        let whole = self.begin_body(id, rest, mode);
        self.give_back(raw);
        if whole { self.whole(id, desk, mode) } else { None }
    }

    /// Answer the request whose head is held, if that is not the application's to do. `rest`: what came behind it.
    fn answer_packet(&mut self, id: ConnId, rest: &[u8]) -> bool {
        self.keep_rest(id, rest);
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return false };
        // What is left of the request's records belongs to none any more, once it is answered.
        let reader = std::mem::take(&mut gateway.reader);
        if self.answer_held(id) {
            return true;
        }
        if let Some(connection) = self.table.get(id) {
            if let Some(gateway) = &mut connection.gateway {
                gateway.reader = reader;
            }
            let next = connection.next.take();
            next.into_iter().for_each(|next| self.give_back(next));
        }
        false
    }

    /// Answer what was no request. Whoever does not take that at once is no web server.
    pub(crate) fn reply(&mut self, id: ConnId, replies: &[u8]) {
        let Some(connection) = self.table.get(id).filter(|_| !replies.is_empty()) else { return };
        match connection.transport.send(replies, false) {
            Ok(sent) if sent == replies.len() => connection.written += sent as u64,
            _ => self.abort(id),
        }
    }

    /// Take the body in, where it comes in records. True: it is whole. `None`: it comes as it is.
    pub(crate) fn begin_records(&mut self, id: ConnId, first: &[u8]) -> Option<bool> {
        let connection = self.table.get(id)?;
        let gateway = connection.gateway.as_mut().filter(|gateway| gateway.has_records())?;
        let reader = std::mem::take(&mut gateway.reader);
        let length = connection.input.as_ref()?.parser.facts().content_length;
        let bounds = self.body_bounds();
        if length.is_some_and(|length| bounds.total != 0 && length > bounds.total) {
            self.refuse_large_body(id);
            return Some(false);
        }
        let reader = BodyReader::records(reader, length, bounds, self.now_ms);
        self.body_memory += reader.reserved;
        let connection = self.table.get(id)?;
        connection.body = Some(Box::new(reader));
        connection.state = State::Body;
        Some(self.feed(id, first))
    }
}

impl<H: Host> Connection<H> {
    /// What a sibling is to be handed of a request that is whole, as the client might have sent it. `None`: it cannot.
    pub(crate) fn request_as_received(&self) -> Option<Vec<u8>> {
        let input = self.input.as_ref()?;
        let body = match &self.body {
            Some(body) => body.as_received()?,
            None => &[],
        };
        let Some(gateway) = &self.gateway else { return Some([&input.bytes[..], body].concat()) };
        let packet = &input.bytes[input.parser.head_len()..];
        if !gateway.has_records() {
            return Some([packet, body].concat());
        }
        let mut records = Vec::new();
        encode_request(gateway.request?, input.parser.keep_alive(), packet, body, &mut records);
        Some(records)
    }
}

impl Gateway {
    /// Look for a whole packet in what has come.
    fn find(&mut self, bytes: &mut Vec<u8>, limits: &Limits) -> Result<Packet, GatewayError> {
        let limit = limits.packet_bytes();
        let (len, variables): (_, fn(&[u8]) -> _) = match self.protocol {
            Protocol::FastCgi => return self.find_records(bytes, limit),
            Protocol::Scgi => (scgi::packet_len(bytes, limit)?, scgi::variables),
            Protocol::Uwsgi | Protocol::Http => (uwsgi::packet_len(bytes)?, uwsgi::variables),
        };
        let Some(len) = len else { return Ok(Packet::Partial) };
        Ok(Packet::Whole { len, used: len, variables: variables(&bytes[..len])? })
    }

    /// The same in records: the content of those with variables is moved to the front.
    fn find_records(&mut self, bytes: &mut Vec<u8>, limit: usize) -> Result<Packet, GatewayError> {
        let mut used = self.params_len;
        loop {
            let step = self.reader.step(&bytes[used..])?;
            match step.event {
                Event::Params(range) => {
                    let count = range.len();
                    bytes.copy_within(used + range.start..used + range.end, self.params_len);
                    self.params_len += count;
                    if self.params_len > limit {
                        return Err(GatewayError::PacketTooLarge { limit });
                    }
                }
                Event::HeadEnd => {
                    let (len, used) = (self.params_len, used + step.consumed);
                    return Ok(Packet::Whole { len, used, variables: fastcgi::variables(&bytes[..len])? });
                }
                Event::NeedMore => {
                    bytes.truncate(self.params_len);
                    return Ok(Packet::Partial);
                }
                Event::Aborted | Event::Stdin(_) | Event::End => return Err(GatewayError::Aborted),
            }
            used += step.consumed;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::settings::Settings;
    use crate::testing::Pair;
    use crate::transport::Transport;

    #[test]
    fn nothing_is_kept_of_a_request_whose_sender_has_gone() {
        let Pair { mut reactor, mut desk, .. } = Pair::new(Settings::default());
        reactor.speak(vec![Protocol::FastCgi]);
        let (mut client, ours) = UnixStream::pair().unwrap();
        let id = reactor.insert(Connection::new(Transport::plain(ours.into()), None, 0));
        let mut records = Vec::new();
        encode_request(1, true, b"\x0e\x03REQUEST_METHODGET\x09\x01PATH_INFO/", b"", &mut records);
        // Behind its beginning comes another request, which is refused at once.
        let other = *b"\x01\x01\0\x08\0\x08\0\0\0\x01\0\0\0\0\0\0";
        records.splice(16..16, other);
        client.write_all(&records).unwrap();
        drop(client);
        assert!(reactor.read_head(id, &mut desk, Mode::Direct).is_none());
        assert_eq!((reactor.table.peek(id).is_none(), reactor.head_memory), (true, 0));
    }
}
