//! A script's text in, commands out.
//!
//! # Errors
//! [`ScriptError`] names the line. A series line that cannot be read is kept aside instead, because the scripts use
//! notations that are not supported beside ones that are.

use super::notation::{Series, Value, parse_series, parse_values, unquote_prefix};
use super::starts::parse_starts;
use super::{Command, Eval, EvalTime, Expected, FailMatch, Load, Notes};
use std::collections::BTreeMap;
use std::fmt;

/// Why a script cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Line in the script, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ScriptError {}

/// Parses a whole script.
pub fn parse_script(text: &str) -> Result<Vec<Command>, ScriptError> {
    // A comment is an empty line: both end a command's block.
    let lines = text.lines().map(str::trim).map(|l| if l.starts_with('#') { "" } else { l }).collect();
    let mut script = Script { lines, at: 0 };
    let mut commands = Vec::new();
    while script.at < script.lines.len() {
        if script.lines[script.at].is_empty() {
            script.at += 1;
        } else {
            commands.push(script.command()?);
        }
    }
    Ok(commands)
}

struct Script<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

/// Splits off the first word.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let n = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..n], text[n..].trim_start())
}

/// `Some(rest)` if `text` begins with the given words.
fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    words.split(' ').try_fold(text, |rest, want| {
        let (got, rest) = word(rest);
        (got == want).then_some(rest)
    })
}

