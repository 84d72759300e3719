//! The head of a response: from what the application said to bytes, in two steps. What it says is taken down when it
//! says it; how the body is framed shows later.

use longma_proto::h1::Version;
use longma_proto::h1::response::{
    self, FieldClass, Framing, FramingFacts, ResponseError, check_name, check_status, check_value, classify, frame, parse_length,
};
use pyo3::ffi;

use crate::fault::Fault;
use crate::text::native_bytes;

/// What the request says about the answer.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub version: Version,
    pub head_request: bool,
    pub connect_request: bool,
    pub keep_alive: bool,
    /// It came by a protocol that tells the end of an answer: a web server has handed it over, or it came by HTTP/2.
    pub gateway: bool,
}

/// What the head has settled.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    pub status: [u8; 3],
    pub framing: Framing,
    pub keep_alive: bool,
}

/// Status lines with Server and Date, as answered lately: few statuses make up most answers.
#[derive(Default)]
pub struct Prefixes {
    recent: Vec<(Box<[u8]>, u16, Vec<u8>)>,
    date: Option<[u8; 29]>,
}

const MAX_PREFIXES: usize = 8;

impl Prefixes {
    /// Append the lines for `status` and return its code.
    #[inline]
    fn write(&mut self, status: &[u8], date: &[u8; 29], out: &mut Vec<u8>) -> Result<u16, ResponseError> {
        if self.date.as_ref() != Some(date) {
            self.recent.clear();
            self.date = Some(*date);
        }
        if let Some((_, code, lines)) = self.recent.iter().find(|(known, _, _)| **known == *status) {
            out.extend_from_slice(lines);
            return Ok(*code);
        }
        let code = check_status(status)?;
        let mut lines = b"HTTP/1.1 ".to_vec();
        lines.extend_from_slice(status);
        if status.len() == 3 {
            // The space is there even where no reason follows (RFC 9112 §4).
            lines.push(b' ');
        }
        lines.extend_from_slice(b"\r\nServer: longma\r\nDate: ");
        lines.extend_from_slice(date);
        lines.extend_from_slice(b"\r\n");
        out.extend_from_slice(&lines);
        if self.recent.len() == MAX_PREFIXES {
            self.recent.remove(0);
        }
        self.recent.push((status.into(), code, lines));
        Ok(code)
    }
}

/// What the application has said of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub status: [u8; 3],
    pub code: u16,
    /// The Content-Length among the fields.
    pub declared: Option<u64>,
}

/// Append the status line, the fields of ours and those of the application to `out`.
///
/// # Safety
/// Attached; `status` is a valid object and `fields` a list or tuple.
#[inline]
pub unsafe fn say(
    status: *mut ffi::PyObject,
    fields: *mut ffi::PyObject,
    connect_request: bool,
    prefixes: &mut Prefixes,
    date: &[u8; 29],
    out: &mut Vec<u8>,
) -> Result<Said, Fault> {
    // SAFETY: by contract.
    let status = unsafe { native_bytes(status) }.ok_or_else(|| Fault::Response(ResponseError::StatusInvalid))?;
    let code = prefixes.write(status, date, out).map_err(Fault::Response)?;
    // After a 2xx to CONNECT comes a tunnel, which has no length (RFC 9110 §8.6).
    let forbids_length = response::forbids_length(code) || connect_request && (200..300).contains(&code);
    // SAFETY: by contract.
    let declared = unsafe { write_fields(fields, forbids_length, out) }?;
    Ok(Said { status: [status[0], status[1], status[2]], code, declared })
}

