//! The thread of one receiver: samples of the spool in, requests out, in order, each again until it is taken or refused.
//!
//! # Semantics (Prometheus storage/remote)
//! A request has at most [`MOST_SAMPLES`] samples. 5xx, 429 and a receiver that is away are tried again, with waits that grow from 30
//! ms to 5 s, and no sooner than `Retry-After` says; what is refused for good is counted and left. The place is on disk after
//! each request: a crash in between repeats one.

use super::frame;
use super::place::Shared;
use super::spool::{self, HEAD};
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_connectors::sink::{MOST_SAMPLES, RemoteWriter, WriteError};
use bellwether_model::{Labels, Sample, hash64};
use bellwether_operators::evaluate::WrittenSample;
use bellwether_operators::relabel::Relabelling;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first wait after a failure, and the longest (Prometheus `min_backoff`, `max_backoff`).
const WAITS: (Duration, Duration) = (Duration::from_millis(30), Duration::from_secs(5));

/// The longest time that a receiver may want to be left alone.
const LONGEST_AFTER: Duration = Duration::from_secs(300);

/// How long nothing is looked at while nothing comes.
const LOOK: Duration = Duration::from_secs(10);

/// Where a receiver is, on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    name: String,
    pub at: u64,
    pub samples: u64,
}

/// The ending of places.
pub(super) const ENDING: &str = ".receiver";

/// The file of a receiver's place.
pub(super) fn file_of(name: &str) -> String {
    format!("{:016x}{ENDING}", hash64(&[name.as_bytes()]))
}

impl Place {
    /// Where a receiver is, if it was ever sent something.
    pub fn read(disk: &dyn Disk, folder: &Path, name: &str) -> Option<Self> {
        let place: Self = serde_json::from_slice(&read_whole(disk, &folder.join(file_of(name))).ok()?).ok()?;
        (place.name == name).then_some(place)
    }

    /// Brings it to disk.
    pub fn write(disk: &dyn Disk, folder: &Path, name: &str, at: u64, samples: u64) -> io::Result<()> {
        let place = Self { name: name.to_owned(), at, samples };
        write_whole(disk, folder, &file_of(name), &serde_json::to_vec(&place).map_err(io::Error::other)?)
    }
}

/// What a receiver's thread works with.
pub(super) struct Sender {
    pub disk: Arc<dyn Disk>,
    pub folder: PathBuf,
    pub shared: Arc<Shared>,
    /// Which of the receivers it is.
    pub index: usize,
    pub name: String,
    pub to: RemoteWriter,
    pub external_labels: Labels,
    pub relabelling: Relabelling,
    /// Bytes of the spool from a place on.
    pub ahead: Ahead,
}

/// Bytes of a segment that were read and are not sent yet.
#[derive(Default)]
pub(super) struct Ahead {
    at: u64,
    bytes: Vec<u8>,
    used: usize,
}

/// What is sent next.
struct Batch {
    samples: Vec<WrittenSample>,
    /// The place behind it.
    at: u64,
    /// Samples before that place.
    upto: u64,
}

impl Sender {
    /// Sends until it is stopped.
    pub fn run(mut self) {
        while !self.shared.with(|state| state.stopped) {
            let index = self.index;
            self.shared.wait(LOOK, |state| state.receivers[index].at >= state.end);
            match self.batch() {
                Ok(Some(batch)) => self.send(batch),
                Ok(None) => {}
                Err(error) => {
                    self.say(Some(format!("the spool cannot be read: {error}")));
                    self.rest(WAITS.1);
                }
            }
        }
    }

    /// The frames that are sent next; `None` where there are none.
    fn batch(&mut self) -> io::Result<Option<Batch>> {
        let (at, mut upto, found) = self.shared.with(|state| {
            let r = &state.receivers[self.index];
            (r.at, r.samples, state.segment_of(r.at).filter(|_| r.at < state.end))
        });
        let Some((segment, end)) = found else { return Ok(None) };
        if self.ahead.at != at || self.ahead.used == self.ahead.bytes.len() {
            let path = spool::path(&self.folder, segment.first);
            let mut file = match self.disk.read(&path) {
                // It had to go meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                file => file?,
            };
            let skipped = HEAD as u64 + (at - segment.first);
            io::copy(&mut (&mut file).take(skipped), &mut io::sink())?;
            let mut bytes = Vec::new();
            file.take(end - at).read_to_end(&mut bytes)?;
            self.ahead = Ahead { at, bytes, used: 0 };
        }
        let mut samples: Vec<WrittenSample> = Vec::new();
        let mut behind = at;
        while let Some(found) = frame::find(&self.ahead.bytes[self.ahead.used..]) {
            if !samples.is_empty() && samples.len() + found.head.samples as usize > MOST_SAMPLES {
                break;
            }
            let Some(mut more) = found.samples() else { break };
            samples.append(&mut more);
            self.ahead.used += found.length;
            behind += found.length as u64;
            upto = found.head.before + u64::from(found.head.samples);
        }
        self.ahead.at = behind;
        if behind == at {
            self.skip(at);
            return Ok(None);
        }
        Ok(Some(Batch { samples, at: behind, upto }))
    }

