//! Bindings of a live run: minted from reports of what the log holds, made durable by the caller before they are fed.
//!
//! # Semantics
//! * The watermark comes from the time of appending, never from event stamps: no sender can push or hold it, and nobody
//!   has to be declared idle. `W = A - L - 1 ms`, where A is the wall clock if the reader stands at the end of the log, else
//!   the newest append time that is bound.
//! * The lateness L is fixed, or follows the delays seen ([`Delays`]); bindings have the watermark that it made, so nothing behind
//!   them asks for it. Where it grows the watermark waits.
//! * An epoch is cut when there is something new or a step is ready, no sooner than [`LiveSpec::min_epoch_ms`] after
//!   the last one and no later than [`LiveSpec::max_epoch_ms`].
//! * Nothing is evaluated before the first sample.
//! * **After a gap of our own** (down, or refusing, for longer than the lateness) the watermark holds until each source of
//!   the hour before has delivered a stamp of the restart or newer, or for [`LiveSpec::catch_up_hold_ms`]: senders first
//!   re-send what we missed. Then the missed steps run. Without this every restart would resolve every alert.
//! * Time only goes on: a wall clock that falls back stands still here until it is where it was.
//!
//! # State
//! The last binding and the sources seen; both are in the bindings, so a restart has them again ([`LiveClock::resume`]).
//!
//! # Limits
//! One partition: the embedded log.

use super::{AutoLateness, Delays, EpochTimes, Pairs, Watermark};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A source counts as alive for a hold if it was heard of this long before the gap, ms.
const HEARD_MS: i64 = 3_600_000;

/// How a live run cuts its epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSpec {
    /// How late samples may be, ms.
    pub lateness_ms: i64,
    /// Whether that is where it begins only, and follows the delays seen.
    pub auto: Option<AutoLateness>,
    /// Least distance of two epochs, ms.
    pub min_epoch_ms: i64,
    /// Greatest distance of two epochs, ms.
    pub max_epoch_ms: i64,
    /// How long the watermark waits for senders after a gap of our own, ms.
    pub catch_up_hold_ms: i64,
}

impl Default for LiveSpec {
    fn default() -> Self {
        Self { lateness_ms: 10_000, auto: None, min_epoch_ms: 100, max_epoch_ms: 10_000, catch_up_hold_ms: 120_000 }
    }
}

/// What is known of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Newest stamp, ms.
    pub newest_ms: i64,
    /// When its last request came, ms.
    pub arrived_ms: i64,
}

/// The time of one epoch as it is written to the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The epoch.
    pub epoch: u64,
    /// Who minted it.
    pub generation: u64,
    /// Wall clock, ms; the last step that may be evaluated.
    pub wall_ms: i64,
    /// Watermark, ms.
    pub watermark_ms: i64,
    /// First step of the run, ms; `None` before the first sample.
    pub from_ms: Option<i64>,
    /// Whether the watermark is held because of a gap of our own.
    pub held: bool,
    /// Version of the rules in force.
    pub rules: u128,
    /// What rules that begin with this epoch had kept by then, by its hash; `None` where they begin with nothing.
    pub warm: Option<u128>,
    /// Sources heard of since the epoch before, by a hash of their names.
    pub heard: Vec<(u64, Heard)>,
    /// Which of two senders of the same samples counts; `None` where all of them do.
    pub pairs: Option<Pairs>,
    /// How many floats and histograms, the last ones of the binding's frame, are what deltas add up to.
    pub added_up: (u32, u32),
    /// Samples before the first step were lost with the machine that had them; what is kept goes further back.
    pub lost: bool,
}

impl Bound {
    /// As the dataflow reads it; `warm_up_ms` is how far before the first step warm grids begin.
    pub fn times(&self, warm_up_ms: i64) -> EpochTimes {
        let from_ms = self.from_ms.unwrap_or(i64::MAX);
        EpochTimes {
            epoch: self.epoch,
            watermark_ms: self.watermark_ms,
            // Nothing warms up over what is lost: kept state would take it for true.
            warm_from_ms: if self.lost { from_ms } else { from_ms.saturating_sub(warm_up_ms) },
            from_ms,
            to_ms: self.wall_ms,
            history_ms: from_ms,
            lost: self.lost,
        }
    }
}

/// A wait for senders after a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hold {
    /// It ends here at the latest, ms.
    until_ms: i64,
    /// Every source must have delivered a stamp that new, ms.
    stamp_ms: i64,
    /// Who has not.
    missing: BTreeSet<u64>,
}

