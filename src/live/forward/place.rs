//! Where the spool is and where its receivers are: shared by who writes, who sends, and who asks.

use super::spool::Segment;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far one receiver is, and what became of what it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it is called.
    pub name: String,
    /// Its place: bytes of frames before it that are done with; `u64::MAX` for one that begins where the spool ends.
    pub(super) at: u64,
    /// Samples before it.
    pub(super) samples: u64,
    /// Stamp of the oldest sample that waits, ms, if one does.
    pub oldest_ms: Option<i64>,
    /// Stamp of the newest sample that it took, ms.
    pub newest_sent_ms: Option<i64>,
    /// Samples that it took.
    pub sent: u64,
    /// Requests that failed and were tried again.
    pub failed: u64,
    /// Samples that it will never take.
    pub refused: u64,
    /// Samples that it has not had when they had to go.
    pub dropped: u64,
    /// Samples that wait for it.
    pub waiting: u64,
    /// Their bytes on disk.
    pub waiting_bytes: u64,
    /// What it said last, if that was no success.
    pub error: Option<String>,
}

/// What is known of the spool.
#[derive(Debug)]
pub(super) struct State {
    /// Segments, the oldest first; never none.
    pub segments: Vec<Segment>,
    /// Bytes of all frames that ever were.
    pub end: u64,
    /// Their samples.
    pub samples: u64,
    pub receivers: Vec<Progress>,
    /// Nothing more is sent.
    pub stopped: bool,
}

impl State {
    /// A spool that ends at (bytes, samples). Receivers that are elsewhere are put where it is.
    pub fn new(segments: Vec<Segment>, (end, samples): (u64, u64), receivers: Vec<Progress>) -> Self {
        let mut state = Self { segments, end, samples, receivers, stopped: false };
        for receiver in &mut state.receivers {
            // What it had of frames that a crash took comes again.
            (receiver.at, receiver.samples) = (receiver.at.min(end), receiver.samples.min(samples));
        }
        let oldest = state.oldest();
        state.drop_before(oldest);
        state
    }

    pub fn oldest(&self) -> Segment {
        self.segments.first().copied().unwrap_or(Segment { first: self.end, before: self.samples })
    }

    pub fn newest(&self) -> Segment {
        self.segments.last().copied().unwrap_or(Segment { first: self.end, before: self.samples })
    }

    /// The segment of a place, and where it ends.
    pub fn segment_of(&self, at: u64) -> Option<(Segment, u64)> {
        let i = self.segments.iter().rposition(|s| s.first <= at)?;
        let end = self.segments.get(i + 1).map_or(self.end, |next| next.first);
        Some((self.segments[i], end))
    }

    /// A frame more.
    pub fn grow(&mut self, bytes: u64, samples: u64, first_ms: i64) {
        for receiver in self.receivers.iter_mut().filter(|r| r.at == self.end) {
            receiver.oldest_ms = Some(first_ms);
        }
        (self.end, self.samples) = (self.end + bytes, self.samples + samples);
    }

    /// A receiver is done with everything before a place.
    pub fn advance(&mut self, receiver: usize, at: u64, samples: u64) {
        let end = self.end;
        if let Some(r) = self.receivers.get_mut(receiver) {
            (r.at, r.samples) = (r.at.max(at), r.samples.max(samples));
            r.oldest_ms = r.oldest_ms.filter(|_| r.at < end);
        }
    }

    fn drop_before(&mut self, segment: Segment) {
        for r in self.receivers.iter_mut().filter(|r| r.at < segment.first) {
            r.dropped += segment.before.saturating_sub(r.samples);
            (r.at, r.samples) = (segment.first, segment.before.max(r.samples));
        }
    }

    /// Gives up segments that every receiver has, and the oldest ones beyond a bound; the newest one stays.
    pub fn collect(&mut self, most_bytes: u64) -> Vec<Segment> {
        let mut gone = Vec::new();
        while let [oldest, next, ..] = self.segments[..] {
            let is_done = self.receivers.iter().all(|r| r.at >= next.first);
            if !is_done && self.end - oldest.first <= most_bytes {
                break;
            }
            self.drop_before(next);
            gone.push(self.segments.remove(0));
        }
        gone
    }
}

/// The state, and how who waits for it is woken.
#[derive(Debug)]
pub(in crate::live) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.lock())
    }

    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Waits until something has changed, or a time has passed; `goes_on` is asked under the lock before.
    pub(super) fn wait(&self, at_most: Duration, goes_on: impl Fn(&State) -> bool) {
        let state = self.lock();
        if goes_on(&state) && !state.stopped {
            let waited = self.changed.wait_timeout(state, at_most);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// How far receivers are.
    pub fn progress(&self) -> Vec<Progress> {
        let state = self.lock();
        let of = |r: &Progress| Progress {
            waiting: state.samples - r.samples.min(state.samples),
            waiting_bytes: state.end - r.at.min(state.end),
            ..r.clone()
        };
        state.receivers.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: u64, samples: u64) -> Progress {
        Progress { at, samples, ..Progress::default() }
    }

    #[test]
    fn segments_go_once_all_have_them_or_beyond_the_bound() {
        let segment = |first, before| Segment { first, before };
        let segments = vec![segment(100, 10), segment(200, 20), segment(300, 30)];
        // One lost its last frames, one was away while the oldest segment went.
        let mut state = State::new(segments, (350, 35), vec![at(400, 40), at(50, 5)]);
        assert_eq!((state.receivers[0].at, state.receivers[0].samples, state.receivers[0].dropped), (350, 35, 0));
        assert_eq!((state.receivers[1].at, state.receivers[1].samples, state.receivers[1].dropped), (100, 10, 5));
        assert_eq!(state.collect(250), []);
        state.grow(1, 1, 7);
        assert_eq!((state.receivers[0].oldest_ms, state.receivers[1].oldest_ms), (Some(7), None));
        assert_eq!(state.collect(250), [segment(100, 10)]);
        assert_eq!((state.receivers[1].at, state.receivers[1].dropped), (200, 15));
        state.advance(1, 300, 30);
        assert_eq!(state.collect(250), [segment(200, 20)]);
        assert_eq!((state.receivers[1].dropped, state.collect(0)), (15, vec![]));
        assert_eq!(state.segment_of(320), Some((segment(300, 30), 351)));
        assert_eq!(state.segment_of(10), None);
    }
}
