//! OpenMetrics and Prometheus text: lines in, samples into an archive.
//!
//! # Semantics
//! The OpenMetrics 1.0 and Prometheus text formats, with quoted names as in Prometheus 3. Each sample line is a sample of
//! its own name; types, help, units and exemplars are passed over. Stamps: OpenMetrics (text that ends in `# EOF`) has
//! seconds; other text may have milliseconds, and [`TextStamps::Auto`] takes whole numbers from 10^11 on as such (as
//! seconds that would be the year 5138).
//!
//! # Errors
//! A line that can't be read is an error with file and line number; so is a sample without a stamp, because a file is no
//! scrape: it has no time of its own.
//!
//! # Limits
//! Text stands series by series, so it is always imported. Native histograms are not read.

use super::archive::ArchiveWriter;
use super::{Progress, SourceError};
use bellwether_model::labels::MAX_PART_BYTES;
use bellwether_model::{Labels, LabelsBuilder, METRIC_NAME};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Unit of stamps in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextStamps {
    /// Seconds where the text ends in `# EOF`; else by size.
    #[default]
    Auto,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// How to read text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Unit of stamps.
    pub stamps: TextStamps,
}

/// Whole numbers of at least this many "seconds" are milliseconds to [`TextStamps::Auto`].
const MILLISECONDS_FROM: f64 = 1e11;
/// Samples of one series pushed together.
const BATCH: usize = 4096;
/// Lines between two reports of progress.
const PROGRESS_LINES: u64 = 1 << 16;

/// A sample line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line<'a> {
    /// Name and labels as they stand.
    series: &'a str,
    value: f64,
    stamp_ms: i64,
}

/// Reads a text file into an archive.
pub fn import_file(
    path: &Path,
    options: &TextOptions,
    writer: &mut ArchiveWriter,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), SourceError> {
    let mut file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
    let mut stamps = options.stamps;
    if stamps == TextStamps::Auto && ends_in_eof(&mut file).map_err(|e| SourceError::io(path, "reading", e))? {
        stamps = TextStamps::Seconds;
    }
    let mut reader = BufReader::with_capacity(1 << 18, file);
    import_lines(&mut reader, &path.display().to_string(), stamps, writer, progress)
}

fn ends_in_eof(file: &mut File) -> std::io::Result<bool> {
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(len.saturating_sub(64)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(tail.trim_ascii_end().ends_with(b"# EOF"))
}

/// Samples of one series on their way to the archive.
#[derive(Default)]
struct Batch {
    text: String,
    number: u32,
    stamps: Vec<i64>,
    values: Vec<f64>,
}

impl Batch {
    fn flush(&mut self, writer: &mut ArchiveWriter) -> Result<(), SourceError> {
        if !self.stamps.is_empty() {
            writer.push(self.number, &self.stamps, &self.values)?;
            self.stamps.clear();
            self.values.clear();
        }
        Ok(())
    }
}

fn import_lines(
    reader: &mut dyn BufRead,
    place: &str,
    stamps: TextStamps,
    writer: &mut ArchiveWriter,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), SourceError> {
    let (mut bytes, mut number, mut samples, mut ended) = (Vec::new(), 0u64, 0u64, false);
    let (mut known, mut batch) = (HashMap::<String, u32>::new(), Batch::default());
    loop {
        bytes.clear();
        number += 1;
        let read = reader.read_until(b'\n', &mut bytes);
        if read.map_err(|e| SourceError::Io { place: place.to_owned(), doing: "reading", source: e })? == 0 {
            break;
        }
        let wrong = |what: String| SourceError::invalid(format!("{place}, line {number}"), what, ADVICE);
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("the line is not UTF-8".to_owned()))?.trim();
        if text.is_empty() {
            continue;
        }
        if ended {
            return Err(wrong("there is text after # EOF".to_owned()));
        }
        if text.starts_with('#') {
            ended = text == "# EOF";
            continue;
        }
        let line = parse_line(text, stamps).map_err(wrong)?;
        if line.series != batch.text || batch.stamps.len() >= BATCH {
            batch.flush(writer)?;
            batch.number = match known.get(line.series) {
                Some(n) => *n,
                None => {
                    let n = writer.series(&parse_series(line.series).map_err(wrong)?)?;
                    known.insert(line.series.to_owned(), n);
                    n
                }
            };
            line.series.clone_into(&mut batch.text);
        }
        batch.stamps.push(line.stamp_ms);
        batch.values.push(line.value);
        samples += 1;
        if number.is_multiple_of(PROGRESS_LINES) {
            progress(Progress { phase: "reading", samples, total: None });
        }
    }
    batch.flush(writer)
}

const ADVICE: &str = "see the OpenMetrics text format: name{label=\"value\"} value timestamp";

/// Splits a sample line; the labels are not looked at.
fn parse_line(text: &str, stamps: TextStamps) -> Result<Line<'_>, String> {
    let end = series_end(text)?;
    let (series, rest) = text.split_at(end);
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().ok_or("there is no value")?;
    let stamp = words.next().filter(|w| *w != "#");
    let stamp = stamp.ok_or("the sample has no timestamp, and a file has no time of its own")?;
    match words.next() {
        None | Some("#") => {}
        Some(other) => return Err(format!("'{other}' stands where the line should end")),
    }
    Ok(Line { series: series.trim_end(), value: parse_value(value)?, stamp_ms: parse_stamp(stamp, stamps)? })
}

/// Where name and labels end.
fn series_end(text: &str) -> Result<usize, String> {
    let Some(open) = text.find(['{', ' ', '\t']) else { return Err("there is no value".to_owned()) };
    // Old writers put a space between name and labels.
    let brace = text[open..].trim_start();
    if !brace.starts_with('{') {
        return Ok(open);
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < open) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Ok(at + 1),
            _ => {}
        }
    }
    Err("the labels have no closing brace".to_owned())
}

