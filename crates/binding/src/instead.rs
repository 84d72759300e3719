//! A file in the place of an answer's body, where the application names one by a field of its answer.

use std::fs::File;
use std::sync::Arc;

use longma_engine::access::Outcome;
use longma_engine::connection::ConnId;
use longma_engine::own::answer::{Answer, Content};
use longma_engine::own::files::Missing;
use longma_engine::own::instead::{Around, Named, Refused};
use longma_engine::reactor::Reactor;
use longma_proto::h1::HeadParser;
use longma_proto::h1::response::{Framing, reason};
use longma_proto::representation::Conditions;

use crate::fault::Fault;
use crate::head::{Said, Settled};
use crate::host::Python;

/// Lines of a head before the application's: the status, Server, Date.
const OUR_LINES: usize = 3;

/// What is needed of a request, and what there is to send when the head is.
#[derive(Default)]
pub struct Instead {
    conditions: Conditions,
    pub rest: Option<Rest>,
}

/// What follows the head.
pub struct Rest {
    /// With the place in it; none where the bytes stand behind the head already.
    file: Option<(Arc<File>, u64)>,
    pub length: u64,
}

/// An answer's head with a file to it.
struct Replaced {
    /// Without what frames the body.
    head: Vec<u8>,
    /// `None`: as the application has said.
    status: Option<u16>,
    content: Content,
}

impl Instead {
    /// Begin with this request.
    pub fn read(&mut self, bytes: &[u8], head: &HeadParser) {
        let block = &bytes[head.fields_at()..];
        let fields = head.fields().iter().map(|field| (field.name.of(block), field.value.of(block)));
        self.conditions = Conditions::of(head.line().method.of(bytes), fields);
    }

    /// The file that the application names, if it does, by the head composed so far, which is made fit for it.
    ///
    /// # Errors
    /// The file lies where none may.
    #[inline(never)]
    pub fn find(&self, reactor: &mut Reactor<Python>, out: &mut Vec<u8>, said: &mut Said) -> Result<Option<Content>, Fault> {
        let Some(replaced) = self.replace(reactor, out, said.code)? else { return Ok(None) };
        *out = replaced.head;
        let code = replaced.status.unwrap_or(said.code);
        *said = Said { status: Outcome::digits(code), code, declared: None };
        Ok(Some(replaced.content))
    }

    /// Have this follow the head; what the application says of a body is dropped.
    pub fn follow(&mut self, content: Content, settled: &mut Settled, out: &mut Vec<u8>) {
        if matches!(settled.framing, Framing::Length(_)) {
            self.rest = Some(Rest::of(content, out));
        }
        settled.framing = Framing::None;
    }

    /// Look whether the application, by the head it has composed so far, names a file; the head that there is then.
    /// `code`: the status that it has said.
    ///
    /// # Errors
    /// The file lies where none may.
    fn replace(&self, reactor: &mut Reactor<Python>, out: &[u8], code: u16) -> Result<Option<Replaced>, Fault> {
        let named = fields(out).find_map(|(name, value, _)| match name.len() {
            10 if name.eq_ignore_ascii_case(b"x-sendfile") => Some(Named::Path(value)),
            16 if name.eq_ignore_ascii_case(b"x-accel-redirect") => Some(Named::Url(value)),
            _ => None,
        });
        let Some(named) = named else { return Ok(None) };
        let has_kind = fields(out).any(|(name, ..)| name.eq_ignore_ascii_case(b"content-type"));
        let around = Around { conditions: &self.conditions, is_ok: code == 200, has_kind };
        let answer = match reactor.answer_instead(named, around) {
            None => return Ok(None),
            Some(Ok(answer)) => answer,
            Some(Err(Refused::Elsewhere)) => return Err(Fault::Protocol(elsewhere(named))),
            Some(Err(Refused::Missing(Missing::NotThere))) => Answer::plain(404),
            Some(Err(Refused::Missing(_))) => Answer::plain(500),
        };
        Ok(Some(merge(out, answer, code == 200)))
    }
}

impl Rest {
    fn of(content: Content, out: &mut Vec<u8>) -> Self {
        let length = content.len();
        match content {
            Content::Bytes(bytes) => {
                out.extend_from_slice(&bytes);
                Self { file: None, length }
            }
            Content::File { found, offset, .. } => Self { file: Some((Arc::clone(&found.file), offset)), length },
        }
    }

    /// Send the head and what follows it.
    pub fn send(self, reactor: &mut Reactor<Python>, id: ConnId, head: &[u8]) {
        match self.file {
            Some((file, offset)) if self.length > 0 => reactor.send_file(id, head, file, offset, self.length),
            _ => reactor.send_rest(id, head, false),
        }
    }
}

const fn elsewhere(named: Named<'_>) -> &'static str {
    match named {
        Named::Path(_) => "X-Sendfile names a file that lies in no directory of sendfile_root",
        Named::Url(_) => "X-Accel-Redirect names a path that lies below none of accel_redirect",
    }
}

/// The application's fields: names, values, and the lines that they are.
fn fields(out: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], &[u8])> {
    out.split_inclusive(|&byte| byte == b'\n').skip(OUR_LINES).filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii(), line))
    })
}

/// What the application says of the answer, and what the file says of itself.
fn merge(out: &[u8], answer: Answer, is_ok: bool) -> Replaced {
    let status = (answer.status != 200).then_some(answer.status);
    let mut lines = out.split_inclusive(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut head = match status {
        None => first.to_vec(),
        Some(code) => format!("HTTP/1.1 {code} {}\r\n", reason(code)).into_bytes(),
    };
    for line in lines.take(OUR_LINES - 1) {
        head.extend_from_slice(line);
    }
    for (name, _, line) in fields(out) {
        if keeps(name, answer.status, is_ok) {
            head.extend_from_slice(line);
        }
    }
    head.extend_from_slice(&answer.fields);
    Replaced { head, status, content: answer.content }
}

/// Whether a field of the application's still holds.
fn keeps(name: &[u8], status: u16, is_ok: bool) -> bool {
    let is_any = |known: &[&[u8]]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_any(&[b"x-sendfile", b"x-accel-redirect", b"content-length", b"accept-ranges", b"content-range"]) {
        return false;
    }
    let is_about_body =
        is_any(&[b"content-type", b"content-encoding", b"content-disposition", b"content-language", b"content-location"]);
    match status {
        404 | 500 => false,
        200 | 206 => !(is_ok && is_any(&[b"etag", b"last-modified"])),
        _ => !is_about_body && !is_any(&[b"etag", b"last-modified"]),
    }
}
