//! Go's regular expressions (RE2 syntax) on Rust's engine.
//!
//! Both engines run in linear time and share most of their syntax; this translates the rest, so that a pattern means
//! here what it means in Prometheus: `\d`, `\w`, `\s` and `\b` are ASCII, `[` and `&&` inside a class are literal, a `{`
//! that starts no counted repetition is literal, `\Q…\E` quotes, `\<` is `<`, `\1` to `\7` before a digit is octal.
//!
//! # Errors
//! What Go refuses and Rust would take is refused: look-around has no syntax in either, nested repetitions (`a**`),
//! counts above 1,000, and Rust's own flags `x`, `u` and `R`. A pattern whose program would exceed [`SIZE_LIMIT_BYTES`]
//! is refused, because a rule file is untrusted input.

use regex::{Regex, RegexBuilder};
use std::fmt;

/// The largest compiled program; Go has no such limit, but its repetition counts are capped at 1,000.
pub const SIZE_LIMIT_BYTES: usize = 4 << 20;

/// Groups may nest so deep; Go's limit is 1,000, but that would not fit the size limit either.
const NEST_LIMIT: u32 = 250;

/// Why a pattern is refused, in Go's words where it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexError(String);

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}", self.0)
    }
}

impl std::error::Error for RegexError {}

/// Compiles a Go pattern; it may match anywhere in the text.
pub fn compile(pattern: &str) -> Result<Regex, RegexError> {
    build(&translate(pattern)?, pattern)
}

/// Compiles a Go pattern that must match the whole text, `.` included newlines: how label matchers and `label_replace`
/// read a pattern.
pub fn compile_anchored(pattern: &str) -> Result<Regex, RegexError> {
    let body = translate(pattern)?;
    // Checked on its own first: `a)(b` must not become valid by being wrapped.
    build(&body, pattern)?;
    build(&format!("^(?s:{body})$"), pattern)
}

fn build(translated: &str, pattern: &str) -> Result<Regex, RegexError> {
    RegexBuilder::new(translated).size_limit(SIZE_LIMIT_BYTES).nest_limit(NEST_LIMIT).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(limit) => {
            RegexError(format!("expression too large: it compiles to more than {limit} bytes"))
        }
        regex::Error::Syntax(text) => RegexError(in_go_s_words(&last_line(&text), pattern)),
        other => RegexError(last_line(&other.to_string())),
    })
}

fn in_go_s_words(error: &str, pattern: &str) -> String {
    match error {
        "unclosed group" => format!("missing closing ): `{pattern}`"),
        "unopened group" => format!("unexpected ): `{pattern}`"),
        other => other.to_owned(),
    }
}

/// Rust's syntax errors are a drawing followed by one line that says what is wrong.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ").to_owned()
}

struct Translator<'a> {
    chars: std::iter::Peekable<std::str::CharIndices<'a>>,
    pattern: &'a str,
    out: String,
    /// Where the previous repetition operator began, if the previous item was one.
    repeat_at: Option<usize>,
}

fn translate(pattern: &str) -> Result<String, RegexError> {
    let chars = pattern.char_indices().peekable();
    let mut t = Translator { chars, pattern, out: String::with_capacity(pattern.len() + 8), repeat_at: None };
    while let Some((at, c)) = t.chars.next() {
        t.item(at, c)?;
    }
    Ok(t.out)
}