/// Mints bindings.
#[derive(Clone, Debug)]
pub struct LiveClock {
    spec: LiveSpec,
    generation: u64,
    rules: u128,
    warm: Option<u128>,
    next_epoch: u64,
    wall_ms: i64,
    watermark: Watermark,
    from_ms: Option<i64>,
    lost: bool,
    sources: BTreeMap<u64, Heard>,
    news: BTreeMap<u64, Heard>,
    hold: Option<Hold>,
    delays: Option<Delays>,
    /// The watermark at which the next step is ready, ms.
    due_ms: i64,
}

impl LiveClock {
    /// The clock of a generation that has no predecessor.
    pub fn new(spec: LiveSpec, generation: u64, rules: u128) -> Self {
        Self {
            spec,
            generation,
            rules,
            warm: None,
            next_epoch: 1,
            wall_ms: i64::MIN,
            watermark: Watermark::default(),
            from_ms: None,
            lost: false,
            sources: BTreeMap::new(),
            news: BTreeMap::new(),
            hold: None,
            delays: spec.auto.map(|bounds| Delays::new(bounds, spec.lateness_ms)),
            due_ms: i64::MAX,
        }
    }

    /// Takes over a binding that is durable already: in order, all that are known, before the first is minted.
    pub fn resume(&mut self, bound: &Bound) {
        self.next_epoch = bound.epoch + 1;
        self.wall_ms = self.wall_ms.max(bound.wall_ms);
        self.watermark.raise(bound.watermark_ms);
        self.from_ms = self.from_ms.or(bound.from_ms);
        self.lost |= bound.lost;
        if let Some(delays) = self.delays.as_mut().filter(|_| !bound.held) {
            delays.resume(bound.wall_ms.saturating_sub(bound.watermark_ms).saturating_sub(1));
        }
        for (source, heard) in &bound.heard {
            self.sources.insert(*source, *heard);
        }
    }

    /// Samples were acknowledged a while ago and nothing has been bound yet, by a crash in between: the first step is where
    /// they came, which their newest stamp says, and at most as long ago as a source counts as alive.
    pub fn begin_with(&mut self, newest_ms: i64, now_ms: i64) {
        self.from_ms.get_or_insert(newest_ms.clamp(now_ms.saturating_sub(HEARD_MS), now_ms));
    }

    /// Takes over what a checkpoint knows of sources.
    pub fn resume_sources(&mut self, sources: impl IntoIterator<Item = (u64, Heard)>) {
        self.sources.extend(sources);
    }

