//! A connection until its handshake is over.

use crate::connection::{ConnId, State, Watch};
use crate::desk::Desk;
use crate::host::Host;
use crate::notice::Notice;
use crate::reactor::Reactor;
use crate::request::{Mode, Request};
use crate::timers::Class;
use crate::tls::session::{Session, Shaken};

impl<H: Host> Reactor<H> {
    /// Go on with the handshake; when it is over, with what the client says.
    pub(crate) fn shake_hands(&mut self, id: ConnId, desk: &mut Desk, mode: Mode) -> Option<Request<H>> {
        let connection = self.table.get(id)?;
        match connection.transport.shake_hands(&mut desk.buffer) {
            Shaken::Done => {
                if connection.transport.tls().is_some_and(Session::has_agreed_on_h2) {
                    self.begin_h2(id);
                    return self.read_h2(id, desk, mode);
                }
                connection.state = State::Idle;
                return self.read_head(id, desk, mode);
            }
            Shaken::Unread => self.wait_for_hand(id, Watch::Read),
            Shaken::Unwritten => self.wait_for_hand(id, Watch::Write),
            Shaken::Plain(bytes) => {
                let mut input = self.spare_input();
                input.bytes.extend_from_slice(&bytes);
                self.count_input(&mut input);
                self.table.get(id)?.input = Some(input);
                self.refuse_plain(id);
            }
            Shaken::Gone => self.close(id),
            Shaken::Failed(error) => {
                let peer = connection.peer;
                self.tell(Notice::Handshake { peer, why: error.to_string() });
                self.close(id);
            }
        }
        None
    }

    fn wait_for_hand(&mut self, id: ConnId, wanted: Watch) {
        if self.timers.class_of(id.slot).is_none() {
            // One deadline for the handshake and the first head.
            self.timers.set(id.slot, Class::Head, self.now_ms);
        }
        self.watch(id, wanted);
    }

    /// A client that does not know that TLS is spoken here: it is told so in the way that it understands.
    pub(crate) fn refuse_plain(&mut self, id: ConnId) {
        if let Some(connection) = self.table.get(id) {
            connection.transport.give_up_tls();
        }
        self.refuse(id, 400, "plain HTTP was sent to a port of HTTPS");
    }
}
