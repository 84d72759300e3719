//! Why a request was refused, and the status each refusal earns.

use core::fmt;

/// Why a request head was refused. The client is at fault in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    BareLineFeed,
    BareCarriageReturn,
    RequestLineMalformed,
    RequestLineTooLong { limit: usize },
    MethodInvalid,
    MethodUnconventional,
    TargetInvalid,
    TargetForm,
    TargetAuthority,
    VersionMalformed,
    VersionUnsupported,
    FieldNameInvalid,
    FieldNameUnderscore,
    FieldValueInvalid,
    SpaceBeforeColon,
    FoldedLine,
    FieldTooLarge { limit: usize },
    TooManyFields { limit: usize },
    FieldsTooLarge { limit: usize },
    HostMissing,
    HostEmpty,
    HostInvalid,
    HostTwice,
    ContentTypeTwice,
    ContentLengthInvalid,
    ContentLengthTwice,
    LengthWithCoding,
    CodingInVersion10,
    CodingMalformed,
    CodingUnknown,
    ChunkedNotLast,
    ChunkedTwice,
    ExpectationUnknown,
    SchemesDisagree,
    ForwardedMalformed,
}

impl HeadError {
    /// The status of the answer (RFC 9110 §15; RFC 9112 §3, §6).
    pub const fn status(self) -> u16 {
        match self {
            Self::RequestLineTooLong { .. } => 414,
            Self::ExpectationUnknown => 417,
            Self::FieldTooLarge { .. } | Self::TooManyFields { .. } | Self::FieldsTooLarge { .. } => 431,
            Self::CodingUnknown => 501,
            Self::VersionUnsupported => 505,
            _ => 400,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::BareLineFeed => "a line ends in LF without CR",
            Self::BareCarriageReturn => "a CR is not followed by LF",
            Self::RequestLineMalformed => "the request line is not method, target and version",
            Self::RequestLineTooLong { .. } => "the request line is too long",
            Self::MethodInvalid => "the method is not a token",
            Self::MethodUnconventional => "the method is not 3 to 20 upper-case characters",
            Self::TargetInvalid => "the request target holds a byte that is not allowed",
            Self::TargetForm => "the request target has a form that does not fit the method",
            Self::TargetAuthority => "the authority in the request target is invalid",
            Self::VersionMalformed => "the version is not HTTP/digit.digit",
            Self::VersionUnsupported => "only HTTP/1.0 and HTTP/1.1 are spoken here",
            Self::FieldNameInvalid => "a field name is not a token followed by a colon",
            Self::FieldNameUnderscore => "a field name holds an underscore",
            Self::FieldValueInvalid => "a field value holds a control character",
            Self::SpaceBeforeColon => "there is a space between a field name and its colon",
            Self::FoldedLine => "a field line starts with a space",
            Self::FieldTooLarge { .. } => "a field line is too long",
            Self::TooManyFields { .. } => "there are too many fields",
            Self::FieldsTooLarge { .. } => "the fields are too long together",
            Self::HostMissing => "the Host field is missing",
            Self::HostEmpty => "the Host field is empty though the target names an authority",
            Self::HostInvalid => "the Host field is not a host with an optional port",
            Self::HostTwice => "there is more than one Host field",
            Self::ContentTypeTwice => "there is more than one Content-Type field",
            Self::ContentLengthInvalid => "the Content-Length is not a number this server can count to",
            Self::ContentLengthTwice => "there is more than one Content-Length field",
            Self::LengthWithCoding => "Content-Length and Transfer-Encoding exclude each other",
            Self::CodingInVersion10 => "HTTP/1.0 has no Transfer-Encoding",
            Self::CodingMalformed => "the Transfer-Encoding is not a list of codings",
            Self::CodingUnknown => "only the chunked transfer coding is supported",
            Self::ChunkedNotLast => "the last transfer coding is not chunked",
            Self::ChunkedTwice => "chunked is applied twice",
            Self::ExpectationUnknown => "only the expectation 100-continue can be met",
            Self::SchemesDisagree => "the fields that tell the scheme disagree",
            Self::ForwardedMalformed => "the Forwarded field is malformed",
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())?;
        match *self {
            Self::RequestLineTooLong { limit } | Self::FieldTooLarge { limit } | Self::FieldsTooLarge { limit } => {
                write!(f, " (limit: {limit} bytes)")
            }
            Self::TooManyFields { limit } => write!(f, " (limit: {limit})"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for HeadError {}

/// Why a chunked body was refused. The client is at fault in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    ChunkSizeInvalid,
    ChunkSizeTooLarge,
    ChunkExtensionInvalid,
    ChunkLineTooLong { limit: usize },
    ChunkExtensionsTooLarge { limit: usize },
    ChunkLineEnd,
    ChunkDataEnd,
    TrailerInvalid(HeadError),
    TrailerForbidden,
    TooManyTrailers { limit: usize },
}

impl BodyError {
    /// The status of the answer (RFC 9112 §7.1; RFC 6585 §5 for trailers).
    pub const fn status(self) -> u16 {
        match self {
            Self::ChunkSizeTooLarge | Self::ChunkLineTooLong { .. } | Self::ChunkExtensionsTooLarge { .. } => 413,
            Self::TooManyTrailers { .. } => 431,
            Self::TrailerInvalid(cause) => cause.status(),
            _ => 400,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ChunkSizeInvalid => f.write_str("a chunk size is not a hexadecimal number"),
            Self::ChunkSizeTooLarge => f.write_str("a chunk is larger than this server can count"),
            Self::ChunkExtensionInvalid => f.write_str("a chunk extension is malformed"),
            Self::ChunkLineTooLong { limit } => {
                write!(f, "a chunk size line is too long (limit: {limit} bytes)")
            }
            Self::ChunkExtensionsTooLarge { limit } => {
                write!(f, "the chunk extensions outgrow the data by too much (limit: {limit} bytes)")
            }
            Self::ChunkLineEnd => f.write_str("a chunk size line does not end in CRLF"),
            Self::ChunkDataEnd => f.write_str("a chunk does not end in CRLF"),
            Self::TrailerInvalid(cause) => write!(f, "in the trailers, {cause}"),
            Self::TrailerForbidden => f.write_str("a trailer has a name that may only stand in the head"),
            Self::TooManyTrailers { limit } => {
                write!(f, "there are too many trailers (limit: {limit})")
            }
        }
    }
}

impl core::error::Error for BodyError {}