impl<'a> Script<'a> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T, ScriptError> {
        Err(ScriptError { line: self.at, message: message.into() })
    }

    /// The line at hand; afterwards `at` is its number from 1.
    fn take(&mut self) -> &'a str {
        self.at += 1;
        self.lines[self.at - 1]
    }

    /// The next line of the block.
    fn next_in_block(&mut self) -> Option<&'a str> {
        self.lines.get(self.at).filter(|l| !l.is_empty())?;
        Some(self.take())
    }

    fn command(&mut self) -> Result<Command, ScriptError> {
        let (first, rest) = word(self.take());
        match first.to_lowercase().as_str() {
            "clear" => Ok(Command::Clear),
            "load" => self.load(rest, false),
            "load_with_nhcb" => self.load(rest, true),
            eval if eval.starts_with("eval") => self.eval(eval.strip_prefix("eval_").unwrap_or(""), rest),
            other => self.fail(format!("unknown command {other:?}")),
        }
    }

    fn duration(&self, text: &str) -> Result<i64, ScriptError> {
        parse_duration(text).map_or_else(|| self.fail(format!("bad duration {text:?}")), Ok)
    }

    fn load(&mut self, interval: &str, with_nhcb: bool) -> Result<Command, ScriptError> {
        let interval_ms = self.duration(interval)?;
        let (line, mut series, mut not_supported) = (self.at, Vec::new(), Vec::new());
        let (mut starts, mut pending) = (BTreeMap::new(), None);
        while let Some(text) = self.next_in_block() {
            match (parse_starts(text), pending.take()) {
                (Some(Ok(found)), None) => pending = Some(found),
                (Some(Err(e)), None) => not_supported.push(format!("{text}: {e}")),
                (Some(_), Some(_)) => return self.fail("start timestamps without samples"),
                (None, found) => match parse_series(text) {
                    Ok(s) => {
                        // Of two lines for one series the later counts.
                        series.retain(|(labels, _): &Series| *labels != s.0);
                        starts.remove(&s.0);
                        if let Some((labels, offsets)) = found {
                            if labels != s.0 || offsets.len() != s.1.len() {
                                return self.fail("start timestamps of another series, or of more or fewer samples");
                            }
                            starts.insert(labels, offsets);
                        }
                        series.push(s);
                    }
                    Err(e) => not_supported.push(format!("{text}: {e}")),
                },
            }
        }
        if pending.is_some() {
            return self.fail("start timestamps without samples");
        }
        Ok(Command::Load(Load { line, interval_ms, with_nhcb, series, starts, not_supported }))
    }

    fn eval(&mut self, form: &str, rest: &str) -> Result<Command, ScriptError> {
        let line = self.at;
        let (time, query) = self.eval_time(rest)?;
        let mut eval = Eval {
            line,
            query: query.to_owned(),
            time,
            fail: (form == "fail").then_some(FailMatch::Any),
            ordered: form == "ordered",
            warnings: Notes { none: false, some: Vec::from_iter((form == "warn").then_some(FailMatch::Any)) },
            infos: Notes { none: false, some: Vec::from_iter((form == "info").then_some(FailMatch::Any)) },
            range_vector: None,
            expected: Expected::Series(Vec::new()),
            unreadable: None,
        };
        while let Some(text) = self.next_in_block() {
            self.expectation(text, &mut eval)?;
        }
        Ok(Command::Eval(eval))
    }

    fn eval_time<'b>(&self, rest: &'b str) -> Result<(EvalTime, &'b str), ScriptError> {
        let (kind, rest) = word(rest);
        let field = |rest: &'b str, keyword: &str| {
            let (found, rest) = word(rest);
            let (value, rest) = word(rest);
            if found == keyword { Ok((self.duration(value)?, rest)) } else { self.fail(format!("expected {keyword}")) }
        };
        match kind {
            "instant" if word(rest).0 == "at" => {
                let (at_ms, query) = field(rest, "at")?;
                Ok((EvalTime::Instant { at_ms }, query))
            }
            "instant" => Ok((EvalTime::Instant { at_ms: 0 }, rest)),
            "range" => {
                let (start_ms, rest) = field(rest, "from")?;
                let (end_ms, rest) = field(rest, "to")?;
                let (step_ms, query) = field(rest, "step")?;
                Ok((EvalTime::Range { start_ms, end_ms, step_ms }, query))
            }
            other => self.fail(format!("expected instant or range, got {other:?}")),
        }
    }

    fn expectation(&self, text: &str, eval: &mut Eval) -> Result<(), ScriptError> {
        if let Some(rest) = after(text, "expect") {
            return self.require(rest, eval);
        }
        if let Some(message) = after(text, "expected_fail_message") {
            eval.fail = Some(FailMatch::Message(message.to_owned()));
        } else if let Some(regex) = after(text, "expected_fail_regexp") {
            eval.fail = Some(FailMatch::Regex(regex.to_owned()));
        } else if let Some(value) = parse_number(text) {
            eval.expected = Expected::Scalar(value);
        } else {
            match (parse_series(text), &mut eval.expected) {
                (Ok(series), Expected::Series(all)) => all.push(series),
                (Ok(_), _) => return self.fail("series beside a scalar or a string"),
                (Err(e), _) => eval.unreadable = Some(format!("{text}: {e}")),
            }
        }
        Ok(())
    }

    fn require(&self, text: &str, eval: &mut Eval) -> Result<(), ScriptError> {
        if let Some(rest) = after(text, "range vector from") {
            eval.range_vector = Some(self.range_vector(rest)?);
            return Ok(());
        }
        if let Some(rest) = after(text, "string") {
            let (value, _) = unquote_prefix(rest).or_else(|e| self.fail(e.to_string()))?;
            eval.expected = Expected::Text(value);
            return Ok(());
        }
        let (kind, rest) = word(text);
        match kind {
            "fail" => eval.fail = Some(fail_match(rest)),
            "ordered" => eval.ordered = true,
            "warn" => eval.warnings.some.push(fail_match(rest)),
            "info" => eval.infos.some.push(fail_match(rest)),
            "no_warn" => eval.warnings.none = true,
            "no_info" => eval.infos.none = true,
            _ => return self.fail(format!("unknown expectation {text:?}")),
        }
        Ok(())
    }

    fn range_vector(&self, rest: &str) -> Result<(i64, i64, i64), ScriptError> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        match words.as_slice() {
            [start, "to", end, "step", step] => Ok((self.duration(start)?, self.duration(end)?, self.duration(step)?)),
            _ => self.fail("expected: range vector from <start> to <end> step <step>"),
        }
    }
}

