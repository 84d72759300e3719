//! What comes from a client, on its way into a log: a record stays a record, and nothing moves a terminal's cursor.

use std::io::Write;

/// Append printable ASCII as it is; everything else, and the quote and the backslash, as an escape.
pub fn line(text: &[u8], out: &mut Vec<u8>) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => put(out, format_args!("\\x{byte:02x}")),
        }
    }
}

/// Append a JSON string (RFC 8259 §7) in ASCII. What is no UTF-8 is taken for Latin-1, byte by byte.
pub fn json(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text);
        return out.push(b'"');
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            json_character(character, out);
        }
        for &byte in chunk.invalid() {
            json_character(char::from(byte), out);
        }
    }
    out.push(b'"');
}

/// Whether the text may stand in a log as it is: nearly all does.
fn is_plain(text: &[u8]) -> bool {
    // Without an early end, so that many bytes are looked at at once.
    let odd = |byte: u8| byte.wrapping_sub(b' ') > b'~' - b' ' || byte == b'"' || byte == b'\\';
    !text.iter().fold(false, |found, &byte| found | odd(byte))
}

fn json_character(character: char, out: &mut Vec<u8>) {
    match character {
        '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
        ' '..='~' => out.push(character as u8),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                put(out, format_args!("\\u{unit:04x}"));
            }
        }
    }
}

/// Append formatted text.
pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_printable_ascii_comes_out() {
        let all: Vec<u8> = (0..=255).collect();
        for escape in [line, json] {
            let mut out = Vec::new();
            escape(&all, &mut out);
            assert!(out.iter().all(|byte| (0x20..0x7F).contains(byte)));
        }
    }

    #[test]
    fn a_json_string_holds_unicode_and_what_is_none() {
        let mut out = Vec::new();
        json("a\"\\\n\u{e9}\u{1f600}".as_bytes(), &mut out);
        json(b"\xff\xc3", &mut out);
        assert_eq!(out, br#""a\"\\\u000a\u00e9\ud83d\ude00""\u00ff\u00c3""#);
    }
}
