//! Numbers and durations, character by character: Prometheus's `scanNumber` and `acceptRemainingDuration`.

/// What a run of characters that starts like a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// A number; the parser may still refuse its value.
    Number,
    /// A duration; the parser may still refuse its units.
    Duration,
    /// Neither.
    Bad,
}

/// Reads the number or duration that starts at `start`; returns what it is and where it ends.
pub(super) fn number_or_duration(text: &str, start: usize) -> (Scanned, usize) {
    let mut cursor = Cursor { text, pos: start };
    if cursor.number() {
        return (Scanned::Number, cursor.pos);
    }
    if cursor.remaining_duration() {
        return (Scanned::Duration, cursor.pos);
    }
    (Scanned::Bad, cursor.pos)
}

pub(super) fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

pub(super) fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

struct Cursor<'a> {
    text: &'a str,
    pos: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.pos..].chars().next()
    }

    fn accept(&mut self, valid: impl Fn(char) -> bool) -> bool {
        match self.peek() {
            Some(c) if valid(c) => {
                self.pos += c.len_utf8();
                true
            }
            _ => false,
        }
    }

    fn accept_any(&mut self, valid: &str) -> bool {
        self.accept(|c| valid.contains(c))
    }

    fn number(&mut self) -> bool {
        let start = self.pos;
        let hex = self.accept_any("0") && self.accept_any("xX");
        if hex {
            self.accept_any("_");
        }
        let digit = |c: char| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        self.accept_any(".");
        self.accept(digit);
        if !self.number_tail(hex, digit) || self.pos == start {
            return false;
        }
        !self.peek().is_some_and(is_alphanumeric)
    }

    /// Digits, one dot, one exponent and underscores in any order that Prometheus's lexer lets through.
    fn number_tail(&mut self, hex: bool, digit: impl Fn(char) -> bool + Copy) -> bool {
        let (mut dot, mut exponent) = (false, false);
        while let Some(c) = self.peek().filter(|c| digit(*c) || "._eE".contains(*c)) {
            if (c == '.' && dot) || (matches!(c, 'e' | 'E') && exponent) {
                self.pos += 1;
                return false;
            }
            if self.accept_any(".") {
                dot = true;
                if self.accept_any("_.") || hex {
                    return false;
                }
            } else if self.accept_any("eE") {
                exponent = true;
                self.accept_any("+-");
                if self.accept_any("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if self.accept_any("_") {
                if self.accept_any("._eE") || self.peek().is_none() {
                    return false;
                }
            } else {
                while self.accept(digit) {}
            }
        }
        true
    }

    fn remaining_duration(&mut self) -> bool {
        if !self.accept_any("smhdwy") {
            return false;
        }
        self.accept_any("s");
        while self.accept(|c| c.is_ascii_digit()) {
            while self.accept(|c| c.is_ascii_digit()) {}
            if !self.accept_any("smhdw") {
                return false;
            }
            self.accept_any("s");
        }
        !self.accept(is_alphanumeric)
    }
}