fn fail_match(rest: &str) -> FailMatch {
    let unquoted = |text: &str| {
        let text = text.trim();
        // The documentation quotes the text, the scripts do not.
        unquote_prefix(text).ok().filter(|(_, n)| *n == text.len()).map_or_else(|| text.to_owned(), |(v, _)| v)
    };
    match rest.split_once(':') {
        Some(("msg", text)) => FailMatch::Message(unquoted(text)),
        Some(("regex", text)) => FailMatch::Regex(unquoted(text)),
        _ => FailMatch::Any,
    }
}

fn parse_number(text: &str) -> Option<f64> {
    match parse_values(text).ok()?.as_slice() {
        [Some(Value::Float(v))] => Some(*v),
        _ => None,
    }
}

/// A duration (`1m30s`, `-5m`) or a number of seconds, ms.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some((seconds * 1000.0).round() as i64);
    }
    if let Some(positive) = text.strip_prefix('-') {
        return parse_duration(positive).map(|ms| -ms);
    }
    let (mut rest, mut total) = (text, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|n| *n > 0)?;
        let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| n + digits);
        let unit_ms = match &rest[digits..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return None,
        };
        total += rest[..digits].parse::<i64>().ok()? * unit_ms;
        rest = &rest[letters..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn only_eval(text: &str) -> Eval {
        match parse_script(text).unwrap().pop() {
            Some(Command::Eval(e)) => e,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_command_is_read() {
        let script =
            "# c\nload 1m30s\n  m{a=\"b\"} 1+1x2\n  n@st 1\n\nclear\nload_with_nhcb 1s\n\neval instant at 1m m\n m 1\n";
        let commands = parse_script(script).unwrap();
        assert_eq!(commands.len(), 4);
        let Command::Load(load) = &commands[0] else { panic!() };
        assert_eq!((load.line, load.interval_ms, load.series.len(), load.not_supported.len()), (2, 90_000, 1, 1));
    }

    #[test]
    fn old_and_new_expectations() {
        let e = only_eval("eval_fail instant at 1m x\n  expected_fail_message no way\n");
        assert_eq!(e.fail, Some(FailMatch::Message("no way".into())));
        let e = only_eval("eval instant at -1m x\n  expect fail regex: a|b\n expect no_warn\n");
        assert!(e.warnings.none && !e.infos.none);
        assert_eq!((e.fail, e.time), (Some(FailMatch::Regex("a|b".into())), EvalTime::Instant { at_ms: -60_000 }));
        let e = only_eval("eval_ordered instant at 0 sort(x)\n  x{a=\"1\"} 1\n  x{a=\"2\"} 2\n");
        assert!(e.ordered && matches!(e.expected, Expected::Series(s) if s.len() == 2));
        assert_eq!(only_eval("eval instant at 0 1\n  -Inf\n").expected, Expected::Scalar(f64::NEG_INFINITY));
        assert_eq!(only_eval("eval instant at 0 1\n  expect string `a`\n").expected, Expected::Text("a".into()));
        let e = only_eval("eval_warn instant at 0 x\n  expect info msg: PromQL info: a (1:2)\n");
        assert_eq!(e.warnings.some, [FailMatch::Any]);
        assert_eq!(e.infos.some, [FailMatch::Message("PromQL info: a (1:2)".into())]);
        let e = only_eval("eval instant at 1m x[1m]\n expect range vector from 10s to 1m step 10s\n x 1 2\n");
        assert_eq!(e.range_vector, Some((10_000, 60_000, 10_000)));
        let e = only_eval("eval range from 0 to 1m step 30s a + b\n");
        assert_eq!(
            (e.query.as_str(), e.time),
            ("a + b", EvalTime::Range { start_ms: 0, end_ms: 60_000, step_ms: 30_000 })
        );
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(parse_script("clear\nfoo\n").unwrap_err().line, 2);
        assert!(parse_script("load 1x\n").is_err());
    }
}
