//! Alerting rules: inactive → pending → firing → resolved.
//!
//! # Semantics (Prometheus rules/alerting.go)
//! An alert's identity is its result labels without the name, plus the rule's labels, plus alertname. It fires when
//! `s - active_at >= for`; a pending alert that vanishes is dropped; a firing one that vanishes resolves, after
//! `keep_firing_for`. At a step with an error the states stay as they were and nothing is written. Where `limit` is
//! exceeded, all alerts of the rule are dropped without a resolved notification; alerts that are kept firing count.
//! Beyond it: a rule that rests on absence is not evaluated before its samples are known for as long as it looks back; where
//! samples were lost, an alert that is not seen stays as it is until they are known for as long as its rule reads.
//!
//! # State
//! By identity; kept over restarts. Labels and annotations are rendered by element or transition, and never by step; where
//! somebody follows alerts, annotations also at the last step of an epoch that changes them.

use super::alert_series::{ALERTSTATE, AlertSeries, SharedAlerts};
use super::alert_text::AlertText;
use super::alert_update::Shown;
use super::asked::Asked;
use super::effects::Effects;
use super::identity::Identities;
use super::kept::{Kept, KeptAlert};
use super::leaf::Context;
use super::node::{Hands, NodeState, Post};
use super::output::{Audited, ExpressionError, Twice};
use super::packet::{Packet, VerdictPart};
use super::view::View;
use crate::program::{AlertSpec, LateSpec, NodeIdx, Op, Program};
use crate::window::{SeriesStore, Slot};
use bellwether_model::block::{has, ones};
use bellwether_model::decision::{alert_id, decision_id, episode_id};
use bellwether_model::{Block, Decision, Labels, StepRange, Transition, Value};

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not active.
    #[default]
    Inactive,
    /// The hold duration runs.
    Pending,
    /// Notified.
    Firing,
}

/// State of one alert.
#[derive(Clone, Debug)]
pub struct AlertState {
    pub(super) phase: Phase,
    pub(super) active_at_ms: i64,
    pub(super) fired_at_ms: Option<i64>,
    pub(super) keep_since_ms: Option<i64>,
    pub(super) value: Value,
    /// The element's own labels when last seen, for annotations.
    pub(super) source: Option<Labels>,
    /// It became active before its rule was in force: nobody has been told.
    pub(super) untold: bool,
    /// Its `ALERTS` and `ALERTS_FOR_STATE` series, where somebody wants them.
    pub(super) series: Option<Box<AlertSeries>>,
}

impl Default for AlertState {
    fn default() -> Self {
        Self {
            phase: Phase::Inactive,
            active_at_ms: 0,
            fired_at_ms: None,
            keep_since_ms: None,
            value: Value::Float(0.0),
            source: None,
            untold: false,
            series: None,
        }
    }
}

/// State of one alerting rule.
#[derive(Debug, Default)]
pub struct Alert {
    identities: Identities,
    states: Vec<AlertState>,
    shared: SharedAlerts,
    text: Option<AlertText>,
    /// Whether its words are new: nobody has heard them yet.
    reworded: bool,
}

/// What one step is for the whole rule.
struct StepFacts {
    failed: Vec<u64>,
    over_limit: Vec<u64>,
}

pub(super) struct Run<'r, 'v, 'e> {
    pub(super) view: &'r View<'v>,
    n: NodeIdx,
    pub(super) spec: &'r AlertSpec,
    pub(super) text: &'r AlertText,
    shared: &'r mut SharedAlerts,
    store: &'r mut SeriesStore,
    pub(super) effects: &'r mut Effects<'e>,
    pub(super) asked: Asked<'r>,
    /// The last step at which the alert at hand made a decision, ms.
    pub(super) told_ms: i64,
}

