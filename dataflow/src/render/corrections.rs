//! What late samples change: the decisions of a rule's second evaluation beside those of its first.
//!
//! # Semantics
//! A rule may be evaluated twice at each step: at once, and again once samples that came late are in. What both decide is
//! settled. What only one does, or both otherwise, becomes a correction: a decision of revision 1. First decisions stand as
//! they are, in the order in which they fell; nothing is ever taken back from a ledger.
//!
//! A rule that comes into force during a run is compared from `within` later on, and only in episodes that began after it
//! came: before that its two evaluations began with different pasts.
//!
//! # Time
//! A first decision waits until the watermark at which its step is evaluated again.
//!
//! # State
//! First decisions that wait, and since when each rule is in force. Kept over restarts, with the state of worker 0.

use bellwether_model::decision::{Correction, CorrectionKind, decision_id};
use bellwether_model::{Decision, Transition};
use bellwether_operators::evaluate::{Audited, KeptState, Twice, Unsettled};
use std::collections::BTreeMap;

/// By what the decisions of both evaluations find each other: alert, step, transition.
type Meets = (u128, i64, Transition);

/// Compares first and second evaluations.
#[derive(Debug)]
pub(super) struct Corrections {
    in_force: BTreeMap<Twice, i64>,
    /// By the watermark at which they are settled, ms.
    waiting: BTreeMap<i64, Vec<Audited>>,
    watermark_ms: i64,
}

impl Default for Corrections {
    fn default() -> Self {
        Self { in_force: BTreeMap::new(), waiting: BTreeMap::new(), watermark_ms: i64::MIN }
    }
}

impl Corrections {
    /// Goes on from kept state.
    pub fn restore(kept: &[KeptState]) -> Self {
        let mut me = Self::default();
        for Unsettled { in_force, decisions, watermark_ms } in kept.iter().map(|k| &k.unsettled) {
            me.in_force.extend(in_force.iter().copied());
            me.watermark_ms = me.watermark_ms.max(*watermark_ms);
            decisions.iter().for_each(|first| me.wait_for(first.clone()));
        }
        me
    }

    /// What a checkpoint keeps.
    pub fn keep(&self) -> Unsettled {
        Unsettled {
            in_force: self.in_force.iter().map(|(rule, since_ms)| (*rule, *since_ms)).collect(),
            decisions: self.waiting.values().flatten().cloned().collect(),
            watermark_ms: self.watermark_ms,
        }
    }

    /// The rules that are evaluated twice from the next epoch on.
    pub fn program(&mut self, rules: Vec<Twice>) {
        let since = |rule: &Twice| self.in_force.get(rule).copied().unwrap_or(self.watermark_ms);
        self.in_force = rules.into_iter().map(|rule| (rule, since(&rule))).collect();
        let in_force = &self.in_force;
        self.waiting.retain(|_, list| {
            list.retain(|first| in_force.contains_key(&first.rule));
            !list.is_empty()
        });
    }

    fn wait_for(&mut self, first: Audited) {
        self.waiting.entry(first.settles_ms).or_default().push(first);
    }

    /// Whether a decision is compared at all.
    fn counts(&self, one: &Audited) -> bool {
        self.in_force.get(&one.rule).is_some_and(|since_ms| {
            one.began_ms > *since_ms && one.ready_ms > since_ms.saturating_add(one.rule.within_ms)
        })
    }

    /// Takes what the rules decided in an epoch; gives first decisions and corrections, in no particular order.
    pub fn epoch(&mut self, watermark_ms: i64, audited: Vec<Audited>) -> Vec<Decision> {
        self.watermark_ms = self.watermark_ms.max(watermark_ms);
        let (mut out, mut again) = (Vec::new(), BTreeMap::<Meets, Audited>::new());
        for one in audited {
            match one.again {
                true if self.counts(&one) => {
                    again.insert(meets(&one), one);
                }
                true => {}
                false => {
                    out.push(one.decision.clone());
                    if self.counts(&one) {
                        self.wait_for(one);
                    }
                }
            }
        }
        while let Some(next) = self.waiting.first_entry().filter(|next| *next.key() <= self.watermark_ms) {
            for first in next.remove() {
                match again.remove(&meets(&first)) {
                    Some(second) => out.extend(changed(&first, second)),
                    None => out.push(corrected(first.clone(), CorrectionKind::Withdrawn, Some(&first), false)),
                }
            }
        }
        let ends = self.ends(again.values());
        for second in again.into_values() {
            let told = second.amends && !is_over(&second, &ends);
            out.push(corrected(second, CorrectionKind::Missed, None, told));
        }
        out
    }

    /// By alert, the last end that was decided and waits; nothing where nobody is to hear of an alert.
    fn ends<'a>(&self, mut missed: impl Iterator<Item = &'a Audited>) -> BTreeMap<u128, i64> {
        let mut ends = BTreeMap::new();
        if missed.any(|second| second.amends && second.decision.transition == Transition::Firing) {
            // In order of time, so the last one stays.
            let first = self.waiting.values().flatten().map(|first| &first.decision);
            let over = first.filter(|d| matches!(d.transition, Transition::Resolved | Transition::Dropped));
            ends.extend(over.map(|d| (d.alert_id, d.step_ms)));
        }
        ends
    }
}

/// Whether the alert's end was decided since, so that nobody needs to hear that it had fired.
fn is_over(second: &Audited, ends: &BTreeMap<u128, i64>) -> bool {
    let Decision { alert_id, step_ms, .. } = second.decision;
    second.decision.transition == Transition::Firing && ends.get(&alert_id).is_some_and(|end_ms| *end_ms >= step_ms)
}

fn meets(one: &Audited) -> Meets {
    (one.decision.alert_id, one.decision.step_ms, one.decision.transition)
}

/// The correction of a decision that both made, if they differ.
fn changed(first: &Audited, second: Audited) -> Option<Decision> {
    let same = |a: &Decision, b: &Decision| {
        a.decision_id == b.decision_id && a.value.to_bits() == b.value.to_bits() && a.annotations == b.annotations
    };
    (!same(&first.decision, &second.decision)).then(|| {
        let told = second.amends;
        corrected(second, CorrectionKind::Changed, Some(first), told)
    })
}

fn corrected(one: Audited, kind: CorrectionKind, first: Option<&Audited>, told: bool) -> Decision {
    let Audited { mut decision, rule, .. } = one;
    decision.revision = 1;
    let Decision { episode_id, step_ms, transition, .. } = decision;
    decision.decision_id = decision_id(episode_id, rule.version, step_ms, transition, decision.revision);
    let supersedes = first.map(|first| first.decision.decision_id);
    decision.correction = Some(Correction { kind, supersedes, told });
    decision
}
