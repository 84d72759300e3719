//! Answers on connections that do not speak HTTP: what is to be sent is framed, and an answer has an end of its own.

use std::fs::File;
use std::sync::Arc;

use crate::connection::{ConnId, State};
use crate::host::Host;
use crate::reactor::Reactor;

impl<H: Host> Reactor<H> {
    /// As `send`, or `send_rest`.
    #[cold]
    pub(crate) fn send_framed(&mut self, id: ConnId, bytes: &[u8], last: bool, is_rest: bool) {
        if self.is_stream(id) {
            return self.send_on_stream(id, bytes, is_rest);
        }
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = if is_rest { gateway.frame_rest(bytes).into() } else { gateway.frame(bytes) };
        self.put::<true>(id, &framed, last, is_rest);
    }

    /// Queue the bytes of an answer.
    #[cold]
    pub(crate) fn append_framed(&mut self, id: ConnId, bytes: &[u8]) {
        if self.is_stream(id) {
            return self.append_on_stream(id, bytes);
        }
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = gateway.frame(bytes);
        self.append(id, &framed);
    }

    /// As `send_blocks`.
    #[cold]
    pub(crate) fn send_blocks_framed(&mut self, id: ConnId, head: &[u8], blocks: Vec<H::Block>, last: bool) {
        if self.is_stream(id) {
            return self.send_blocks_on_stream(id, head, blocks);
        }
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = gateway.frame(head);
        if !gateway.has_records() {
            return self.put_blocks(id, &framed, blocks, last);
        }
        let mut framed = framed.into_owned();
        for block in &blocks {
            framed.extend_from_slice(&gateway.frame(block.as_ref()));
        }
        // Nothing follows the blocks but the end.
        framed.extend_from_slice(&gateway.frame_rest(b""));
        self.bury_blocks(blocks);
        self.put::<true>(id, &framed, last, true);
    }

    /// As `send_file`.
    #[cold]
    pub(crate) fn send_file_framed(&mut self, id: ConnId, head: &[u8], file: Arc<File>, offset: u64, count: u64) {
        if self.is_stream(id) {
            return self.send_file_on_stream(id, head, file, offset, count);
        }
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let framed = gateway.frame(head).into_owned();
        let request = if gateway.has_records() { gateway.request } else { None };
        self.append(id, &framed);
        let Some(connection) = self.table.get(id).filter(|connection| connection.broken.is_none()) else { return };
        let output = connection.output.get_or_insert_default();
        match request {
            Some(request) => output.push_records(request, file, offset, count),
            None => output.push_file(file, offset, count),
        }
        self.flush(id);
    }

    /// As `complete`.
    #[cold]
    pub(crate) fn complete_framed(&mut self, id: ConnId) {
        self.append_end(id);
        let Some(connection) = self.table.get(id) else { return };
        if connection.transport.as_stream().is_some() {
            // What goes on is its connection.
            connection.keep_alive = false;
        }
        connection.state = State::Writing;
        self.go_on_writing(id);
    }

    fn is_stream(&self, id: ConnId) -> bool {
        self.table.peek(id).is_some_and(|connection| connection.transport.as_stream().is_some())
    }

    /// A request is not to be answered at all: say so, where the protocol has words for it.
    #[cold]
    pub(crate) fn end_unanswered(&mut self, id: ConnId) {
        self.append_end(id);
        self.flush(id);
    }

    /// Queue the end of the answer, where it has not been said.
    fn append_end(&mut self, id: ConnId) {
        let Some(gateway) = self.table.get(id).and_then(|connection| connection.gateway.as_mut()) else { return };
        let end = gateway.end();
        self.append(id, &end);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use longma_proto::fastcgi::{Ending, encode_request, write_end, write_stdout};

    use super::*;
    use crate::connection::Connection;
    use crate::gateway::Protocol;
    use crate::request::Mode;
    use crate::settings::Settings;
    use crate::testing::{Pair, Plain};
    use crate::transport::Transport;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    const SCGI: &[u8] = b"55:CONTENT_LENGTH\x000\0SCGI\x001\0REQUEST_METHOD\0GET\0PATH_INFO\0/\0,";
    const UWSGI: &[u8] = b"\0\x23\0\0\x0e\0REQUEST_METHOD\x03\0GET\x09\0PATH_INFO\x01\0/";
    const PARAMS: &[u8] = b"\x0e\x03REQUEST_METHODGET\x09\x01PATH_INFO/";

    fn records() -> Vec<u8> {
        let mut records = Vec::new();
        encode_request(1, true, PARAMS, b"", &mut records);
        records
    }

    /// What goes out in one call each: on such a socket a call is a message.
    fn calls(protocol: Protocol, packet: &[u8], answer: impl Fn(&mut Reactor<Plain>, ConnId)) -> Vec<Vec<u8>> {
        let Pair { mut reactor, mut desk, .. } = Pair::new(Settings::default());
        reactor.speak(vec![protocol]);
        let (client, ours) = UnixDatagram::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        let id = reactor.insert(Connection::new(Transport::plain(ours.into()), None, 0));
        client.send(packet).unwrap();
        let request = reactor.read_head(id, &mut desk, Mode::Direct).unwrap();
        let keep_alive = desk.head().1.keep_alive();
        answer(&mut reactor, request.id);
        reactor.finish_soon(id, keep_alive);
        reactor.flush_batch();
        let mut room = vec![0; 1 << 18];
        std::iter::from_fn(|| client.recv(&mut room).ok().filter(|&count| count > 0).map(|count| room[..count].to_vec()))
            .collect()
    }

    fn in_records(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_stdout(1, text, &mut out);
        write_end(1, Ending::Complete, &mut out);
        out
    }

    #[test]
    fn an_answer_that_is_whole_goes_out_in_one_call_with_its_end() {
        let whole = [HEAD, b"body"].concat();
        let cgi = b"Status: 200 OK\r\n\r\nbody".to_vec();
        for (protocol, packet, expected) in [
            (Protocol::Uwsgi, UWSGI.to_vec(), whole.clone()),
            (Protocol::Scgi, SCGI.to_vec(), cgi.clone()),
            (Protocol::FastCgi, records(), in_records(&cgi)),
        ] {
            let at_once = calls(protocol, &packet, |reactor, id| reactor.send_rest(id, &whole, false));
            let soon = calls(protocol, &packet, |reactor, id| reactor.send_soon(id, &whole));
            assert_eq!((at_once, soon), (vec![expected.clone()], vec![expected]), "{protocol:?}");
        }
        let block = vec![b'x'; 50_000];
        let found = calls(Protocol::FastCgi, &records(), |reactor, id| {
            reactor.send_blocks(id, HEAD, vec![block.clone()], false);
        });
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with(&in_records(b"x")[9..]));
    }

    #[test]
    fn what_comes_in_pieces_ends_once() {
        let found = calls(Protocol::FastCgi, &records(), |reactor, id| {
            reactor.send(id, HEAD, false);
            reactor.stream(id, b"body");
        });
        let end = &in_records(b"x")[9..];
        assert_eq!(found.len(), 2);
        assert!(!found[0].ends_with(end) && found[1].ends_with(end) && found[1].len() == 8 + 4 + end.len());
    }
}
