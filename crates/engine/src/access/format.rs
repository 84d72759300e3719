//! What a line is made of, taken apart once: `access_log_format`, or a JSON object.

/// A part of a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Atom(Atom),
    /// The atom, filled up with spaces or zeros.
    Padded(Atom, Padding),
    /// The atom as a JSON value: `null` where it is unknown.
    Value(Atom),
}

/// How wide an atom is at least: `%(h)15s`, `%(m)-7s`, `%(D)08d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    pub width: usize,
    /// Whether the atom stands at the left.
    pub is_left: bool,
    pub fill: u8,
}

impl Padding {
    /// Fill up what stands from `start` on.
    pub fn apply(self, start: usize, out: &mut Vec<u8>) {
        let missing = self.width.saturating_sub(out.len() - start);
        let at = if self.is_left { out.len() } else { start };
        out.splice(at..at, std::iter::repeat_n(self.fill, missing));
    }
}

/// What `%(x)s` stands for, in Gunicorn's letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Atom {
    Peer,
    Dash,
    User,
    Time,
    /// As ISO 8601 has it, with milliseconds, in UTC.
    IsoTime,
    RequestLine,
    /// As the client sent it.
    RawPath,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    Bytes,
    Seconds,
    Milliseconds,
    Microseconds,
    DecimalSeconds,
    RequestField(String),
    ResponseField(String),
    /// A field that the environ has as one value, however often it came (RFC 9110 §5.3).
    JoinedField(String),
    Environ(String),
    /// The members `trace_id` and `span_id`, where the client has given them (W3C Trace Context, "traceparent").
    Trace,
    /// The member `request`, what has come of a request line that was not understood.
    Unparsed,
}

impl Atom {
    fn named(name: &str) -> Option<Self> {
        if let Some(inner) = name.strip_prefix('{') {
            let (key, kind) = inner.split_once('}')?;
            let key = key.to_ascii_lowercase();
            return match kind {
                "i" => Some(Self::RequestField(key)),
                "o" => Some(Self::ResponseField(key)),
                "e" => Some(Self::Environ(key)),
                _ => None,
            };
        }
        Some(match name {
            "h" => Self::Peer,
            "l" => Self::Dash,
            "u" => Self::User,
            "t" => Self::Time,
            "r" => Self::RequestLine,
            "m" => Self::Method,
            "U" => Self::Path,
            "q" => Self::Query,
            "H" => Self::Protocol,
            "s" => Self::Status,
            "B" | "b" => Self::Bytes,
            "f" => Self::JoinedField("referer".to_owned()),
            "a" => Self::JoinedField("user-agent".to_owned()),
            "T" => Self::Seconds,
            "M" => Self::Milliseconds,
            "D" => Self::Microseconds,
            "L" => Self::DecimalSeconds,
            _ => return None,
        })
    }

    /// Whether the atom is known only when the answer is over.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Time | Self::IsoTime | Self::Status | Self::Bytes) || self.needs_duration()
    }

    /// Whether the atom tells how long a request took.
    pub fn needs_duration(&self) -> bool {
        matches!(self, Self::Seconds | Self::Milliseconds | Self::Microseconds | Self::DecimalSeconds)
    }
}

/// The pieces of one JSON object a line.
pub fn json(pid: u32) -> Vec<Piece> {
    let field = |name: &str| Atom::JoinedField(name.to_owned());
    let members = [
        ("time", Atom::IsoTime),
        ("remote_addr", Atom::Peer),
        ("method", Atom::Method),
        ("path", Atom::RawPath),
        ("query", Atom::Query),
        ("protocol", Atom::Protocol),
        ("status", Atom::Status),
        ("bytes", Atom::Bytes),
        ("duration_us", Atom::Microseconds),
        ("referer", field("referer")),
        ("user_agent", field("user-agent")),
        ("host", field("host")),
    ];
    let mut pieces = Vec::new();
    for (index, (name, atom)) in members.into_iter().enumerate() {
        let before = match index {
            0 => "{".to_owned(),
            1 => format!(",\"level\":\"INFO\",\"logger\":\"gunicorn.access\",\"pid\":{pid},"),
            _ => ",".to_owned(),
        };
        pieces.push(Piece::Text(format!("{before}\"{name}\":")));
        pieces.push(Piece::Value(atom));
    }
    pieces.extend([Piece::Atom(Atom::Trace), Piece::Atom(Atom::Unparsed), Piece::Text("}".to_owned())]);
    pieces
}

/// Take a format apart. An atom nobody knows is logged as `-`; what is no atom, which the settings refuse, stands for
/// itself.
pub fn parse(format: &str, pid: u32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            text.push('%');
            rest = after;
        } else if let Some((name, padding, after)) = atom_at(rest) {
            rest = after;
            if name == "p" {
                let start = text.len();
                let mut bytes = std::mem::take(&mut text).into_bytes();
                bytes.extend_from_slice(format!("<{pid}>").as_bytes());
                padding.apply(start, &mut bytes);
                text = String::from_utf8_lossy(&bytes).into_owned();
                continue;
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            let atom = Atom::named(name).unwrap_or(Atom::Dash);
            pieces.push(if padding.width == 0 { Piece::Atom(atom) } else { Piece::Padded(atom, padding) });
        } else {
            text.push('%');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// The name within `%(name)s`, how it is filled up, and what follows.
fn atom_at(text: &str) -> Option<(&str, Padding, &str)> {
    const MAX_DIGITS: usize = 3;
    let (name, after) = text.strip_prefix("%(")?.split_once(')')?;
    let flags = after.len() - after.trim_start_matches(['-', '0']).len();
    let (flags, after) = after.split_at(flags);
    let digits = after.bytes().take_while(u8::is_ascii_digit).take(MAX_DIGITS).count();
    let (width, after) = after.split_at(digits);
    let is_left = flags.contains('-');
    // Text is filled up with spaces, whatever is asked for.
    let fill = if flags.contains('0') && !is_left && after.starts_with(['d', 'i', 'u']) { b'0' } else { b' ' };
    let after = after.strip_prefix(['s', 'd', 'i', 'u'])?;
    Some((name, Padding { width: width.parse().unwrap_or(0), is_left, fill }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_becomes_text_and_atoms() {
        let pieces = parse("%(h)s \"%({X-Forwarded-For}i)s\" 100%% %(zz)s %d %(p)s", 7);
        assert_eq!(
            pieces,
            [
                Piece::Atom(Atom::Peer),
                Piece::Text(" \"".into()),
                Piece::Atom(Atom::RequestField("x-forwarded-for".into())),
                Piece::Text("\" 100% ".into()),
                Piece::Atom(Atom::Dash),
                Piece::Text(" %d <7>".into()),
            ]
        );
    }

    #[test]
    fn an_atom_may_have_a_width() {
        let padded = |atom, width, is_left, fill| Piece::Padded(atom, Padding { width, is_left, fill });
        assert_eq!(
            parse("%(h)15s%(m)-7s%(D)08d%(s)05s%(p)-4s|%(m).3s", 7),
            [
                padded(Atom::Peer, 15, false, b' '),
                padded(Atom::Method, 7, true, b' '),
                padded(Atom::Microseconds, 8, false, b'0'),
                padded(Atom::Status, 5, false, b' '),
                Piece::Text("<7> |%(m).3s".into()),
            ]
        );
    }
}
