//! The shadow: new rules over archive and log, until they have caught up with the live run.
//!
//! # Time
//! Epochs are the log's own. As long as the shadow is far behind, several of them go as one.
//!
//! # State
//! Its own dataflow, on one worker: it must not take the machine from the live run.

use super::begin::Parts;
use super::changed::Shadow;
use super::{Job, Meeting};
use crate::live::archive::archived::Archived;
use crate::live::error::LiveError;
use crate::live::feed::LiveFeed;
use crate::live::frames::{Admitted, Frames};
use crate::live::queue::{Epoch, Queue};
use crate::live::reads::Picker;
use crate::live::replay::read_bound;
use bellwether_connectors::source::intake::Rows;
use bellwether_connectors::source::log::{Frame, LogReader};
use bellwether_dataflow::render::{Feed, MergedOutput, Output, OutputError, RunConfig, run as run_dataflow};
use bellwether_dataflow::time::{Binding, Bound, EpochTimes};
use bellwether_operators::program::Program;
use std::sync::Arc;

/// Epochs under way in the shadow's dataflow.
const IN_FLIGHT: u64 = 4;

/// What is behind by fewer epochs may be passed by memory.
const CLOSE: usize = 20;

/// Event time that goes as one epoch, ms, and rows.
const CHUNK_MS: i64 = 30_000;
const CHUNK_ROWS: usize = 1 << 20;

/// What the shadow's dataflow gives: kept state, where it was asked for.
struct ToMeeting {
    meeting: Arc<Meeting>,
    queue: Queue,
    commit: crate::live::CommitterHandle,
}

impl Output for ToMeeting {
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.queue.durable();
        if let Some(kept) = out.kept {
            self.meeting.state().newest = Some((epoch, kept));
            self.meeting.changed.notify_all();
            self.commit.poke();
        }
        Ok(())
    }
}

/// Where frames of the log go.
struct Reading<'a> {
    job: &'a Job,
    meeting: &'a Meeting,
    picker: Picker,
    /// The shadow's dataflow, if rules run in it.
    queue: Option<(Queue, Shadow)>,
    program: Option<Arc<Program>>,
    /// Rows that no binding covers yet, and those of the same that were picked.
    unbound: Vec<Rows>,
    picked: Vec<Rows>,
    /// An epoch that the next one may go together with.
    held: Option<(Bound, Vec<Rows>)>,
    fed_ms: i64,
    /// The next frame, and the one behind the last binding.
    position: u64,
    bound_position: u64,
    last_epoch: u64,
}

