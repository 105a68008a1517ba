//! What became of each alert: decisions in time order in, one row an alert out.
//!
//! # Semantics
//! * **episode**: from firing to resolved, of one label set. One that never fired is counted apart.
//! * **time firing**: while at least one label set fired; **longest**: the longest episode.
//! * **flap**: an episode that begins within [`FLAP_MS`] of the end of the one before it, of the same label set.
//!
//! # State
//! A few numbers and one timeline row an alert, and one entry a label set that was ever pending.

use super::timeline::{Axis, Row};
use bellwether_model::Transition;
use bellwether_model::decision::Decision;
use std::collections::BTreeMap;

/// Alertmanager's people call it a flap when the pager goes off again before they have put it down: Prometheus re-sends
/// a resolved alert for 15 minutes, and so long counts as the same story here.
pub const FLAP_MS: i64 = 15 * 60 * 1000;

/// File, group, name.
pub type AlertName = (String, String, String);

/// What became of one alert.
#[derive(Clone, Debug)]
pub struct AlertSummary {
    /// File, group, name.
    pub name: AlertName,
    /// Episodes that fired.
    pub episodes: u64,
    /// Episodes that ended pending.
    pub never_fired: u64,
    /// Label sets that fired.
    pub label_sets: u64,
    /// Time with at least one firing, ms.
    pub firing_ms: i64,
    /// The longest episode, ms.
    pub longest_ms: i64,
    /// Flaps.
    pub flaps: u64,
    /// The first step at which one fired.
    pub first_ms: Option<i64>,
    /// The last step at which one was resolved, or the end of the range.
    pub last_ms: Option<i64>,
    /// Firing at the end of the range.
    pub still_firing: u64,
    /// Most that fired at the same time.
    pub most_at_once: u64,
    /// Its timeline.
    pub row: Row,
    firing_now: u64,
    firing_since_ms: i64,
}

/// One label set of one alert.
#[derive(Clone, Copy, Debug)]
struct LabelSet {
    alert: usize,
    state: State,
    resolved_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Inactive,
    Pending(i64),
    Firing(i64),
}

/// All alerts of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    alerts: Vec<AlertSummary>,
    number: BTreeMap<AlertName, usize>,
    label_sets: BTreeMap<u128, LabelSet>,
    axis: Axis,
    decisions: u64,
}

impl Summary {
    /// For the alerts of the rules, in their order.
    pub fn new(names: impl IntoIterator<Item = AlertName>, axis: Axis) -> Self {
        let mut summary =
            Self { alerts: Vec::new(), number: BTreeMap::new(), label_sets: BTreeMap::new(), axis, decisions: 0 };
        for name in names {
            summary.alert(name);
        }
        summary
    }

    fn alert(&mut self, name: AlertName) -> usize {
        if let Some(n) = self.number.get(&name) {
            return *n;
        }
        let n = self.alerts.len();
        self.number.insert(name.clone(), n);
        self.alerts.push(AlertSummary {
            name,
            episodes: 0,
            never_fired: 0,
            label_sets: 0,
            firing_ms: 0,
            longest_ms: 0,
            flaps: 0,
            first_ms: None,
            last_ms: None,
            still_firing: 0,
            most_at_once: 0,
            row: Row::new(self.axis),
            firing_now: 0,
            firing_since_ms: 0,
        });
        n
    }

    /// Takes the next decision; steps do not fall.
    pub fn add(&mut self, d: &Decision) {
        self.decisions += 1;
        let alert = match self.label_sets.get(&d.alert_id) {
            Some(set) => set.alert,
            None => self.alert((d.file.clone(), d.group.clone(), d.alert.clone())),
        };
        let new = LabelSet { alert, state: State::Inactive, resolved_ms: None };
        let set = self.label_sets.entry(d.alert_id).or_insert(new);
        let alert = &mut self.alerts[alert];
        let before = set.state;
        set.state = match d.transition {
            Transition::Pending => State::Pending(d.step_ms),
            Transition::Firing => State::Firing(d.fired_at_ms.unwrap_or(d.step_ms)),
            Transition::Resolved | Transition::Dropped => State::Inactive,
        };
        match before {
            State::Pending(since) => alert.end_pending(since, d.step_ms, d.transition),
            State::Firing(since) if set.state != before => {
                alert.end_firing(since, d.step_ms);
                set.resolved_ms = Some(d.step_ms);
            }
            State::Firing(_) | State::Inactive => {}
        }
        if let (State::Firing(since), true) = (set.state, set.state != before) {
            alert.begin_firing(since, set.resolved_ms);
        }
    }

    /// Ends the run at a step: what fires goes on firing.
    pub fn finish(&mut self, at_ms: i64) {
        for set in self.label_sets.values_mut() {
            let alert = &mut self.alerts[set.alert];
            match set.state {
                State::Firing(since) => {
                    alert.end_firing(since, at_ms);
                    alert.still_firing += 1;
                }
                State::Pending(since) => alert.row.wait(since, at_ms),
                State::Inactive => {}
            }
            set.state = State::Inactive;
        }
    }

