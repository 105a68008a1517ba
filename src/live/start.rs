//! What a start finds on disk, and the threads that it becomes.

use super::archive::{ArchiveSpec, ArchiveStats, Archivist};
use super::clock::WallClock;
use super::commit::{Committer, Parts, Walls};
use super::deaths::Deaths;
use super::error::LiveError;
use super::feed::{LiveFeed, Placing};
use super::folder::Folder;
use super::forward::{ForwardSpec, Spool};
use super::frames::Admitted;
use super::install::{InForce, Install};
use super::ledger::Ledger;
use super::output::{LedgerStats, SharedView, ToLedger, View, Writer};
use super::pairs::{PairSpec, Referee};
use super::quarantine::Quarantine;
use super::queue::Queue;
use super::reads::Reads;
use super::remote::{RemoteSpec, Restored};
use super::replay::{LogPast, Replay, read_bound};
use super::rules::{RuleTable, RuleTables};
use super::store::{Manifest, Store};
use super::totals::Totals;
use super::warm::{Start, WarmFiles};
use bellwether_connectors::disk::Disk;
use bellwether_connectors::source::intake::Dictionary;
use bellwether_connectors::source::log::{Log, LogSpec};
use bellwether_dataflow::checkpoint::Checkpoint;
use bellwether_dataflow::lower;
use bellwether_dataflow::promql;
use bellwether_dataflow::render::{Feed, Mode, RunConfig, RunReport, run as run_dataflow};
use bellwether_dataflow::time::{Election, LiveClock, LiveSpec};
use bellwether_operators::evaluate::KeptState;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Epochs between feed and output within the dataflow.
const IN_FLIGHT: usize = 4;

/// Epochs between the log and the ledger.
const MOST_EPOCHS: u64 = 64;

/// What a live run is made of.
#[derive(Clone)]
pub struct LiveConfig {
    /// Where state is.
    pub disk: Arc<dyn Disk>,
    /// The state folder on that disk.
    pub folder: PathBuf,
    /// Whether the folder is one of the machine's file system, which another process may want.
    pub lock: bool,
    /// Workers of the dataflow.
    pub workers: usize,
    /// How they talk.
    pub mode: Mode,
    /// How epochs are cut.
    pub time: LiveSpec,
    /// How the log is kept.
    pub log: LogSpec,
    /// Rule files.
    pub rules: Vec<String>,
    /// How rules are compiled; tenant and entity labels too.
    pub options: lower::Options,
    /// How expressions are read.
    pub promql: promql::Options,
    /// Bytes between socket and dataflow at most.
    pub most_bytes: usize,
    /// Distance of checkpoints, ms.
    pub checkpoint_ms: i64,
    /// Samples that are younger stay in the log, ms.
    pub retention_ms: i64,
    /// How pairs of senders are told apart; none without.
    pub pairs: Option<PairSpec>,
    /// How the archive is kept; none without.
    pub archive: Option<ArchiveSpec>,
    /// Where checkpoints are brought beside; nowhere without.
    pub remote: Option<RemoteSpec>,
    /// Who is sent what rules write; none without.
    pub forward: Option<ForwardSpec>,
    /// The wall clock.
    pub clock: Arc<dyn WallClock>,
}

impl LiveConfig {
    fn archive_folder(&self) -> Option<PathBuf> {
        self.archive.as_ref().map(|spec| spec.folder.clone())
    }

    /// How rules are compiled, with what the rest of the configuration asks of them.
    pub(super) fn lower_options(&self) -> lower::Options {
        lower::Options { hands_out: self.forward.is_some(), ..self.options.clone() }
    }
}

/// What starting found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// This process's generation.
    pub generation: u64,
    /// The epoch of the checkpoint that it goes on from.
    pub checkpoint: Option<u64>,
    /// The last epoch in the log.
    pub last_epoch: u64,
    /// Bytes that a crash had torn, cut off the log's end.
    pub torn_bytes: u64,
    /// Series in the log.
    pub series: usize,
    /// What filled the folder, if it was empty and the bucket was not.
    pub restored: Option<Restored>,
}

/// What is on disk when a run starts.
pub(super) struct Found {
    pub folder: Folder,
    dictionary: Arc<Dictionary>,
    log: Log,
    pub newest: Option<(Manifest, Checkpoint)>,
    time: LiveClock,
    referee: Option<Referee>,
    totals: Totals,
    /// The rules of the last binding, as far as there are any.
    pub table: RuleTable,
    pub last_rules: Option<u128>,
    /// Those of the files, if they are others.
    pub wanted: Option<RuleTable>,
    pub started: Started,
    /// What is left out, and a reader of its series.
    quarantine: (Quarantine, Arc<Reads>),
    deaths: Deaths,
}

