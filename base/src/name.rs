//! Names and paths of files as text on one line, and back. A name may be any bytes.

/// Bytes of a name for people and for reports: UTF-8 stays, control characters, "\\" and other bytes become "\\xNN".
///
/// Two different names never look the same, and no name can move a terminal's cursor.
pub fn shown(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len());
    let escape = |out: &mut String, bytes: &[u8]| {
        for b in bytes {
            let _ = write!(out, "\\x{b:02x}"); // writing to a String cannot fail
        }
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' || c.is_control() || is_direction(c) {
                escape(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(c);
            }
        }
        escape(&mut out, chunk.invalid());
    }
    out
}

/// The bytes that [`shown`] made this text of. What is no escape stays as it is.
pub fn unshown(text: &[u8]) -> Vec<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escaped = match (first, after) {
            (b'\\', [b'x', high, low, ..]) => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        if escaped.is_some() {
            rest = after.get(3..).unwrap_or_default();
        }
        bytes.push(escaped.unwrap_or(*first));
    }
    bytes
}

/// Characters that reorder what is shown around them (Unicode UAX #9), so that a name could pose as another.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_names_are_text_and_never_ambiguous_and_lead_back() {
        for (name, text) in [
            ("/srv/n\u{e9}".as_bytes(), "/srv/n\u{e9}"),
            (b"a\nb\xff\\", "a\\x0ab\\xff\\x5c"),
            (b"\x1b[1m", "\\x1b[1m"),
            (b"\\xff", "\\x5cxff"),
            (b"\xff", "\\xff"),
            ("a\u{202e}b".as_bytes(), "a\\xe2\\x80\\xaeb"),
        ] {
            assert_eq!(shown(name), text);
            assert_eq!(unshown(text.as_bytes()), name, "{text}");
        }
        for text in ["\\", "\\x", "\\x5", "\\xg0", "C:\\dir"] {
            assert_eq!(unshown(text.as_bytes()), text.as_bytes(), "no escape");
        }
    }
}
