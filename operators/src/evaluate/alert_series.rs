//! `ALERTS` and `ALERTS_FOR_STATE`: the series that an alerting rule writes of its alerts.
//!
//! # Semantics (Prometheus rules/alerting.go, `sample` and `forStateSample`)
//! Their labels are those of the alert over the rule's as they are written: where a template expands to nothing, so that the
//! alert has no such label, the series have its text. `ALERTS` says the state under `alertstate`, whatever the alert itself
//! has there; so alerts that differ in that label alone write one series, which is there as long as one of them is.
//! `ALERTS_FOR_STATE` keeps the alert's own.
//!
//! # State
//! Each alert holds its series. From the first alert on that has a label `alertstate` (the rule reads `ALERTS`), a rule
//! holds all its `ALERTS` in one place instead, by their labels.

use super::effects::{Effects, Produced};
use super::kept::KeptSamples;
use crate::program::AlertSpec;
use crate::window::{SeriesStore, Slot};
use bellwether_model::{Labels, METRIC_NAME, Value};
use std::collections::BTreeMap;

/// The label that says an alert's state.
pub const ALERTSTATE: &str = "alertstate";

const STATES: [&str; 2] = ["pending", "firing"];

/// A pair of `ALERTS` series: pending, firing.
type Pair = [Produced; 2];

/// What a checkpoint keeps of one series: samples, and whether its element is there.
pub type KeptSeries = (KeptSamples, bool);

/// Labels of a series of an alert; `ALERTS` still without the state.
fn labels_of(spec: &AlertSpec, alert: &Labels, name: &str) -> Labels {
    let mut b = alert.to_builder();
    for (label, text) in spec.labels.iter().filter(|(label, _)| alert.get(label).is_empty()) {
        b.set(label, text);
    }
    b.set(METRIC_NAME, name).set("alertname", &spec.name);
    if name == "ALERTS" {
        b.set(ALERTSTATE, "");
    }
    b.build()
}

fn pair_of(labels: &Labels) -> Pair {
    STATES.map(|state| Produced::new(labels.to_builder().set(ALERTSTATE, state).build()))
}

/// Where an alert stands, as its series say it: `None` if it is not active, or whether it fires.
pub type Active = Option<bool>;

fn write_pair(pair: &mut Pair, store: &mut SeriesStore, fx: &mut Effects<'_>, t_ms: i64, there: [bool; 2]) {
    for (one, there) in pair.iter_mut().zip(there) {
        match there {
            true => one.write(store, fx, t_ms, Value::Float(1.0)),
            false => one.end(store, fx, t_ms),
        }
    }
}

fn states(active: Active) -> [bool; 2] {
    [active == Some(false), active == Some(true)]
}

fn keep_pair(pair: &Pair, store: &SeriesStore) -> [KeptSeries; 2] {
    pair.each_ref().map(|one| (one.samples(store), one.present))
}

/// Labels of the series of an alert that were there when it was kept.
pub fn kept_series<'a>(
    spec: &AlertSpec,
    alert: &Labels,
    kept: &'a [KeptSeries; 3],
) -> impl Iterator<Item = Labels> + use<'a> {
    let [pending, firing] = pair_of(&labels_of(spec, alert, "ALERTS")).map(|one| one.into_labels());
    let all = [pending, firing, labels_of(spec, alert, "ALERTS_FOR_STATE")];
    all.into_iter().zip(kept).filter(|(_, (_, present))| *present).map(|(labels, _)| labels)
}

/// The series of one alert.
#[derive(Clone, Debug)]
pub struct AlertSeries {
    /// `ALERTS`; `None` where the rule holds them.
    alerts: Option<Pair>,
    /// `ALERTS_FOR_STATE`
    for_state: Produced,
}

impl AlertSeries {
    /// Series that are not written yet.
    pub fn new(spec: &AlertSpec, alert: &Labels, shared: &SharedAlerts) -> Self {
        Self {
            alerts: (!shared.is_on()).then(|| pair_of(&labels_of(spec, alert, "ALERTS"))),
            for_state: Produced::new(labels_of(spec, alert, "ALERTS_FOR_STATE")),
        }
    }