impl Found {
    pub fn new(
        config: &LiveConfig,
        tables: &RuleTables,
        store: &Store,
        folder: Folder,
        quarantine: (Quarantine, Arc<Reads>),
    ) -> Result<Self, LiveError> {
        let dictionary = Arc::new(Dictionary::new(&config.options.tenant));
        let (mut log, opened) = Log::open(&config.disk, &config.folder.join("log"), config.log, &dictionary)?;
        let newest = store.newest()?;
        if let Some((manifest, checkpoint)) = &newest {
            let path = || config.folder.join("checkpoint").join(&manifest.checkpoint).display().to_string();
            let placed = checkpoint.check_placement(&config.options.tenant, &config.options.entity_labels);
            placed.map_err(|error| LiveError::Checkpoint { path: path(), error })?;
        }
        let wanted = tables.load(&config.rules)?;
        let deaths = Deaths::allowed(&config.disk, &config.folder, wanted.version)?;
        let mut time = LiveClock::new(config.time, folder.generation(), wanted.version);
        let mut election = Election::new(config.pairs.as_ref().map_or(0, |spec| spec.failover_ms));
        let mut last_rules = None;
        if let Some((manifest, _)) = &newest {
            election.resume(manifest.elected.iter().copied());
            time.resume_sources(manifest.sources.iter().copied());
            time.resume(&manifest.bound());
            log.begins_with(manifest.log_from_ms());
            last_rules = Some(manifest.rules);
        }
        let (mut reader, mut totals) = (log.reader(|_| true), Totals::default());
        while let Some(frame) = reader.read()? {
            totals.take(&frame.rows.deltas);
            if let Some(bind) = frame.bind {
                let bound = read_bound(&bind.bytes)?;
                last_rules = Some(bound.rules);
                time.resume(&bound);
                totals.resume(&frame.rows, &bound);
                election.resume(bound.pairs.into_iter().flat_map(|pairs| pairs.elected));
            }
        }
        // Rules that have changed meanwhile begin as they do at a reload; those of then may not compile any more.
        let then = last_rules.filter(|version| *version != wanted.version).and_then(|v| tables.find(v).ok());
        let (table, wanted) = match then {
            Some(table) => (table, Some(wanted)),
            None => (wanted, None),
        };
        time.set_rules(table.version, None);
        let referee = config.pairs.clone().map(|spec| Referee::new(spec, election, &dictionary));
        let started = Started {
            generation: folder.generation(),
            checkpoint: newest.as_ref().map(|(manifest, _)| manifest.epoch),
            last_epoch: opened.last_epoch,
            torn_bytes: opened.torn_bytes,
            series: dictionary.len(),
            restored: None,
        };
        Ok(Self {
            folder,
            dictionary,
            log,
            newest,
            time,
            referee,
            totals,
            table,
            last_rules,
            wanted,
            started,
            quarantine,
            deaths,
        })
    }

    /// The threads of a run that goes on from here.
    pub fn parts(
        self,
        config: &LiveConfig,
        tables: &RuleTables,
        store: Store,
        (ledger, spool): (Ledger, Option<Spool>),
    ) -> Result<(Folder, Threads), LiveError> {
        let Self { folder, dictionary, log, newest, time, referee, totals, table, last_rules, wanted, .. } = self;
        let Self { quarantine: (quarantine, left_out), deaths, .. } = self;
        let queue = Queue::new(config.workers, MOST_EPOCHS);
        let (manifest, kept) = newest.map_or((None, None), |(m, c)| (Some(m), Some(c.kept)));
        let (walls, view) = (Walls::default(), known(manifest.as_ref(), &quarantine));
        let archivist = archivist(config, &log, &dictionary, &view)?;
        let archive = stats_of(archivist.as_ref(), manifest.as_ref());
        let warm = WarmFiles::new(config.disk.clone(), &config.folder);
        let replay = Replay {
            reader: Box::new(Admitted::new(log.reader(|_| true), &dictionary)),
            dictionary: dictionary.clone(),
            warm: warm.clone(),
            checkpoint: manifest,
            tables: tables.clone(),
            queue: queue.clone(),
            walls: walls.clone(),
            past: config.archive_folder().map(|folder| LogPast { folder, log_from_ms: log.whole_from_ms() }),
        };
        let ((alive, ledger_ends), (items, taken)) = (channel(), sync_channel(MOST_EPOCHS as usize));
        let (in_force, placing) = (InForce::new(table.clone()), Placing::of(&config.options).without(&left_out));
        let install = Install {
            next: (last_rules != Some(table.version)).then(Start::default),
            wanted,
            archive: config.archive_folder(),
            ..Install::new(tables, warm, &dictionary, placing.clone(), &in_force)
        };
        let committer = Committer::new(Parts {
            dictionary: dictionary.clone(),
            clock: config.clock.clone(),
            log,
            time,
            referee,
            totals,
            table,
            install,
            queue: queue.clone(),
            walls: walls.clone(),
            archive: archive.clone(),
            most_bytes: config.most_bytes,
            checkpoint_ms: config.checkpoint_ms,
        });
        let writer = Writer {
            items: taken,
            ledger,
            spool,
            store,
            queue: queue.clone(),
            walls,
            view,
            stats: Arc::<LedgerStats>::default(),
            clock: config.clock.clone(),
            commit: committer.handle(),
            placing: (config.options.tenant.clone(), config.options.entity_labels.clone()),
            generation: folder.generation(),
            retention_ms: config.retention_ms,
            uploads: None,
            deaths: deaths.clone(),
            _alive: alive,
        };
        let engine = Engine::new(config, (&queue, dictionary, placing), kept, ToLedger(items), deaths);
        let archivist = archivist.map(|archivist| (archivist, ledger_ends));
        Ok((folder, Threads { replay, committer, writer, engine, archivist, archive, queue, in_force, left_out }))
    }
}