    /// Every source that was heard of lately.
    pub fn sources(&self) -> impl Iterator<Item = (u64, Heard)> + '_ {
        self.sources.iter().map(|(source, heard)| (*source, *heard))
    }

    /// The rules in force from the next epoch on, and what they begin with.
    pub fn set_rules(&mut self, rules: u128, warm: Option<u128>) {
        (self.rules, self.warm) = (rules, warm);
    }

    /// The last epoch that is bound, 0 before the first.
    pub fn last_epoch(&self) -> u64 {
        self.next_epoch - 1
    }

    /// There was nobody to take samples from the last binding's wall clock until `since_ms`: the watermark waits, from
    /// now on, for those who have something to re-send. A gap that the lateness covers is none.
    pub fn gap(&mut self, since_ms: i64, now_ms: i64) {
        let Some(gap_ms) = self.from_ms.map(|_| since_ms.saturating_sub(self.wall_ms)) else { return };
        if gap_ms <= self.lateness_ms() {
            return;
        }
        // Who has sent something new since then has nothing older to send.
        let heard_ms = self.wall_ms.saturating_sub(HEARD_MS);
        let waited = self.sources.iter().filter(|(_, h)| h.arrived_ms >= heard_ms && h.newest_ms < since_ms);
        let missing = waited.map(|(source, _)| *source).collect();
        let until_ms = now_ms.saturating_add(self.spec.catch_up_hold_ms);
        self.hold = Some(Hold { until_ms, stamp_ms: since_ms, missing });
    }

    /// A source's request is in the log.
    pub fn heard(&mut self, source: u64, newest_ms: i64, now_ms: i64) {
        let known = self.sources.entry(source).or_insert(Heard { newest_ms, arrived_ms: now_ms });
        known.newest_ms = known.newest_ms.max(newest_ms);
        known.arrived_ms = known.arrived_ms.max(now_ms);
        let heard = *known;
        self.news.insert(source, heard);
        if let Some(hold) = &mut self.hold
            && heard.newest_ms >= hold.stamp_ms
        {
            hold.missing.remove(&source);
        }
    }

    /// How late samples may be now, ms.
    pub fn lateness_ms(&self) -> i64 {
        self.delays.as_ref().map_or(self.spec.lateness_ms, Delays::lateness_ms)
    }

    /// Where the lateness follows them: the delays seen.
    pub fn delays(&mut self) -> Option<&mut Delays> {
        self.delays.as_mut()
    }

    /// Cuts an epoch if it is time for one; who counts in it is for the caller to say. `has_rows`: samples are in the log that no
    /// binding covers. `append_ms`: the newest append time, where the reader does not stand at the end of the log. `due` says when
    /// a step is ready.
    pub fn mint(
        &mut self,
        now_ms: i64,
        has_rows: bool,
        append_ms: Option<i64>,
        due: impl Fn(i64) -> i64,
    ) -> Option<Bound> {
        let now_ms = now_ms.max(self.wall_ms);
        if self.from_ms.is_none() && !has_rows {
            return None;
        }
        if now_ms < self.wall_ms.saturating_add(self.spec.min_epoch_ms) {
            return None;
        }
        self.hold.take_if(|hold| now_ms >= hold.until_ms || hold.missing.is_empty());
        let watermark_ms = match &self.hold {
            Some(_) => self.watermark.ms(),
            None => self.watermark.ms().max(Watermark::behind(append_ms.unwrap_or(now_ms), self.lateness_ms())),
        };
        let is_due = watermark_ms >= self.due_ms.min(due(self.watermark.ms()));
        let is_late = now_ms >= self.wall_ms.saturating_add(self.spec.max_epoch_ms);
        if !(has_rows || is_due || is_late) {
            return None;
        }
        let from_ms = *self.from_ms.get_or_insert(now_ms);
        self.watermark.raise(watermark_ms);
        self.wall_ms = now_ms;
        self.due_ms = due(watermark_ms);
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        Some(Bound {
            epoch,
            generation: self.generation,
            wall_ms: now_ms,
            watermark_ms,
            from_ms: Some(from_ms),
            held: self.hold.is_some(),
            rules: self.rules,
            warm: self.warm.take(),
            heard: std::mem::take(&mut self.news).into_iter().collect(),
            pairs: None,
            added_up: (0, 0),
            lost: self.lost,
        })
    }

    /// When [`LiveClock::mint`] may have something to say even if no sample comes, ms.
    pub fn wake_ms(&self) -> i64 {
        if self.from_ms.is_none() {
            return i64::MAX;
        }
        let late = self.wall_ms.saturating_add(self.spec.max_epoch_ms);
        let due = self.due_ms.saturating_add(self.lateness_ms()).saturating_add(1);
        let step = self.hold.as_ref().map_or(due, |hold| hold.until_ms);
        late.min(step).max(self.soonest_ms())
    }

    /// No epoch is cut before, ms.
    pub fn soonest_ms(&self) -> i64 {
        self.wall_ms.saturating_add(self.spec.min_epoch_ms)
    }

    /// First step of the run, ms; `None` before the first sample.
    pub fn from_ms(&self) -> Option<i64> {
        self.from_ms
    }

    /// The watermark in force, ms.
    pub fn watermark_ms(&self) -> i64 {
        self.watermark.ms()
    }

    /// Sources that a hold waits for; `None` where none is.
    pub fn waits_for(&self) -> Option<usize> {
        self.hold.as_ref().map(|hold| hold.missing.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_acknowledged_and_not_bound_says_where_steps_begin() {
        let first = |newest_ms| {
            let mut clock = clock();
            clock.begin_with(newest_ms, 9_000_000);
            clock.mint(9_000_000, true, None, DUE).unwrap().from_ms
        };
        assert_eq!([first(8_990_000), first(9_100_000), first(0)], [8_990_000, 9_000_000, 5_400_000].map(Some));
    }

    const DUE: fn(i64) -> i64 = |w: i64| w.div_euclid(15_000).saturating_add(1).saturating_mul(15_000);

    fn clock() -> LiveClock {
        LiveClock::new(LiveSpec::default(), 1, 7)
    }

    #[test]
    fn a_lateness_that_follows_delays_is_in_the_bindings_and_a_restart_goes_on_with_it() {
        let auto = Some(AutoLateness { least_ms: 1_000, most_ms: 60_000 });
        let spec = LiveSpec { auto, ..LiveSpec::default() };
        let mut c = LiveClock::new(spec, 1, 7);
        assert_eq!(c.mint(1_000_000, true, None, DUE).unwrap().watermark_ms, 989_999, "at first as it is given");
        for s in 1_000..1_061 {
            c.delays().unwrap().seen(s * 1_000, [s * 1_000 - 19_000]);
        }
        // 19 s, a quarter and half a second, rounded up: the watermark waits where it is.
        assert_eq!(c.lateness_ms(), 27_000);
        assert_eq!(c.mint(1_010_000, true, None, DUE).unwrap().watermark_ms, 989_999);
        let bound = c.mint(1_061_000, true, None, DUE).unwrap();
        assert_eq!(bound.watermark_ms, 1_033_999);
        let mut later = LiveClock::new(spec, 2, 7);
        later.resume(&bound);
        assert_eq!(later.lateness_ms(), 27_000);
        assert!(clock().delays().is_none());
    }

    #[test]
    fn nothing_is_cut_before_the_first_sample() {
        let mut c = clock();
        assert_eq!((c.mint(1_000_000, false, None, DUE), c.wake_ms()), (None, i64::MAX));
        let first = c.mint(1_000_000, true, None, DUE).unwrap();
        assert_eq!((first.epoch, first.from_ms, first.watermark_ms), (1, Some(1_000_000), 989_999));
        assert_eq!(first.times(300_000).warm_from_ms, 700_000);
    }

    #[test]
    fn epochs_keep_their_distance_and_come_when_a_step_is_ready() {
        let mut c = clock();
        c.mint(1_000_000, true, None, DUE).unwrap();
        assert_eq!(c.mint(1_000_099, true, None, DUE), None);
        assert!(c.mint(1_000_100, true, None, DUE).is_some());
        assert_eq!(c.mint(1_000_300, false, None, DUE), None);
        // The watermark is at 990,099, so the next step is that at 1,005,000.
        assert_eq!(c.wake_ms(), 1_010_100);
        let mut c = clock();
        c.mint(1_013_000, true, None, DUE).unwrap();
        assert_eq!(c.wake_ms(), 1_005_000 + 10_001);
        let bound = c.mint(c.wake_ms(), false, None, DUE).unwrap();
        assert_eq!((bound.watermark_ms, bound.wall_ms), (1_005_000, 1_015_001));
    }

    #[test]
    fn silence_is_cut_too() {
        let mut c = clock();
        c.mint(1_000_000, true, None, |_| i64::MAX).unwrap();
        assert_eq!((c.mint(1_009_999, false, None, |_| i64::MAX), c.wake_ms()), (None, 1_010_000));
        assert_eq!(c.mint(1_010_000, false, None, |_| i64::MAX).map(|b| b.watermark_ms), Some(999_999));
    }

    #[test]
    fn a_reader_behind_the_end_of_the_log_does_not_run_ahead() {
        let mut c = clock();
        assert_eq!(c.mint(1_000_000, true, Some(900_000), DUE).map(|b| b.watermark_ms), Some(889_999));
    }

    #[test]
    fn after_a_gap_the_watermark_waits_for_those_who_were_there() {
        let mut before = clock();
        before.heard(5, 999_000, 1_000_000);
        before.heard(6, 999_500, 1_000_000);
        let last = before.mint(1_000_000, true, None, DUE).unwrap();
        let resumed = |gap_ms: i64| {
            let mut c = LiveClock::new(LiveSpec::default(), 2, 7);
            c.resume(&last);
            c.gap(1_000_000 + gap_ms, 1_000_000 + gap_ms);
            c
        };
        // What the lateness covers is no gap.
        assert_eq!(resumed(10_000).waits_for(), None);
        let mut c = resumed(60_000);
        assert_eq!(c.waits_for(), Some(2));
        c.heard(5, 1_005_000, 1_060_100);
        let held = c.mint(1_060_100, true, None, DUE).unwrap();
        assert_eq!((held.epoch, held.held, held.watermark_ms), (2, true, last.watermark_ms));
        c.heard(5, 1_060_500, 1_061_000);
        c.heard(6, 1_060_000, 1_061_000);
        let free = c.mint(1_061_000, true, None, DUE).unwrap();
        assert_eq!((free.held, free.watermark_ms), (false, 1_050_999));
        // One that does not come back is waited for no longer than configured.
        let mut c = resumed(60_000);
        c.heard(5, 1_060_500, 1_061_000);
        assert!(c.mint(1_061_000, true, None, DUE).unwrap().held);
        assert!(!c.mint(1_180_000, true, None, DUE).unwrap().held);
    }

    proptest! {
        #[test]
        fn watermark_and_wall_clock_never_fall(walls in prop::collection::vec((0i64..100_000, any::<bool>()), 1..60)) {
            let mut c = clock();
            let mut last: Option<Bound> = None;
            for (wall, rows) in walls {
                let Some(bound) = c.mint(1_000_000 + wall, rows, None, DUE) else { continue };
                if let Some(last) = last {
                    prop_assert!(bound.wall_ms >= last.wall_ms + 100 && bound.watermark_ms >= last.watermark_ms);
                    prop_assert_eq!(bound.epoch, last.epoch + 1);
                }
                prop_assert!(bound.watermark_ms < bound.wall_ms);
                last = Some(bound);
            }
        }
    }
}
