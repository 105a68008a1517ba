//! The alerts in force: what the decisions so far add up to.
//!
//! # Semantics
//! By alert id, the newest decision, with the value and the annotations of the newest evaluation. A resolved alert stays for 15 minutes, so that its receivers hear of it for as long
//! as Prometheus would tell them; a dropped one goes at once.

use bellwether_model::decision::{Correction, CorrectionKind};
use bellwether_model::{Decision, Transition};
use bellwether_operators::evaluate::AlertUpdate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a resolved alert stays, ms (Prometheus `resolvedRetention`).
pub const RESOLVED_MS: i64 = 15 * 60 * 1000;

/// An alert in force, or resolved lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Active {
    /// The newest decision about it; value and annotations are as of its newest evaluation.
    pub decision: Decision,
    /// Whether it ever fired in this episode.
    pub fired: bool,
}

impl Active {
    /// When it resolved, ms.
    pub fn resolved_at_ms(&self) -> Option<i64> {
        (self.decision.transition == Transition::Resolved).then_some(self.decision.step_ms)
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    first: BTreeMap<u128, Active>,
    /// What only corrections say, of rules whose decisions are amended: alerts that would have fired had late samples come in
    /// time, and those of them that are over.
    amended: BTreeMap<u128, Active>,
}

impl Book {
    /// Takes a decision; they come in order.
    pub fn apply(&mut self, decision: &Decision) {
        match decision.correction {
            Some(correction) => self.amend(decision, correction),
            None => self.decide(decision),
        }
    }

    fn decide(&mut self, decision: &Decision) {
        let fired = matches!(decision.transition, Transition::Firing | Transition::Resolved);
        match decision.transition {
            Transition::Dropped => {
                self.first.remove(&decision.alert_id);
            }
            Transition::Pending | Transition::Firing | Transition::Resolved => {
                self.first.insert(decision.alert_id, Active { decision: decision.clone(), fired });
            }
        }
        match decision.transition {
            Transition::Pending => {}
            // From here on it is as with any other alert.
            Transition::Firing => {
                self.amended.remove(&decision.alert_id);
            }
            Transition::Resolved | Transition::Dropped => self.end(decision),
        }
    }

    /// A correction may tell of an alert, and of the end of one that it told of. It never silences one that fires.
    fn amend(&mut self, decision: &Decision, Correction { kind, told, .. }: Correction) {
        if kind != CorrectionKind::Missed || !told {
            return;
        }
        match decision.transition {
            Transition::Pending => {}
            Transition::Firing => {
                self.amended.insert(decision.alert_id, Active { decision: decision.clone(), fired: true });
            }
            Transition::Resolved | Transition::Dropped => self.end(decision),
        }
    }

    /// Ends what only a correction had told of.
    fn end(&mut self, decision: &Decision) {
        if let Some(active) = self.amended.get_mut(&decision.alert_id)
            && active.decision.transition == Transition::Firing
            && active.decision.step_ms <= decision.step_ms
        {
            (active.decision.transition, active.decision.step_ms) = (Transition::Resolved, decision.step_ms);
        }
    }

    /// Takes what an alert says now; it comes behind the decisions of its epoch.
    pub fn update(&mut self, update: AlertUpdate) {
        let AlertUpdate { alert_id, episode_id, step_ms, value, annotations } = update;
        let Some(Active { decision, .. }) = self.first.get_mut(&alert_id) else { return };
        let is_active = matches!(decision.transition, Transition::Pending | Transition::Firing);
        if is_active && decision.episode_id == episode_id && decision.step_ms < step_ms {
            (decision.value, decision.annotations) = (value, annotations);
        }
    }

    /// Forgets the alerts of rules that are left out.
    pub(super) fn leave_out(&mut self, is_out: impl Fn(&str, &str) -> bool) {
        let stays = |a: &Active| !is_out(&a.decision.group, &a.decision.alert);
        self.first.retain(|_, a| stays(a));
        self.amended.retain(|_, a| stays(a));
    }

    /// Forgets alerts that resolved long before a step.
    pub fn forget(&mut self, now_ms: i64) {
        let stays = |a: &Active| a.resolved_at_ms().is_none_or(|at| at >= now_ms.saturating_sub(RESOLVED_MS));
        self.first.retain(|_, a| stays(a));
        self.amended.retain(|_, a| stays(a));
    }

    /// Each alert once, in order of ids of either kind.
    pub fn iter(&self) -> impl Iterator<Item = &Active> + '_ {
        let first = self.first.values().map(|active| self.shown(active));
        let amended = self.amended.iter().filter(|(id, _)| !self.first.contains_key(id));
        first.chain(amended.map(|(_, active)| active))
    }

    /// An alert as it is in force: firing wherever anything says so.
    fn shown<'a>(&'a self, first: &'a Active) -> &'a Active {
        let Some(amended) = self.amended.get(&first.decision.alert_id) else { return first };
        let newer = amended.decision.step_ms >= first.decision.step_ms;
        match (first.decision.transition, amended.decision.transition) {
            (Transition::Firing, _) => first,
            (_, Transition::Firing) => amended,
            (Transition::Resolved, _) if newer => amended,
            _ => first,
        }
    }

    /// Alerts, resolved ones included.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.amended.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(step_ms: i64, transition: Transition) -> Decision {
        crate::live::tests::decision(1, 2, step_ms, transition)
    }

    fn missed(step_ms: i64, transition: Transition, told: bool) -> Decision {
        let correction = Some(Correction { kind: CorrectionKind::Missed, supersedes: None, told });
        Decision { revision: 1, correction, ..decision(step_ms, transition) }
    }

    fn shown(book: &Book) -> Vec<(i64, Transition)> {
        book.iter().map(|a| (a.decision.step_ms, a.decision.transition)).collect()
    }

    #[test]
    fn a_missed_alert_is_in_force_until_it_is_over() {
        let mut book = Book::default();
        book.apply(&missed(10, Transition::Firing, false));
        assert_eq!(shown(&book), [], "audited only");
        book.apply(&missed(10, Transition::Firing, true));
        assert_eq!(shown(&book), [(10, Transition::Firing)]);
        book.apply(&decision(15, Transition::Pending));
        assert_eq!(shown(&book), [(10, Transition::Firing)], "it pends only because its hold duration began too late");
        book.apply(&decision(20, Transition::Dropped));
        assert_eq!(shown(&book), [(20, Transition::Resolved)], "what was told is told to be over");
        book.apply(&missed(20, Transition::Resolved, true));
        assert_eq!(shown(&book), [(20, Transition::Resolved)]);
        book.forget(20 + RESOLVED_MS + 1);
        assert!(book.is_empty());
        book.apply(&missed(20, Transition::Resolved, true));
        assert!(book.is_empty(), "an end without a beginning");
    }

    #[test]
    fn no_correction_silences_an_alert_that_fires() {
        let mut book = Book::default();
        book.apply(&decision(10, Transition::Firing));
        let withdrawn = Correction { kind: CorrectionKind::Withdrawn, supersedes: Some(0), told: true };
        book.apply(&Decision { revision: 1, correction: Some(withdrawn), ..decision(10, Transition::Firing) });
        book.apply(&missed(11, Transition::Resolved, true));
        assert_eq!(shown(&book), [(10, Transition::Firing)]);
        book.apply(&missed(12, Transition::Firing, true));
        book.apply(&decision(13, Transition::Resolved));
        assert_eq!(shown(&book), [(13, Transition::Resolved)]);
    }
}
