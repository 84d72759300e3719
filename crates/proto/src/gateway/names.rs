//! Names of variables: which may be set by whoever hands a request over, and which stand for fields of the request.

use super::GatewayError;
use crate::h1::response::check_name;

/// What a variable of this name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field of the request (RFC 3875 §4.1.18).
    Field,
    /// What nobody may rely on: fields that another variable tells better or that were about the connection to the web
    /// server, and HTTP_PROXY, which CGI programs take for an instruction of the operator's (CVE-2016-5385).
    Dropped,
    Other,
}

const PREFIX: &[u8] = b"HTTP_";
const DROPPED: [&[u8]; 4] = [b"HTTP_CONTENT_LENGTH", b"HTTP_CONTENT_TYPE", b"HTTP_TRANSFER_ENCODING", b"HTTP_PROXY"];

/// What a variable of this name is.
///
/// # Errors
/// It is no token, or has a dot, as all that servers and frameworks say of themselves does (PEP 3333, "environ
/// Variables"): nobody else may say it. In the name of a field a dot cannot be mistaken.
pub(super) fn kind(name: &[u8]) -> Result<Kind, GatewayError> {
    check_name(name).map_err(|_| GatewayError::NameInvalid)?;
    if DROPPED.contains(&name) {
        return Ok(Kind::Dropped);
    }
    match name.strip_prefix(PREFIX) {
        Some([]) => Err(GatewayError::NameInvalid),
        Some(_) => Ok(Kind::Field),
        None if name.contains(&b'.') => Err(GatewayError::NameInvalid),
        None => Ok(Kind::Other),
    }
}

/// Append the name of the field that a variable stands for, as fields are usually written.
pub(super) fn write_field_name(variable: &[u8], out: &mut Vec<u8>) {
    let name = variable.strip_prefix(PREFIX).unwrap_or(variable);
    let mut begins = true;
    for &byte in name {
        let byte = if byte == b'_' { b'-' } else { byte };
        out.push(if begins { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() });
        begins = byte == b'-';
    }
}
