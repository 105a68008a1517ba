//! A replay: the log of a live run under its own bindings and the rules of each epoch, without touching its folder.
//!
//! # Semantics
//! What it gives is what the live run gave, byte for byte: a run is a function of its bindings and its input. It reads the log
//! from its first epoch; a log whose beginning is gone cannot be replayed.

use super::commit::Walls;
use super::error::LiveError;
use super::feed::{LiveFeed, Placing};
use super::queue::Queue;
use super::replay::{Replay, read_bound};
use super::rules::{RuleTable, RuleTables};
use super::warm::WarmFiles;
use bellwether_connectors::disk::Disk;
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

/// The rules of the first epoch: they say where series are placed.
fn first_table(disk: &Arc<dyn Disk>, log: &Path, tables: &RuleTables) -> Result<RuleTable, LiveError> {
    let (mut reader, _) = read_log(disk, log, &Dictionary::new(""))?;
    let wrong = |what: &str| LiveError::Format { path: log.display().to_string(), what: what.to_owned() };
    while let Some(frame) = reader.read()? {
        let Some(bind) = frame.bind else { continue };
        if bind.epoch != 1 {
            return Err(wrong(
                "no longer holds its first epoch, so it cannot be replayed: run with a longer --retention",
            ));
        }
        return tables.find(read_bound(&bind.bytes)?.rules);
    }
    Err(wrong("holds no epoch: there is nothing to replay"))
}

/// Replays the state folder of a live run; `output` gets what the run gave.
pub fn replay_folder(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    workers: usize,
    output: Box<dyn Output>,
    stop: Arc<AtomicBool>,
) -> Result<RunReport, LiveError> {
    let log = folder.join("log");
    // Every table carries the settings that it was compiled with.
    let (options, promql) = (lower::Options::default(), promql::Options::default());
    let tables = RuleTables::new(disk.clone(), &folder.join("rules"), options, promql);
    let program = first_table(disk, &log, &tables)?.program;
    let placing = Placing { tenant: program.tenant.clone(), entity_labels: program.entity_labels.clone() };
    let dictionary = Arc::new(Dictionary::new(&placing.tenant));
    let (reader, _) = read_log(disk, &log, &dictionary)?;
    let (queue, walls) = (Queue::new(workers, AHEAD), Walls::default());
    let replay = Replay {
        reader,
        dictionary: dictionary.clone(),
        warm: WarmFiles::new(disk.clone(), folder),
        checkpoint: None,
        tables,
        queue: queue.clone(),
        walls: walls.clone(),
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
