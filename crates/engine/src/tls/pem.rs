//! PEM (RFC 7468, and RFC 1421 §4.4 for the headers that old programs write): texts that hold keys and certificates.

use crate::base64;

/// One block of a PEM text.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Such as `CERTIFICATE`.
    pub label: String,
    /// The lines `Name: value` before the data.
    pub headers: Vec<(String, String)>,
    pub der: Vec<u8>,
}

impl Block {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A block that has no end, or data that is no base64: the number of the line, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub line: usize,
}

/// The blocks of a text, in order. What stands around them is for people.
pub fn parse(text: &[u8]) -> Result<Vec<Block>, Malformed> {
    let mut blocks = Vec::new();
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(label) = marker(line, "-----BEGIN ") else { continue };
        let malformed = Malformed { line: number + 1 };
        let (mut headers, mut digits) = (Vec::new(), Vec::new());
        loop {
            let (_, line) = lines.next().ok_or(malformed)?;
            if marker(line, "-----END ").is_some_and(|end| end == label) {
                break;
            }
            match line.iter().position(|&byte| byte == b':') {
                Some(colon) => headers.push((words(&line[..colon]), words(&line[colon + 1..]))),
                None => digits.extend_from_slice(line),
            }
        }
        let der = decode(&digits).ok_or(malformed)?;
        blocks.push(Block { label, headers, der });
    }
    Ok(blocks)
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// The label, where the line is such a marker.
fn marker(line: &[u8], begin: &str) -> Option<String> {
    Some(words(line.strip_prefix(begin.as_bytes())?.strip_suffix(b"-----")?))
}

/// Base64 (RFC 4648 §4), with its padding.
fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let (quads, rest) = digits.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(quads.len() * 3);
    for (index, quad) in quads.iter().enumerate() {
        let padding = quad.iter().rev().take_while(|&&digit| digit == b'=').count();
        if padding > 2 || padding > 0 && index + 1 < quads.len() {
            return None;
        }
        let mut bits = 0;
        for &digit in &quad[..4 - padding] {
            bits = bits << 6 | base64::value(digit, base64::STANDARD)?;
        }
        bits <<= 6 * padding;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    Some(bytes)
}

/// A certificate as a PEM text.
pub fn certificate(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const LINE: usize = 64;
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut column = 0;
    for chunk in der.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(bits);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
        column += 4;
        if column == LINE {
            text.push('\n');
            column = 0;
        }
    }
    if column > 0 {
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in 0..200 {
            let der: Vec<u8> = (0..length).map(|byte: usize| (byte * 7) as u8).collect();
            let blocks = parse(certificate(&der).as_bytes()).unwrap();
            assert_eq!((blocks.len(), blocks[0].label.as_str()), (1, "CERTIFICATE"));
            assert_eq!(blocks[0].der, der);
        }
    }

    #[test]
    fn headers_and_remarks_are_told_from_data() {
        let text = b"My key\r\n-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: X,00\r\n\r\nAAEC\r\n-----END RSA PRIVATE KEY-----\r\nbye";
        let blocks = parse(text).unwrap();
        assert_eq!(blocks[0].header("DEK-Info"), Some("X,00"));
        assert_eq!(blocks[0].der, [0, 1, 2]);
    }

    #[test]
    fn a_block_without_end_or_with_other_characters_is_malformed() {
        for text in
            ["-----BEGIN X-----\nAAAA\n", "\n-----BEGIN X-----\nAA=A\n-----END X-----", "-----BEGIN X-----\nAAA\n-----END X-----"]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(parse(b"nothing"), Ok(Vec::new()));
    }
}