    /// Writes what a good step left.
    pub fn write(
        &mut self,
        store: &mut SeriesStore,
        fx: &mut Effects<'_>,
        t_ms: i64,
        (active, active_at_ms): (Active, i64),
    ) {
        if let Some(pair) = &mut self.alerts {
            write_pair(pair, store, fx, t_ms, states(active));
        }
        match active {
            Some(_) => self.for_state.write(store, fx, t_ms, Value::Float((active_at_ms / 1000) as f64)),
            None => self.for_state.end(store, fx, t_ms),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Produced> {
        self.alerts.iter().flatten().chain([&self.for_state])
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Produced> {
        self.alerts.iter_mut().flatten().chain([&mut self.for_state])
    }

    /// Drops what nobody reads any more.
    pub fn prune(&mut self, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        self.all_mut().for_each(|one| one.prune(store, fx));
    }

    /// Gives the series up: nobody reads them any more.
    pub fn withdraw(&mut self, fx: &mut Effects<'_>) {
        self.all_mut().for_each(|one| one.withdraw(fx));
    }

    /// Whether there is nothing to keep.
    pub fn is_idle(&self) -> bool {
        self.all().all(Produced::is_idle)
    }

    /// Where the samples are.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.all().filter_map(Produced::slot)
    }

    /// What a checkpoint keeps: `ALERTS` pending and firing, `ALERTS_FOR_STATE`. Alerts that share series keep them all.
    pub fn keep(
        &self,
        spec: &AlertSpec,
        alert: &Labels,
        shared: &SharedAlerts,
        store: &SeriesStore,
    ) -> [KeptSeries; 3] {
        let pair = self.alerts.as_ref().or_else(|| shared.pair(spec, alert));
        let [pending, firing] = pair.map_or_else(Default::default, |pair| keep_pair(pair, store));
        [pending, firing, (self.for_state.samples(store), self.for_state.present)]
    }

    /// Takes back what [`AlertSeries::keep`] gave.
    pub fn restore(
        &mut self,
        spec: &AlertSpec,
        alert: &Labels,
        (shared, kept): (&mut SharedAlerts, &[KeptSeries; 3]),
        store: &mut SeriesStore,
        fx: &mut Effects<'_>,
    ) {
        let [alerts @ .., (samples, present)] = kept;
        if let Some(pair) = self.alerts.as_mut().or_else(|| shared.pair_to_restore(spec, alert)) {
            for (one, (samples, present)) in pair.iter_mut().zip(alerts) {
                one.restore(store, fx, samples, *present);
            }
        }
        self.for_state.restore(store, fx, samples, *present);
    }
}

/// The `ALERTS` series of a rule of which several alerts may write one.
#[derive(Debug, Default)]
pub struct SharedAlerts {
    /// By labels without the state; `None` while each alert holds its own.
    pairs: Option<BTreeMap<Labels, Pair>>,
    /// What was seen at the instants of the block, by labels without the state and instant.
    seen: BTreeMap<Labels, BTreeMap<i64, [bool; 2]>>,
}

impl SharedAlerts {
    /// Whether the rule holds the series.
    pub fn is_on(&self) -> bool {
        self.pairs.is_some()
    }

    /// Takes the series over from the alerts. No two of them write one yet.
    pub fn take_over<'a>(&mut self, spec: &AlertSpec, alerts: impl Iterator<Item = (&'a Labels, &'a mut AlertSeries)>) {
        let pairs = self.pairs.get_or_insert_default();
        for (alert, series) in alerts {
            if let Some(pair) = series.alerts.take() {
                pairs.insert(labels_of(spec, alert, "ALERTS"), pair);
            }
        }
    }

    /// An alert is so at an instant, after a good step.
    pub fn see(&mut self, spec: &AlertSpec, alert: &Labels, t_ms: i64, active: Active) {
        if self.is_on() {
            let seen = self.seen.entry(labels_of(spec, alert, "ALERTS")).or_default().entry(t_ms).or_default();
            seen.iter_mut().zip(states(active)).for_each(|(all, one)| *all |= one);
        }
    }

    /// Writes what was seen, and drops what nobody reads any more.
    pub fn write(&mut self, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        let Some(pairs) = &mut self.pairs else { return };
        for (labels, instants) in std::mem::take(&mut self.seen) {
            let pair = pairs.entry(labels).or_insert_with_key(pair_of);
            for (t_ms, there) in instants {
                write_pair(pair, store, fx, t_ms, there);
            }
        }
        pairs.retain(|_, pair| {
            pair.iter_mut().for_each(|one| one.prune(store, fx));
            !pair.iter().all(Produced::is_idle)
        });
    }

    /// Whether the rule still holds series of an alert.
    pub fn holds(&self, spec: &AlertSpec, alert: &Labels) -> bool {
        self.pairs.as_ref().is_some_and(|pairs| {
            let labels = labels_of(spec, alert, "ALERTS");
            pairs.contains_key(&labels) || self.seen.contains_key(&labels)
        })
    }

    /// Gives the series up: nobody reads them any more.
    pub fn withdraw(&mut self, fx: &mut Effects<'_>) {
        let pairs = self.pairs.take().unwrap_or_default();
        pairs.into_values().flatten().for_each(|mut one| one.withdraw(fx));
    }

    /// Where the samples are.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.pairs.iter().flat_map(BTreeMap::values).flatten().filter_map(Produced::slot)
    }

    fn pair(&self, spec: &AlertSpec, alert: &Labels) -> Option<&Pair> {
        self.pairs.as_ref()?.get(&labels_of(spec, alert, "ALERTS"))
    }

    /// The series of an alert, unless another one has brought them back already.
    fn pair_to_restore(&mut self, spec: &AlertSpec, alert: &Labels) -> Option<&mut Pair> {
        let labels = labels_of(spec, alert, "ALERTS");
        let pairs = self.pairs.as_mut().filter(|pairs| !pairs.contains_key(&labels))?;
        Some(pairs.entry(labels).or_insert_with_key(pair_of))
    }
}