impl Run<'_, '_, '_> {
    fn emit(&mut self, labels: &Labels, state: &AlertState, s_ms: i64, transition: Transition) {
        if s_ms < self.effects.times.from_ms {
            return;
        }
        self.told_ms = s_ms;
        let spec = self.spec;
        let alert = alert_id(&self.view.program.tenant, &spec.file, &spec.group, &spec.name, labels);
        let episode = episode_id(alert, state.active_at_ms);
        let source = state.source.clone().unwrap_or_else(|| labels.clone());
        let decision = Decision {
            alert_id: alert,
            episode_id: episode,
            decision_id: decision_id(episode, spec.version, s_ms, transition, 0),
            file: spec.file.clone(),
            group: spec.group.clone(),
            alert: spec.name.clone(),
            step_ms: s_ms,
            transition,
            labels: labels.clone(),
            annotations: self.text.annotations(&source, &state.value, s_ms, self.asked),
            value: state.value.float(),
            active_at_ms: state.active_at_ms,
            fired_at_ms: state.fired_at_ms,
            revision: 0,
            correction: None,
        };
        match &spec.late {
            Some(late) if !late.decides => {}
            Some(late) => self.effects.output.audited.push(audited(decision, spec, late)),
            None => self.effects.output.decisions.push(decision),
        }
    }

    /// One good step of one alert; `value` is the element's, if it is present.
    fn step(&mut self, labels: &Labels, state: &mut AlertState, s_ms: i64, value: Option<Value>) {
        match value {
            Some(v) => {
                state.value = v;
                state.keep_since_ms = None;
                if state.phase == Phase::Inactive {
                    state.phase = Phase::Pending;
                    state.active_at_ms = s_ms;
                    state.fired_at_ms = None;
                    state.untold = true;
                }
                if std::mem::take(&mut state.untold) && self.spec.for_ms > 0 {
                    self.emit(labels, state, s_ms, Transition::Pending);
                }
            }
            None => match state.phase {
                Phase::Inactive => return,
                Phase::Pending => {
                    self.drop_one(labels, state, s_ms);
                    return;
                }
                Phase::Firing => {
                    let since = *state.keep_since_ms.get_or_insert(s_ms);
                    if self.spec.keep_firing_for_ms == 0 || s_ms - since >= self.spec.keep_firing_for_ms {
                        self.emit(labels, state, s_ms, Transition::Resolved);
                        state.phase = Phase::Inactive;
                        state.keep_since_ms = None;
                        return;
                    }
                }
            },
        }
        let held = s_ms - state.active_at_ms >= self.spec.for_ms;
        if state.phase == Phase::Pending && held {
            state.phase = Phase::Firing;
            state.fired_at_ms = Some(s_ms);
            self.emit(labels, state, s_ms, Transition::Firing);
        } else if state.phase == Phase::Firing && !held {
            // `for` was raised by a new version of the rule.
            state.phase = Phase::Pending;
            state.fired_at_ms = None;
            state.keep_since_ms = None;
        }
    }

    /// Ends an alert that is not resolved; if nobody was told of it, nobody is told of its end.
    fn drop_one(&mut self, labels: &Labels, state: &mut AlertState, s_ms: i64) {
        if !std::mem::take(&mut state.untold) {
            self.emit(labels, state, s_ms, Transition::Dropped);
        }
        state.phase = Phase::Inactive;
        state.keep_since_ms = None;
    }

    /// Writes `ALERTS` and `ALERTS_FOR_STATE` after a good step.
    fn record(&mut self, labels: &Labels, state: &mut AlertState, t_ms: i64) {
        if !self.effects.is_wanted() {
            state.series.take().iter_mut().for_each(|series| series.withdraw(self.effects));
            return;
        }
        let active = match state.phase {
            Phase::Inactive if state.series.is_none() => return,
            Phase::Inactive => None,
            Phase::Pending => Some(false),
            Phase::Firing => Some(true),
        };
        let new = || Box::new(AlertSeries::new(self.spec, labels, self.shared));
        let series = state.series.get_or_insert_with(new);
        series.write(self.store, self.effects, t_ms, (active, state.active_at_ms));
        self.shared.see(self.spec, labels, t_ms, active);
    }
}

