//! What lateness changed: the decisions of a live run beside those of the same run with every sample in time.
//!
//! # Semantics
//! A decision is one transition of one alert at one step. Of one alert and transition, decisions that only one side has are paired
//! in order of time: a pair has moved; what finds no partner is only there. The terminal shows the beginning of each list, the
//! report in JSON has all of it.

use crate::exit::Failure;
use bellwether_connectors::sink::{Output as _, PartialFile};
use bellwether_model::Labels;
use bellwether_model::civil::rfc3339;
use bellwether_model::decision::Placed;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

/// Lines shown of each kind.
const SHOWN: usize = 10;

/// A decision, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decided {
    alert_id: String,
    transition: String,
    step_ms: i64,
    /// The alert's, its name among them.
    labels: Labels,
}

impl Decided {
    /// That of a run.
    pub fn of(placed: &Placed) -> Self {
        let d = &placed.decision;
        let (alert_id, transition) = (format!("{:032x}", d.alert_id), d.transition.to_string());
        Self { alert_id, transition, step_ms: d.step_ms, labels: d.labels.clone() }
    }

    fn of_line(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        // A correction says the same in another way.
        if value["revision"].as_u64() != Some(0) {
            return None;
        }
        let text = |name: &str| Some(value[name].as_str()?.to_owned());
        let labels = value["labels"].as_object()?;
        let pairs = labels.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let labels = Labels::from_pairs(pairs);
        let (alert_id, transition) = (text("alert_id")?, text("transition")?);
        Some(Self { alert_id, transition, step_ms: value["step_ms"].as_i64()?, labels })
    }

    /// As decisions are written, as far as it is compared.
    fn json(&self) -> Map<String, Value> {
        let labels: Map<_, _> = self.labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let fields = [
            ("alert_id", json!(self.alert_id)),
            ("transition", json!(self.transition)),
            ("step_ms", json!(self.step_ms)),
            ("labels", Value::Object(labels)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The decisions that a live run has written.
pub fn read_ledger(folder: &Path) -> Result<Vec<Decided>, Failure> {
    let path = folder.join("decisions.jsonl");
    let failed = |e: std::io::Error| Failure::Io(format!("{}: reading failed: {e}", path.display()));
    let mut all = Vec::new();
    for line in BufReader::new(std::fs::File::open(&path).map_err(failed)?).lines() {
        // The last line may be under way.
        all.extend(Decided::of_line(&line.map_err(failed)?));
    }
    Ok(all)
}

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    same: usize,
    only_live: Vec<Decided>,
    only_ideal: Vec<Decided>,
    /// As it was live, and the step that it had with every sample in time.
    moved: Vec<(Decided, i64)>,
}

/// Decisions that only the live run has, and that only the other one has.
type Sides<'a> = (Vec<&'a Decided>, Vec<&'a Decided>);

impl Lateness {
    /// Compares two runs.
    pub fn between(live: &[Decided], ideal: &[Decided]) -> Self {
        let (in_live, in_ideal): (BTreeSet<_>, BTreeSet<_>) = (live.iter().collect(), ideal.iter().collect());
        let mut found = Self { same: in_live.intersection(&in_ideal).count(), ..Self::default() };
        let mut partners: BTreeMap<(&str, &str), Sides<'_>> = BTreeMap::new();
        for d in in_live.difference(&in_ideal) {
            partners.entry((&d.alert_id, &d.transition)).or_default().0.push(d);
        }
        for d in in_ideal.difference(&in_live) {
            partners.entry((&d.alert_id, &d.transition)).or_default().1.push(d);
        }
        for (live, ideal) in partners.into_values() {
            let pairs = live.len().min(ideal.len());
            found.moved.extend(live.iter().zip(&ideal).map(|(a, b)| ((*a).clone(), b.step_ms)));
            found.only_live.extend(live[pairs..].iter().map(|d| (*d).clone()));
            found.only_ideal.extend(ideal[pairs..].iter().map(|d| (*d).clone()));
        }
        found.moved.sort_by(|a, b| (a.0.step_ms, &a.0).cmp(&(b.0.step_ms, &b.0)));
        for all in [&mut found.only_live, &mut found.only_ideal] {
            all.sort_by(|a, b| (a.step_ms, a).cmp(&(b.step_ms, b)));
        }
        found
    }

    /// Writes all of it: `same` is a number, the others are lists, and what has moved also has `in_time_step_ms`.
    pub fn write(&self, mut file: PartialFile) -> Result<(), Failure> {
        let list = |all: &[Decided]| all.iter().map(|d| Value::Object(d.json())).collect::<Vec<_>>();
        let moved = |(live, in_time_ms): &(Decided, i64)| {
            let mut fields = live.json();
            fields.insert("in_time_step_ms".to_owned(), json!(in_time_ms));
            Value::Object(fields)
        };
        let report = json!({
            "same": self.same,
            "only_live": list(&self.only_live),
            "only_in_time": list(&self.only_ideal),
            "moved": self.moved.iter().map(moved).collect::<Vec<_>>(),
        });
        writeln!(file, "{report:#}")?;
        Ok(file.complete()?)
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { same, only_live, only_ideal, moved } = self;
        let (live, ideal, moves) = (only_live.len(), only_ideal.len(), moved.len());
        writeln!(f, "lateness: {same} decisions the same, {live} only live, {ideal} only in time, {moves} moved")?;
        for (what, all) in [("only live", only_live), ("only in time", only_ideal)] {
            for d in all.iter().take(SHOWN) {
                writeln!(f, "  {what}: {} {} {}", rfc3339(d.step_ms), d.transition, d.labels)?;
            }
            more(f, all.len())?;
        }
        for (d, to_ms) in moved.iter().take(SHOWN) {
            let (from, to) = (rfc3339(d.step_ms), rfc3339(*to_ms));
            writeln!(f, "  moved: {from} would have been {to}: {} {}", d.transition, d.labels)?;
        }
        more(f, moved.len())
    }
}

fn more(f: &mut fmt::Formatter<'_>, all: usize) -> fmt::Result {
    if all > SHOWN { writeln!(f, "  and {} more", all - SHOWN) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(alert: &str, transition: &str, step_ms: i64) -> Decided {
        let (alert_id, transition) = (alert.to_owned(), transition.to_owned());
        Decided { labels: Labels::from_pairs([("alertname", alert)]), alert_id, transition, step_ms }
    }

    #[test]
    fn what_moved_is_told_from_what_is_only_there() {
        let live = [decided("a", "firing", 10), decided("b", "firing", 10), decided("c", "firing", 20)];
        let ideal = [decided("a", "firing", 10), decided("b", "firing", 5), decided("d", "firing", 7)];
        let found = Lateness::between(&live, &ideal);
        assert_eq!((found.same, found.moved.clone()), (1, vec![(live[1].clone(), 5)]));
        assert_eq!((found.only_live.as_slice(), found.only_ideal.as_slice()), (&live[2..], &ideal[2..]));
        let text = found.to_string();
        assert!(text.starts_with("lateness: 1 decisions the same, 1 only live, 1 only in time, 1 moved\n"), "{text}");
    }
}