impl Translator<'_> {
    fn item(&mut self, at: usize, c: char) -> Result<(), RegexError> {
        if matches!(c, '*' | '+' | '?') {
            self.out.push(c);
            return self.after_repeat(at);
        }
        if c == '{' {
            return self.brace(at);
        }
        self.repeat_at = None;
        match c {
            '\\' => self.escape(false),
            '[' => self.class(),
            '(' => self.group(),
            // A lone `]` or `}` is literal in both engines.
            c => {
                self.out.push(c);
                Ok(())
            }
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|&(_, c)| c)
    }

    fn rest(&mut self) -> &str {
        self.chars.peek().map_or("", |&(at, _)| &self.pattern[at..])
    }

    fn skip(&mut self, chars: usize) {
        for _ in 0..chars {
            self.chars.next();
        }
    }

    /// Takes the `?` of a lazy repetition and refuses a repetition of a repetition, as Go does.
    fn after_repeat(&mut self, at: usize) -> Result<(), RegexError> {
        if self.peek() == Some('?') {
            self.out.push('?');
            self.chars.next();
        }
        let end = self.chars.peek().map_or(self.pattern.len(), |&(i, _)| i);
        if let Some(first) = self.repeat_at {
            return Err(RegexError(format!("invalid nested repetition operator: `{}`", &self.pattern[first..end])));
        }
        self.repeat_at = Some(at);
        Ok(())
    }

    /// `{n}`, `{n,}` and `{n,m}` repeat; any other `{` is literal.
    fn brace(&mut self, at: usize) -> Result<(), RegexError> {
        let text = &self.pattern[at..];
        let Some((min, max, len)) = counted(text) else {
            self.repeat_at = None;
            self.out.push_str("\\{");
            return Ok(());
        };
        let too_large = |n: Option<u32>| n.is_some_and(|n| n > 1000);
        if too_large(Some(min)) || too_large(max) || max.is_some_and(|max| max < min) {
            return Err(RegexError(format!("invalid repeat count: `{}`", &text[..len])));
        }
        self.out.push_str(&text[..len]);
        self.skip(len - 1);
        self.after_repeat(at)
    }

    fn group(&mut self) -> Result<(), RegexError> {
        self.out.push('(');
        let rest = self.rest();
        let Some(flags) = rest.strip_prefix('?') else { return Ok(()) };
        if flags.starts_with("P<") || flags.starts_with('<') {
            return Ok(());
        }
        let end = flags.find([':', ')']).unwrap_or(flags.len());
        let valid = flags[..end].chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        if !valid || end == flags.len() {
            let shown = &rest[..rest.char_indices().nth(2).map_or(rest.len(), |(i, _)| i)];
            return Err(RegexError(format!("invalid or unsupported Perl syntax: `({shown}`")));
        }
        let taken = &rest[..end + 1].to_owned();
        self.out.push_str(taken);
        // The closing bracket or colon is left for nobody: it belongs to the flags.
        self.skip(taken.chars().count());
        Ok(())
    }

    fn escape(&mut self, in_class: bool) -> Result<(), RegexError> {
        let Some((at, c)) = self.chars.next() else {
            return Err(RegexError("trailing backslash at end of expression: ``".to_owned()));
        };
        match c {
            'd' if in_class => self.out.push_str("0-9"),
            'w' if in_class => self.out.push_str("0-9A-Za-z_"),
            's' if in_class => self.out.push_str(r"\t\n\x0C\r "),
            'd' => self.out.push_str("[0-9]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            's' => self.out.push_str(r"[\t\n\x0C\r ]"),
            'D' => self.out.push_str("[^0-9]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            'S' => self.out.push_str(r"[^\t\n\x0C\r ]"),
            'b' if !in_class => self.out.push_str(r"(?-u:\b)"),
            'B' if !in_class => self.out.push_str(r"(?-u:\B)"),
            'A' | 'z' if !in_class => self.push_escaped(c),
            'Q' if !in_class => self.quoted(),
            'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'x' | 'p' | 'P' => self.push_escaped(c),
            '0'..='7' => return self.octal(at, c),
            '<' | '>' => self.out.push(c),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => self.push_escaped(c),
            c => return Err(RegexError(format!("invalid escape sequence: `\\{c}`"))),
        }
        Ok(())
    }

    fn push_escaped(&mut self, c: char) {
        self.out.push('\\');
        self.out.push(c);
    }

    fn octal(&mut self, at: usize, first: char) -> Result<(), RegexError> {
        let digits = self.pattern[at..].bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        if first != '0' && digits < 2 {
            return Err(RegexError(format!("invalid escape sequence: `\\{first}`")));
        }
        let value = u32::from_str_radix(&self.pattern[at..at + digits], 8).unwrap_or(0);
        self.out.push_str(&format!("\\x{{{value:X}}}"));
        self.skip(digits - 1);
        Ok(())
    }

    /// Everything up to `\E`, or to the end, is literal.
    fn quoted(&mut self) {
        let rest = self.rest();
        let (literal, consumed) = match rest.find("\\E") {
            Some(end) => (rest[..end].to_owned(), rest[..end].chars().count() + 2),
            None => (rest.to_owned(), rest.chars().count()),
        };
        self.out.push_str(&regex::escape(&literal));
        self.skip(consumed);
    }

    fn class(&mut self) -> Result<(), RegexError> {
        let start = self.chars.peek().map_or(self.pattern.len(), |&(at, _)| at) - 1;
        self.out.push('[');
        if self.peek() == Some('^') {
            self.chars.next();
            self.out.push('^');
        }
        let mut first = true;
        while let Some((_, c)) = self.chars.next() {
            match c {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest().starts_with(':') && self.rest()[1..].contains(":]") => self.named_class(),
                '[' | ']' | '&' | '~' => self.push_escaped(c),
                // `--` is a set difference in Rust; a `-` that cannot start a range is literal.
                '-' if first || self.peek() == Some(']') || self.out.ends_with('-') => self.push_escaped(c),
                '\\' => self.escape(true)?,
                c => self.out.push(c),
            }
            first = false;
        }
        Err(RegexError(format!("missing closing ]: `{}`", &self.pattern[start..])))
    }

    /// `[:alpha:]` and its like mean the same in both engines.
    fn named_class(&mut self) {
        let len = self.rest().find(":]").map_or(0, |i| i + 2);
        let name = self.rest()[..len].to_owned();
        self.out.push('[');
        self.out.push_str(&name);
        self.skip(name.chars().count());
    }
}

/// Minimum, maximum and length of a counted repetition at the start of `text`.
fn counted(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let end = text.find('}')?;
    let body = &text[1..end];
    let number = |s: &str| {
        let valid = !s.is_empty() && s.len() <= 9 && s.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| s.parse().ok()).flatten()
    };
    match body.split_once(',') {
        None => number(body).map(|n| (n, Some(n), end + 1)),
        Some((min, "")) => number(min).map(|n| (n, None, end + 1)),
        Some((min, max)) => Some((number(min)?, Some(number(max)?), end + 1)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn go_s_meaning_is_kept() {
        for (pattern, text, want) in [
            (r"\d+", "١", false),
            (r"\d+", "12", true),
            (r"\w", "é", false),
            (r"a{,2}", "a{,2}", true),
            (r"aaa{bbb}ccc", "aaa{bbb}ccc", true),
            (r"a{2,3}", "aaa", true),
            (r"[a&&b]", "&", true),
            (r"[[a]", "[", true),
            (r"[]a]", "]", true),
            (r"[a-]", "-", true),
            (r"[+--]", "-", true),
            (r"[\d-]+", "1-2", true),
            (r"[^\s]", "x", true),
            (r"[[:alpha:]]+", "ab", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"\<x\>", "<x>", true),
            (r"\101", "A", true),
            (r"(?i)abc", "ABC", true),
            (r"(?i:a)b", "AB", false),
            (r"(?P<n>a)(?<m>b)", "ab", true),
            (r"a.b", "a\nb", true),
            (r"a|b", "b", true),
            (r"a|b", "ab", false),
            (r"\.\-\/\_", ".-/_", true),
            (r".*?x", "aax", true),
            (r"", "", true),
            (r"\bfoo\b", "foo", true),
        ] {
            let re = compile_anchored(pattern).unwrap();
            assert_eq!(re.is_match(text), want, "{pattern} on {text}: {re}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for bad in [
            "(", ")", "a)(b", "[a", "a**", "a*+", "*a", "a{1001}", "a{3,2}", "(?=a)", "(?!a)", "(?x)a", "\\", r"\8",
            r"\1", r"\y", "(?P<n", "[z-a]", r"[\b]",
        ] {
            assert!(compile(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_refused_and_harmless() {
        assert!(compile("((((a{1000}){1000}){1000}){1000})").is_err());
        assert!(compile(&"(".repeat(10_000)).is_err());
        assert!(compile(&format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000))).is_err());
    }
}
