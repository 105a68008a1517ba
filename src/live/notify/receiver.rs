//! One receiver: alerts in force in, those that it has to hear of now out.
//!
//! # Semantics (Prometheus rules/alerting.go)
//! A firing alert is told when it is new and then each resend delay; a resolved one likewise, if its episode was told of, and
//! repeated for less than 15 minutes, also while the book stands still.
//!
//! # State
//! By alert, the episode that was told last, when, and whether as resolved: as long as the book holds the alert, and half an hour.

use crate::live::book::{Active, RESOLVED_MS};
use bellwether_model::{Decision, Transition};
use std::collections::{BTreeMap, BTreeSet};

/// What one receiver was told of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub at_ms: i64,
    pub episode: u128,
    pub resolved: bool,
}

/// Decides what one receiver has to hear.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    told: BTreeMap<u128, Told>,
}

impl Receiver {
    /// One that a process before this one told something.
    pub fn new(told: BTreeMap<u128, Told>) -> Self {
        Self { told }
    }

    /// Alerts to be told now, by id.
    pub fn due<'a>(&self, book: impl Iterator<Item = &'a Active>, now_ms: i64, resend_ms: i64) -> Vec<&'a Decision> {
        let is_due = |active: &&Active| {
            let d = &active.decision;
            let told = self.told.get(&d.alert_id).filter(|t| t.episode == d.episode_id);
            let again = |told: &Told| told.at_ms.saturating_add(resend_ms) <= now_ms;
            match d.transition {
                Transition::Pending | Transition::Dropped => false,
                Transition::Firing => told.is_none_or(again),
                // What it never heard of needs no end.
                Transition::Resolved => {
                    let lately = now_ms < d.step_ms.saturating_add(RESOLVED_MS);
                    told.is_some_and(|told| !told.resolved || (lately && again(told)))
                }
            }
        };
        book.filter(is_due).map(|active| &active.decision).collect()
    }

    /// It was told; what that is, by id.
    pub fn tell(&mut self, decisions: &[Decision], now_ms: i64) -> Vec<(u128, Told)> {
        let told = |d: &Decision| {
            let resolved = d.transition == Transition::Resolved;
            (d.alert_id, Told { at_ms: now_ms, episode: d.episode_id, resolved })
        };
        let all: Vec<_> = decisions.iter().map(told).collect();
        self.told.extend(all.iter().copied());
        all
    }

    /// Forgets alerts that are not in the book and were told of long ago; their ids. A process that has just begun may not
    /// have read its book to the end.
    pub fn forget<'a>(&mut self, book: impl Iterator<Item = &'a Active>, now_ms: i64) -> Vec<u128> {
        let known: BTreeSet<u128> = book.map(|active| active.decision.alert_id).collect();
        let is_old = |told: &Told| told.at_ms < now_ms.saturating_sub(2 * RESOLVED_MS);
        let old = self.told.iter().filter(|(id, told)| is_old(told) && !known.contains(id));
        let gone: Vec<u128> = old.map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| {
            self.told.remove(id);
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::live::Book;
    use crate::live::tests::decision;

    fn due(receiver: &mut Receiver, book: &Book, now_ms: i64) -> Vec<Transition> {
        let due: Vec<Decision> = receiver.due(book.iter(), now_ms, 60_000).into_iter().cloned().collect();
        receiver.tell(&due, now_ms);
        due.iter().map(|d| d.transition).collect()
    }

    #[test]
    fn a_firing_alert_is_repeated_and_its_end_told_until_nobody_needs_it() {
        let (mut book, mut receiver) = (Book::default(), Receiver::default());
        book.apply(&decision(1, 1, 0, Transition::Pending));
        assert_eq!(due(&mut receiver, &book, 0), []);
        book.apply(&decision(1, 1, 10, Transition::Firing));
        assert_eq!(due(&mut receiver, &book, 10), [Transition::Firing]);
        assert_eq!(due(&mut receiver, &book, 60_009), []);
        assert_eq!(due(&mut receiver, &book, 60_010), [Transition::Firing]);
        book.apply(&decision(1, 1, 60_020, Transition::Resolved));
        assert_eq!(due(&mut receiver, &book, 60_021), [Transition::Resolved]);
        assert_eq!(due(&mut receiver, &book, 60_022), []);
        assert_eq!(due(&mut receiver, &book, 120_021), [Transition::Resolved]);
        assert_eq!(due(&mut receiver, &book, 60_020 + RESOLVED_MS), []);
        book.forget(60_020 + RESOLVED_MS + 1);
        assert_eq!(due(&mut receiver, &book, 60_020 + RESOLVED_MS + 1), []);
        assert_eq!(receiver.forget(book.iter(), 120_021 + 2 * RESOLVED_MS), []);
        assert_eq!(receiver.forget(book.iter(), 120_022 + 2 * RESOLVED_MS), [1]);
    }

    #[test]
    fn an_episode_that_nobody_heard_of_has_no_end() {
        let (mut book, mut receiver) = (Book::default(), Receiver::default());
        book.apply(&decision(1, 1, 10, Transition::Firing));
        book.apply(&decision(1, 1, 20, Transition::Resolved));
        assert_eq!(due(&mut receiver, &book, 30), []);
        // Unless a process before this one told of it.
        let told = Told { at_ms: 11, episode: 1, resolved: false };
        let mut later = Receiver::new([(1, told)].into());
        assert_eq!(due(&mut later, &book, 30), [Transition::Resolved]);
        // The next episode of the same alert is another one.
        book.apply(&decision(1, 2, 40, Transition::Firing));
        assert_eq!(due(&mut receiver, &book, 40), [Transition::Firing]);
        book.apply(&decision(1, 3, 50, Transition::Firing));
        assert_eq!(due(&mut receiver, &book, 50), [Transition::Firing]);
    }
}