/// A decision of a rule that is evaluated twice.
fn audited(decision: Decision, spec: &AlertSpec, late: &LateSpec) -> Audited {
    let instant = |s_ms: i64| s_ms.saturating_sub(spec.query_offset_ms);
    Audited {
        rule: Twice { rule_id: late.rule_id, version: spec.version, within_ms: late.within_ms },
        again: late.again,
        amends: late.amends,
        ready_ms: late.first.runs_ms(instant(decision.step_ms)),
        began_ms: late.first.runs_ms(instant(decision.active_at_ms)),
        settles_ms: late.second.runs_ms(instant(decision.step_ms)),
        decision,
    }
}

fn spec_of<'a>(view: &View<'a>, n: NodeIdx) -> Option<&'a AlertSpec> {
    match &view.node(n).op {
        Op::Alert(spec) => Some(spec),
        _ => None,
    }
}

impl Alert {
    fn facts(&self, view: &View<'_>, n: NodeIdx, spec: &AlertSpec, effects: &mut Effects<'_>) -> StepFacts {
        let steps = view.steps(n);
        let (failed, message) = effects.board.union(view, n);
        let mut over_limit = vec![0u64; failed.len()];
        let counts = effects.board.get(n).map_or(&[][..], |v| &v.counts);
        let mut most = 0;
        for (step, count) in counts.iter().enumerate() {
            if spec.limit > 0 && *count as usize > spec.limit && !has(&failed, step) {
                over_limit[step / 64] |= 1 << (step % 64);
                most = most.max(*count);
            }
        }
        // What failed at first is told; that it fails again is no news.
        if view.worker == 0 && !spec.is_again() {
            let rule = format!("{}/{}", spec.group, spec.name);
            let at = |bits: &[u64]| {
                let s = ones(bits).map(|i| steps.at(i) + spec.query_offset_ms);
                s.filter(|s| *s >= effects.times.from_ms && *s <= effects.times.to_ms).collect::<Vec<i64>>()
            };
            let limit = format!("exceeded limit of {} with {most} alerts", spec.limit);
            let found = [(at(&failed), message.map(|m| m.1).unwrap_or_default()), (at(&over_limit), limit)];
            for (steps_ms, message) in found.into_iter().filter(|f| !f.0.is_empty()) {
                let error = ExpressionError { rule: rule.clone(), tag: None, steps_ms, message };
                effects.output.errors.push(error);
            }
        }
        StepFacts { failed, over_limit }
    }

    fn gather(&mut self, cx: &Context<'_>, n: NodeIdx) -> Option<Vec<u64>> {
        let spec = spec_of(cx, n)?;
        self.reworded |= self.text.is_none();
        let text = self.text.get_or_insert_with(|| AlertText::new(spec, cx.program));
        let (dynamic, asked) = (text.labels_use_value(), Asked::by(cx, n, spec, cx.answers));
        Some(
            self.identities.gather(cx, n, dynamic, |labels, t, value| {
                text.identity(labels, value, t + spec.query_offset_ms, asked)
            }),
        )
    }
}

impl Alert {
    /// Holds the `ALERTS` series in one place from the first alert on that has a label of the state's name.
    fn share_series(&mut self, spec: &AlertSpec, effects: &mut Effects<'_>) {
        if !effects.is_wanted() {
            self.shared.withdraw(effects);
            return;
        }
        let Self { identities, states, shared, .. } = self;
        let labels = |id: usize| identities.get(id as u32).map(|x| &x.labels);
        let has_state = |id| labels(id).is_some_and(|l| !l.get(ALERTSTATE).is_empty());
        if !shared.is_on() && (0..identities.len()).any(has_state) {
            let series =
                states.iter_mut().enumerate().filter_map(|(id, s)| Some((labels(id)?, &mut **s.series.as_mut()?)));
            shared.take_over(spec, series);
        }
    }

