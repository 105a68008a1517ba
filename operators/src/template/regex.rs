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

mod class;
mod escape;

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
    build(&translate(pattern)?)
}

/// Compiles a Go pattern that must match the whole text, `.` included newlines: how label matchers and `label_replace`
/// read a pattern.
pub fn compile_anchored(pattern: &str) -> Result<Regex, RegexError> {
    // The parentheses are balanced by now: `a)(b` does not become valid by being wrapped.
    let body = translate(pattern)?;
    build(&format!("^(?s:{body})$"))
}

fn build(translated: &str) -> Result<Regex, RegexError> {
    RegexBuilder::new(translated).size_limit(SIZE_LIMIT_BYTES).nest_limit(NEST_LIMIT).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(limit) => {
            RegexError(format!("expression too large: it compiles to more than {limit} bytes"))
        }
        regex::Error::Syntax(text) => RegexError(last_line(&text)),
        other => RegexError(last_line(&other.to_string())),
    })
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
    /// Whether there is an item that a repetition could repeat.
    repeatable: bool,
    /// How many groups are open.
    groups: usize,
}

fn translate(pattern: &str) -> Result<String, RegexError> {
    let chars = pattern.char_indices().peekable();
    let out = String::with_capacity(pattern.len() + 8);
    let mut t = Translator { chars, pattern, out, repeat_at: None, repeatable: false, groups: 0 };
    while let Some((at, c)) = t.chars.next() {
        t.item(at, c)?;
    }
    if t.groups > 0 {
        return Err(RegexError(format!("missing closing ): `{pattern}`")));
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
        self.repeatable = !matches!(c, '(' | '|');
        match c {
            '\\' => self.escape(at),
            '[' => self.class(at),
            '(' => self.group(),
            ')' if self.groups == 0 => Err(RegexError(format!("unexpected ): `{}`", self.pattern))),
            ')' => {
                self.groups -= 1;
                self.out.push(')');
                Ok(())
            }
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

    /// Where the next character stands.
    fn here(&mut self) -> usize {
        self.chars.peek().map_or(self.pattern.len(), |&(at, _)| at)
    }

    fn rest(&mut self) -> &str {
        let here = self.here();
        &self.pattern[here..]
    }

    fn skip(&mut self, chars: usize) {
        for _ in 0..chars {
            self.chars.next();
        }
    }

    fn error<T>(&mut self, what: &str, from: usize) -> Result<T, RegexError> {
        let here = self.here();
        Err(RegexError(format!("{what}: `{}`", &self.pattern[from..here])))
    }

    /// Takes the `?` of a lazy repetition, and refuses, as Go does, a repetition of nothing or of a repetition.
    fn after_repeat(&mut self, at: usize) -> Result<(), RegexError> {
        if !self.repeatable {
            return self.error("missing argument to repetition operator", at);
        }
        if self.peek() == Some('?') {
            self.out.push('?');
            self.chars.next();
        }
        if let Some(first) = self.repeat_at {
            return self.error("invalid nested repetition operator", first);
        }
        self.repeat_at = Some(at);
        Ok(())
    }

    /// `{n}`, `{n,}` and `{n,m}` repeat; any other `{` is literal.
    fn brace(&mut self, at: usize) -> Result<(), RegexError> {
        let text = &self.pattern[at..];
        let Some((min, max, len)) = counted(text) else {
            (self.repeat_at, self.repeatable) = (None, true);
            self.out.push_str("\\{");
            return Ok(());
        };
        self.skip(len - 1);
        if min > 1000 || max.is_some_and(|max| max > 1000 || max < min) {
            return self.error("invalid repeat count", at);
        }
        self.out.push_str(&text[..len]);
        self.after_repeat(at)
    }

    fn group(&mut self) -> Result<(), RegexError> {
        self.out.push('(');
        self.groups += 1;
        let rest = self.rest();
        let Some(flags) = rest.strip_prefix('?') else { return Ok(()) };
        if flags.starts_with("P<") || flags.starts_with('<') {
            self.out.push('?');
            self.skip(1);
            return Ok(());
        }
        let end = flags.find([':', ')']).unwrap_or(flags.len());
        let valid = flags[..end].chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        if !valid || end == flags.len() {
            let shown = &rest[..rest.char_indices().nth(2).map_or(rest.len(), |(i, _)| i)];
            return Err(RegexError(format!("invalid or unsupported Perl syntax: `({shown}`")));
        }
        // The closing parenthesis or colon belongs to the flags.
        let taken = rest[..end + 2].to_owned();
        self.groups -= usize::from(taken.ends_with(')'));
        self.skip(taken.chars().count());
        // Rust wants flags where Go takes none.
        self.out.push_str(if taken == "?)" { "?:)" } else { &taken });
        Ok(())
    }
}

/// Minimum, maximum and length of a counted repetition at the start of `text`; a number has no leading zeros.
fn counted(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let end = text.find('}')?;
    let body = &text[1..end];
    let number = |s: &str| {
        let plain = !s.is_empty() && s.len() <= 9 && s.bytes().all(|b| b.is_ascii_digit());
        let valid = plain && (s == "0" || !s.starts_with('0'));
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
            (r"[--a]", "A", true),
            (r"\p{Greek}[\p{Lu}]", "αA", true),
            (r"\x{41}\x41", "AA", true),
            (r"a{00}", "a{00}", true),
            (r"[a~~b][\n]", "~\n", true),
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
            "(",
            ")",
            "a)(b",
            "[a",
            "a**",
            "a*+",
            "*a",
            "a{1001}",
            "a{3,2}",
            "(?=a)",
            "(?!a)",
            "(?x)a",
            "\\",
            r"\8",
            r"\1",
            r"\y",
            "(?P<n",
            "[z-a]",
            r"[\b]",
            "[[:foo:]]",
            "|*",
            "(+a)",
            r"\x{110000}",
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