/// Append what frames the body, and the end of the head. `body`: bytes of the body, where they are known.
#[inline]
pub fn settle(said: Said, body: Option<u64>, asked: Asked, out: &mut Vec<u8>) -> Settled {
    let Said { status, code, declared } = said;
    let facts = FramingFacts {
        version: asked.version,
        head_request: asked.head_request,
        connect_request: asked.connect_request,
        status: code,
        content_length: declared.or(body),
        keep_alive: asked.keep_alive,
        gateway: asked.gateway,
    };
    let (framing, keep_alive) = frame(facts);
    // A client waits for more after an interim status (RFC 9110 §15.2): what comes must be the end, not the next answer.
    let keep_alive = keep_alive && code >= 200;
    if declared.is_none() {
        write_length(framing, body, asked, code, out);
    }
    match (keep_alive, asked.version) {
        (true, Version::Http11 | Version::Http2) => {}
        // The connection is between the web server and us.
        _ if asked.gateway => {}
        (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
        (true, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    Settled { status, framing, keep_alive }
}

/// Say how the body is framed, where the application has not.
#[inline]
fn write_length(framing: Framing, body: Option<u64>, asked: Asked, code: u16, out: &mut Vec<u8>) {
    match framing {
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Length(length) => write_content_length(length, out),
        // For HEAD the length is that of the body GET would have; an empty one may just have been left out.
        Framing::None if asked.head_request && !response::forbids_length(code) => {
            if let Some(length) = body.filter(|&length| length > 0) {
                write_content_length(length, out);
            }
        }
        Framing::None | Framing::Close => {}
    }
}

fn write_content_length(mut length: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (length % 10) as u8;
        length /= 10;
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// Append the application's fields; the Content-Length it declares.
#[inline]
unsafe fn write_fields(fields: *mut ffi::PyObject, forbids_length: bool, out: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
    const PAIR: &str = "each header must be a (name, value) pair of native strings";
    let mut declared = None;
    let mut index = 0;
    // SAFETY: attached; the sequence is a list or tuple and holds its items, which are only looked at.
    unsafe {
        let is_list = ffi::PyList_Check(fields) != 0;
        // The length is read each time: nothing here runs Python code, but nothing should depend on it.
        while index < if is_list { ffi::PyList_GET_SIZE(fields) } else { ffi::PyTuple_GET_SIZE(fields) } {
            let pair = if is_list { ffi::PyList_GET_ITEM(fields, index) } else { ffi::PyTuple_GET_ITEM(fields, index) };
            index += 1;
            let (name, value) = pair_of(pair).ok_or_else(|| Fault::Type(PAIR))?;
            let name = native_bytes(name).ok_or_else(|| Fault::Type(PAIR))?;
            let value = native_bytes(value).ok_or_else(|| Fault::Type(PAIR))?;
            write_field(name, value, forbids_length, &mut declared, out).map_err(Fault::Response)?;
        }
    }
    Ok(declared)
}

#[inline]
unsafe fn pair_of(pair: *mut ffi::PyObject) -> Option<(*mut ffi::PyObject, *mut ffi::PyObject)> {
    // SAFETY: attached, and `pair` is valid; its type is checked before it is taken apart.
    unsafe {
        if ffi::PyTuple_Check(pair) != 0 && ffi::PyTuple_GET_SIZE(pair) == 2 {
            return Some((ffi::PyTuple_GET_ITEM(pair, 0), ffi::PyTuple_GET_ITEM(pair, 1)));
        }
        if ffi::PyList_Check(pair) != 0 && ffi::PyList_GET_SIZE(pair) == 2 {
            return Some((ffi::PyList_GET_ITEM(pair, 0), ffi::PyList_GET_ITEM(pair, 1)));
        }
    }
    None
}

#[inline]
fn write_field(
    name: &[u8],
    value: &[u8],
    forbids_length: bool,
    declared: &mut Option<u64>,
    out: &mut Vec<u8>,
) -> Result<(), ResponseError> {
    check_name(name)?;
    check_value(value)?;
    let value = value.trim_ascii();
    match classify(name) {
        FieldClass::Drop => return Ok(()),
        FieldClass::ContentLength => {
            let length = parse_length(value)?;
            if declared.is_some_and(|before| before != length) {
                return Err(ResponseError::ContentLengthInvalid);
            }
            if declared.replace(length).is_some() || forbids_length {
                return Ok(());
            }
        }
        FieldClass::Pass => {}
    }
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}