    /// Counts alerts that fire without their element. Such a rule runs instant by instant: what it counts at one depends
    /// on the verdict about the one before.
    fn count_kept(&self, spec: &AlertSpec, steps: StepRange, counts: &mut [u32]) {
        if steps.count != 1 {
            return;
        }
        let s_ms = steps.at(0) + spec.query_offset_ms;
        for (id, state) in self.states.iter().enumerate() {
            let is_there = id < self.identities.block.rows() && !self.identities.block.row(id).is_absent();
            let since_ms = state.keep_since_ms.unwrap_or(s_ms);
            if state.phase == Phase::Firing && !is_there && s_ms - since_ms < spec.keep_firing_for_ms {
                counts[0] += 1;
            }
        }
    }
}

impl NodeState for Alert {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, _post: &mut Post<'_>) -> Option<VerdictPart> {
        let twice = self.gather(cx, n)?;
        let mut part = VerdictPart::failed(twice, || {
            "vector contains metrics with the same labelset after applying alert labels".to_owned()
        });
        if spec_of(cx, n)?.limit > 0 {
            part.counts = vec![0; cx.steps(n).count];
            for row in 0..self.identities.block.rows() {
                self.identities.block.row(row).points().for_each(|(step, _)| part.counts[step] += 1);
            }
            self.count_kept(spec_of(cx, n)?, cx.steps(n), &mut part.counts);
        }
        Some(part)
    }

    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, effects: &mut Effects<'_>) {
        let Some(spec) = spec_of(view, n) else { return };
        let facts = self.facts(view, n, spec, effects);
        let steps = view.steps(n);
        let first_s = if spec.producer.is_some() { effects.times.warm_from_ms } else { effects.times.from_ms };
        // A run that has only begun to hear from its senders does not know yet who is silent.
        let known_s = match spec.absence_ms {
            0 => i64::MIN,
            ms => effects.times.history_ms.saturating_add(ms),
        };
        let (first_s, to_s) = (first_s.max(known_s), effects.times.to_ms);
        // One that was active before samples were lost may still be so, as long as what it is seen by may be among them.
        let ends_s = match effects.times.lost {
            true => effects.times.history_ms.saturating_add(spec.reads_ms),
            false => i64::MIN,
        };
        self.states.resize(self.identities.len().max(self.states.len()), AlertState::default());
        self.share_series(spec, effects);
        let Self { identities, states, shared, text, reworded } = self;
        let Some(text) = text.as_ref() else { return };
        let is_good = |i: usize| {
            let s = steps.at(i) + spec.query_offset_ms;
            s >= first_s && s <= to_s && !has(&facts.failed, i)
        };
        let newest_ms = (0..steps.count).rev().find(|i| is_good(*i)).map(|i| steps.at(i) + spec.query_offset_ms);
        let is_new = std::mem::replace(reworded, *reworded && newest_ms.is_none());
        let asked = Asked::by(view, n, spec, effects.answers);
        let mut run = Run { view, n, spec, text, shared, store, effects, asked, told_ms: i64::MIN };
        for id in 0..identities.len() as u32 {
            let Some(identity) = identities.get(id) else { continue };
            let labels = identity.labels.clone();
            let state = &mut states[id as usize];
            let absent = id as usize >= identities.block.rows() || identities.block.row(id as usize).is_absent();
            if absent && state.phase == Phase::Inactive && state.series.is_none() {
                continue;
            }
            let shown = Shown::of(state, is_new);
            for i in (0..steps.count).filter(|i| is_good(*i)) {
                let (t, s) = (steps.at(i), steps.at(i) + spec.query_offset_ms);
                if has(&facts.over_limit, i) {
                    if state.phase != Phase::Inactive {
                        run.drop_one(&labels, state, s);
                    }
                    continue;
                }
                let value = if absent { None } else { identities.block.row(id as usize).value(i) };
                if value.is_none() && state.phase != Phase::Inactive && s < ends_s {
                    continue;
                }
                if value.is_some() {
                    state.source = Some(identities.source(view, run.n, id, i));
                }
                run.step(&labels, state, s, value);
                run.record(&labels, state, t);
            }
            run.update(&labels, state, shown, newest_ms);
            if let Some(series) = state.series.as_mut() {
                series.prune(run.store, run.effects);
                if state.phase == Phase::Inactive && series.is_idle() && !run.shared.holds(spec, &labels) {
                    state.series = None;
                }
            }
        }
        shared.write(store, effects);
        let keep = |id: u32| states[id as usize].phase != Phase::Inactive || states[id as usize].series.is_some();
        for id in identities.sweep(keep) {
            states[id as usize] = AlertState::default();
        }
        states.truncate(identities.len());
    }

    fn keep(&self, view: &View<'_>, n: NodeIdx, store: &SeriesStore) -> Vec<(u16, Kept)> {
        let Some(spec) = spec_of(view, n) else { return Vec::new() };
        let mut all = Vec::new();
        for (id, state) in self.states.iter().enumerate() {
            let Some(identity) = self.identities.get(id as u32) else { continue };
            if state.phase == Phase::Inactive && state.series.is_none() {
                continue;
            }
            let shard = view.shard(&view.node(n).placement, &identity.labels) as u16;
            let series = state.series.as_ref().map(|s| Box::new(s.keep(spec, &identity.labels, &self.shared, store)));
            all.push((shard, Kept::Alert(KeptAlert::pack(spec.rule_id, &identity.labels, state, series))));
        }
        all
    }

    fn restore(&mut self, view: &View<'_>, n: NodeIdx, kept: &Kept, hands: &mut Hands<'_, '_>) {
        let (Some(spec), Kept::Alert(kept)) = (spec_of(view, n), kept) else { return };
        let id = self.identities.ensure(kept.labels.clone()) as usize;
        self.states.resize(self.identities.len().max(self.states.len()), AlertState::default());
        // What a warm start put here goes where the rule's own state comes in.
        self.states[id].series.take().iter_mut().for_each(|series| series.withdraw(hands.effects));
        self.states[id] = kept.unpack();
        self.share_series(spec, hands.effects);
        if let Some(series) = kept.series.as_deref().filter(|_| hands.effects.is_wanted()) {
            let mut all = AlertSeries::new(spec, &kept.labels, &self.shared);
            all.restore(spec, &kept.labels, (&mut self.shared, series), hands.store, hands.effects);
            self.states[id].series = Some(Box::new(all));
        }
    }

    fn knows(&self, kept: &Kept) -> bool {
        let id = kept.labels().and_then(|labels| self.identities.find(labels));
        id.is_some_and(|id| self.states.get(id as usize).is_some_and(|s| s.phase != Phase::Inactive))
    }

    fn slots(&self) -> Vec<Slot> {
        self.states.iter().flat_map(|s| &s.series).flat_map(|s| s.slots()).chain(self.shared.slots()).collect()
    }
}

/// The end of an alert whose rule was removed: it is dropped, not resolved.
pub fn dropped(program: &Program, spec: &AlertSpec, kept: &KeptAlert, s_ms: i64) -> Option<Decision> {
    if spec.is_again() {
        return None;
    }
    let (active_at_ms, fired_at_ms, value) = kept.active()?;
    let alert = alert_id(&program.tenant, &spec.file, &spec.group, &spec.name, &kept.labels);
    let episode = episode_id(alert, active_at_ms);
    Some(Decision {
        alert_id: alert,
        episode_id: episode,
        decision_id: decision_id(episode, spec.version, s_ms, Transition::Dropped, 0),
        file: spec.file.clone(),
        group: spec.group.clone(),
        alert: spec.name.clone(),
        step_ms: s_ms,
        transition: Transition::Dropped,
        labels: kept.labels.clone(),
        annotations: AlertText::new(spec, program).annotations(kept.source(), &value, s_ms, Asked::default()),
        value: value.float(),
        active_at_ms,
        fired_at_ms,
        revision: 0,
        correction: None,
    })
}
