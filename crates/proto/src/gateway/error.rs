//! Why a request that a web server hands over is refused.

use core::fmt;

use crate::h1::HeadError;

/// Why a packet, or the request in it, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayError {
    /// uwsgi: no request for a WSGI application.
    ModifierUnknown,
    /// Sizes within a packet do not add up.
    SizesContradict,
    NoNetstring,
    NoScgi,
    PacketTooLarge {
        limit: usize,
    },
    RecordVersion,
    /// A record that may not stand where it does.
    RecordMisplaced,
    RoleUnknown,
    /// FastCGI: the client does not want its request answered any more.
    Aborted,
    /// More management records and requests on the side than anybody needs.
    TooManyAsides,
    NameInvalid,
    ValueInvalid,
    MethodMissing,
    PathMissing,
    /// A variable that may be there once is there twice, with two values.
    SaidTwice,
    /// The web server says another length than its client, as nginx does of a body that it has not all of yet
    /// (`scgi_request_buffering off`).
    LengthsDisagree,
    /// The body is not as long as CONTENT_LENGTH says.
    LengthContradicts,
    /// The request is refused as it would be by HTTP.
    Head(HeadError),
}

impl From<HeadError> for GatewayError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl GatewayError {
    /// The status of the answer, where there is anybody to be answered.
    pub const fn status(self) -> u16 {
        match self {
            Self::PacketTooLarge { .. } => 431,
            Self::Head(error) => error.status(),
            _ => 400,
        }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::ModifierUnknown => "the packet is not one of the uwsgi protocol with modifiers of 0",
            Self::SizesContradict => "the sizes within the packet do not add up",
            Self::NoNetstring => "the packet is not a netstring",
            Self::NoScgi => "the packet does not begin with CONTENT_LENGTH, or lacks SCGI = 1",
            Self::PacketTooLarge { limit } => return write!(f, "the variables are too long together (limit {limit})"),
            Self::RecordVersion => "the record is not one of FastCGI 1",
            Self::RecordMisplaced => "the record may not stand where it does",
            Self::Aborted => "the request was given up",
            Self::RoleUnknown => "only the role of a responder can be played",
            Self::TooManyAsides => "there are too many records beside the request's own",
            Self::NameInvalid => "the name of a variable is not a token, or one that only the server may set",
            Self::ValueInvalid => "the value of a variable holds a control character",
            Self::MethodMissing => "the variable REQUEST_METHOD is missing",
            Self::PathMissing => "none of PATH_INFO, DOCUMENT_URI, REQUEST_URI and SCRIPT_NAME is there",
            Self::SaidTwice => "a variable is there twice with different values",
            Self::LengthsDisagree => "CONTENT_LENGTH is not what the client has said",
            Self::LengthContradicts => "the body is not as long as CONTENT_LENGTH says",
            Self::Head(error) => return error.fmt(f),
        };
        f.write_str(words)
    }
}

impl core::error::Error for GatewayError {}
