//! What is shown of a certificate (RFC 5280 §4.1): numbers, names and times. Whether it is to be trusted is decided
//! elsewhere, before anybody asks for these.

use std::fmt::Write;

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const TELETEX_STRING: u8 = 0x14;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const UNIVERSAL_STRING: u8 = 0x1C;
const BMP_STRING: u8 = 0x1E;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xA0;

/// Attribute types with a short name (RFC 4514 §3), and what OpenSSL calls others.
const NAMES: [(&[u8], &str); 14] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 42], "GN"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1], "emailAddress"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25], "DC"),
];

/// A distinguished name: its attributes, in the order of the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Those that stand together in one set are no list, but belong to one another.
    sets: Vec<Vec<(String, String)>>,
}

impl Name {
    /// The first value of the attributes of this type.
    pub fn attribute(&self, kind: &str) -> Option<&str> {
        self.sets.iter().flatten().find(|(known, _)| known == kind).map(|(_, value)| value.as_str())
    }
}

/// As RFC 4514 writes it, the last attribute first.
impl std::fmt::Display for Name {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, set) in self.sets.iter().rev().enumerate() {
            out.write_str(if index == 0 { "" } else { "," })?;
            for (place, (kind, value)) in set.iter().enumerate() {
                write!(out, "{}{kind}={}", if place == 0 { "" } else { "+" }, escape(value))?;
            }
        }
        Ok(())
    }
}

/// A value, with a backslash before what has a meaning of its own (RFC 4514 §2.4). Nothing that could end a line is left.
fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let is_edge = index == 0 && matches!(character, ' ' | '#') || index == last && character == ' ';
        if is_edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            text.push('\\');
        }
        if character.is_control() {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(text, "\\{byte:02X}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// A moment in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// As OpenSSL writes it: `Nov 23 18:56:18 2026 GMT`.
impl std::fmt::Display for Moment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Self { year, month, day, hour, minute, second } = self;
        let month = MONTHS[usize::from(month.clamp(&1, &12) - 1)];
        write!(out, "{month} {day:2} {hour:02}:{minute:02}:{second:02} {year} GMT")
    }
}

impl Moment {
    /// Seconds since the epoch.
    pub fn seconds(&self) -> i64 {
        // Days of the civil calendar, counted from March, so that the day of a leap year is the last one.
        let (month, year) = (i64::from(self.month), i64::from(self.year));
        let year = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(self.day) - 1;
        let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
        ((days * 24 + i64::from(self.hour)) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second)
    }
}

/// What a certificate says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// 1 to 3.
    pub version: u8,
    /// In upper-case hexadecimal digits.
    pub serial: String,
    pub issuer: Name,
    pub subject: Name,
    pub not_before: Moment,
    pub not_after: Moment,
}

/// Read a certificate. `None`: it is none.
pub fn parse(der: &[u8]) -> Option<Certificate> {
    let mut outer = Der(Der(der).value_of(SEQUENCE)?);
    let mut fields = Der(outer.value_of(SEQUENCE)?);
    let version = match fields.peek() {
        Some(VERSION) => Der(fields.value_of(VERSION)?).value_of(INTEGER)?.last()?.checked_add(1)?,
        _ => 1,
    };
    let serial = fields.value_of(INTEGER)?;
    fields.value_of(SEQUENCE)?;
    let issuer = name(fields.value_of(SEQUENCE)?)?;
    let mut validity = Der(fields.value_of(SEQUENCE)?);
    let (not_before, not_after) = (validity.moment()?, validity.moment()?);
    let subject = name(fields.value_of(SEQUENCE)?)?;
    let digits = if serial.len() > 1 && serial[0] == 0 { &serial[1..] } else { serial };
    let serial = digits.iter().map(|byte| format!("{byte:02X}")).collect();
    Some(Certificate { version, serial, issuer, subject, not_before, not_after })
}

fn name(der: &[u8]) -> Option<Name> {
    let mut sets = Vec::new();
    let mut rest = Der(der);
    while rest.peek().is_some() {
        let mut set = Der(rest.value_of(SET)?);
        let mut attributes = Vec::new();
        while set.peek().is_some() {
            let mut pair = Der(set.value_of(SEQUENCE)?);
            let kind = pair.value_of(OBJECT_IDENTIFIER)?;
            let (tag, value) = pair.next()?;
            attributes.push((kind_of(kind), text(tag, value)));
        }
        sets.push(attributes);
    }
    Some(Name { sets })
}