/// What is known before anything runs again.
fn known(manifest: Option<&Manifest>, quarantine: &Quarantine) -> SharedView {
    let mut view = manifest.map_or_else(View::default, View::of);
    view.book.leave_out(|group, alert| quarantine.has_rule(group, alert));
    Arc::new(Mutex::new(view))
}

/// What the archive says of itself, which has to keep what this start reads.
fn stats_of(archivist: Option<&Archivist>, newest: Option<&Manifest>) -> Arc<ArchiveStats> {
    let stats = archivist.map_or_else(Arc::<ArchiveStats>::default, |archivist| archivist.stats.clone());
    stats.needs_from(newest.map_or(i64::MAX, |manifest| manifest.reads_from_ms));
    stats
}

/// Who keeps the archive, if there is to be one.
fn archivist(
    config: &LiveConfig,
    log: &Log,
    dictionary: &Arc<Dictionary>,
    view: &SharedView,
) -> Result<Option<Archivist>, LiveError> {
    let Some(spec) = &config.archive else { return Ok(None) };
    let placing = (config.options.tenant.as_str(), config.options.entity_labels.as_slice());
    let ledger = (config.disk.clone(), config.folder.join(super::ledger::NAME));
    Archivist::new(spec, placing, log.view(), dictionary.clone(), view.clone(), ledger).map(Some)
}

/// What the threads of a run do.
pub(super) struct Threads {
    pub replay: Replay,
    pub committer: Committer,
    pub writer: Writer,
    pub engine: Engine,
    /// The archive's thread, and how it learns that the ledger's has ended.
    pub archivist: Option<(Archivist, Receiver<()>)>,
    pub archive: Arc<ArchiveStats>,
    pub queue: Queue,
    pub in_force: InForce,
    pub left_out: Arc<Reads>,
}

/// The dataflow's thread.
pub(super) struct Engine {
    config: RunConfig,
    queue: Queue,
    dictionary: Arc<Dictionary>,
    placing: Placing,
    output: ToLedger,
    deaths: Deaths,
    pub stop: Arc<AtomicBool>,
    pub report: Arc<Mutex<Option<RunReport>>>,
}

impl Engine {
    fn new(
        config: &LiveConfig,
        (queue, dictionary, placing): (&Queue, Arc<Dictionary>, Placing),
        kept: Option<Vec<KeptState>>,
        output: ToLedger,
        deaths: Deaths,
    ) -> Self {
        let lower::Options { tenant, entity_labels, .. } = config.options.clone();
        let run = RunConfig {
            workers: config.workers,
            mode: config.mode,
            max_in_flight: IN_FLIGHT,
            tenant,
            entity_labels,
            restore: kept.map(Arc::new),
            follows_alerts: true,
            counts_costs: true,
            ..RunConfig::default()
        };
        let (stop, report) = (Arc::default(), Arc::default());
        Self { config: run, queue: queue.clone(), dictionary, placing, output, deaths, stop, report }
    }

    /// Runs the dataflow until the queue is closed and empty.
    pub fn run(self) -> Result<(), LiveError> {
        let Self { config, queue, dictionary, placing, output, deaths, stop, report } = self;
        let workers = config.workers;
        let feed = move |worker: usize, _: usize| -> Box<dyn Feed> {
            Box::new(LiveFeed::new(queue.clone(), dictionary.clone(), placing.clone(), worker, workers))
        };
        let done = run_dataflow(config, feed, Box::new(output), stop).inspect_err(|error| deaths.record(error))?;
        *report.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        Ok(())
    }
}
