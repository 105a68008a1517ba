//! A replay: the log of a live run under its own bindings and the rules of each epoch, without touching its folder.
//!
//! # Semantics
//! What it gives is what the live run gave, byte for byte: a run is a function of its bindings and its input. It reads the log
//! from its first epoch, or, where the log's beginning is gone, the archive and the log behind it. With [`Arrival::InTime`] the
//! bindings are the same and no sample is late: what differs then is what lateness changed.

use super::archive::archived::Archived;
use super::commit::Walls;
use super::error::LiveError;
use super::feed::{LiveFeed, Placing};
use super::frames::{Admitted, Frames, OnTime};
use super::quarantine::Quarantine;
use super::queue::Queue;
use super::replay::{Replay, read_bound};
use super::rules::{RuleTable, RuleTables};
use super::warm::WarmFiles;
use bellwether_connectors::disk::Disk;
use bellwether_connectors::source::archive::RolledArchive;
use bellwether_connectors::source::intake::Dictionary;
use bellwether_connectors::source::log::read_log;
use bellwether_dataflow::lower;
use bellwether_dataflow::promql;
use bellwether_dataflow::render::{Feed, MergedOutput, Output, OutputError, RunConfig, RunReport, run};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};

/// Epochs that are read ahead.
const AHEAD: u64 = 16;

/// Makes room in the queue for every epoch that has come through.
struct Counted {
    inner: Box<dyn Output>,
    queue: Queue,
    walls: Walls,
}

impl Output for Counted {
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.walls.lock().unwrap_or_else(PoisonError::into_inner).remove(&epoch);
        self.queue.durable();
        self.inner.epoch(epoch, out)
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.inner.finish()
    }
}

/// When samples became visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrival {
    /// As they did.
    #[default]
    AsItWas,
    /// All of them in time.
    InTime,
}

/// The frames of a state folder from its first epoch on, and that epoch's rules: they say where series are placed. Series get
/// their numbers from the dictionary that is made for the rules' tenant.
struct Whole {
    frames: Box<dyn Frames>,
    table: RuleTable,
    dictionary: Arc<Dictionary>,
}

impl Whole {
    fn open(disk: &Arc<dyn Disk>, folder: &Path, tables: &RuleTables) -> Result<Self, LiveError> {
        let log = folder.join("log");
        let wrong = |what: &str| LiveError::Format { path: log.display().to_string(), what: what.to_owned() };
        let (mut reader, _) = read_log(disk, &log, &Dictionary::new(""))?;
        let mut bind = None;
        while bind.is_none()
            && let Some(frame) = reader.read()?
        {
            bind = frame.bind;
        }
        let bind = bind.ok_or_else(|| wrong("holds no epoch: there is nothing to replay"))?;
        // It stays so for all its epochs.
        if read_bound(&bind.bytes)?.lost {
            return Err(wrong(
                "began with what another machine had, of which there are no samples: it cannot be replayed",
            ));
        }
        let of_rules = |bytes: &[u8]| -> Result<(RuleTable, Arc<Dictionary>), LiveError> {
            let table = tables.find(read_bound(bytes)?.rules)?;
            let dictionary = Arc::new(Dictionary::new(&table.program.tenant));
            Ok((table, dictionary))
        };
        if bind.epoch == 1 {
            let (table, dictionary) = of_rules(&bind.bytes)?;
            let (reader, _) = read_log(disk, &log, &dictionary)?;
            let frames = Box::new(Admitted::new(reader, &dictionary));
            return Ok(Self { frames, table, dictionary });
        }
        let archive_folder = folder.join("archive");
        let gone = || {
            wrong(
                "no longer holds its first epoch and there is no archive, so it cannot be replayed: run with a longer --retention",
            )
        };
        let archive = Arc::new(RolledArchive::open(&archive_folder)?.ok_or_else(gone)?);
        let first = Archived::first_binding(&archive_folder, &archive)?.ok_or_else(gone)?;
        let (table, dictionary) = of_rules(&first)?;
        let (reader, _) = read_log(disk, &log, &dictionary)?;
        let frames = Archived::new(&archive_folder, archive, reader, dictionary.clone())?;
        Ok(Self { frames: Box::new(frames), table, dictionary })
    }
}

/// Replays the state folder of a live run; `output` gets what the run gave.
pub fn replay_folder(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    workers: usize,
    arrival: Arrival,
    output: Box<dyn Output>,
    stop: Arc<AtomicBool>,
) -> Result<RunReport, LiveError> {
    // Every table carries the settings that it was compiled with.
    let (options, promql) = (lower::Options::default(), promql::Options::default());
    let quarantine = Quarantine::read(disk.as_ref(), folder)?;
    let left_out = Arc::new(quarantine.reads()?);
    let tables = RuleTables::new(disk.clone(), &folder.join("rules"), options, promql).without(quarantine);
    let Whole { frames, table, dictionary } = Whole::open(disk, folder, &tables)?;
    let (tenant, entity_labels) = (table.program.tenant.clone(), table.program.entity_labels.clone());
    let placing = Placing { tenant, entity_labels, left_out };
    let reader: Box<dyn Frames> = match arrival {
        Arrival::AsItWas => frames,
        Arrival::InTime => Box::new(OnTime::new(frames)?),
    };
    let (queue, walls) = (Queue::new(workers, AHEAD), Walls::default());
    let replay = Replay {
        reader,
        dictionary: dictionary.clone(),
        warm: WarmFiles::new(disk.clone(), folder),
        checkpoint: None,
        tables,
        queue: queue.clone(),
        walls: walls.clone(),
        past: None,
    };
    let config = RunConfig {
        workers,
        tenant: placing.tenant.clone(),
        entity_labels: placing.entity_labels.clone(),
        ..RunConfig::default()
    };
    let (of_reader, of_feeds) = (queue.clone(), queue.clone());
    let reading = std::thread::spawn(move || {
        let read = replay.run();
        of_reader.close();
        read.map(|_| ())
    });
    let feed = move |worker: usize, _: usize| -> Box<dyn Feed> {
        Box::new(LiveFeed::new(of_feeds.clone(), dictionary.clone(), placing.clone(), worker, workers))
    };
    let report = run(config, feed, Box::new(Counted { inner: output, queue: queue.clone(), walls }), stop);
    queue.close();
    let panicked = || LiveError::Ended { what: "the reader of the log", reason: "it panicked".to_owned() };
    reading.join().map_err(|_| panicked())??;
    Ok(report?)
}
