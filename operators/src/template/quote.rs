//! Go's string literals: quoting as `%q` does, and unquoting as `strconv.Unquote` does.
//!
//! # Limits
//! A Go string may hold any bytes; ours hold text, so an escape that makes invalid UTF-8 is an error.

use std::fmt::Write;

/// Quotes like Go's `strconv.Quote`.
pub fn quote(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    s.chars().for_each(|c| escape_into(&mut out, c, '"'));
    out.push('"');
    out
}

/// Quotes one character like Go's `strconv.QuoteRune`.
pub fn quote_char(c: char) -> String {
    let mut out = String::from("'");
    escape_into(&mut out, c, '\'');
    out.push('\'');
    out
}

/// In backticks where Go's `regexp` would print a pattern so, quoted otherwise.
pub(super) fn backquote(s: &str) -> String {
    let raw = !s.contains('`') && !s.chars().any(|c| c.is_control() && c != '\t');
    if raw { format!("`{s}`") } else { quote(s) }
}

fn escape_into(out: &mut String, c: char, delimiter: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if c == delimiter => {
            out.push('\\');
            out.push(c);
        }
        c if is_printable(c) => out.push(c),
        c => {
            // Writing to a String cannot fail.
            let _ = match c as u32 {
                n @ 0..=0x7f => write!(out, "\\x{n:02x}"),
                n @ 0x80..=0xffff => write!(out, "\\u{n:04x}"),
                n => write!(out, "\\U{n:08x}"),
            };
        }
    }
}

/// Go's `unicode.IsPrint`, near enough: what Rust would print unescaped, and of spaces only the ASCII one.
fn is_printable(c: char) -> bool {
    c == ' ' || (!c.is_control() && !c.is_whitespace() && c.escape_debug().count() == 1) || matches!(c, '"' | '\'')
}

/// Why a literal could not be unquoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnquoteError {
    /// Not a literal, or an escape that Go does not know.
    Syntax,
    /// The escapes make bytes that are no UTF-8.
    NotUtf8,
}

impl std::fmt::Display for UnquoteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Syntax => "invalid syntax",
            Self::NotUtf8 => "the escapes make bytes that are not UTF-8 text, which is not supported",
        })
    }
}

/// The text of a literal in double quotes, single quotes or backticks; single quotes hold a string, as in PromQL.
pub fn unquote(literal: &str) -> Result<String, UnquoteError> {
    let quote = literal.bytes().next().ok_or(UnquoteError::Syntax)?;
    if literal.len() < 2 || literal.bytes().last() != Some(quote) {
        return Err(UnquoteError::Syntax);
    }
    let body = &literal[1..literal.len() - 1];
    match quote {
        b'`' if body.contains('`') => Err(UnquoteError::Syntax),
        b'`' => Ok(body.to_owned()),
        b'"' | b'\'' if body.contains('\n') => Err(UnquoteError::Syntax),
        b'"' | b'\'' => unescape(body, quote),
        _ => Err(UnquoteError::Syntax),
    }
}

fn unescape(body: &str, quote: u8) -> Result<String, UnquoteError> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.as_bytes();
    while let Some((&c, tail)) = rest.split_first() {
        rest = tail;
        match c {
            b'\\' => rest = unescape_one(tail, quote, &mut out)?,
            c if c == quote => return Err(UnquoteError::Syntax),
            c => out.push(c),
        }
    }
    String::from_utf8(out).map_err(|_| UnquoteError::NotUtf8)
}

/// Decodes one escape whose backslash is already taken; returns what follows it.
fn unescape_one<'a>(s: &'a [u8], quote: u8, out: &mut Vec<u8>) -> Result<&'a [u8], UnquoteError> {
    let (&c, tail) = s.split_first().ok_or(UnquoteError::Syntax)?;
    let simple = match c {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'\'' | b'"' if c == quote => c,
        b'x' => return numeric(tail, 2, 16, out, false),
        b'u' => return numeric(tail, 4, 16, out, true),
        b'U' => return numeric(tail, 8, 16, out, true),
        b'0'..=b'7' => return numeric(s, 3, 8, out, false),
        _ => return Err(UnquoteError::Syntax),
    };
    out.push(simple);
    Ok(tail)
}

fn numeric<'a>(
    s: &'a [u8],
    digits: usize,
    base: u32,
    out: &mut Vec<u8>,
    unicode: bool,
) -> Result<&'a [u8], UnquoteError> {
    let (head, tail) = s.split_at_checked(digits).ok_or(UnquoteError::Syntax)?;
    let text = std::str::from_utf8(head).map_err(|_| UnquoteError::Syntax)?;
    if text.starts_with('+') {
        return Err(UnquoteError::Syntax);
    }
    let value = u32::from_str_radix(text, base).map_err(|_| UnquoteError::Syntax)?;
    if unicode {
        let c = char::from_u32(value).ok_or(UnquoteError::Syntax)?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.push(u8::try_from(value).map_err(|_| UnquoteError::Syntax)?);
    }
    Ok(tail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quote("a\"b\\\n\u{1}☺é\u{a0}"), r#""a\"b\\\n\x01☺é\u00a0""#);
        assert_eq!(quote("it's"), r#""it's""#);
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }

    #[test]
    fn unquotes_as_go_does() {
        assert_eq!(
            unquote(r#""\a\b\f\n\r\t\v\\\" \u1234\U00010111\x41\101☺""#).unwrap(),
            "\x07\x08\x0c\n\r\t\x0b\\\" \u{1234}\u{10111}AA☺"
        );
        assert_eq!(unquote(r"`\d\n`").unwrap(), r"\d\n");
        assert_eq!(unquote(r"'it\'s'").unwrap(), "it's");
        assert_eq!(unquote("\"\\xe2\\x98\\xba\"").unwrap(), "☺");
        assert_eq!(unquote(r#""\xff""#), Err(UnquoteError::NotUtf8));
        for bad in [r#""\d""#, r#""\'""#, r#""\400""#, r#""\ud800""#, "\"", "'a", "\"a\nb\"", "`a`b`", r#""\x+1""#] {
            assert_eq!(unquote(bad), Err(UnquoteError::Syntax), "{bad}");
        }
    }
}