fn kind_of(identifier: &[u8]) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == identifier) {
        return (*name).to_owned();
    }
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for &byte in identifier {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.extend([first, number - first * 40]);
            } else {
                numbers.push(number);
            }
            number = 0;
        }
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// A string of any of the kinds that names are written in.
fn text(tag: u8, value: &[u8]) -> String {
    match tag {
        UTF8_STRING => String::from_utf8_lossy(value).into_owned(),
        BMP_STRING => {
            let units: Vec<u16> = value.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16_lossy(&units)
        }
        UNIVERSAL_STRING => {
            let code = |quad: &[u8; 4]| char::from_u32(u32::from_be_bytes(*quad)).unwrap_or(char::REPLACEMENT_CHARACTER);
            value.as_chunks::<4>().0.iter().map(code).collect()
        }
        // The others are ASCII; the teletex kind is used as if it were latin-1.
        TELETEX_STRING => value.iter().map(|&byte| char::from(byte)).collect(),
        _ => String::from_utf8_lossy(value).into_owned(),
    }
}

/// Values, one behind the other (X.690 §8.1, DER).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7F);
            if count == 0 || count > 4 {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(count)?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn value_of(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, value)| value)
    }

    fn moment(&mut self) -> Option<Moment> {
        let (tag, value) = self.next()?;
        let digits = value.strip_suffix(b"Z")?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let two = |at: usize| Some((digits.get(at)? - b'0') * 10 + (digits.get(at + 1)? - b'0'));
        let (year, at) = match tag {
            // Two digits mean 1950 to 2049 (RFC 5280 §4.1.2.5.1).
            UTC_TIME => (u16::from(two(0)?) + if two(0)? < 50 { 2000 } else { 1900 }, 2),
            GENERALIZED_TIME => (u16::from(two(0)?) * 100 + u16::from(two(2)?), 4),
            _ => return None,
        };
        let (month, day) = (two(at)?, two(at + 2)?);
        let (hour, minute, second) = (two(at + 4)?, two(at + 6)?, two(at + 8)?);
        Some(Moment { year, month, day, hour, minute, second })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tls::pem;

    fn localhost() -> Vec<u8> {
        let blocks = pem::parse(include_bytes!("../../tests/data/localhost.pem")).unwrap();
        blocks.into_iter().find(|block| block.label == "CERTIFICATE").unwrap().der
    }

    #[test]
    fn a_certificate_tells_of_itself() {
        let found = parse(&localhost()).unwrap();
        assert_eq!((found.version, found.subject.to_string().as_str()), (3, "CN=localhost"));
        assert_eq!(found.issuer, found.subject);
        assert_eq!(found.not_before.to_string(), "Nov 23 19:46:24 2026 GMT");
        assert_eq!(found.not_before.seconds(), 1_795_463_184);
        assert_eq!(found.not_after.year, 2126);
    }

    #[test]
    fn what_has_a_meaning_in_a_name_is_escaped() {
        for (value, text) in [("a,b", "a\\,b"), (" a ", "\\ a\\ "), ("#a#", "\\#a#"), ("a\nb", "a\\0Ab"), ("\\\"", "\\\\\\\"")] {
            assert_eq!(escape(value), text);
        }
    }

    #[test]
    fn types_without_a_name_are_numbers() {
        assert_eq!(kind_of(&[0x55, 4, 3]), "CN");
        assert_eq!(kind_of(&[0x2A, 0x86, 0x48, 0xCE, 0x3D]), "1.2.840.10045");
        assert_eq!(kind_of(&[0x88, 0x37]), "2.999");
    }

    #[test]
    fn a_version_beyond_all_numbers_is_no_certificates() {
        let mut der = localhost();
        assert_eq!(der[12], 2, "where the version stands");
        der[12] = 255;
        assert!(parse(&der).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(changes in proptest::collection::vec((0_usize..600, any::<u8>()), 0..20), cut in 0_usize..700) {
            let mut der = localhost();
            for (index, byte) in changes {
                let index = index % der.len();
                der[index] = byte;
            }
            der.truncate(cut);
            if let Some(found) = parse(&der) {
                let _ = (found.subject.to_string(), found.not_after.to_string(), found.not_after.seconds());
            }
        }
    }
}
