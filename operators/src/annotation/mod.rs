//! What Prometheus calls annotations: warnings and infos about a query that is answered nevertheless.
//!
//! # Position
//! operator ([`Note`] at a node and a step) → `evaluate::notes` (by node) → [`Annotation`] (by rule) → commit → outputs
//!
//! # Semantics (Prometheus util/annotations)
//! A note is a level and a text; equal ones of a rule are one. Where it stands in the expression is not part of the text
//! and is added when it is shown, as are the figures of a [`Measure`]. Of several places the last one counts.

mod issue;
mod text;

pub use issue::{Doing, Issue, Issues, Kind};
pub use text::*;

use bellwether_model::civil::rfc3339;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// The result may be wrong.
    Warning,
    /// The result may not be what was meant.
    Info,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// What is said, in Prometheus's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Note {
    /// Warning or info.
    pub level: Level,
    /// The text, without the place.
    pub text: String,
}

impl Note {
    /// A warning.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { level: Level::Warning, text: text.into() }
    }

    /// An info.
    pub fn info(text: impl Into<String>) -> Self {
        Self { level: Level::Info, text: text.into() }
    }
}

/// Figures that come with some notes; those of equal notes are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// How often; 0 for notes without figures.
    pub count: u64,
    /// The least bucket that was corrected.
    pub least: f64,
    /// The greatest one.
    pub most: f64,
    /// The greatest correction.
    pub difference: f64,
}

impl Measure {
    /// Puts two together.
    pub fn join(&mut self, other: Self) {
        let both = if self.count == 0 || other.count == 0 { None } else { Some(*self) };
        if self.count == 0 {
            *self = other;
        }
        if let Some(own) = both {
            *self = Self {
                count: own.count + other.count,
                least: own.least.min(other.least),
                most: own.most.max(other.most),
                difference: own.difference.max(other.difference),
            };
        }
    }
}

/// A note about a rule or query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// Rule (as in `ExpressionError`) or text of the query.
    pub rule: String,
    /// Tag of the tap, for queries.
    pub tag: Option<u32>,
    /// What is said.
    pub note: Note,
    /// Line and byte column of the expression that it is about, from 1, where known.
    pub place: Option<(u32, u32)>,
    /// Steps at which it was said, ms.
    pub steps_ms: Vec<i64>,
    /// Figures, of all these steps.
    pub measure: Measure,
}

impl Annotation {
    /// Puts an equal one in: of another worker, another place, or another epoch.
    pub fn join(&mut self, other: Self) {
        self.place = self.place.max(other.place);
        self.steps_ms.extend(other.steps_ms);
        self.steps_ms.sort_unstable();
        self.steps_ms.dedup();
        self.measure.join(other.measure);
    }
}

/// Most notes of one level that a rule keeps: texts may name metrics, whose number is anything.
pub const MOST_NOTES: usize = 64;

/// Equal ones put together, in order of rules, tags and notes. Of a rule's notes the first [`MOST_NOTES`] are kept, so
/// that which ones does not depend on workers or epochs.
pub fn joined(list: Vec<Annotation>) -> Vec<Annotation> {
    let mut by_key: BTreeMap<(String, Option<u32>, Note), Annotation> = BTreeMap::new();
    for one in list {
        match by_key.get_mut(&(one.rule.clone(), one.tag, one.note.clone())) {
            Some(whole) => whole.join(one),
            None => drop(by_key.insert((one.rule.clone(), one.tag, one.note.clone()), one)),
        }
    }
    let mut kept: Vec<Annotation> = Vec::with_capacity(by_key.len());
    for one in by_key.into_values() {
        let same =
            |other: &Annotation| (&other.rule, other.tag, other.note.level) == (&one.rule, one.tag, one.note.level);
        if kept.len() < MOST_NOTES || !same(&kept[kept.len() - MOST_NOTES]) {
            kept.push(one);
        }
    }
    kept
}

/// As Prometheus's API shows it: `PromQL info: … (1:6)`.
impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PromQL {}: {}", self.note.level, self.note.text)?;
        let Measure { count, least, most, difference } = self.measure;
        if let (true, Some(first), Some(last)) = (count > 0, self.steps_ms.first(), self.steps_ms.last()) {
            let (least, most) = (crate::template::go_float(least), crate::template::go_float(most));
            let difference = crate::template::go_float_digits(difference, 2);
            let seconds = |ms: i64| rfc3339(ms - ms.rem_euclid(1000));
            let (first, last) = (seconds(*first), seconds(*last));
            write!(
                f,
                ", from buckets {least} to {most}, with a max diff of {difference}, over {count} samples from {first} to {last}"
            )?;
        }
        match self.place {
            Some((line, column)) => write!(f, " ({line}:{column})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(place: Option<(u32, u32)>, measure: Measure) -> Annotation {
        let (rule, note) = ("r".to_owned(), invalid_quantile(2.0));
        Annotation { rule, tag: None, note, place, steps_ms: vec![0, 90_061_000], measure }
    }

    #[test]
    fn shown_as_prometheus_shows_it() {
        let text = annotation(Some((1, 10)), Measure::default()).to_string();
        assert_eq!(text, "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)");
        let measure = Measure { count: 3, least: 0.1, most: 5.0, difference: 0.123 };
        assert!(annotation(None, measure).to_string().ends_with(
            "got 2, from buckets 0.1 to 5, with a max diff of 0.12, over 3 samples from 1970-01-01T00:00:00Z to \
             1970-01-02T01:01:01Z"
        ));
    }

    #[test]
    fn equal_ones_are_put_together() {
        let one = Measure { count: 1, least: 2.0, most: 3.0, difference: 1.0 };
        let mut a = annotation(Some((1, 3)), one);
        a.steps_ms = vec![5, 15];
        a.join(annotation(Some((1, 10)), Measure { least: 1.0, ..one }));
        a.join(annotation(None, Measure::default()));
        assert_eq!((a.place, a.steps_ms), (Some((1, 10)), vec![0, 5, 15, 90_061_000]));
        assert_eq!(a.measure, Measure { count: 2, least: 1.0, most: 3.0, difference: 1.0 });
    }
}
