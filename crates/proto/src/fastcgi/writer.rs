//! Records on their way out.

use super::{Ending, HEADER_BYTES, VERSION, kind};

/// The most content a record has here: as much as two bytes can say, in whole eights.
const MAX_CONTENT_BYTES: usize = 65528;

/// Append a record's head. Nothing is padded: only those who copy records by words would gain by it.
pub(super) fn write_header(kind: u8, id: u16, content_len: u16, out: &mut Vec<u8>) {
    let ([id_high, id_low], [high, low]) = (id.to_be_bytes(), content_len.to_be_bytes());
    let header: [u8; HEADER_BYTES] = [VERSION, kind, id_high, id_low, high, low, 0, 0];
    out.extend_from_slice(&header);
}

fn write_stream(kind: u8, id: u16, bytes: &[u8], out: &mut Vec<u8>) {
    for content in bytes.chunks(MAX_CONTENT_BYTES) {
        write_header(kind, id, content.len() as u16, out);
        out.extend_from_slice(content);
    }
}

/// Append the records that carry these bytes of an answer; none where there are none, since that would be its end.
pub fn write_stdout(id: u16, bytes: &[u8], out: &mut Vec<u8>) {
    write_stream(kind::STDOUT, id, bytes, out);
}

/// Append the records that end a request: that of its answer's end (§5.3), where it has one, and that of its own (§5.5).
pub fn write_end(id: u16, ending: Ending, out: &mut Vec<u8>) {
    if ending == Ending::Complete {
        write_header(kind::STDOUT, id, 0, out);
    }
    write_header(kind::END_REQUEST, id, 8, out);
    out.extend_from_slice(&[0, 0, 0, 0, ending as u8, 0, 0, 0]);
}

/// Append the answer to a question for what this side can do, and to one that is not known (§4.1, §4.2).
pub(super) fn write_management(kind: u8, content: &[u8], out: &mut Vec<u8>) {
    write_header(kind, 0, content.len() as u16, out);
    out.extend_from_slice(content);
}

/// Append the records of a whole request, as whoever hands it over would send them.
pub fn encode_request(id: u16, keep_connection: bool, params: &[u8], body: &[u8], out: &mut Vec<u8>) {
    write_header(kind::BEGIN_REQUEST, id, 8, out);
    out.extend_from_slice(&[0, 1, u8::from(keep_connection), 0, 0, 0, 0, 0]);
    for (kind, bytes) in [(kind::PARAMS, params), (kind::STDIN, body)] {
        write_stream(kind, id, bytes, out);
        write_header(kind, id, 0, out);
    }
}
