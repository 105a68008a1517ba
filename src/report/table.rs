//! Tables: the summary of a run, and decisions one by one.

use super::clock::{minute, span};
use super::count::grouped;
use super::paint::{Paint, Tone};
use super::summary::{AlertSummary, Summary};
use bellwether_model::decision::Decision;
use comfy_table::{CellAlignment, Table, presets};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Longer names are cut, so that a timeline has room beside them.
pub const NAME_CHARS: usize = 32;

/// Alerts that never fired are named up to this number.
const QUIET_NAMED: usize = 12;

/// Names as they are shown: with their group where an alert's name alone says too little.
fn names(summary: &Summary) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for a in summary.alerts() {
        *count.entry(&a.name.2).or_default() += 1;
    }
    let one = |a: &AlertSummary| match count.get(a.name.2.as_str()) {
        Some(1) => a.name.2.clone(),
        _ => format!("{}/{}", a.name.1, a.name.2),
    };
    summary.alerts().iter().map(|a| cut(&one(a))).collect()
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME_CHARS) {
        Some((_, _)) => name.chars().take(NAME_CHARS - 1).chain(['…']).collect(),
        None => name.to_owned(),
    }
}

/// What became of every alert: a table, a timeline, and the names of those that never fired.
pub fn summary(summary: &Summary, paint: Paint) -> String {
    let names = names(summary);
    let (loud, quiet): (Vec<_>, Vec<_>) = summary.alerts().iter().zip(&names).partition(|(a, _)| a.episodes > 0);
    let mut out = String::new();
    if !loud.is_empty() {
        let _ = writeln!(out, "{}\n", figures(&loud, paint));
        let _ = writeln!(out, "{}", timelines(&loud, summary, paint));
    }
    if !quiet.is_empty() {
        let _ = writeln!(out, "{}", silent(&quiet, paint));
    }
    out
}

type Named<'a> = (&'a AlertSummary, &'a String);

fn figures(alerts: &[Named<'_>], paint: Paint) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let heads = ["alert", "episodes", "label sets", "at once", "firing", "longest", "flaps", "first", "last"];
    table.set_header(heads);
    for (a, name) in alerts {
        let last = match (a.still_firing, a.last_ms) {
            (0, Some(ms)) => minute(ms),
            (0, None) => String::new(),
            (n, _) => format!("{n} still firing"),
        };
        table.add_row([
            (*name).clone(),
            grouped(a.episodes),
            grouped(a.label_sets),
            grouped(a.most_at_once),
            span(a.firing_ms),
            span(a.longest_ms),
            grouped(a.flaps),
            a.first_ms.map(minute).unwrap_or_default(),
            last,
        ]);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if (1..=6).contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // Painted afterwards: escapes inside a cell would count as width.
    let text = table.to_string();
    let mut lines = text.lines().map(|l| l.trim_end().to_owned());
    let head = lines.next().map(|l| paint.text(Tone::Strong, &l));
    head.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

/// Room for a name and its timeline.
fn name_width(names: &[Named<'_>]) -> usize {
    names.iter().map(|(_, n)| n.chars().count()).max().unwrap_or(0) + 2
}

fn timelines(alerts: &[Named<'_>], summary: &Summary, paint: Paint) -> String {
    let width = name_width(alerts);
    let mut out = String::new();
    for (a, name) in alerts {
        let room = width - name.chars().count();
        let _ = writeln!(out, "{name}{}{}", " ".repeat(room), a.row.draw(paint));
    }
    let _ = writeln!(out, "{}", paint.text(Tone::Faint, &summary.axis().labels(width)));
    let legend = format!("{}█ as many as ever, ▁ an eighth of that; ╌ pending, · nothing; UTC", " ".repeat(width));
    let _ = writeln!(out, "{}", paint.text(Tone::Faint, &legend));
    out
}

fn silent(quiet: &[Named<'_>], paint: Paint) -> String {
    let pending: u64 = quiet.iter().map(|(a, _)| a.never_fired).sum();
    let mut shown: Vec<String> = quiet.iter().take(QUIET_NAMED).map(|(_, name)| (*name).clone()).collect();
    if quiet.len() > QUIET_NAMED {
        shown.push(format!("and {} more", quiet.len() - QUIET_NAMED));
    }
    let was_pending = match pending {
        0 => String::new(),
        n => format!(" ({} pending, not for long enough)", crate::exit::counted(n as usize, "time")),
    };
    format!("{} {}{was_pending}", paint.text(Tone::Strong, "never fired:"), shown.join(", "))
}

/// Decisions as a table on the terminal, written piece by piece: a run may give more than fit into memory.
#[derive(Debug)]
pub struct DecisionTable {
    paint: Paint,
    begun: bool,
}

impl DecisionTable {
    /// A table without rows.
    pub fn new(paint: Paint) -> Self {
        Self { paint, begun: false }
    }

    /// The next row, with the head before the first one.
    pub fn row(&mut self, d: &Decision) -> String {
        let mut out = String::new();
        if !self.begun {
            self.begun = true;
            let head = format!("{:<19}  {:<8}  {:>12}  alert and labels", "step (UTC)", "became", "value");
            let _ = writeln!(out, "{}", self.paint.text(Tone::Strong, &head));
        }
        let tone = match d.transition {
            bellwether_model::Transition::Firing => Tone::Firing,
            bellwether_model::Transition::Pending => Tone::Pending,
            bellwether_model::Transition::Resolved => Tone::Good,
            bellwether_model::Transition::Dropped => Tone::Faint,
        };
        let became = self.paint.text(tone, &format!("{:<8}", d.transition.to_string()));
        let labels = d.labels.without("alertname");
        let value = short(d.value);
        let _ = writeln!(out, "{:<19}  {became}  {value:>12}  {} {labels}", minute(d.step_ms), d.alert);
        out
    }
}

/// A value in at most 12 characters.
fn short(value: f64) -> String {
    let plain = format!("{value}");
    if plain.len() <= 12 { plain } else { format!("{value:.5e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_and_values_are_cut() {
        assert_eq!(cut("HostDown"), "HostDown");
        assert_eq!(cut(&"x".repeat(40)).chars().count(), NAME_CHARS);
        assert_eq!((short(1.5), short(f64::NAN), short(1.0 / 3.0)), ("1.5".into(), "NaN".into(), "3.33333e-1".into()));
    }
}