impl Reading<'_> {
    /// Picks rows and puts them aside until their binding comes.
    fn rows(&mut self, rows: Rows) {
        if !self.picker.is_idle() {
            self.picked.push(self.picker.pick(&rows, &self.job.dictionary));
        }
        self.unbound.push(rows);
    }

    /// One frame; whether it ends an epoch. `None` if the shadow is to end.
    fn frame(&mut self, frame: Frame) -> Result<Option<bool>, LiveError> {
        self.position += 1;
        if !frame.rows.is_empty() {
            self.rows(frame.rows);
        }
        let Some(bind) = frame.bind else { return Ok(Some(false)) };
        self.bound_position = self.position;
        if bind.epoch <= self.last_epoch {
            // It was passed by memory.
            self.forget_unbound();
            return Ok(Some(false));
        }
        let bound = read_bound(&bind.bytes)?;
        Ok(self.epoch(bound, false).then_some(true))
    }

    fn forget_unbound(&mut self) {
        self.unbound.clear();
        self.picked.clear();
    }

    /// An epoch is bound; it goes on at once (`close`) or with the next ones. `false` if the shadow is to end.
    fn epoch(&mut self, bound: Bound, close: bool) -> bool {
        self.last_epoch = bound.epoch;
        self.meeting.state().history.extend(self.picked.drain(..).map(|rows| (bound.epoch, rows)));
        let many = self.held.iter().flat_map(|(_, rows)| rows).map(Rows::len).sum::<usize>() >= CHUNK_ROWS;
        let long = self.held.as_ref().is_some_and(|(b, _)| b.watermark_ms.saturating_sub(self.fed_ms) >= CHUNK_MS);
        // The last one is always held: it may turn out to be the one to close with.
        if (many || long) && !self.feed(false) {
            return false;
        }
        let mut rows = self.held.take().map(|(_, rows)| rows).unwrap_or_default();
        rows.append(&mut self.unbound);
        self.held = Some((bound, rows));
        if close { self.feed(true) } else { !self.meeting.is_cancelled() }
    }

    /// Feeds what is held; `close`: it may be the last epoch before the rules are in force. `false` if the shadow is to end.
    fn feed(&mut self, close: bool) -> bool {
        let Some((bound, rows)) = self.held.take() else { return !self.meeting.is_cancelled() };
        self.fed_ms = bound.watermark_ms;
        let Some((queue, shadow)) = &self.queue else {
            self.meeting.state().newest = Some((bound.epoch, Vec::new()));
            self.meeting.changed.notify_all();
            self.job.commit.poke();
            return !self.meeting.is_cancelled();
        };
        let times = EpochTimes {
            epoch: bound.epoch,
            watermark_ms: bound.watermark_ms,
            warm_from_ms: shadow.program.warm_from_ms(shadow.from_ms, None),
            from_ms: shadow.from_ms,
            to_ms: bound.wall_ms,
            history_ms: shadow.history_ms,
            lost: false,
        };
        let binding = Binding { snapshot: close, ..Binding::new(times, self.program.take()) };
        queue.put_when_there_is_room(Epoch::new(binding, rows)) && !self.meeting.is_cancelled()
    }

    /// Everything that a reader has; the number of epochs, `None` if the shadow is to end.
    fn all(&mut self, reader: LogReader) -> Result<Option<usize>, LiveError> {
        let (mut reader, mut epochs) = (Admitted::new(reader, &self.job.dictionary), 0);
        while let Some(frame) = reader.read()? {
            match self.frame(frame)? {
                Some(ends) => epochs += usize::from(ends),
                None => return Ok(None),
            }
        }
        // What no binding covers comes again, with the one that does.
        self.forget_unbound();
        self.position = self.bound_position;
        Ok(Some(epochs))
    }

    /// Reads the log until it is close to its end. `false` if the shadow is to end.
    fn catch_up(&mut self) -> Result<bool, LiveError> {
        loop {
            let reader = self.job.log.reader_from(self.position)?;
            self.position = reader.position();
            match self.all(reader)? {
                Some(epochs) if epochs > CLOSE => {}
                Some(_) => return Ok(true),
                None => return Ok(false),
            }
        }
    }

    /// Reads the archive up to where the log goes on. `false` if the shadow is to end.
    fn archive(&mut self, mut frames: Archived) -> Result<bool, LiveError> {
        let Some(cut) = frames.cut() else { return Ok(true) };
        while self.last_epoch < cut.epoch
            && let Some(frame) = frames.read()?
        {
            if self.frame(frame)?.is_none() {
                return Ok(false);
            }
        }
        (self.position, self.bound_position) = (cut.frame, cut.frame);
        Ok(true)
    }

    /// Catches up, then takes epochs as they come.
    fn run(&mut self, archived: Option<Archived>) -> Result<(), LiveError> {
        if let Some(archived) = archived
            && !self.archive(archived)?
        {
            return Ok(());
        }
        while self.catch_up()? {
            self.meeting.state().wants_epochs = true;
            self.job.commit.poke();
            let Some(mut rest) = self.meeting.wait(|s| s.rest.take()) else { return Ok(()) };
            rest.skip_to(self.position)?;
            if self.all(rest)?.is_none() || !self.feed(true) {
                return Ok(());
            }
            if !self.passed() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes epochs as they come; `true` when they come no more and the log is to be read again.
    fn passed(&mut self) -> bool {
        let next = |s: &mut super::State| match s.passed.pop_front() {
            Some(one) => {
                s.waiting_bytes = s.waiting_bytes.saturating_sub(one.1.bytes());
                Some(Some(one))
            }
            None => (!s.passes).then_some(None),
        };
        while let Some(passed) = self.meeting.wait(next) {
            let Some((bound, epoch)) = passed else { return true };
            epoch.rows.iter().for_each(|rows| self.rows(rows.clone()));
            if !self.epoch(bound, true) {
                return false;
            }
        }
        false
    }
}

/// Runs the shadow until it is cancelled or fails.
pub(super) fn run(
    job: Job,
    shadow: Option<Shadow>,
    picker: Picker,
    parts: Option<Parts>,
    meeting: &Arc<Meeting>,
) -> Result<(), LiveError> {
    let queue = Queue::new(1, IN_FLIGHT);
    let engine = shadow.as_ref().map(|_| {
        let config = RunConfig {
            workers: 1,
            tenant: job.placing.tenant.clone(),
            entity_labels: job.placing.entity_labels.clone(),
            ..RunConfig::default()
        };
        let (of_feed, dictionary, placing) = (queue.clone(), job.dictionary.clone(), job.placing.clone());
        let feed = move |worker: usize, workers: usize| -> Box<dyn Feed> {
            Box::new(LiveFeed::new(of_feed.clone(), dictionary.clone(), placing.clone(), worker, workers))
        };
        let (meeting, queue, commit) = (Arc::clone(meeting), queue.clone(), job.commit.clone());
        let stop = Arc::clone(&meeting.cancelled);
        std::thread::spawn(move || {
            let of_output = queue.clone();
            let done = run_dataflow(config, feed, Box::new(ToMeeting { meeting, queue: of_output, commit }), stop);
            queue.close();
            done
        })
    });
    // Rows that are older than anybody reads are in segments that are behind.
    let first = shadow.as_ref().map_or(i64::MAX, |s| s.reads_from_ms).min(picker.oldest_ms());
    let segments = job.log.segments();
    let position = segments.iter().find(|s| s.newest_ms >= first).map_or(u64::MAX, |s| s.first);
    let position = position.min(segments.last().map_or(1, |s| s.first));
    let program = shadow.as_ref().map(|s| Arc::clone(&s.program));
    let parts = parts.filter(|_| first < job.log.whole_from_ms());
    let archived = parts.map(|parts| parts.frames(&job, program.as_deref(), first));
    let mut reading = Reading {
        job: &job,
        meeting,
        picker,
        queue: shadow.map(|shadow| (queue.clone(), shadow)),
        program,
        unbound: Vec::new(),
        picked: Vec::new(),
        held: None,
        fed_ms: i64::MIN,
        position,
        bound_position: position,
        last_epoch: 0,
    };
    let read = reading.run(archived);
    queue.close();
    if let Some(engine) = engine {
        let ended = engine.join().map_err(|_| LiveError::Ended { what: "shadow", reason: "it panicked".to_owned() })?;
        ended?;
    }
    read
}