    /// Leaves what is left of a segment: it is damaged.
    fn skip(&mut self, at: u64) {
        self.ahead = Ahead::default();
        self.say(Some("the spool is damaged: samples could not be read back, and are not sent".to_owned()));
        self.shared.with(|state| {
            let next = state.segments.iter().find(|s| s.first > at).map(|s| (s.first, s.before));
            let (end, upto) = next.unwrap_or((state.end, state.samples));
            if let Some(r) = state.receivers.get_mut(self.index) {
                r.dropped += upto.saturating_sub(r.samples);
            }
            state.advance(self.index, end, upto);
        });
    }

    fn send(&mut self, Batch { samples, at, upto }: Batch) {
        let mut worded: Vec<Sample> = samples.into_iter().filter_map(|s| self.worded(s)).collect();
        // Samples of one series are written together, in order of their stamps as before.
        worded.sort_by(|a, b| a.labels.cmp(&b.labels));
        if !worded.is_empty() && !self.deliver(&worded) {
            // It was stopped: the place stays, and the next process begins there.
            self.ahead = Ahead::default();
            return;
        }
        crash_point("forward.sent");
        if let Err(error) = Place::write(self.disk.as_ref(), &self.folder, &self.name, at, upto) {
            self.say(Some(format!("its place cannot be written, a restart would repeat samples: {error}")));
        }
        self.shared.with(|state| state.advance(self.index, at, upto));
    }

    /// The sample as this receiver gets it: external labels where there is none of the name, then relabelling.
    fn worded(&self, sample: WrittenSample) -> Option<Sample> {
        let WrittenSample { labels, stamp_ms, value } = sample;
        let labels = if self.external_labels.is_empty() {
            labels
        } else {
            let mut all = self.external_labels.to_builder();
            labels.iter().for_each(|(name, value)| {
                all.set(name, value);
            });
            all.build()
        };
        let labels = self.relabelling.apply(&labels).filter(|labels| !labels.is_empty())?;
        Some(Sample { labels, timestamp_ms: stamp_ms, value, start_ms: 0 })
    }

    /// Sends a request until it is taken or refused; false where it was stopped before.
    fn deliver(&self, samples: &[Sample]) -> bool {
        let oldest_ms = samples.iter().map(|s| s.timestamp_ms).min();
        self.shared.with(|state| state.receivers[self.index].oldest_ms = oldest_ms);
        let mut wait = WAITS.0;
        while !self.shared.with(|state| state.stopped) {
            let n = samples.len() as u64;
            match self.to.post(samples) {
                Ok(()) => {
                    let newest_ms = samples.iter().map(|s| s.timestamp_ms).max();
                    self.shared.with(|state| {
                        let r = &mut state.receivers[self.index];
                        (r.sent, r.newest_sent_ms, r.error) = (r.sent + n, r.newest_sent_ms.max(newest_ms), None);
                    });
                    return true;
                }
                Err(WriteError::Refused { reason }) => {
                    self.shared.with(|state| {
                        let r = &mut state.receivers[self.index];
                        (r.refused, r.error) = (r.refused + n, Some(reason));
                    });
                    return true;
                }
                Err(WriteError::Later { reason, after }) => {
                    self.shared.with(|state| {
                        let r = &mut state.receivers[self.index];
                        (r.failed, r.error) = (r.failed + 1, Some(reason));
                    });
                    self.rest(after.unwrap_or_default().min(LONGEST_AFTER).max(wait));
                    wait = (wait * 2).min(WAITS.1);
                }
            }
        }
        false
    }

    fn say(&self, error: Option<String>) {
        self.shared.with(|state| state.receivers[self.index].error = error);
    }

    /// Waits, unless it is stopped.
    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if self.shared.with(|state| state.stopped) {
                return;
            }
            self.shared.wait(left, |_| true);
        }
    }
}
