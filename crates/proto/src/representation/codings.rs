//! Which encodings of a thing the client would rather have than the thing itself (RFC 9110 §12.5.3).

/// A coding in which things may lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Brotli,
    Zstandard,
    Gzip,
}

impl Coding {
    /// All of them, what is usually smallest first.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstandard, Self::Gzip];

    /// The name in Content-Encoding.
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::Brotli => b"br",
            Self::Zstandard => b"zstd",
            Self::Gzip => b"gzip",
        }
    }

    fn is_named(self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name()) || self == Self::Gzip && name.eq_ignore_ascii_case(b"x-gzip")
    }
}

/// The codings that an Accept-Encoding field prefers to none, the best first.
pub fn preferred(field: &[u8]) -> impl Iterator<Item = Coding> + use<> {
    let mut weights = [None; 3];
    let (mut identity, mut others) = (None, None);
    for item in field.split(|&byte| byte == b',') {
        let Some((name, weight)) = weighed(item.trim_ascii()) else { continue };
        match Coding::ALL.iter().position(|coding| coding.is_named(name)) {
            Some(place) => weights[place] = Some(weight),
            None if name == b"*" => others = Some(weight),
            None if name.eq_ignore_ascii_case(b"identity") => identity = Some(weight),
            None => {}
        }
    }
    // Not encoded at all is what is had where nothing else is wanted, unless it is weighed itself.
    let least = identity.unwrap_or(0);
    let mut found = [None; 3];
    for (place, (coding, weight)) in Coding::ALL.into_iter().zip(weights).enumerate() {
        let weight: u16 = weight.or(others).unwrap_or(0);
        found[place] = (weight > 0 && weight >= least).then_some((weight, coding));
    }
    // Stable: of equal weight, what is usually smaller.
    found.sort_by_key(|entry| std::cmp::Reverse(entry.map(|(weight, _)| weight)));
    found.into_iter().flatten().map(|(_, coding)| coding)
}

/// A coding and its weight in thousandths. `None`: the item is malformed.
fn weighed(item: &[u8]) -> Option<(&[u8], u16)> {
    let Some(semicolon) = item.iter().position(|&byte| byte == b';') else {
        return (!item.is_empty()).then_some((item, 1000));
    };
    let (name, parameter) = (item[..semicolon].trim_ascii_end(), item[semicolon + 1..].trim_ascii());
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    Some((name, weight(value)?))
}

/// `0`, `1`, or one of these with up to three digits behind a point (RFC 9110 §12.4.2).
fn weight(value: &[u8]) -> Option<u16> {
    let (whole, rest) = value.split_first()?;
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (digit, worth) in digits.iter().zip([100, 10, 1]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths += u16::from(digit - b'0') * worth;
    }
    (thousandths <= 1000).then_some(thousandths)
}
