//! From the variables of a request to its head as HTTP would have it.

use core::net::{IpAddr, SocketAddr};

use super::names::{Kind, kind, write_field_name};
use super::paths::{Told, divide};
use super::{GatewayError, Variable};
use crate::h1::response::check_value;
use crate::h1::{Assembly, HeadParser, Limits, Version};

/// What a request that a web server has handed over says beyond the head that was made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// The variables for the application, in their order, measured from the end of the head. Not among them are those
    /// that the head and the fields below tell better.
    pub variables: Vec<Variable>,
    /// Where the application is mounted, where that is said.
    pub script: Option<Vec<u8>>,
    /// The path below that, decoded.
    pub path: Vec<u8>,
    /// Whether QUERY_STRING is among the variables.
    pub has_query: bool,
    /// Whose request it is, where REMOTE_ADDR is an address.
    pub client: Option<SocketAddr>,
}

/// Make a head of the variables of a packet: it and the packet behind it become the content of `out`, which was empty,
/// and `parser` knows them. `keep_alive`: whether another request may follow the answer.
///
/// # Errors
/// The request is not one: a variable that there must be is not there, something cannot be what it says it is, or the
/// limits are exceeded.
pub fn translate(
    packet: &[u8],
    mut variables: Vec<Variable>,
    limits: &Limits,
    keep_alive: bool,
    out: &mut Vec<u8>,
    parser: &mut HeadParser,
) -> Result<(), GatewayError> {
    let said = Said::gather(packet, &variables)?;
    let method = said.method.ok_or(GatewayError::MethodMissing)?;
    let (script, path) = divide(said.paths).ok_or(GatewayError::PathMissing)?;
    let mut assembly = Assembly::new(out, limits);
    assembly.line(method, &said.target(script.as_deref(), &path), said.version)?;
    for variable in &variables {
        let (name, value) = (variable.name.of(packet), variable.value.of(packet));
        if kind(name)? == Kind::Field {
            let mut field_name = Vec::with_capacity(name.len());
            write_field_name(name, &mut field_name);
            check_value(value).map_err(|_| GatewayError::ValueInvalid)?;
            assembly.field(&field_name, value)?;
        }
    }
    for (name, value) in [(&b"Content-Type"[..], said.media), (b"Content-Length", said.length)] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            check_value(value).map_err(|_| GatewayError::ValueInvalid)?;
            assembly.field(name, value)?;
        }
    }
    variables.retain(|variable| is_for_application(variable.name.of(packet), variable.value.of(packet)));
    let client = said.client();
    let translated = Translated { variables, script, path, has_query: said.query.is_some(), client };
    assembly.finish(parser, said.is_https(), keep_alive, translated)?;
    out.extend_from_slice(packet);
    Ok(())
}

/// Whether the application gets the variable as it is.
fn is_for_application(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"REQUEST_METHOD" | b"PATH_INFO" | b"SCRIPT_NAME" | b"SCGI" => false,
        // nginx says these of every request. PEP 3333 allows that, but programs make a number of what is there.
        b"CONTENT_LENGTH" | b"CONTENT_TYPE" => !value.is_empty(),
        _ => kind(name) != Ok(Kind::Dropped),
    }
}

/// The variables that matter to the server.
#[derive(Default)]
struct Said<'a> {
    method: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    /// What the client has said of it.
    told_length: Option<&'a [u8]>,
    media: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    https: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    port: Option<&'a [u8]>,
    version: Version,
    paths: Told<'a>,
}

impl<'a> Said<'a> {
    fn gather(packet: &'a [u8], variables: &[Variable]) -> Result<Self, GatewayError> {
        let mut said = Self::default();
        for variable in variables {
            let (name, value) = (variable.name.of(packet), variable.value.of(packet));
            // Other controls there may be: in a decoded path, or between the lines of a certificate.
            if value.contains(&0) {
                return Err(GatewayError::ValueInvalid);
            }
            match kind(name)? {
                Kind::Other => said.note(name, value)?,
                Kind::Dropped if name == b"HTTP_CONTENT_LENGTH" => said.told_length = Some(value),
                Kind::Dropped | Kind::Field => {}
            }
        }
        // A body that is not passed on at all is nobody's mistake.
        let passes_body = said.length.is_some_and(|length| !matches!(length, b"" | b"0"));
        if passes_body && said.told_length.is_some() && said.told_length != said.length {
            return Err(GatewayError::LengthsDisagree);
        }
        Ok(said)
    }

    /// Of what is said twice the later counts, as web servers' files of parameters are meant. But nothing that frames the
    /// request may be said twice.
    fn note(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), GatewayError> {
        let place = match name {
            b"REQUEST_METHOD" => return once(&mut self.method, value),
            b"CONTENT_LENGTH" => return once(&mut self.length, value),
            b"SERVER_PROTOCOL" => {
                self.version = if value == b"HTTP/1.0" { Version::Http10 } else { Version::Http11 };
                return Ok(());
            }
            b"CONTENT_TYPE" => &mut self.media,
            b"QUERY_STRING" => &mut self.query,
            b"HTTPS" => &mut self.https,
            b"REQUEST_SCHEME" => &mut self.scheme,
            b"REMOTE_ADDR" => &mut self.address,
            b"REMOTE_PORT" => &mut self.port,
            b"SCRIPT_NAME" => &mut self.paths.script_name,
            b"PATH_INFO" => &mut self.paths.path_info,
            b"DOCUMENT_URI" => &mut self.paths.document_uri,
            b"REQUEST_URI" => &mut self.paths.request_uri,
            _ => return Ok(()),
        };
        *place = Some(value);
        Ok(())
    }

    /// The request target, as the client sent it or might have.
    fn target(&self, script: Option<&[u8]>, path: &[u8]) -> Vec<u8> {
        let mut target = Vec::new();
        if let Some(raw) = self.paths.request_uri.filter(|raw| !raw.is_empty()) {
            encode(raw, b"", &mut target);
            return target;
        }
        encode(script.unwrap_or_default(), b"%?#", &mut target);
        encode(path, b"%?#", &mut target);
        if target.is_empty() {
            target.push(b'/');
        }
        if let Some(query) = self.query.filter(|query| !query.is_empty()) {
            target.push(b'?');
            encode(query, b"#", &mut target);
        }
        target
    }

    fn is_https(&self) -> bool {
        match self.https {
            Some(value) if !value.is_empty() => value.eq_ignore_ascii_case(b"on") || value == b"1",
            _ => self.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https")),
        }
    }

    fn client(&self) -> Option<SocketAddr> {
        let text = |bytes: Option<&'a [u8]>| bytes.and_then(|bytes| core::str::from_utf8(bytes).ok());
        let address: IpAddr = text(self.address)?.parse().ok()?;
        let port = text(self.port).and_then(|port| port.parse().ok()).unwrap_or(0);
        Some(SocketAddr::new(address, port))
    }
}

fn once<'a>(place: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<(), GatewayError> {
    match place.replace(value) {
        Some(before) if before != value => Err(GatewayError::SaidTwice),
        _ => Ok(()),
    }
}

/// Append `raw` with what no request target may hold, and what is `special` besides, percent-encoded (RFC 3986 §2.1).
fn encode(raw: &[u8], special: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in raw {
        if byte.is_ascii_graphic() && !special.contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}
