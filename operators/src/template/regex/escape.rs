//! Escapes and quotes of a pattern, and how a literal character is written.

use super::{RegexError, Translator};

impl Translator<'_> {
    /// An escape outside of a class; its backslash stands at `at`.
    pub(super) fn escape(&mut self, at: usize) -> Result<(), RegexError> {
        match self.peek() {
            Some('b') => self.replace(r"(?-u:\b)"),
            Some('B') => self.replace(r"(?-u:\B)"),
            Some('A') => self.replace(r"\A"),
            Some('z') => self.replace(r"\z"),
            Some('Q') => {
                self.skip(1);
                self.quoted();
            }
            _ => {
                if let Some(class) = self.class_escape() {
                    self.out.push_str(&class);
                    return Ok(());
                }
                let c = self.char_escape(at)?;
                self.push_literal(c);
            }
        }
        Ok(())
    }

    /// Takes one character and writes something else.
    pub(super) fn replace(&mut self, text: &str) {
        self.skip(1);
        self.out.push_str(text);
    }

    /// The character of an escape that stands for one; the backslash is taken and stands at `at`.
    pub(super) fn char_escape(&mut self, at: usize) -> Result<char, RegexError> {
        let Some((_, c)) = self.chars.next() else {
            return Err(RegexError("trailing backslash at end of expression: ``".to_owned()));
        };
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            't' => Ok('\t'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            'v' => Ok('\x0b'),
            'x' => self.hexadecimal(at),
            '0'..='7' => self.octal(at),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => self.error("invalid escape sequence", at),
        }
    }

    /// `\x41` or `\x{41}`.
    fn hexadecimal(&mut self, at: usize) -> Result<char, RegexError> {
        let rest = self.rest();
        let (digits, len) = match rest.strip_prefix('{') {
            Some(body) => {
                let end = body.find('}').unwrap_or(body.len());
                (body[..end].to_owned(), body[..end].chars().count() + 2)
            }
            None => (rest.chars().take(2).collect(), 2),
        };
        self.skip(len);
        let valid =
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()) && (len > 2 || digits.len() == 2);
        let code = if valid { u32::from_str_radix(&digits, 16).ok() } else { None };
        match code.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => self.error("invalid escape sequence", at),
        }
    }

    /// `\0`, `\07`, `\101`; a single digit but 0 would be a back-reference, which no linear engine has.
    fn octal(&mut self, at: usize) -> Result<char, RegexError> {
        let text = &self.pattern[at + 1..];
        let digits = text.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        if digits < 2 && !text.starts_with('0') {
            return self.error("invalid escape sequence", at);
        }
        self.skip(digits - 1);
        let code = u32::from_str_radix(&text[..digits], 8).ok();
        Ok(code.and_then(char::from_u32).unwrap_or_default())
    }

    /// Everything up to `\E`, or to the end, is literal.
    fn quoted(&mut self) {
        let rest = self.rest();
        let (literal, end) = match rest.find("\\E") {
            Some(end) => (rest[..end].to_owned(), 2),
            None => (rest.to_owned(), 0),
        };
        self.skip(literal.chars().count() + end);
        literal.chars().for_each(|c| self.push_literal(c));
    }

    /// A character without any meaning of its own, inside of a class or outside.
    pub(super) fn push_literal(&mut self, c: char) {
        match c {
            c if c.is_control() => self.out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
            '<' | '>' | ' ' | '"' | '\'' => self.out.push(c),
            c if c.is_ascii_punctuation() && c != '_' => {
                self.out.push('\\');
                self.out.push(c);
            }
            c => self.out.push(c),
        }
    }
}