    /// In order of the rules.
    pub fn alerts(&self) -> &[AlertSummary] {
        &self.alerts
    }

    /// Number of decisions taken.
    pub fn decisions(&self) -> u64 {
        self.decisions
    }

    /// The range of all rows.
    pub fn axis(&self) -> Axis {
        self.axis
    }
}

impl AlertSummary {
    fn begin_firing(&mut self, at_ms: i64, resolved_ms: Option<i64>) {
        self.episodes += 1;
        self.label_sets += u64::from(resolved_ms.is_none());
        self.flaps += u64::from(resolved_ms.is_some_and(|r| at_ms - r <= FLAP_MS));
        self.first_ms = self.first_ms.or(Some(at_ms));
        if self.firing_now == 0 {
            self.firing_since_ms = at_ms;
        }
        self.firing_now += 1;
        self.most_at_once = self.most_at_once.max(self.firing_now);
    }

    fn end_firing(&mut self, since_ms: i64, at_ms: i64) {
        self.longest_ms = self.longest_ms.max(at_ms - since_ms);
        self.last_ms = self.last_ms.max(Some(at_ms));
        self.row.fire(since_ms, at_ms);
        self.firing_now = self.firing_now.saturating_sub(1);
        if self.firing_now == 0 {
            self.firing_ms += at_ms - self.firing_since_ms;
        }
    }

    fn end_pending(&mut self, since_ms: i64, at_ms: i64, to: Transition) {
        self.row.wait(since_ms, at_ms);
        self.never_fired += u64::from(matches!(to, Transition::Dropped | Transition::Resolved));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::paint::Paint;
    use bellwether_model::Labels;

    const MINUTE: i64 = 60_000;

    fn decision(alert_id: u128, minute: i64, transition: Transition) -> Decision {
        Decision {
            alert_id,
            episode_id: 0,
            decision_id: 0,
            file: "f".into(),
            group: "g".into(),
            alert: "A".into(),
            step_ms: minute * MINUTE,
            transition,
            labels: Labels::empty(),
            annotations: Labels::empty(),
            value: 1.0,
            active_at_ms: minute * MINUTE,
            fired_at_ms: (transition == Transition::Firing).then_some(minute * MINUTE),
            revision: 0,
            correction: None,
        }
    }

    fn run(decisions: &[(u128, i64, Transition)], end: i64) -> AlertSummary {
        let axis = Axis { from_ms: 0, to_ms: 100 * MINUTE, cells: 10 };
        let mut summary = Summary::new([("f".to_owned(), "g".to_owned(), "A".to_owned())], axis);
        decisions.iter().for_each(|(id, minute, to)| summary.add(&decision(*id, *minute, *to)));
        summary.finish(end * MINUTE);
        summary.alerts()[0].clone()
    }

    #[test]
    fn overlapping_label_sets_count_once_in_the_time_firing() {
        use Transition::{Firing, Resolved};
        let a = run(&[(1, 10, Firing), (2, 20, Firing), (1, 30, Resolved), (2, 50, Resolved)], 100);
        assert_eq!((a.episodes, a.label_sets, a.most_at_once), (2, 2, 2));
        assert_eq!((a.firing_ms, a.longest_ms), (40 * MINUTE, 30 * MINUTE));
        assert_eq!((a.first_ms, a.last_ms), (Some(10 * MINUTE), Some(50 * MINUTE)));
        assert_eq!(a.row.draw(Paint::default()), "·▄█▄▄·····");
    }

    #[test]
    fn a_flap_is_a_quick_return_of_the_same_label_set() {
        use Transition::{Firing, Resolved};
        let quick = run(&[(1, 10, Firing), (1, 20, Resolved), (1, 30, Firing), (1, 31, Resolved)], 100);
        assert_eq!((quick.flaps, quick.label_sets, quick.episodes), (1, 1, 2));
        let other = run(&[(1, 10, Firing), (1, 20, Resolved), (2, 30, Firing)], 100);
        assert_eq!((other.flaps, other.still_firing, other.last_ms), (0, 1, Some(100 * MINUTE)));
        let later = run(&[(1, 10, Firing), (1, 20, Resolved), (1, 36, Firing)], 100);
        assert_eq!(later.flaps, 0);
    }

    #[test]
    fn pending_alone_is_no_episode() {
        use Transition::{Dropped, Firing, Pending};
        let a = run(&[(1, 10, Pending), (1, 20, Dropped), (1, 40, Pending), (1, 50, Firing)], 60);
        assert_eq!((a.episodes, a.never_fired, a.firing_ms), (1, 1, 10 * MINUTE));
        assert_eq!(a.row.draw(Paint::default()), "·╌··╌█····");
    }
}