fn parse_value(word: &str) -> Result<f64, String> {
    word.parse().map_err(|_| format!("'{word}' is no number"))
}

fn parse_stamp(word: &str, stamps: TextStamps) -> Result<i64, String> {
    let bad = || format!("the timestamp '{word}' is no number of seconds or milliseconds");
    let number: f64 = word.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(bad)?;
    let ms = match stamps {
        TextStamps::Seconds => number * 1000.0,
        TextStamps::Milliseconds => number,
        TextStamps::Auto if number.fract() == 0.0 && number.abs() >= MILLISECONDS_FROM => number,
        TextStamps::Auto => number * 1000.0,
    };
    // Beyond 2^53 neighbouring milliseconds are one number.
    if ms.abs() < 9e15 { Ok(ms.round() as i64) } else { Err(bad()) }
}

/// Reads name and labels.
fn parse_series(text: &str) -> Result<Labels, String> {
    let mut labels = LabelsBuilder::default();
    let (name, rest) = text.split_once('{').unwrap_or((text, ""));
    let name = name.trim();
    labels.set(METRIC_NAME, name);
    let mut rest = rest.trim_start();
    while !rest.is_empty() && !rest.starts_with('}') {
        let (label, tail) = take_name(rest)?;
        let tail = tail.trim_start();
        let (label, value, tail) = match tail.strip_prefix('=') {
            Some(tail) => {
                let (value, tail) = take_quoted(tail.trim_start())?;
                (label, value, tail)
            }
            // A quoted word alone is the metric's name.
            None if rest.starts_with('"') => (METRIC_NAME.to_owned(), label, tail),
            None => return Err(format!("the label '{label}' has no value")),
        };
        if label.is_empty() {
            return Err("a label has no name".to_owned());
        }
        if !labels.get(&label).is_empty() {
            return Err(format!("the label '{label}' stands there twice"));
        }
        if label.len().max(value.len()) > MAX_PART_BYTES {
            return Err("a label has more than a million bytes".to_owned());
        }
        labels.set(&label, &value);
        rest = tail.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(tail) => tail.trim_start(),
            None if rest.starts_with('}') => rest,
            None => return Err("labels have to be parted by commas".to_owned()),
        };
    }
    if labels.get(METRIC_NAME).is_empty() {
        return Err("the sample has no name".to_owned());
    }
    Ok(labels.build())
}

fn take_name(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        return take_quoted(text);
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    if end == 0 {
        return Err(format!("a label's name can't begin with {:?}", text.chars().next().unwrap_or(' ')));
    }
    Ok((text[..end].to_owned(), &text[end..]))
}

fn take_quoted(text: &str) -> Result<(String, &str), String> {
    let inner = text.strip_prefix('"').ok_or("a label's value has to stand in quotes")?;
    let (mut out, mut escaped) = (String::new(), false);
    for (at, c) in inner.char_indices() {
        match c {
            'n' if escaped => out.push('\n'),
            '\\' | '"' if escaped => out.push(c),
            // Prometheus keeps what is no escape as it stands.
            _ if escaped => out.extend(['\\', c]),
            '\\' => {}
            '"' => return Ok((out, &inner[at + 1..])),
            _ => out.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    Err("a label's value has no closing quote".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_labels() {
        for (text, want) in [
            ("up", "up"),
            ("up{}", "up"),
            (r#"up { job="a" , } "#, r#"up{job="a"}"#),
            (r#"up{job="a\"b\\\n}",x="\q"}"#, r#"up{job="a\"b\\\n}", x="\\q"}"#),
            (r#"{"my.metric",job="a"}"#, r#"my.metric{job="a"}"#),
            (r#"up{"the.label"="a"}"#, r#"up{the.label="a"}"#),
        ] {
            assert_eq!(parse_series(text.trim()).unwrap().to_string(), want);
        }
        for text in
            [r#"up{job}"#, r#"up{job="a" x="b"}"#, r#"up{job="a",job="b"}"#, r#"{job="a"}"#, r#"up{job=a}"#, "up{=}"]
        {
            assert!(parse_series(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_with_stamps_of_either_kind() {
        let of = |text, stamps| parse_line(text, stamps).map(|l| (l.series, l.value, l.stamp_ms));
        let auto = TextStamps::Auto;
        assert_eq!(of("up 1 1700000000.123", auto), Ok(("up", 1.0, 1_700_000_000_123)));
        assert_eq!(of("up{a=\"} \"} 1 1700000000123", auto), Ok(("up{a=\"} \"}", 1.0, 1_700_000_000_123)));
        assert_eq!(of("up +Inf 12 # {trace=\"x\"} 0.67", TextStamps::Seconds), Ok(("up", f64::INFINITY, 12_000)));
        assert_eq!(of("up -1e3 -1.5", auto), Ok(("up", -1000.0, -1500)));
        assert!(parse_line("up NaN 1", auto).unwrap().value.is_nan());
    }

    #[test]
    fn bad_lines_say_why() {
        for (text, want) in [
            ("up", "no value"),
            ("up{a=\"b\"}", "no value"),
            ("up 1", "no timestamp"),
            ("up 1 # {} 2", "no timestamp"),
            ("up one 2", "'one' is no number"),
            ("up 1 NaN", "timestamp 'NaN'"),
            ("up 1 1e300", "timestamp '1e300'"),
            ("up 1 2 3", "'3' stands"),
            ("up{a=\"b 1 2", "no closing brace"),
        ] {
            let error = parse_line(text, TextStamps::Auto).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
